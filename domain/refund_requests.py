"""Refunds that one person may not decide alone: asked for, and waiting for somebody else's yes or no.

While a request waits nothing has happened: its tickets stay valid, because a ticket that was void could not come back
to life after a no. Whoever uses such a ticket at the door, or gets it back otherwise, has withdrawn the request.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.money import Money
from domain.orders import OrderId
from domain.refund_policies import RefundReason
from domain.refunds import RefundId
from domain.tickets import TicketId

RefundRequestId = NewType("RefundRequestId", UUID)

NOTE_LENGTH_MAX = 500


class RequestState(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    LAPSED = "lapsed"
    """What was asked for is no longer there to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What was quoted and asked for. No ticket: money alone. ``requested_by`` is ``buyer`` or a person's e-mail."""

    id: RefundRequestId
    order_id: OrderId
    tickets: tuple[TicketId, ...]
    amount: Money
    reason: RefundReason
    state: RequestState
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None
    refund_id: RefundId | None = None

    def approve(self, *, by: str, refund_id: RefundId, note: str | None, now: datetime) -> "RefundRequest | Rejection":
        """A second person says yes: the refund is begun in the same transaction."""
        return self.refuses(by=by) or replace(
            self, state=RequestState.APPROVED, decided_by=by, decided_at=now, note=note, refund_id=refund_id
        )

    def decline(self, *, by: str, note: str, now: datetime) -> "RefundRequest | Rejection":
        """A second person says no, and why: the buyer reads it."""
        return self.refuses(by=by) or replace(
            self, state=RequestState.DECLINED, decided_by=by, decided_at=now, note=note
        )

    def lapse(self, *, because: str, now: datetime) -> "RefundRequest":
        """It can no longer be granted. What was decided stays decided."""
        if self.state is not RequestState.WAITING:
            return self
        return replace(self, state=RequestState.LAPSED, decided_at=now, note=because)

    def refuses(self, *, by: str) -> Rejection | None:
        """Why this person may not decide, or nobody any more."""
        if self.state is not RequestState.WAITING:
            return Rejection(code=RejectionCode.WRONG_STATE, message="This refund was decided already.")
        if by == self.requested_by:
            return Rejection(
                code=RejectionCode.NEEDS_SECOND_PERSON, message="Whoever asked for a refund cannot approve it."
            )
        return None
