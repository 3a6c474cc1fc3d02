"""How fast we may call Stripe: one limit per endpoint and one over all of them, shared by the whole fleet.

Stripe allows 25 requests a second to each endpoint by default, and 100 to all together (25 in a sandbox account), and
answers 429 above that (https://docs.stripe.com/rate-limits). A flash sale asks for thousands of sessions in one minute
and a cancelled festival for thousands of refunds, so calls queue here by their urgency instead of being refused there.
How they are paced is written in :mod:`domain.pacing`; this module waits, and slows everybody down when Stripe says so.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

import stripe

from domain.errors import InventoryUnavailable, ProviderUnavailable
from domain.pacing import SECOND_US, Cell, Limit, Pace, Slot, Urgency, book
from domain.ports.rate_limits import Budget, EndpointSpending, Spending

CALLS_PER_SECOND_DEFAULT = 25
WAIT_SECONDS_MAX = 20.0
"""A caller that would wait longer hears ProviderUnavailable instead of keeping a thread."""
BUYER_WAIT_SECONDS_MAX = 2.0
"""Likewise where a web thread waits for a buyer: a queue at Stripe must never become one in front of the holds."""
PAUSE_SECONDS_MIN = 0.002
PROCESSES_ASSUMED = 4
"""Without Valkey every process paces itself, to this part of the budget: two web processes, a worker, and room."""
RETRY_AFTER_SECONDS_MAX = 60.0

CREATE_SESSION = "POST /v1/checkout/sessions"
EXPIRE_SESSION = "POST /v1/checkout/sessions/expire"
READ_SESSION = "GET /v1/checkout/sessions/id"
CAPTURE_INTENT = "POST /v1/payment_intents/capture"
CANCEL_INTENT = "POST /v1/payment_intents/cancel"
READ_INTENT = "GET /v1/payment_intents/id"
CREATE_REFUND = "POST /v1/refunds"
READ_REFUND = "GET /v1/refunds/id"
LIST_REFUNDS = "GET /v1/refunds"
READ_DISPUTE = "GET /v1/disputes/id"
UPDATE_DISPUTE = "POST /v1/disputes/id"
CLOSE_DISPUTE = "POST /v1/disputes/close"
READ_FRAUD_WARNING = "GET /v1/radar/early_fraud_warnings/id"
LIST_EVENTS = "GET /v1/events"
ENDPOINTS = (
    CREATE_SESSION,
    EXPIRE_SESSION,
    READ_SESSION,
    CAPTURE_INTENT,
    CANCEL_INTENT,
    READ_INTENT,
    CREATE_REFUND,
    READ_REFUND,
    LIST_REFUNDS,
    READ_DISPUTE,
    UPDATE_DISPUTE,
    CLOSE_DISPUTE,
    READ_FRAUD_WARNING,
    LIST_EVENTS,
)

_log = logging.getLogger(__name__)


class LocalBudget:
    """Implements Budget for one process. Safe to share between threads."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._cells: dict[str, Cell] = {}
        self._lock = Lock()

    def reserve(
        self, *, endpoint: str, pace: Pace, urgency: Urgency, within_seconds: float, waited_seconds: float = 0.0
    ) -> Slot:
        del waited_seconds
        with self._lock:
            here, everywhere, slot = book(
                self._cell(endpoint),
                self._cell(""),
                pace=pace,
                urgency=urgency,
                within_us=int(within_seconds * SECOND_US),
                now=self._now(),
            )
            self._cells |= {endpoint: here, "": everywhere}
            return slot

    def cools(self, *, endpoint: str) -> int:
        with self._lock:
            return self._cell(endpoint).cools + self._cell("").cools

    def cool_down(self, *, endpoint: str, pace: Pace, seconds: float, everywhere: bool = False) -> float:
        name, limit = ("", pace.everywhere) if everywhere else (endpoint, pace.endpoint)
        with self._lock:
            now = self._now()
            cooled = self._cell(name).cool(now=now, least_us=int(seconds * SECOND_US), limit=limit)
            self._cells[name] = cooled
            return (cooled.cool_until - now) / SECOND_US

    def spending(self, *, endpoints: tuple[str, ...]) -> Mapping[str, EndpointSpending]:
        """Nothing is counted here: one process's share says little."""
        nothing = EndpointSpending(by_urgency=dict.fromkeys(Urgency, Spending()), limited=0)
        return dict.fromkeys(("", *endpoints), nothing)

    def _cell(self, name: str) -> Cell:
        return self._cells.get(name, Cell())

    def _now(self) -> int:
        return int(self._monotonic() * SECOND_US)


