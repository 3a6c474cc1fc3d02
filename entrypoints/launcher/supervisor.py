"""Start processes in stages, keep them alive, and stop them in the opposite order."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from entrypoints.launcher.console import Console
from entrypoints.launcher.process import (
    ChildProcess,
    ProcessSpec,
    StartCancelledError,
    describe_exit,
    log_tail,
    start_together,
    stop_together,
)

WATCH_SECONDS = 0.1
RESTART_DELAY_SECONDS = 0.5
"""Before the first restart; doubled for each further one within the window."""
RESTARTS_MAX = 5
RESTART_WINDOW_SECONDS = 120.0


class StopRequest:
    """Whether somebody asked us to stop, and whether they asked twice."""

    def __init__(self) -> None:
        self._times = 0

    @property
    def is_made(self) -> bool:
        return self._times > 0

    @property
    def is_urgent(self) -> bool:
        return self._times > 1

    def make(self) -> None:
        self._times += 1

    def listen(self) -> None:
        """Let Ctrl-C, SIGTERM and (but for ``nohup``) a closed terminal make the request. Main thread only."""

        def on_signal(_signal: int, _frame: FrameType | None) -> None:
            self.make()

        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, on_signal)


@dataclass
class _Kept:
    """A process that is to be alive, and when it failed to be."""

    process: ChildProcess
    ended_at: list[float] = field(default_factory=list)
    restart_at: float | None = None


class Supervisor:
    """Owner of all child processes. Use it from one thread that lives as long as they do (see tether.py)."""

    def __init__(self, *, console: Console, stop_request: StopRequest) -> None:
        self._console = console
        self._stop_request = stop_request
        self._stages: list[list[_Kept]] = []

    def start(self, specs: Sequence[ProcessSpec]) -> None:
        """Start a stage: all of these together, after the stages before. Raises LaunchError, StartCancelledError."""
        stage = [_Kept(ChildProcess(spec)) for spec in specs]
        self._stages.append(stage)
        with self._console.step(f"Starting {', '.join(spec.name for spec in specs)}"):
            start_together([kept.process for kept in stage], is_cancelled=lambda: self._stop_request.is_made)

    def run(self, spec: ProcessSpec, *, doing: str) -> None:
        """Run a command to its end. Raises LaunchError when it fails or takes longer than ``start_seconds``."""
        process = ChildProcess(spec)
        with self._console.step(doing):
            process.spawn()
            try:
                while (code := process.exit_code()) is None:
                    if self._stop_request.is_made:
                        raise StartCancelledError
                    if time.monotonic() - process.started_at >= spec.start_seconds:
                        raise process.refusal(f"was not done within {spec.start_seconds:g} s")
                    time.sleep(WATCH_SECONDS / 2)
                if code != 0:
                    # Ctrl-C also ends a child that has not got a session of its own yet: then nothing has failed.
                    if self._stop_request.is_made:
                        raise StartCancelledError
                    raise process.refusal(describe_exit(code))
            finally:
                process.stop()

    def watch(self) -> None:
        """Restart what ends, until asked to stop. Raises LaunchError when a process will not stay alive."""
        while not self._stop_request.is_made:
            for kept in [kept for stage in self._stages for kept in stage]:
                self._look_after(kept, now=time.monotonic())
            time.sleep(WATCH_SECONDS)

    def stop(self) -> None:
        """Stop the last stage first. Nothing is left running when this returns."""
        while self._stages:
            stage = self._stages.pop()
            stop_together([kept.process for kept in stage], is_urgent=lambda: self._stop_request.is_urgent)

    def _look_after(self, kept: _Kept, *, now: float) -> None:
        process = kept.process
        if kept.restart_at is not None:
            if now >= kept.restart_at:
                kept.restart_at = None
                process.spawn()
            return
        code = process.exit_code()
        if code is None:
            return
        kept.ended_at = [moment for moment in kept.ended_at if now - moment < RESTART_WINDOW_SECONDS] + [now]
        times = len(kept.ended_at)
        if times > RESTARTS_MAX:
            raise process.refusal(f"ended {times} times within {RESTART_WINDOW_SECONDS:g} s")
        delay = RESTART_DELAY_SECONDS * 2 ** (times - 1)
        kept.restart_at = now + delay
        name = process.spec.name
        tail = log_tail(process.spec.log_path).replace("    ", f"  {name} | ")
        self._console.warn(f"{name} {describe_exit(code)}; starting it again in {delay:g} s. Its log ends:\n{tail}")
