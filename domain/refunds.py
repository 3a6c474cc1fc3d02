"""Refunds: what a policy gives back now, why, and where a refund stands.

The same function quotes and decides, so what a buyer is shown is what a buyer gets.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.money import BASIS_POINTS, Money, zero
from domain.orders import PAID, Order, OrderId
from domain.payments import PaymentId
from domain.tickets import Ticket, TicketId, TicketState

RefundId = NewType("RefundId", UUID)
RefundBatchId = NewType("RefundBatchId", UUID)

WINDOWS_MAX = 10


class RefundState(StrEnum):
    REQUESTED = "requested"
    """The amount is reserved in our books; the provider has not answered yet."""
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundReason(StrEnum):
    BUYERS_WISH = "buyers_wish"
    EVENT_CANCELLED = "event_cancelled"
    POSTPONED = "postponed"
    GOODWILL = "goodwill"
    EXCHANGE = "exchange"
    """Part of the price, because the buyer moved to another date that costs less."""
    FRAUD = "fraud"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWindow:
    """Until so many ``hours_before`` the start, ``basis_points`` of the face value come back."""

    hours_before: int
    basis_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPolicy:
    """Windows from the most generous (earliest) to the last. ``fees_returned``: whether fees come back too."""

    windows: tuple[RefundWindow, ...]
    fees_returned: bool = False

    def __post_init__(self) -> None:
        hours = [window.hours_before for window in self.windows]
        if len(hours) > WINDOWS_MAX or hours != sorted(hours, reverse=True):
            raise ValueError(f"a policy has at most {WINDOWS_MAX} windows, the earliest first")
        if any(not 0 <= window.basis_points <= BASIS_POINTS for window in self.windows):
            raise ValueError("a window gives back 0 to 100 percent")

    @property
    def terms(self) -> str:
        """The whole policy in a few sentences, for people who have not bought yet."""
        if not self.windows:
            return "These tickets are not refundable."
        spans = [
            f"{window.basis_points / 100:g}% of the ticket price until {_span(window.hours_before)} before the start"
            for window in self.windows
        ]
        fees = "Fees come back in the same share." if self.fees_returned else "Fees are kept."
        return f"You get back {', '.join(spans)}, and nothing later. {fees}"


STANDARD_POLICY = RefundPolicy(
    windows=(
        RefundWindow(hours_before=30 * 24, basis_points=10_000),
        RefundWindow(hours_before=7 * 24, basis_points=5_000),
    )
)
"""All until 30 days before, half until 7 days before, nothing later; fees are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedTicket:
    """What one ticket gives back, part by part. ``tax`` is added tax only: taxes inside a price go back with it."""

    ticket_id: TicketId
    admission: Money
    fee: Money
    tax: Money

    @property
    def amount(self) -> Money:
        return self.admission + self.fee + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """``kept`` is what was paid for this ticket and does not come back."""

    part: RefundedTicket
    kept: Money
    why: str

    @property
    def ticket_id(self) -> TicketId:
        return self.part.ticket_id

    @property
    def amount(self) -> Money:
        return self.part.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What each ticket would give back now, line by line. ``total`` may be nothing.

    A quote without lines is money that goes back while no ticket changes.
    """

    lines: tuple[QuoteLine, ...]
    total: Money
    restock: bool = True
    """Whether the places go back on sale."""

    def __post_init__(self) -> None:
        if self.lines and sum((line.amount for line in self.lines), zero(self.total.currency)) != self.total:
            raise ValueError("a quote's total is the sum of its lines")

    @property
    def parts(self) -> tuple[RefundedTicket, ...]:
        return tuple(line.part for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back. Only the provider's word completes it.

    ``parts`` say what each ticket gives back and sum to ``amount``; without parts it is money alone. Where nothing
    was paid there is nothing to send: such a refund has no payment and has succeeded when it is made.
    """

    id: RefundId
    order_id: OrderId
    payment_id: PaymentId | None
    amount: Money
    reason: RefundReason
    state: RefundState
    parts: tuple[RefundedTicket, ...]
    requested_at: datetime
    completed_at: datetime | None = None
    provider_id: str | None = None
    failure: str | None = None
    batch_id: RefundBatchId | None = None

    def __post_init__(self) -> None:
        if self.parts and sum((part.amount for part in self.parts), zero(self.amount.currency)) != self.amount:
            raise ValueError("a refund's amount is the sum of its parts")

    @property
    def tickets(self) -> tuple[TicketId, ...]:
        return tuple(part.ticket_id for part in self.parts)

    @property
    def key(self) -> str:
        """Idempotency key at the provider: the refund's own id."""
        return f"refund-{self.id}"

    def report(self, state: RefundState, *, provider_id: str, failure: str | None, now: datetime) -> "Refund":
        """What the provider says. A refund that succeeded may still fail later; a failed one stays failed.

        An empty ``provider_id``: it refused before there was anything to name.
        """
        named = provider_id or self.provider_id
        # An answer may be older than what we know by now: what arrived can fail, and is never again on its way.
        stale = self.state is RefundState.SUCCEEDED and state is not RefundState.FAILED
        if self.state is RefundState.FAILED or state is self.state or stale:
            return replace(self, provider_id=named)
        ended = state in {RefundState.SUCCEEDED, RefundState.FAILED}
        return replace(self, state=state, provider_id=named, failure=failure, completed_at=now if ended else None)


