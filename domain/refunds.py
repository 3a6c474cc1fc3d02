"""Refunds: money on its way back, ticket by ticket, where it stands, and what is owed when it failed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.money import CurrencyCode, Money, zero
from domain.orders import Order, OrderId, OrderState
from domain.payments import PaymentId
from domain.refund_policies import RefundReason
from domain.tickets import Ticket, TicketId

RefundId = NewType("RefundId", UUID)
RefundBatchId = NewType("RefundBatchId", UUID)


class RefundState(StrEnum):
    REQUESTED = "requested"
    """The amount is reserved in our books; the provider has not answered yet."""
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


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


OVERTAKEN_BY_DISPUTE = frozenset({"charge_disputed", "charge_for_pending_refund_disputed"})
"""Why a refund failed, in the provider's words, when the bank had taken the money already."""
REFERENCE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HandPayment:
    """Money that somebody sent outside of the provider. ``reference`` is how to find it in the bank's books."""

    reference: str
    actor: str


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
    replaces: RefundId | None = None
    """The failed refund that this one makes good."""
    by_hand: HandPayment | None = None

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

    def anew(self, refund_id: RefundId, *, now: datetime) -> "Refund":
        """The same money for the same tickets, tried once more. This one stays failed."""
        return replace(
            self,
            id=refund_id,
            state=RefundState.REQUESTED,
            requested_at=now,
            completed_at=None,
            provider_id=None,
            failure=None,
            batch_id=None,
            replaces=self.id,
        )

    def paid_by_hand(self, refund_id: RefundId, payment: HandPayment, *, now: datetime) -> "Refund":
        """The same money for the same tickets, sent by a person in another way."""
        again = self.anew(refund_id, now=now)
        return replace(again, state=RefundState.SUCCEEDED, completed_at=now, by_hand=payment)

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


def exchanged(refunds: Iterable[Refund]) -> frozenset[TicketId]:
    """Tickets that were given back for others: their owner moved to another date, and got no money to go home with."""
    moved = (refund.tickets for refund in refunds if refund.reason is RefundReason.EXCHANGE)
    return frozenset(ticket_id for tickets in moved for ticket_id in tickets)


def given_back(refunds: Iterable[Refund], currency: CurrencyCode) -> Money:
    """What went back of the order's price or is on its way. A refund that failed gave nothing, and money that had
    bought nothing (the order was paid twice, say) never was a part of the price."""
    given = (r for r in refunds if r.state is not RefundState.FAILED and r.reason is not RefundReason.NO_TICKETS)
    return sum((each.amount for each in given), zero(currency))


def tickets_left(tickets: Iterable[Ticket], refunds: Iterable[Refund]) -> int:
    """Tickets whose money has not come back, be they valid, used or void with their refund still on its way."""
    returned = {ticket for each in refunds if each.state is RefundState.SUCCEEDED for ticket in each.tickets}
    return sum(ticket.id not in returned for ticket in tickets)


def mend_refusal(order: Order, refund: Refund, others: tuple[Refund, ...]) -> Rejection | None:
    """Why a failed refund cannot be made good now. ``others`` are all refunds of its order."""
    if refund.state is not RefundState.FAILED:
        return Rejection(code=RejectionCode.WRONG_STATE, message="Only a refund that failed is sent anew.")
    if any(other.replaces == refund.id for other in others):
        return Rejection(code=RejectionCode.ALREADY_REFUNDED, message="This refund has been made good already.")
    if refund.reason is RefundReason.NO_TICKETS:
        return None  # It had bought nothing: what became of the order and of its own money is no matter.
    if order.frozen_because is not None:
        return frozen(order.frozen_because)
    if order.state is OrderState.CHARGED_BACK:
        return bank_was_faster()
    currency = order.total.currency
    if (given_back(others, currency) + refund.amount).amount > order.total.amount:
        return Rejection(
            code=RejectionCode.ALREADY_REFUNDED, message="The buyer has this money: it went back in another way."
        )
    return None


def bank_was_faster() -> Rejection:
    """A dispute was lost: nothing is owed to the buyer any more."""
    return Rejection(
        code=RejectionCode.NOT_REFUNDABLE, message="The buyer has the money: the bank returned it in a dispute."
    )


def overtaken(refunds: tuple[Refund, ...], currency: CurrencyCode) -> Money:
    """Money that was on its way back when a dispute overtook it, and that nothing has made good since."""
    mended = {refund.replaces for refund in refunds}
    overtaken_ones = (r for r in refunds if r.failure in OVERTAKEN_BY_DISPUTE and r.id not in mended)
    return sum((r.amount for r in overtaken_ones if r.amount.currency == currency), zero(currency))


def frozen(why: str) -> Rejection:
    return Rejection(
        code=RejectionCode.FROZEN, message=f"Nothing of this order can be given back for now. {why} It decides first."
    )
