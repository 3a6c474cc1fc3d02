"""Order velocity in memory."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from domain.ports.velocity import WINDOW_SECONDS, OrderCounts


class FakeVelocity:
    """Implements Velocity over an injected clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._seen: dict[str, dict[str, datetime]] = {}
        self._lock = Lock()

    def record(self, *, device: str, address: str, order: str) -> None:
        with self._lock:
            for key in (f"d:{device}", f"a:{address}"):
                self._seen.setdefault(key, {}).setdefault(order, self._clock())

    def counts(self, *, device: str, address: str) -> OrderCounts:
        with self._lock:
            return OrderCounts(device=self._count(f"d:{device}"), address=self._count(f"a:{address}"))

    def _count(self, key: str) -> int:
        since = self._clock() - timedelta(seconds=WINDOW_SECONDS)
        return sum(at > since for at in self._seen.get(key, {}).values())
