"""How fast we may call Stripe: one limiter per endpoint, shared by all callers of a process or, injected, of a fleet.

Stripe allows 25 requests a second to each endpoint by default and answers 429 above that
(https://docs.stripe.com/rate-limits). A flash sale asks for thousands of sessions in one minute, so calls queue here,
in order, instead of being refused there.
"""

import time
from collections.abc import Callable
from threading import Lock

from domain.errors import ProviderUnavailable

CALLS_PER_SECOND_DEFAULT = 25
WAIT_SECONDS_MAX = 20.0
"""A caller that would wait longer hears ProviderUnavailable instead of keeping a thread."""
BUYER_WAIT_SECONDS_MAX = 2.0
"""Likewise where a web thread waits for a buyer: a queue at Stripe must never become one in front of the holds."""

Pacer = Callable[[str, float], float]
"""Books the next free slot under a key, if it is within so many seconds; answers how far away it is (0: now)."""


class LocalPacer:
    """A pacer of one process: a bucket of one second's worth of calls under each key, refilled steadily.

    This is the generic cell rate algorithm (ITU-T I.371): per key only the time at which the bucket would be full.
    """

    def __init__(
        self, *, per_second: int = CALLS_PER_SECOND_DEFAULT, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_seconds = 1 / per_second
        self._burst_seconds = 1 - self._interval_seconds
        self._monotonic = monotonic
        self._full_at: dict[str, float] = {}
        self._lock = Lock()

    def __call__(self, key: str, within_seconds: float) -> float:
        with self._lock:
            now = self._monotonic()
            full_at = max(self._full_at.get(key, now), now)
            away = max(0.0, full_at - now - self._burst_seconds)
            if away <= within_seconds:
                self._full_at[key] = full_at + self._interval_seconds
            return away


class Budget:
    """Waits for a slot before each call."""

    def __init__(self, *, reserve: Pacer, sleep: Callable[[float], None] = time.sleep) -> None:
        self._reserve = reserve
        self._sleep = sleep

    def wait(self, endpoint: str, *, within_seconds: float = WAIT_SECONDS_MAX) -> None:
        """Return when the endpoint may be called. Raises ProviderUnavailable when that is too far away."""
        seconds = self._reserve(f"stripe:{endpoint}", within_seconds)
        if seconds > within_seconds:
            raise ProviderUnavailable(f"too many calls to Stripe are waiting (the next slot is {seconds:.0f} s away)")
        if seconds > 0:
            self._sleep(seconds)
