"""Rate limits and paced budgets on Valkey, shared by all processes."""

import logging
from collections.abc import Mapping

from redis import RedisError

from adapters.redis_locks import keys
from adapters.redis_locks.scripts import BUDGET, BUDGET_COOL, RATE_LIMIT, Client
from domain.errors import InventoryUnavailable
from domain.pacing import (
    COOL_FIRST_US,
    COOL_FORGOTTEN_US,
    COOL_MAX_US,
    SECOND_US,
    TURNS_MAX,
    Pace,
    Slot,
    Urgency,
)
from domain.ports.rate_limits import EndpointSpending, Spending

_log = logging.getLogger(__name__)


class ValkeyRateLimiter:
    """Implements ``domain.ports.rate_limits.RateLimiter``: fails open, and says so in the log.

    ``shift_ms`` moves time in tests.
    """

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
    """Implements ``domain.ports.rate_limits.Budget`` for one provider. ``shift_ms`` moves time in tests."""

    def __init__(self, client: Client, *, provider: str = "stripe", shift_ms: int = 0) -> None:
        self._client = client
        self._provider = provider
        self._shift_ms = shift_ms

    def reserve(
        self, *, endpoint: str, pace: Pace, urgency: Urgency, within_seconds: float, waited_seconds: float = 0.0
    ) -> Slot:
        limits = (pace.endpoint, pace.everywhere)
        times = [(limit.interval_us, limit.burst_us, limit.tolerance_us(urgency)) for limit in limits]
        reply = BUDGET.run(
            self._client,
            (self._key(endpoint), self._key(None)),
            self._shift_ms,
            urgency.value,
            *times[0],
            *times[1],
            TURNS_MAX * pace.endpoint.interval_us,
            int(within_seconds * SECOND_US),
            int(waited_seconds * SECOND_US),
        )
        match reply:
            case [word, int(microseconds), int(cools)]:
                return Slot(booked=word == b"SLOT", seconds=microseconds / SECOND_US, cools=cools)
            case _:
                raise InventoryUnavailable("Valkey answered something else than a slot")

    def cools(self, *, endpoint: str) -> int:
        return sum(int(self._fields(key, ("cools",))["cools"]) for key in (self._key(endpoint), self._key(None)))

    def cool_down(self, *, endpoint: str, pace: Pace, seconds: float, everywhere: bool = False) -> float:
        limit = pace.everywhere if everywhere else pace.endpoint
        reply = BUDGET_COOL.run(
            self._client,
            (self._key(None if everywhere else endpoint),),
            self._shift_ms,
            int(seconds * SECOND_US),
            limit.burst_us,
            COOL_FIRST_US,
            COOL_MAX_US,
            COOL_FORGOTTEN_US,
        )
        match reply:
            case [_, int(microseconds)]:
                return microseconds / SECOND_US
            case _:
                return seconds

    def spending(self, *, endpoints: tuple[str, ...]) -> Mapping[str, EndpointSpending]:
        names = tuple(f"{what}_{urgency.value}" for urgency in Urgency for what in ("calls", "refused", "waited_us"))
        spent = {}
        for endpoint in ("", *endpoints):
            counted = self._fields(self._key(endpoint or None), ("limited", *names))
            spent[endpoint] = EndpointSpending(
                limited=counted["limited"],
                by_urgency={
                    urgency: Spending(
                        calls=counted[f"calls_{urgency.value}"],
                        refused=counted[f"refused_{urgency.value}"],
                        waited_seconds=counted[f"waited_us_{urgency.value}"] / SECOND_US,
                    )
                    for urgency in Urgency
                },
            )
        return spent

    def _key(self, endpoint: str | None) -> str:
        return keys.budget(self._provider, endpoint)

    def _fields(self, key: str, names: tuple[str, ...]) -> dict[str, int]:
        try:
            values = self._client.execute_command("HMGET", key, *names)
        except RedisError as error:
            raise InventoryUnavailable("Valkey did not answer for the budget") from error
        assert isinstance(values, list), "HMGET answers a list"
        return {name: int(value or 0) for name, value in zip(names, values, strict=True)}
