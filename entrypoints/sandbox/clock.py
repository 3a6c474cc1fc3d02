"""The sandbox's own time: the real time plus an offset that a test can move forward."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

ADVANCE_SECONDS_MAX = 400 * 86_400


class SandboxClock:
    """Time for everything that the sandbox's objects say; signatures and sockets use the real time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_seconds = 0.0
        self._listeners: list[Callable[[], None]] = []

    @property
    def offset_seconds(self) -> float:
        return self._offset_seconds

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset_seconds

    def on_advance(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def advance(self, seconds: float) -> None:
        if not 0 <= seconds <= ADVANCE_SECONDS_MAX:
            raise ValueError(f"advance_seconds must be between 0 and {ADVANCE_SECONDS_MAX}")
        with self._lock:
            self._offset_seconds += seconds
        for listener in self._listeners:
            listener()

    def reset(self) -> None:
        with self._lock:
            self._offset_seconds = 0.0