def quote(
    order: Order,
    tickets: tuple[Ticket, ...],
    *,
    policy: RefundPolicy,
    reason: RefundReason,
    starts_at: datetime,
    now: datetime,
) -> Quote | Rejection:
    """What these tickets of a paid order give back now, under the policy they were sold under."""
    if refusal := _refusal(order, tickets):
        return refusal
    share, why = _share(policy, reason=reason, starts_at=starts_at, now=now)
    lines = tuple(_line(ticket, policy, reason, share, why) for ticket in tickets)
    return Quote(lines=lines, total=sum((line.amount for line in lines), zero(order.total.currency)))


def _refusal(order: Order, tickets: tuple[Ticket, ...]) -> Rejection | None:
    """Why nothing of this order, or not these of its tickets, can be given back, whatever any policy says."""
    if order.state not in PAID:
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="Only a confirmed order can be refunded.")
    for ticket in tickets:
        if refusal := _ticket_refusal(order, ticket):
            return refusal
    return None


def _ticket_refusal(order: Order, ticket: Ticket) -> Rejection | None:
    if ticket.order_id != order.id:
        return Rejection(code=RejectionCode.UNKNOWN_TICKET, message="This ticket is not part of the order.")
    if ticket.state is TicketState.VOID:
        return Rejection(
            code=RejectionCode.ALREADY_REFUNDED,
            message="This ticket has been refunded already.",
            details={"tickets": [str(ticket.id)]},
        )
    if ticket.state is TicketState.CHECKED_IN:
        return Rejection(
            code=RejectionCode.NOT_REFUNDABLE,
            message="A ticket that was used at the door is not refunded.",
            details={"tickets": [str(ticket.id)]},
        )
    return None


def _share(policy: RefundPolicy, *, reason: RefundReason, starts_at: datetime, now: datetime) -> tuple[int, str]:
    if reason is not RefundReason.BUYERS_WISH:
        return BASIS_POINTS, "Everything is returned."
    for window in policy.windows:
        until = starts_at - timedelta(hours=window.hours_before)
        if now <= until:
            percent = f"{window.basis_points / 100:g}%"
            return window.basis_points, f"{percent} is returned until {_span(window.hours_before)} before the start."
    if not policy.windows:
        return 0, "These tickets are not refundable."
    last = policy.windows[-1].hours_before
    return 0, f"Nothing is returned later than {_span(last)} before the start."


def _span(hours: int) -> str:
    return f"{hours // 24} days" if hours % 24 == 0 and hours > 24 else f"{hours} hours"


def _line(ticket: Ticket, policy: RefundPolicy, reason: RefundReason, share: int, why: str) -> QuoteLine:
    nothing = zero(ticket.price.total.currency)
    fee, tax = nothing, ticket.price.added_tax.percent(share)
    if policy.fees_returned or reason is not RefundReason.BUYERS_WISH:
        fee = ticket.price.fee.percent(share)
    elif share and ticket.price.fee.amount:
        why = f"{why} The fee is kept."
    part = RefundedTicket(ticket_id=ticket.id, admission=ticket.price.admission.percent(share), fee=fee, tax=tax)
    return QuoteLine(part=part, kept=ticket.price.total - part.amount, why=why)