class Pacer:
    """Waits for a slot before each call, and cools the endpoint down for everybody when Stripe answers 429."""

    def __init__(
        self,
        *,
        pace: Pace,
        shared: Budget | None = None,
        local: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._local = local or LocalBudget()
        self._shared = shared or self._local
        self._pace = pace
        self._own_pace = pace if shared is None else _share(pace)
        self._sleep = sleep

    @contextmanager
    def slot(
        self, endpoint: str, urgency: Urgency = Urgency.SETTLING, *, within_seconds: float = WAIT_SECONDS_MAX
    ) -> Iterator[None]:
        """Make one call inside. Raises ProviderUnavailable when its slot is too far away."""
        self._wait(endpoint, urgency, within_seconds)
        try:
            yield
        except stripe.RateLimitError as refusal:
            self._cool_down(endpoint, refusal)
            raise

    def _wait(self, endpoint: str, urgency: Urgency, within_seconds: float) -> None:
        left = within_seconds
        while True:
            slot = self._reserve(endpoint, urgency, left, waited=within_seconds - left)
            if slot.booked and slot.seconds == 0:
                return
            if slot.seconds > left:
                raise ProviderUnavailable(
                    f"too many calls to Stripe are waiting (the next slot is {slot.seconds:.0f} s away)"
                )
            pause = max(slot.seconds, PAUSE_SECONDS_MIN)
            self._sleep(pause)
            left = max(0.0, left - pause)
            if slot.booked and self._cools(endpoint) == slot.cools:
                return
            # Asked to come back; or Stripe has asked everybody to slow down since, and all slots begin anew.

    def _reserve(self, endpoint: str, urgency: Urgency, within: float, *, waited: float) -> Slot:
        try:
            return self._shared.reserve(
                endpoint=endpoint, pace=self._pace, urgency=urgency, within_seconds=within, waited_seconds=waited
            )
        except InventoryUnavailable:
            _log.warning("the shared budget is away: this process paces itself", exc_info=True)
            return self._local.reserve(
                endpoint=endpoint, pace=self._own_pace, urgency=urgency, within_seconds=within, waited_seconds=waited
            )

    def _cools(self, endpoint: str) -> int:
        try:
            return self._shared.cools(endpoint=endpoint)
        except InventoryUnavailable:
            return self._local.cools(endpoint=endpoint)

    def _cool_down(self, endpoint: str, refusal: stripe.RateLimitError) -> None:
        headers = {name.lower(): value for name, value in (refusal.headers or {}).items()}
        reason = headers.get("stripe-rate-limited-reason", "")
        if refusal.code == "lock_timeout" or reason == "resource-specific":
            return  # One payment was busy. It says nothing about how fast we may call.
        everywhere = reason.startswith("global")
        asked = _seconds(headers.get("retry-after", ""))
        try:
            seconds = self._shared.cool_down(endpoint=endpoint, pace=self._pace, seconds=asked, everywhere=everywhere)
        except InventoryUnavailable:
            seconds = self._local.cool_down(
                endpoint=endpoint, pace=self._own_pace, seconds=asked, everywhere=everywhere
            )
        _log.warning(
            "Stripe answered 429 (%s): %s rests for %.1f s",
            reason or "no reason given", "everything" if everywhere else endpoint, seconds,
        )  # fmt: skip


def pace_of(*, per_second: int, in_all_per_second: int | None = None) -> Pace:
    """The same limit for each endpoint, and perhaps one over all of them (None or 0: none)."""
    return Pace(endpoint=Limit(per_second=per_second), everywhere=Limit(per_second=in_all_per_second or None))


def _share(pace: Pace) -> Pace:
    endpoint, everywhere = pace.endpoint.per_second, pace.everywhere.per_second
    return Pace(
        endpoint=Limit(per_second=max(1, endpoint // PROCESSES_ASSUMED) if endpoint else None),
        everywhere=Limit(per_second=max(1, everywhere // PROCESSES_ASSUMED) if everywhere else None),
    )


def _seconds(retry_after: str) -> float:
    """Whole or broken seconds; a date, which Stripe does not send, counts as nothing."""
    try:
        return min(max(float(retry_after), 0.0), RETRY_AFTER_SECONDS_MAX)
    except ValueError:
        return 0.0
