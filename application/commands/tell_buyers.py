"""Buyers whose money goes back by a batch are told so, each once and only when the provider has taken it on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from application import effects
from application.access import Access
from application.transactions import retrying
from domain.events import Event, EventId
from domain.money import in_words
from domain.orders import Order
from domain.ports.messages import Message, MessageId, MessageState
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refund_batches import BatchId, BatchOrder, BatchPurpose, RefundBatch
from domain.refunds import Refund

MESSAGES_PER_ROUND = 50


@retrying
def tell_buyers(*, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access, wakeup: Wakeup) -> int:
    """Write to buyers whose money the provider has taken on, each once. Answers how many orders that were."""
    now = clock.now()
    with unit_of_work() as uow:
        rows = uow.refund_batches.to_tell(at_most=MESSAGES_PER_ROUND)
        # Rows of one round are of a few batches and events: each is read once.
        batch_of, event_of = cache(uow.refund_batches.get), cache(uow.events.get)
        for row in rows:
            _tell(row, batch_of, event_of, uow=uow, ids=ids, now=now, access=access)
            uow.refund_batches.save_order(replace(row, told_at=now))
        uow.commit()
    if rows:
        wakeup.outbox_filled()
    return len(rows)


def _tell(
    row: BatchOrder,
    batch_of: Callable[[BatchId], RefundBatch],
    event_of: Callable[[EventId], Event],
    *,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
    access: Access,
) -> None:
    order = uow.orders.get(row.order_id)
    if order.buyer.phone is None or row.refund_id is None:
        return
    batch, event = batch_of(row.batch_id), event_of(order.event_id)
    refund = uow.refunds.get(row.refund_id)
    message = Message(
        id=MessageId(ids.uuid()),
        order_id=order.id,
        to=order.buyer.phone,
        body=_words(batch, event, order, refund, access),
        state=MessageState.QUEUED,
        created_at=now,
    )
    uow.messages.add(message)
    uow.outbox.add(effects.send_sms(message, ids=ids, now=now, bulk=True))


def _words(batch: RefundBatch, event: Event, order: Order, refund: Refund, access: Access) -> str:
    what = {
        BatchPurpose.EVENT_CANCELLED: f"{event.name} is cancelled. ",
        BatchPurpose.EVENT_POSTPONED: f"{event.name} has a new date. ",
        BatchPurpose.VENUE_CLOSED: f"{event.name} cannot take place. ",
        BatchPurpose.ORDERS_CHOSEN: f"About {event.name}: ",
    }[batch.purpose]
    if not refund.amount.amount:
        return f"{what}Free tickets of order {order.number} are no longer valid. {access.order_url(order.id)}"
    return (
        f"{what}{in_words(refund.amount)} for order {order.number} is on its way back to your card; banks take up to "
        f"10 days. {access.order_url(order.id)}"
    )
