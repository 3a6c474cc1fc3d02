"""What organisers' systems are told, in words for use cases: called inside the transaction of the fact itself.

Messages are thin: names of things and the few figures that say what happened, and never a buyer's name, address or
number. Whoever wants more asks the API. Nothing is written while no endpoint wants to hear of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from application import effects
from domain.events import Event, EventId
from domain.money import Money
from domain.orders import Order
from domain.outgoing_webhooks import HookKind
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids
from domain.refunds import Refund
from domain.tickets import Ticket

VERSION = "v1"
"""Of the messages' data. Fields are added to a version, never changed or taken away."""


def tell(
    kind: HookKind,
    *,
    event_id: EventId,
    once: str,
    data: Mapping[str, object],
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> None:
    """Let endpoints know of a fact, if any wants to. ``once`` names the fact: told twice, it is sent once."""
    if not uow.webhooks.wanted(kind):
        return
    body = {"type": kind.value, "timestamp": moment(now), "version": VERSION, "data": dict(data)}
    uow.outbox.add(effects.tell_organisers(kind, event_id=event_id, once=once, body=body, ids=ids, now=now))


def order_happened(kind: HookKind, order: Order, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """``order.confirmed`` and ``order.cancelled``."""
    data = {
        "order": str(order.id),
        "number": order.number,
        "event": str(order.event_id),
        "state": order.state.value,
        "tickets": order.units,
        "total": money(order.total),
        "reason": order.ended_because,
    }
    tell(kind, event_id=order.event_id, once=str(order.id), data=data, uow=uow, ids=ids, now=now)


def refund_happened(
    kind: HookKind, refund: Refund, *, event_id: EventId, uow: UnitOfWork, ids: Ids, now: datetime
) -> None:
    """``refund.requested``, ``refund.completed`` and ``refund.failed``."""
    data = {
        "refund": str(refund.id),
        "order": str(refund.order_id),
        "event": str(event_id),
        "tickets": [str(ticket) for ticket in refund.tickets],
        "amount": money(refund.amount),
        "reason": refund.reason.value,
        "state": refund.state.value,
        "failure": refund.failure,
    }
    once = f"{refund.id}-{moment(now)}" if kind is HookKind.REFUND_FAILED else str(refund.id)
    tell(kind, event_id=event_id, once=once, data=data, uow=uow, ids=ids, now=now)


def dispute_opened(
    order: Order, *, dispute: str, amount: Money, reason: str, due_by: datetime | None, uow: UnitOfWork, ids: Ids,
    now: datetime,
) -> None:  # fmt: skip
    """``dispute.opened``: a buyer's bank asks for the money back. ``due_by`` is the last moment for evidence."""
    data = {
        "dispute": dispute,
        "order": str(order.id),
        "number": order.number,
        "event": str(order.event_id),
        "amount": money(amount),
        "reason": reason,
        "due_by": moment(due_by) if due_by else None,
    }
    tell(HookKind.DISPUTE_OPENED, event_id=order.event_id, once=dispute, data=data, uow=uow, ids=ids, now=now)


def event_happened(kind: HookKind, event: Event, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """``event.published``, ``event.cancelled``, ``event.sold_out`` and ``event.back_on_sale``."""
    data = {
        "event": str(event.id),
        "slug": event.slug,
        "name": event.name,
        "state": event.state.value,
        "starts_at": moment(event.starts_at),
    }
    often = kind in {HookKind.EVENT_SOLD_OUT, HookKind.EVENT_BACK_ON_SALE}
    once = f"{event.id}-{moment(now)}" if often else str(event.id)
    tell(kind, event_id=event.id, once=once, data=data, uow=uow, ids=ids, now=now)


def checked_in(ticket: Ticket, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """``ticket.checked_in``: somebody was let in with it."""
    data = {"ticket": str(ticket.id), "order": str(ticket.order_id), "event": str(ticket.event_id), "at": moment(now)}
    kind = HookKind.TICKET_CHECKED_IN
    tell(kind, event_id=ticket.event_id, once=str(ticket.id), data=data, uow=uow, ids=ids, now=now)


def money(amount: Money) -> dict[str, object]:
    """As everywhere in the API: minor units and a currency."""
    return {"amount": amount.amount, "currency": amount.currency}


def moment(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
