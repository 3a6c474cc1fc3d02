"""One child process: started so that it cannot outlive us, watched until ready, stopped within a bound."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from entrypoints.launcher import tether
from entrypoints.launcher.errors import LaunchError

POLL_SECONDS = 0.02
RETRY_SECONDS = 0.2
LOG_TAIL_LINES = 12
LOG_BYTES_MAX = 10_000_000
"""A log larger than this is set aside (as NAME.log.1) when its process starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that a process runs as, when it is not ours."""

    uid: int
    gid: int

    @classmethod
    def nobody(cls) -> Account:
        entry = pwd.getpwnam("nobody")
        return cls(uid=entry.pw_uid, gid=entry.pw_gid)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run and how to tell that it runs. Durations are in seconds."""

    name: str
    command: tuple[str, ...]
    log_path: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    working_directory: Path | None = None
    account: Account | None = None
    is_ready: Callable[[int], bool] | None = None
    """Asked with the process id until true; None counts a started process as ready."""
    start_seconds: float = 30.0
    retry_exit_seconds: float = 0.0
    """For how long an exit before readiness is tried again: a killed server's lock file may need a moment."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0
    before_start: Callable[[], None] | None = None
    """Called before each start, restarts included."""
    remedy: str = ""
    """What a person can do when it does not start, besides reading its log."""


class ChildProcess:
    """A running ProcessSpec. Every child leads a session of its own, so that Ctrl-C reaches only the supervisor."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start and wait until ready. Raises LaunchError, with nothing left running, when it does not get there."""
        try:
            start_together([self])
        except LaunchError:
            self.stop()
            raise

    def spawn(self) -> None:
        """Start without waiting."""
        spec = self.spec
        if spec.before_start:
            spec.before_start()
        account = f"{spec.account.uid}:{spec.account.gid}" if spec.account else "-"
        interpreter = (sys.executable, "-I", "-S", tether.__file__)
        tethered = (*interpreter, str(os.getpid()), str(int(spec.stop_signal)), account, *spec.command)
        _set_aside_large_log(spec.log_path)
        with spec.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (our own command line, no shell)
                tethered,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=spec.working_directory,
                env=dict(spec.environment),
                start_new_session=True,
            )
        self.started_at = time.monotonic()

    def is_ready(self) -> bool:
        return self._process is not None and (self.spec.is_ready is None or self.spec.is_ready(self._process.pid))

    def exit_code(self) -> int | None:
        """None while it runs. On exit, whatever the process left in its group is ended before it is forgotten."""
        if self._process is None:
            return None
        if self._process.returncode is None and _has_exited(self._process.pid):
            self._end_group()
        return self._process.poll()

    def ask_to_stop(self) -> None:
        if self._process is not None and self.exit_code() is None:
            self._process.send_signal(self.spec.stop_signal)

    def stop(self) -> None:
        """Ask, wait for the grace period, then end the whole group. Returns when the process is gone."""
        stop_together([self])

    def end_now(self) -> None:
        """Kill the process and its group, and wait until they are gone."""
        if self._process is not None and self.exit_code() is None:
            self._end_group()
            self._process.wait()

    def _end_group(self) -> None:
        """Kill what is left of the group. The leader is not yet reaped, so its number cannot be somebody else's."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def refusal(self, problem: str) -> LaunchError:
        """The error that says what went wrong with this process, how its log ends and what to do."""
        said = f"The end of {self.spec.log_path} says:\n{log_tail(self.spec.log_path)}"
        return LaunchError(f"{self.spec.name} {problem}.", f"{self.spec.remedy}\n{said}".strip())


class StartCancelledError(Exception):
    """Somebody asked to stop before everything was ready."""


def start_together(children: Sequence[ChildProcess], *, is_cancelled: Callable[[], bool] = lambda: False) -> None:
    """Start all and wait until all are ready. The caller stops what already runs when this raises.

    Raises LaunchError for the first that ends or is late, StartCancelledError when ``is_cancelled`` turns true.
    """
    began = time.monotonic()
    for child in children:
        child.spawn()
    waiting = list(children)
    while waiting:
        if is_cancelled():
            raise StartCancelledError
        elapsed = time.monotonic() - began
        for child in list(waiting):
            if (code := child.exit_code()) is not None:
                if is_cancelled():
                    raise StartCancelledError
                if elapsed >= child.spec.retry_exit_seconds:
                    raise child.refusal(f"{describe_exit(code)} before it was ready")
                time.sleep(RETRY_SECONDS)
                child.spawn()
            elif child.is_ready():
                waiting.remove(child)
            elif elapsed >= child.spec.start_seconds:
                raise child.refusal(f"was not ready within {child.spec.start_seconds:g} s")
        time.sleep(POLL_SECONDS)


def stop_together(children: Sequence[ChildProcess], *, is_urgent: Callable[[], bool] = lambda: False) -> None:
    """Ask all at once, give each its grace period, then end what is left. ``is_urgent`` cuts the grace short."""
    for child in children:
        child.ask_to_stop()
    began = time.monotonic()
    waiting = list(children)
    while waiting:
        for child in list(waiting):
            if child.pid is None or child.exit_code() is not None:
                waiting.remove(child)
            elif is_urgent() or time.monotonic() - began >= child.spec.stop_seconds:
                child.end_now()
        time.sleep(POLL_SECONDS)


def describe_exit(code: int) -> str:
    """``ended with code 1`` or ``was killed by SIGKILL``."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _has_exited(pid: int) -> bool:
    """Whether a child is dead but not yet reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _set_aside_large_log(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(path.suffix + ".1"))


def log_tail(path: Path, *, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log, indented for a message."""
    if not path.exists():
        return "    (nothing)"
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 16_384))
        tail = log.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in tail) or "    (nothing)"


def free_port() -> int:
    """A TCP port on the loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def accepts_connections(port: int) -> bool:
    """Whether something listens on the loopback address at this port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False
