"""Rate limits and budgets in memory, over an injected clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from adapters.stripe.budget import LocalBudget

SECOND_US = 1_000_000


class _Cells:
    """The generic cell rate algorithm: for each key the moment at which its bucket would be full again."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._start = clock()
        self._lock = Lock()
        self._full_at: dict[str, int] = {}

    def take(self, key: str, *, interval_us: int, room_us: int, within_us: int) -> int:
        """How many microseconds too early this one is; booked unless that is more than ``within_us``."""
        with self._lock:
            now = (self._clock() - self._start) // timedelta(microseconds=1)
            full_at = max(self._full_at.get(key, now), now)
            early = max(0, full_at - room_us - now)
            if early <= within_us:
                self._full_at[key] = full_at + interval_us
            return early


class FakeRateLimiter:
    """Implements RateLimiter."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._cells = _Cells(clock)

    def wait_seconds(self, *, key: str, at_most: int, seconds: int) -> int:
        period_us = seconds * SECOND_US
        interval_us = period_us // at_most
        early = self._cells.take(key, interval_us=interval_us, room_us=period_us - interval_us, within_us=0)
        return -(-early // SECOND_US)


class FakeBudget(LocalBudget):
    """Implements Budget over an injected clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        start = clock()

        def monotonic() -> float:
            return (clock() - start).total_seconds()

        super().__init__(monotonic=monotonic)
