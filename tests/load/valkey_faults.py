"""A real Valkey that a test may kill, stop, empty and start again."""

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from entrypoints.launcher.process import ChildProcess, free_port
from entrypoints.launcher.valkey import EmbeddedValkey
from tests.servers import scratch_directory

APPEND_ONLY = "appendonlydir"


@dataclass(frozen=True, slots=True, kw_only=True)
class FragileValkey:
    """Start it again from the thread that started it: the server ends with that thread."""

    server: EmbeddedValkey
    process: ChildProcess

    def url(self) -> str:
        return self.server.url()

    def kill(self) -> None:
        """SIGKILL: no word of farewell, nothing written on the way out."""
        self.process.end_now()

    def restart(self, *, empty: bool = False) -> None:
        """Start again on what its append-only file says, or on nothing. Returns when it answers."""
        if empty:
            shutil.rmtree(self._file)
        self.process.start()

    def remember(self) -> None:
        """Keep the file of a killed server as it is now, for :meth:`forget`."""
        shutil.copytree(self._file, self._older)

    def forget(self) -> None:
        """Put a killed server back to what was remembered, as a replica that lagged behind would be."""
        shutil.rmtree(self._file)
        self._older.rename(self._file)

    @property
    def _file(self) -> Path:
        return self.server.directory / APPEND_ONLY

    @property
    def _older(self) -> Path:
        return self.server.directory / "older"

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """SIGSTOP for as long as the block lasts: connections stay open and nothing answers."""
        pid = self.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def fragile_valkey(*, durable: bool = False) -> Iterator[FragileValkey]:
    """A Valkey of its own, empty."""
    with scratch_directory() as folder:
        server = EmbeddedValkey(
            directory=Path(folder, "valkey"),
            port=free_port(),
            password=secrets.token_hex(16),
            log_path=Path(folder, "valkey.log"),
            durable=durable,
        )
        process = ChildProcess(server.prepare())
        process.start()
        try:
            yield FragileValkey(server=server, process=process)
        finally:
            with suppress(ProcessLookupError):
                process.end_now()
