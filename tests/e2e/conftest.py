"""The real house for end-to-end tests: `tessera up` as a person would start it, once for the session."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from entrypoints.launcher.process import port_is_free
from tests.servers import scratch_directory

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 15
PORTS = range(18_100, 19_000, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Where the running house is."""

    url: str
    sandbox_url: str
    data_dir: Path


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """Everything running, with the demo catalogue on sale."""
    with scratch_directory() as folder:
        port = next(port for port in PORTS if all(port_is_free(port + offset) for offset in range(3)))
        log = folder / "up.log"
        data = folder / "data"
        command = [sys.executable, "-P", "-m", "entrypoints.cli", "up", "--port", str(port), "--data-dir", str(data)]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment())
        try:
            _wait(f"http://127.0.0.1:{port}/readyz", process, log)
            yield Live(url=f"http://127.0.0.1:{port}", sandbox_url=f"http://127.0.0.1:{port + 2}", data_dir=data)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS_MAX)


def _environment() -> dict[str, str]:
    """Ours, without anything that would point the house at servers of somebody else."""
    names = ("DATABASE_URL", "REDIS_URL", "PORT", "DATA_DIR", "TESSERA_ENV", "PUBLIC_URL")
    return {name: value for name, value in os.environ.items() if name not in names}


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
