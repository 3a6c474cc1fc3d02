"""Payments: one attempt to be paid for an order, in our words and not the provider's.

We authorise first, decide, then capture: money moves last, and only for places that are allocated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.events import PAYMENT_SECONDS_MAX
from domain.fraud import CardFacts, RiskLevel
from domain.money import Money
from domain.orders import OrderId

PaymentId = NewType("PaymentId", UUID)

PROVIDER_EXPIRY_SECONDS = PAYMENT_SECONDS_MAX + 35 * 60
"""What we ask Stripe for, counted from the attempt's beginning. Ours is enforced by us.

Stripe wants 30 minutes at least from the moment it is asked, and exactly 30 fails on a skewed clock. An attempt names
the same time whenever it is made, so that its key stays good; it may be made until the last minute of an order's life.
"""

ATTEMPTS_MAX = 10
"""Pages that one order may open, one after the other. Declined cards do not count: they are tried on the same page."""

AUTHORISATION_SECONDS_ASSUMED = 5 * 24 * 3_600
"""How long an authorisation is good for when the provider does not say. Cards give 7 days, some networks 5."""

POLL_SECONDS_FIRST = 5
POLL_SECONDS_MAX = 300


class PaymentState(StrEnum):
    STARTING = "starting"
    """The checkout session was asked for; whether it exists is not known yet."""
    OPEN = "open"
    AUTHORISED = "authorised"
    CAPTURE_REQUESTED = "capture_requested"
    CAPTURED = "captured"
    VOID_REQUESTED = "void_requested"
    VOIDED = "voided"
    LOST = "lost"
    """The provider does not know the page (any more), so it is not waited for. If money arrives there after all, it is
    found: it buys the tickets if nothing else has, and goes back otherwise."""
    EXPIRED = "expired"
    """The provider's word that nobody can pay on this page any more, or nobody was ever told its address."""
    FAILED = "failed"


TERMINAL = frozenset({PaymentState.CAPTURED, PaymentState.VOIDED, PaymentState.EXPIRED, PaymentState.FAILED})

PAYABLE = frozenset({PaymentState.STARTING, PaymentState.OPEN, PaymentState.LOST})
"""Nothing is known to be authorised yet."""

_PAID_OR_OVER = frozenset(
    {
        PaymentState.AUTHORISED,
        PaymentState.CAPTURED,  # By hand, before anybody here had looked.
        PaymentState.VOID_REQUESTED,
        PaymentState.EXPIRED,
        PaymentState.FAILED,
    }
)

_NEXT: dict[PaymentState, frozenset[PaymentState]] = {
    PaymentState.STARTING: frozenset({PaymentState.OPEN, PaymentState.EXPIRED, PaymentState.FAILED}),
    PaymentState.OPEN: frozenset({PaymentState.LOST, *_PAID_OR_OVER}),
    PaymentState.LOST: _PAID_OR_OVER,
    PaymentState.AUTHORISED: frozenset(
        {
            PaymentState.CAPTURE_REQUESTED,
            PaymentState.CAPTURED,  # By hand, in the provider's own dashboard.
            PaymentState.VOID_REQUESTED,
            PaymentState.VOIDED,
        }
    ),
    PaymentState.CAPTURE_REQUESTED: frozenset(
        {PaymentState.CAPTURED, PaymentState.VOID_REQUESTED, PaymentState.VOIDED}
    ),
    PaymentState.VOID_REQUESTED: frozenset({PaymentState.VOIDED, PaymentState.CAPTURED}),
}


_WITH_MONEY = frozenset({PaymentState.AUTHORISED, PaymentState.CAPTURE_REQUESTED, PaymentState.CAPTURED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Attempt number ``attempt`` (from 1) at the provider. ``next_check_at``: when the poller asks, webhook or not.

    ``amount`` is what we want, ``taken`` what the provider took (None: nothing); ``in_vain``: that bought no tickets
    and goes back. Authorised money must be taken before ``capture_before``, or it is gone.
    """

    id: PaymentId
    order_id: OrderId
    attempt: int
    state: PaymentState
    amount: Money
    session_id: str | None = None
    checkout_url: str | None = None
    intent_id: str | None = None
    risk: RiskLevel = RiskLevel.UNKNOWN
    card: CardFacts | None = None
    failure: str | None = None
    taken: Money | None = None
    in_vain: bool = False
    capture_before: datetime | None = None
    created_at: datetime
    next_check_at: datetime | None
    checks: int = 0

    @property
    def key(self) -> str:
        """Idempotency key of this attempt: order *and* attempt, so that a retry after a decline is a new one."""
        return f"{self.order_id}-{self.attempt}"

    def opened(self, *, session_id: str, checkout_url: str) -> "Payment":
        """The provider's page exists. Said twice, the first answer stays."""
        if self.state is not PaymentState.STARTING:
            return self
        return replace(self, state=PaymentState.OPEN, session_id=session_id, checkout_url=checkout_url)

    def become(self, state: PaymentState) -> "Payment | Rejection":
        """Move along the one way there is; the same state again is fine, backwards is not."""
        if state is self.state:
            return self
        if state not in _NEXT.get(self.state, frozenset()):
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message=f"A payment that is {self.state.value} cannot become {state.value}.",
            )
        ended = state in TERMINAL
        return replace(self, state=state, next_check_at=None if ended else self.next_check_at)

    @property
    def provider_expires_at(self) -> datetime:
        """When the provider closes the page by itself, if nobody does before."""
        return self.created_at + timedelta(seconds=PROVIDER_EXPIRY_SECONDS)

    def authorise(self, *, capture_before: datetime | None, now: datetime) -> "Payment | Rejection":
        """The buyer's money is set aside, for so long."""
        until = capture_before or now + timedelta(seconds=AUTHORISATION_SECONDS_ASSUMED)
        return replace(self, capture_before=until).become(PaymentState.AUTHORISED)

    def take(self, taken: Money) -> "Payment | Rejection":
        """The provider has taken money: all of it as a rule, and whatever it says in any case."""
        return replace(self, taken=taken).become(PaymentState.CAPTURED)

    @property
    def has_money(self) -> bool:
        """Whether money is set aside or taken that may buy its order's tickets, as far as we know."""
        return self.state in _WITH_MONEY and not self.in_vain

    def seen(self, *, intent_id: str | None, risk: RiskLevel, card: CardFacts | None, failure: str | None) -> "Payment":
        """Remember what the provider told: for support, for fraud rules, for the next question."""
        return replace(
            self,
            intent_id=intent_id or self.intent_id,
            risk=risk,
            card=card or self.card,
            failure=failure or self.failure,
        )

    @property
    def poll_seconds(self) -> int:
        """How long until the next unasked check: doubling, bounded."""
        return int(min(POLL_SECONDS_FIRST * 2 ** min(self.checks, 10), POLL_SECONDS_MAX))


def standing(attempts: Sequence[Payment]) -> Payment | None:
    """The attempt that an order stands on, of all in their order: the one with its money, else the newest."""
    return next((payment for payment in attempts if payment.has_money), attempts[-1] if attempts else None)
