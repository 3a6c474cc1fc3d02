"""Postponements: an event that takes place on another date, what that grants its buyers, and that they are told."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventId, EventState
from domain.orders import OrderId

PostponementId = NewType("PostponementId", UUID)

POSTPONED_DAYS_MAX = 3 * 365
NOTE_LENGTH_MAX = 300
SALE_SPAN_MIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponement:
    """An event moved from ``was_at`` to ``starts_at``. Whoever had a ticket by then may give it back until
    ``refunds_until`` (None: as the policy says of changed minds). ``note`` is for buyers.

    Orders are told one after another: ``told_up_to`` is the last, ``told_at`` when all were.
    """

    id: PostponementId
    event_id: EventId
    at: datetime
    actor: str
    was_at: datetime
    starts_at: datetime
    refunds_until: datetime | None
    note: str
    told_up_to: OrderId | None = None
    told_at: datetime | None = None

    def grants_refund(self, *, placed_at: datetime, now: datetime) -> bool:
        """Whether an order of that time may be given back because of this."""
        return self.refunds_until is not None and placed_at <= self.at and now <= self.refunds_until

    def told(self, orders: tuple[OrderId, ...], *, now: datetime) -> "Postponement":
        """These were told as well; none left means all were."""
        return replace(self, told_up_to=orders[-1]) if orders else replace(self, told_at=now)


def postpone(event: Event, *, starts_at: datetime, refunds_until: datetime | None, now: datetime) -> Event | Rejection:
    """The event at its new time; doors and end move along. A sale that went on until the start goes on as long."""
    if event.state is not EventState.PUBLISHED:
        return _refused("Only a published event can be postponed.", "starts_at")
    if not now < starts_at <= now + timedelta(days=POSTPONED_DAYS_MAX):
        return _refused("The new date lies in the future, three years at most.", "starts_at")
    if starts_at == event.starts_at:
        return _refused("This is the date it has already.", "starts_at")
    if refunds_until is not None and not now < refunds_until <= starts_at:
        return _refused("Refunds end between now and the new date.", "refunds_until")
    later = starts_at - event.starts_at
    ends_at = event.ends_at + later
    closes_at = event.terms.closes_at + (later if event.terms.closes_at >= event.doors_at else timedelta(0))
    # An event may also move nearer: nothing is sold for one that is over.
    closes_at = max(min(closes_at, ends_at), event.terms.opens_at + SALE_SPAN_MIN)
    return replace(
        event,
        doors_at=event.doors_at + later,
        starts_at=starts_at,
        ends_at=ends_at,
        terms=replace(event.terms, closes_at=closes_at),
    )


def _refused(message: str, field: str) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details={"field": field})
