"""Short messages to buyers, written in the transaction of what they tell."""

from datetime import datetime

from application import effects
from application.access import Access
from domain.orders import Order
from domain.ports.messages import Message, MessageId, MessageState
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids


def text_buyer(order: Order, body: str, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """Queue a message, if the buyer gave a number."""
    if not order.buyer.phone:
        return
    message = Message(
        id=MessageId(ids.uuid()),
        order_id=order.id,
        to=order.buyer.phone,
        body=body,
        state=MessageState.QUEUED,
        created_at=now,
    )
    uow.messages.add(message)
    uow.outbox.add(effects.send_sms(message, ids=ids, now=now))


def tell_it_is_off(
    order: Order, *, because: str, taken: bool, uow: UnitOfWork, ids: Ids, now: datetime, access: Access
) -> None:
    """A buyer who paid and gets no tickets hears at once why, and what becomes of the money."""
    money = (
        "Your money goes back to your card in full."
        if taken
        else "You were not charged; an amount your bank shows as reserved disappears within days."
    )
    name = uow.events.get(order.event_id).name
    body = f"Order {order.number} for {name} did not go through: {because}. {money} {access.order_url(order.id)}"
    text_buyer(order, body, uow=uow, ids=ids, now=now)
