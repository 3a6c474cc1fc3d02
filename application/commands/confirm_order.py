"""The last step of a purchase: captured money (or none owed) becomes tickets."""

from datetime import datetime

from application import effects, telling, trail
from application.access import Access
from application.exchanging import complete_exchange
from application.texts import text_buyer
from domain import bookings
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, Rejection
from domain.orders import Order
from domain.outgoing_webhooks import HookKind
from domain.ports.inventory import Outcome
from domain.ports.mail import LetterKind
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids
from domain.tickets import issue


def confirm(order: Order, *, uow: UnitOfWork, ids: Ids, now: datetime, access: Access) -> Order:
    """Inside the caller's transaction: order confirmed, tickets, audit, and the outbox rows that tell the world.

    Tickets that the order exchanges are given back here: the new ones exist if, and only if, the old ones are void.
    The order is locked and its places are allocated. Raises InvariantBroken when it cannot be confirmed.
    """
    confirmed = order.confirm(now=now)
    if isinstance(confirmed, Rejection):
        raise InvariantBroken(f"order {order.id} was paid but cannot be confirmed: {confirmed.message}")
    event = uow.events.get(order.event_id)
    tickets = issue(
        confirmed,
        tiers={tier.id: tier for tier in event.tiers},
        seat_map=uow.venues.get_map(event.seat_map_id),
        ids=tuple(ids.uuid() for _ in range(order.units)),
        codes=tuple(ids.ticket_code() for _ in range(order.units)),
        now=now,
    )
    uow.orders.save(confirmed)
    uow.tickets.add(tickets)
    uow.ledger.post(bookings.order_confirmed(confirmed, at=now))
    uow.audit.add(
        trail.entry(SYSTEM, "order.confirmed", kind="order", subject=order.id, ids=ids, now=now, tickets=len(tickets))
    )
    complete_exchange(confirmed, uow=uow, ids=ids, now=now)
    telling.order_happened(HookKind.ORDER_CONFIRMED, confirmed, uow=uow, ids=ids, now=now)
    epoch = uow.stock.epoch(order.event_id)
    uow.outbox.add(effects.settle_order(confirmed, Outcome.SOLD, epoch=epoch, ids=ids, now=now))
    uow.outbox.add(effects.send_email(LetterKind.ORDER_CONFIRMED, order.id, order.id, ids=ids, now=now))
    text_buyer(confirmed, _words(confirmed, event.name, access), uow=uow, ids=ids, now=now)
    return confirmed


def _words(order: Order, event_name: str, access: Access) -> str:
    count = f"{order.units} ticket" + ("s" if order.units > 1 else "")
    return f"Confirmed: {count} for {event_name}. Order {order.number}. Your tickets: {access.order_url(order.id)}"
