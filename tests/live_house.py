"""The real house for end-to-end and load tests: ``tessera up`` as a person would start it, once for the session."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from entrypoints.launcher.data_directory import published_environment
from tests.processes import descendants, three_free_ports
from tests.servers import scratch_directory

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 15
COMMAND_SECONDS_MAX = 60
TESSERA = (sys.executable, "-P", "-m", "entrypoints.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Where the running house is. ``pid`` is its supervisor's."""

    url: str
    sandbox_url: str
    data_dir: Path
    pid: int

    def environment(self) -> dict[str, str]:
        """What the house's processes were told: addresses and passwords of its servers among it."""
        return published_environment(self.data_dir)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another ``tessera`` command beside the house, configured by its data directory alone."""
        return subprocess.run(
            [*TESSERA, *arguments], env={**_clean_environment(), "DATA_DIR": str(self.data_dir)},
            capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS_MAX,
        )  # fmt: skip

    def processes(self, name: str) -> set[int]:
        """The ids of the house's processes that run this ``tessera`` command."""
        return {pid for pid in descendants(self.pid) if _last_word(pid) == name}


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The house that tests share."""
    with house_running() as house:
        yield house


@contextmanager
def house_running() -> Iterator[Live]:
    """Everything running, with the demo catalogue on sale."""
    with scratch_directory() as folder:
        port = three_free_ports()
        log = folder / "up.log"
        data = folder / "data"
        command = [*TESSERA, "up", "--port", str(port), "--data-dir", str(data)]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_clean_environment())
        try:
            _wait(f"http://127.0.0.1:{port}/readyz", process, log)
            yield Live(
                url=f"http://127.0.0.1:{port}",
                sandbox_url=f"http://127.0.0.1:{port + 2}",
                data_dir=data,
                pid=process.pid,
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS_MAX)


def _clean_environment() -> dict[str, str]:
    """Nothing of ours that would point the house at servers of somebody else."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}


def _last_word(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").rpartition(b"\0")[2].decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = monotonic() + START_SECONDS_MAX
    while monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            sleep(0.2)
    pytest.fail(f"the house did not come up:\n{log.read_text(errors='replace')}")
