"""Early fraud warnings: the card's bank suspects that a payment was not its owner's. A dispute may follow.

Giving the money back in time is cheaper than a dispute, but only while nobody has used what was bought.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.orders import PAID, Order, OrderId
from domain.payments import PaymentId
from domain.refunds import RefundId
from domain.tickets import Ticket, TicketState

FraudWarningId = NewType("FraudWarningId", UUID)


class WarningRule(StrEnum):
    """What happens by itself when a warning may still be acted upon."""

    ASK = "ask"
    """A person decides."""
    REFUND = "refund"
    """Everything goes back, unless a ticket was used."""


class WarningState(StrEnum):
    WAITING = "waiting"
    """For a person."""
    REFUNDED = "refunded"
    DISMISSED = "dismissed"
    SETTLED = "settled"
    """There is nothing left to decide: the money had gone back, or a dispute was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningFacts:
    """A warning as the provider has it now. ``fraud_type`` is its own word."""

    provider_id: str
    intent_id: str | None
    fraud_type: str
    actionable: bool
    warned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudWarning:
    """One warning about one payment, and what became of it."""

    id: FraudWarningId
    order_id: OrderId
    payment_id: PaymentId
    facts: WarningFacts
    state: WarningState = WarningState.WAITING
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str = ""
    refund_id: RefundId | None = None

    def report(self, facts: WarningFacts, *, now: datetime) -> "FraudWarning":
        """What the provider says now. Once it cannot be acted upon it never can be again."""
        if not self.facts.actionable:
            return self
        if facts.actionable or self.state is not WarningState.WAITING:
            return replace(self, facts=facts)
        return replace(self, facts=facts, state=WarningState.SETTLED, decided_at=now)

    def refunded(self, refund_id: RefundId, *, by: str, now: datetime, note: str = "") -> "FraudWarning":
        """Everything that was left is on its way back."""
        return replace(self, state=WarningState.REFUNDED, decided_at=now, decided_by=by, note=note, refund_id=refund_id)

    def dismiss(self, *, by: str, now: datetime, note: str) -> "FraudWarning | Rejection":
        """A person knows better: the sale stands."""
        if self.state is not WarningState.WAITING:
            return decided()
        return replace(self, state=WarningState.DISMISSED, decided_at=now, decided_by=by, note=note)


def decided() -> Rejection:
    return Rejection(code=RejectionCode.WRONG_STATE, message="This warning has been decided already.")


def refunds_by_itself(rule: WarningRule, warning: FraudWarning, order: Order, tickets: Iterable[Ticket]) -> bool:
    """Whether the rule gives everything back without asking anybody."""
    if rule is not WarningRule.REFUND or warning.state is not WarningState.WAITING or not warning.facts.actionable:
        return False
    if order.state not in PAID or order.frozen_because is not None:
        return False
    return all(ticket.state is not TicketState.CHECKED_IN for ticket in tickets)
