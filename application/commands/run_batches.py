"""Batches of refunds at work: orders are asked, and then their money is sent back.

A transaction makes the refunds of a few orders *and* says so in the batch, so a worker that is killed between any two
steps leaves an order either untouched or done, and whoever comes next goes on where it stopped. The outbox sends the
money, under the refund's own key.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import TypedDict

from application import trail
from application.commands.request_refund import begin_refund, offer_for
from application.each import for_each
from application.mending import refusal_to_mend, send_anew
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, NotFound, Rejection, Unavailable
from domain.events import Event, EventId, EventState
from domain.money import Money, zero
from domain.orders import Order
from domain.ports.refund_batches import BatchLine
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.quotes import Quote
from domain.refund_batches import (
    IN_FLIGHT_MAX,
    BatchId,
    BatchOrder,
    BatchOrderState,
    BatchState,
    RefundBatch,
)
from domain.refunds import RefundState
from domain.tickets import Ticket, TicketState
from domain.tiers import TierId

ORDERS_PER_COUNT = 50
"""Orders that one transaction asks what they would give back."""
ORDERS_PER_TRANSACTION = 8
"""Orders whose refunds are made together: few enough that nobody waits long for one of them."""
SECONDS_PER_ROUND_MAX = 1.0
"""After this a round ends, so that other batches have their turn."""
BUSY_ORDER_SECONDS = 5
"""An order that somebody else works on is tried again after this."""

NEEDS_SECOND_PERSON = (
    "The terms of this order want a second person for such an amount, and this batch was one person's. "
    "Refund it on its own page, where somebody is asked."
)

EventOf = Callable[[EventId], Event]
"""Orders of one transaction are of few events: each is read once."""


class Step(TypedDict):
    """What every step of a batch works with."""

    unit_of_work: UnitOfWorkFactory
    clock: Clock
    ids: Ids


FINAL = (InvariantBroken, NotFound, KeyError, ValueError)
"""Trying these again would end the same way: the row fails, and a person looks."""


def run_batches(
    *, in_flight_max: int = IN_FLIGHT_MAX, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> int:
    """Do the next piece of every batch that has something to do. Answers how many orders had their turn.

    Any number of workers may do this at once: each takes orders that no other has.
    """
    with unit_of_work() as uow:
        batches = uow.refund_batches.busy()
    done = 0

    def work(batch_id: BatchId) -> bool:
        nonlocal done
        turns = _count(batch_id, unit_of_work=unit_of_work, clock=clock) or _send(
            batch_id, in_flight_max=in_flight_max, unit_of_work=unit_of_work, clock=clock, ids=ids
        )
        done += turns
        return turns > 0

    if for_each(batches, work, what="batches could not go on"):
        wakeup.outbox_filled()
    return done


@retrying
def _count(batch_id: BatchId, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Ask some orders of a draft what they would give back now, in one transaction. The last ones end the draft."""
    with unit_of_work() as uow:
        batch = uow.refund_batches.at_work(batch_id)
        if batch.state is not BatchState.DRAFT:
            return 0
        rows = uow.refund_batches.uncounted(batch_id, at_most=ORDERS_PER_COUNT)
        event_of = cache(uow.events.get)
        for row in rows:
            _count_one(row, batch, event_of, uow=uow, now=clock.now())
        uow.commit()
    if not rows:
        _end_count(batch_id, unit_of_work=unit_of_work)
    return len(rows)


def _count_one(row: BatchOrder, batch: RefundBatch, event_of: EventOf, *, uow: UnitOfWork, now: datetime) -> None:
    order = uow.orders.get(row.order_id)
    tickets = _tickets(batch, uow.tickets.of_order(order.id))
    # What a dispute has frozen may be free again when its turn comes: it is counted as if it were.
    answer = _quoted(replace(order, frozen_because=None), tickets, batch, event_of, uow=uow, now=now)
    if isinstance(answer, str):
        uow.refund_batches.save_order(row.skip(answer))
    else:
        quoted = row.quoted(answer.total, frozen_because=order.frozen_because)
        uow.refund_batches.save_order(quoted, lines=_lines(answer, tickets))


