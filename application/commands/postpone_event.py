"""An event moves to another date: its sale follows, its tickets stay valid, and everybody who has one is told."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from application import effects, trail
from application.access import Access
from application.transactions import retrying
from domain.errors import Rejection
from domain.events import Event, EventId
from domain.orders import Order
from domain.ports.messages import Message, MessageId, MessageState
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.postponements import Postponement, PostponementId, postpone

ORDERS_TOLD_PER_ROUND = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PostponeEvent:
    """``refunds_until`` None: buyers have what the policy gives to changed minds, and no more."""

    event_id: EventId
    starts_at: datetime
    refunds_until: datetime | None
    note: str
    actor: str


def postpone_event(
    command: PostponeEvent, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Event | Rejection:
    """Raises NotFound."""
    now = clock.now()
    with unit_of_work() as uow:
        event = uow.events.get(command.event_id, lock=True)
        moved = postpone(event, starts_at=command.starts_at, refunds_until=command.refunds_until, now=now)
        if isinstance(moved, Rejection):
            return moved
        version = uow.events.save(moved)
        postponement = Postponement(
            id=PostponementId(ids.uuid()),
            event_id=event.id,
            at=now,
            actor=command.actor,
            was_at=event.starts_at,
            starts_at=moved.starts_at,
            refunds_until=command.refunds_until,
            note=command.note,
        )
        uow.postponements.add(postponement)
        uow.outbox.add(effects.renew_terms(event.id, version=version, ids=ids, now=now))
        uow.audit.add(
            trail.entry(
                command.actor, "event.postponed", kind="event", subject=event.id, ids=ids, now=now,
                before={"starts_at": event.starts_at.isoformat()}, after={"starts_at": moved.starts_at.isoformat()},
                refunds_until=command.refunds_until.isoformat() if command.refunds_until else None,
            )
        )  # fmt: skip
        uow.commit()
    wakeup.outbox_filled()
    return moved


@retrying
def tell_of_new_dates(
    *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access, wakeup: Wakeup
) -> int:
    """Write to the next buyers of a postponed event, each once. Answers how many orders had their turn.

    How far it came is stored with the messages, so a worker that is killed repeats and leaves out nobody.
    """
    now = clock.now()
    with unit_of_work() as uow:
        postponement = uow.postponements.untold()
        if postponement is None:
            return 0
        orders = uow.postponements.orders_to_tell(
            postponement.event_id, placed_by=postponement.at, after=postponement.told_up_to,
            at_most=ORDERS_TOLD_PER_ROUND,
        )  # fmt: skip
        for order_id in orders:
            _tell(uow.orders.get(order_id), postponement, uow=uow, ids=ids, now=now, access=access)
        uow.postponements.save(postponement.told(orders, now=now))
        uow.commit()
    wakeup.outbox_filled()
    return len(orders)


def _tell(
    order: Order, postponement: Postponement, *, uow: UnitOfWork, ids: Ids, now: datetime, access: Access
) -> None:
    if order.buyer.phone is None:
        return
    event = uow.events.get(order.event_id)
    timezone = ZoneInfo(uow.venues.get(event.venue_id).timezone)
    message = Message(
        id=MessageId(ids.uuid()),
        order_id=order.id,
        to=order.buyer.phone,
        body=_words(event.name, order, postponement, timezone, access),
        state=MessageState.QUEUED,
        created_at=now,
    )
    uow.messages.add(message)
    uow.outbox.add(effects.send_sms(message, bulk=True, ids=ids, now=now))


def _words(event_name: str, order: Order, postponement: Postponement, timezone: ZoneInfo, access: Access) -> str:
    new = postponement.starts_at.astimezone(timezone)
    note = f" {postponement.note}" if postponement.note else ""
    until = postponement.refunds_until
    choice = ""
    if until is not None:
        last = until.astimezone(timezone)
        choice = f" If it does not suit you, give them back until {last.day} {last:%b %Y, %H:%M}."
    return (
        f"{event_name} moves to {new.day} {new:%b %Y, %H:%M}. Your tickets stay valid.{note}{choice} "
        f"Order {order.number}: {access.order_url(order.id)}"
    )
