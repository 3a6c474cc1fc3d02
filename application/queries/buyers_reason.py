"""Why a buyer's refund is one: decided by what happened to the event, and never by what a client says."""

from datetime import datetime

from domain.events import EventState
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWork
from domain.refund_policies import RefundReason


def buyers_reason(order: Order, *, uow: UnitOfWork, now: datetime) -> RefundReason:
    """A cancelled event gives back everything; a postponed one what its rule says, for as long as was promised."""
    if uow.events.get(order.event_id).state is EventState.CANCELLED:
        return RefundReason.EVENT_CANCELLED
    moved = uow.postponements.newest(order.event_id)
    if moved is not None and moved.grants_refund(placed_at=order.placed_at, now=now):
        return RefundReason.POSTPONED
    return RefundReason.BUYERS_WISH