def _end_count(batch_id: BatchId, *, unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        batch = uow.refund_batches.get(batch_id, lock=True)
        counted = batch.counted() if uow.refund_batches.all_counted(batch_id) else None
        if isinstance(counted, RefundBatch):
            uow.refund_batches.save(counted)
            uow.commit()


def _send(batch_id: BatchId, *, in_flight_max: int, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> int:
    """Make refunds until enough are on their way, nothing is due, or the round is over."""
    until = clock.now() + timedelta(seconds=SECONDS_PER_ROUND_MAX)
    with unit_of_work() as uow:
        room = in_flight_max - uow.refund_batches.in_flight(batch_id)
    done = 0
    while done < room and clock.now() < until:
        at_most = min(ORDERS_PER_TRANSACTION, room - done)
        turns = _send_due(batch_id, at_most=at_most, unit_of_work=unit_of_work, clock=clock, ids=ids)
        if not turns:
            _finish(batch_id, unit_of_work=unit_of_work, clock=clock, ids=ids)
            break
        done += turns
    return done


def _send_due(batch_id: BatchId, *, at_most: int, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> int:
    """The next orders' turn. Answers how many had it; 0 when there is nothing to do now."""
    taken: list[BatchOrder] = []
    step: Step = {"unit_of_work": unit_of_work, "clock": clock, "ids": ids}
    try:
        _refund_due(batch_id, taken, at_most=at_most, **step)
    except (*FINAL, Unavailable) as failure:
        if len(taken) > 1:
            # One of them stands in the way of the others: now each has its turn alone.
            return sum(_send_due(batch_id, at_most=1, **step) for _ in taken)
        why = None if isinstance(failure, Unavailable) else f"{type(failure).__name__}: {failure}"
        _set_aside(taken, why, unit_of_work=unit_of_work, clock=clock)
    return len(taken)


@retrying
def _refund_due(
    batch_id: BatchId,
    taken: list[BatchOrder],
    *,
    at_most: int,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> None:
    """In one transaction: the next orders, their refunds, and that they were made. ``taken`` tells which they were."""
    taken.clear()
    now = clock.now()
    with unit_of_work() as uow:
        batch = uow.refund_batches.at_work(batch_id)
        if batch.state is not BatchState.RUNNING:
            return
        taken += uow.refund_batches.due(batch_id, now=now, at_most=at_most)
        event_of = cache(uow.events.get)
        # All orders before anything that belongs to one of them, and the newest first, as everybody who locks two does:
        # who waited for an order with its places in hand could meet somebody who has the order and wants the places.
        newest_first = sorted((row.order_id for row in taken), reverse=True)
        orders = {order_id: uow.orders.get(order_id, lock=True) for order_id in newest_first}
        for row in taken:
            done = _refunded(row, orders[row.order_id], batch, event_of, uow=uow, ids=ids, now=now)
            uow.refund_batches.save_order(done)
        uow.commit()


def _refunded(
    row: BatchOrder, order: Order, batch: RefundBatch, event_of: EventOf, *, uow: UnitOfWork, ids: Ids, now: datetime
) -> BatchOrder:
    """Give this order's money back inside the caller's transaction that has locked it, or say why not."""
    if row.refund_id is not None:
        return _sent_anew(row, order, batch, uow=uow, ids=ids, now=now)
    tickets = _tickets(batch, uow.tickets.of_order(order.id, lock=True))
    if order.frozen_because is not None and tickets:
        # Not skipped: a dispute ends, and then a person may try it again.
        return row.failed(f"{order.frozen_because} Try it again when that is decided.")
    answer = _quoted(order, tickets, batch, event_of, uow=uow, now=now)
    if isinstance(answer, str):
        return row.skip(answer)
    if why := row.too_much(answer.total):
        return row.failed(why)
    if answer.needs_approval and batch.approved_by is None:
        return row.failed(NEEDS_SECOND_PERSON)
    refund = begin_refund(
        order, tickets, answer, reason=batch.reason, actor=_actor(batch), batch_id=batch.id, uow=uow, ids=ids, now=now
    )
    return row.failed(refund.message) if isinstance(refund, Rejection) else row.requested(refund.id)


def _sent_anew(
    row: BatchOrder, order: Order, batch: RefundBatch, *, uow: UnitOfWork, ids: Ids, now: datetime
) -> BatchOrder:
    """Its refund failed at the provider, and a person wants another try: the same parts, under a new key.

    Where the refund desk was faster, the row follows what was sent there.
    """
    assert row.refund_id is not None, "only what was sent can be sent anew"
    failed = uow.refunds.get(row.refund_id, lock=True)
    others = uow.refunds.of_order(order.id)
    successor = next((other for other in others if other.replaces == failed.id), None)
    if failed.state is not RefundState.FAILED or successor is not None:
        return row.requested((successor or failed).id)
    if refusal := refusal_to_mend(order, failed, others, uow):
        return row.failed(refusal.message)
    actor = _actor(batch)
    again = send_anew(order, failed, actor=actor, batch_id=batch.id, uow=uow, ids=ids, now=now)
    return row.requested(again.id)


@retrying
def _set_aside(taken: list[BatchOrder], why: str | None, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
    """The order whose turn failed: for good (``why``), or for a moment. Another worker may have had it since."""
    with unit_of_work() as uow:
        for mine in taken:
            row = uow.refund_batches.order(mine.batch_id, mine.order_id, lock=True)
            if row.state is BatchOrderState.WAITING:
                aside = row.failed(why) if why else row.later(seconds=BUSY_ORDER_SECONDS, now=clock.now())
                uow.refund_batches.save_order(aside)
        uow.commit()


def _finish(batch_id: BatchId, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
    """Over when nothing waits and the provider was heard of every refund."""
    now = clock.now()
    with unit_of_work() as uow:
        if uow.refund_batches.unfinished(batch_id):
            return
        finished = uow.refund_batches.get(batch_id, lock=True).finish(now=now)
        if isinstance(finished, Rejection) or uow.refund_batches.unfinished(batch_id):
            return
        uow.refund_batches.save(finished)
        uow.audit.add(trail.entry(SYSTEM, "batch.finished", kind="refund_batch", subject=batch_id, ids=ids, now=now))
        uow.commit()


def _quoted(
    order: Order,
    tickets: tuple[Ticket, ...],
    batch: RefundBatch,
    event_of: EventOf,
    *,
    uow: UnitOfWork,
    now: datetime,
) -> Quote | str:
    """What these tickets give back now, by the quote that answers buyers too, or why that is nothing."""
    if not tickets:
        return "There is no ticket left to refund."
    free = all(not ticket.price.total.amount for ticket in tickets)
    if free and not batch.ends_tickets:
        return "These tickets were free of charge, and they stay valid."
    event = event_of(order.event_id)
    answer = offer_for(order, tickets, None, reason=batch.reason, event=event, uow=uow, now=now)
    if isinstance(answer, Rejection):
        return answer.message
    if not answer.total.amount and not free:
        return answer.lines[0].why
    # Places of an event that is called off go nowhere: nobody is told of stock that nobody can buy.
    return replace(answer, restock=answer.restock and event.state is not EventState.CANCELLED)


def _tickets(batch: RefundBatch, tickets: tuple[Ticket, ...]) -> tuple[Ticket, ...]:
    """Valid tickets, of the tiers that were chosen if any were. A ticket that was used stays used."""
    tiers = batch.selection.tier_ids
    return tuple(
        ticket for ticket in tickets if ticket.state is TicketState.VALID and (not tiers or ticket.tier_id in tiers)
    )


def _lines(answer: Quote, tickets: tuple[Ticket, ...]) -> tuple[BatchLine, ...]:
    tiers = {ticket.id: ticket.tier_id for ticket in tickets}
    amounts: dict[TierId, list[Money]] = {}
    for line in answer.lines:
        amounts.setdefault(tiers[line.ticket_id], []).append(line.amount)
    nothing = zero(answer.total.currency)
    return tuple(
        BatchLine(tier_id=tier_id, tickets=len(parts), amount=sum(parts, nothing)) for tier_id, parts in amounts.items()
    )


def _actor(batch: RefundBatch) -> str:
    """Who answers for it: whoever approved it, or else asked for it."""
    return batch.approved_by or batch.requested_by
