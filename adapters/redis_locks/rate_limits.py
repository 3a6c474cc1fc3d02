"""Rate limits and paced budgets on Valkey, shared by all processes. Both fail open and say so in the log."""

import logging

from adapters.redis_locks import keys
from adapters.redis_locks.scripts import BUDGET, RATE_LIMIT, Client
from domain.errors import InventoryUnavailable

SECOND_US = 1_000_000
_log = logging.getLogger(__name__)


class ValkeyRateLimiter:
    """Implements ``domain.ports.rate_limits.RateLimiter``. ``shift_ms`` moves time in tests."""

    def __init__(self, client: Client, *, shift_ms: int = 0) -> None:
        self._client = client
        self._shift_ms = shift_ms

    def wait_seconds(self, *, key: str, at_most: int, seconds: int) -> int:
        period_us = seconds * SECOND_US
        try:
            reply = RATE_LIMIT.run(
                self._client, (keys.rate_limit(key),), self._shift_ms, period_us // at_most, period_us
            )
        except InventoryUnavailable:
            _log.warning("the rate limiter is away: letting everybody pass", exc_info=True)
            return 0
        match reply:
            case [b"WAIT", int(microseconds)]:
                return -(-microseconds // SECOND_US)
            case _:
                return 0


class ValkeyBudget:
    """Implements ``domain.ports.rate_limits.Budget``. ``shift_ms`` moves time in tests."""

    def __init__(self, client: Client, *, shift_ms: int = 0) -> None:
        self._client = client
        self._shift_ms = shift_ms

    def reserve(self, *, key: str, per_second: int, within_seconds: float) -> float:
        interval_us = SECOND_US // per_second
        times = (interval_us, SECOND_US - interval_us, int(within_seconds * SECOND_US))
        try:
            reply = BUDGET.run(self._client, (keys.budget(key),), self._shift_ms, *times)
        except InventoryUnavailable:
            _log.warning("the shared budget is away: only the provider's own limit is left", exc_info=True)
            return 0.0
        match reply:
            case [_, int(microseconds)]:
                return microseconds / SECOND_US
            case _:
                return 0.0
