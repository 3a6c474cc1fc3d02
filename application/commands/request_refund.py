"""Give money back for tickets: decided and reserved here, sent by the outbox, completed by the provider's word."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application import effects, trail
from application.transactions import retrying
from domain import ledger
from domain.errors import Rejection, RejectionCode
from domain.orders import Order, OrderId
from domain.payments import Payment, PaymentState, standing
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refund_policies import RefundReason
from domain.refunds import Quote, Refund, RefundBatchId, RefundId, RefundState, quote
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import tier_pool, zone_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund:
    """``tickets`` None means every valid one. ``actor`` is ``buyer`` or a staff member's e-mail."""

    order_id: OrderId
    tickets: tuple[TicketId, ...] | None
    reason: RefundReason
    actor: str


def request_refund(
    command: RequestRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Refund | Rejection:
    """The tickets are void at once and their places return to sale; the money follows. All or none."""
    answer = _request(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _request(command: RequestRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> Refund | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(command.order_id, lock=True)
        tickets = chosen_tickets(uow.tickets.of_order(order.id, lock=True), command.tickets)
        if isinstance(tickets, Rejection):
            return tickets
        event = uow.events.get(order.event_id)
        terms = quote(
            order,
            tickets,
            policy=uow.orders.policy(order.id),
            reason=command.reason,
            starts_at=event.starts_at,
            now=now,
            refunds=uow.refunds.of_order(order.id),
        )
        if isinstance(terms, Rejection):
            return terms
        if terms.total.amount == 0:
            why = terms.lines[0].why if terms.lines else "There is nothing to refund."
            return Rejection(code=RejectionCode.NOT_REFUNDABLE, message=why)
        refund = begin_refund(
            order, tickets, terms, reason=command.reason, actor=command.actor, uow=uow, ids=ids, now=now
        )
        if isinstance(refund, Rejection):
            return refund
        uow.commit()
    return refund


def begin_refund(
    order: Order,
    tickets: tuple[Ticket, ...],
    quote: Quote,
    *,
    reason: RefundReason,
    actor: str,
    payment: Payment | None = None,
    batch_id: RefundBatchId | None = None,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Refund | Rejection:
    """Do what was quoted, inside the caller's transaction, on an order and tickets that it has locked.

    The tickets are void, their places go back as the quote says, the amount is reserved against ``payment`` (the
    one that bought the order when None) and the outbox sends it. No tickets and a quote without lines: money alone
    goes back. Rejected only where there is no captured payment to give back from.
    """
    paid = payment or _paying(order, uow)
    if paid is None or paid.state is not PaymentState.CAPTURED:
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="No payment was taken that could go back.")
    refund = Refund(
        id=RefundId(ids.uuid()),
        order_id=order.id,
        payment_id=paid.id,
        amount=quote.total,
        reason=reason,
        state=RefundState.REQUESTED,
        parts=quote.parts,
        requested_at=now,
        batch_id=batch_id,
    )
    earlier = uow.refunds.of_order(order.id)
    uow.refunds.add(refund)
    uow.ledger.post(ledger.refund_requested(order, refund, tickets, earlier=earlier, at=now))
    if tickets:
        void_tickets(order, tickets, cause=refund.id, restock=quote.restock, uow=uow, ids=ids, now=now)
    uow.outbox.add(effects.send_refund(refund, ids=ids, now=now))
    uow.audit.add(
        trail.entry(
            actor, "refund.requested", kind="order", subject=order.id, ids=ids, now=now,
            refund=str(refund.id), amount=refund.amount.amount, reason=reason.value,
        )
    )  # fmt: skip
    return refund


def _paying(order: Order, uow: UnitOfWork) -> Payment | None:
    """The attempt with the order's money, locked."""
    paid = standing(uow.payments.of_order(order.id))
    return uow.payments.get(paid.id, lock=True) if paid else None


def chosen_tickets(tickets: tuple[Ticket, ...], wanted: tuple[TicketId, ...] | None) -> tuple[Ticket, ...] | Rejection:
    """The tickets that were asked for, or every valid one. Each once; all must be of this order."""
    if wanted is None:
        chosen = tuple(ticket for ticket in tickets if ticket.state is TicketState.VALID)
    else:
        chosen = tuple(ticket for ticket in tickets if ticket.id in wanted)
        if len(chosen) != len(set(wanted)):
            return Rejection(
                code=RejectionCode.UNKNOWN_TICKET, message="Some of these tickets are not part of the order."
            )
    if not chosen:
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="There is no ticket left to refund.")
    return chosen


def void_tickets(
    order: Order,
    tickets: tuple[Ticket, ...],
    *,
    cause: UUID,
    restock: bool,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> None:
    """Tickets that nobody has used admit nobody any more; their places go back on sale if ``restock``.

    Inside the caller's transaction, on an order and tickets that it has locked. ``cause`` is the id of what made them
    void (a refund, a dispute): the inventory is told once for each.
    """
    for ticket in tickets:
        voided = ticket.void()
        assert not isinstance(voided, Rejection), "tickets that were used stay used"
        uow.tickets.save(voided)
    if not restock or not tickets:
        return
    event = uow.events.get(order.event_id)
    seat_map = uow.venues.get_map(event.seat_map_id)
    by_id = {tier.id: tier for tier in event.tiers}
    pools: dict[str, int] = {}
    for ticket in tickets:
        tier = by_id[ticket.tier_id]
        zone = seat_map.seats[ticket.seat].zone if ticket.seat is not None else tier.zones[0]
        own = (tier_pool(tier.key),) if tier.capacity is not None else ()
        for pool in (zone_pool(zone), *own):
            pools[pool] = pools.get(pool, 0) + 1
    pools |= order.uses_returned(ticket.line_id for ticket in tickets)
    epoch = uow.stock.epoch(order.event_id)
    uow.stock.release_tickets(tickets)
    seats = tuple(ticket.seat for ticket in tickets if ticket.seat is not None)
    uow.outbox.add(effects.restock(order, cause, pools=pools, seats=seats, epoch=epoch, ids=ids, now=now))
