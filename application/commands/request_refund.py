"""Give money back for tickets: decided and reserved here, sent by the outbox, completed by the provider's word."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application import effects, telling, trail
from application.transactions import retrying
from domain import bookings
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, Rejection, RejectionCode
from domain.events import Event
from domain.money import Money, in_words
from domain.orders import Order, OrderId
from domain.outgoing_webhooks import HookKind
from domain.payments import Payment, PaymentState, standing
from domain.ports.mail import LetterKind
from domain.ports.outbox import Lane
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.quotes import Quote, quote, quote_money
from domain.refund_policies import RefundReason
from domain.refund_requests import RefundRequest, RefundRequestId, RequestState
from domain.refunds import Refund, RefundBatchId, RefundId, RefundState, tickets_left
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import tier_pool, zone_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund:
    """``tickets`` None means every valid one. ``actor`` is ``buyer`` or a staff member's e-mail.

    ``amount``: money alone, out of goodwill; every ticket stays as it is. ``quote_digest`` names the quote that was
    shown: anything else is refused instead of done.
    """

    order_id: OrderId
    tickets: tuple[TicketId, ...] | None
    reason: RefundReason
    actor: str
    amount: Money | None = None
    quote_digest: str | None = None


def request_refund(
    command: RequestRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Refund | RefundRequest | Rejection:
    """The tickets are void at once and their places return to sale; the money follows. All or none.

    What the policy lets nobody decide alone becomes a request instead, and nothing else happens yet.
    """
    answer = _request(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _request(
    command: RequestRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Refund | RefundRequest | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(command.order_id, lock=True)
        tickets: tuple[Ticket, ...] | Rejection = ()
        if command.amount is None:
            tickets = chosen_tickets(uow.tickets.of_order(order.id, lock=True), command.tickets)
        if isinstance(tickets, Rejection):
            return tickets
        offer = offer_for(order, tickets, command.amount, reason=command.reason, uow=uow, now=now)
        if isinstance(offer, Rejection):
            return offer
        if refusal := _not_as_asked(command, order, tickets, offer, uow=uow):
            return refusal
        answer: Refund | RefundRequest | Rejection
        if offer.needs_approval:
            answer = _ask_for_approval(command, tickets, offer, uow=uow, ids=ids, now=now)
        else:
            answer = begin_refund(
                order, tickets, offer, reason=command.reason, actor=command.actor, uow=uow, ids=ids, now=now
            )
        if isinstance(answer, Rejection):
            return answer
        uow.commit()
    return answer


def offer_for(
    order: Order, tickets: tuple[Ticket, ...], amount: Money | None, *, reason: RefundReason,
    event: Event | None = None, uow: UnitOfWork, now: datetime,
) -> Quote | Rejection:  # fmt: skip
    """What would go back now: these tickets' shares, or ``amount`` alone. Asking and deciding both come here.

    ``event`` is the order's, where the caller has read it in this transaction.
    """
    policy, refunds = uow.orders.policy(order.id), uow.refunds.of_order(order.id)
    if amount is not None:
        return quote_money(order, amount, policy=policy, refunds=refunds)
    starts_at = (event or uow.events.get(order.event_id)).starts_at
    return quote(order, tickets, policy=policy, reason=reason, starts_at=starts_at, now=now, refunds=refunds)


def _not_as_asked(
    command: RequestRefund, order: Order, tickets: tuple[Ticket, ...], offer: Quote, *, uow: UnitOfWork
) -> Rejection | None:
    """Why what would be done is not what was asked for."""
    if uow.refund_requests.waiting_of(order.id) is not None:
        return Rejection(
            code=RejectionCode.AWAITING_APPROVAL,
            message="A refund of this order is waiting for approval. Nothing else goes back until it is decided.",
        )
    if command.quote_digest is not None and command.quote_digest != offer.digest:
        return Rejection(
            code=RejectionCode.QUOTE_CHANGED,
            message=f"What comes back has changed to {in_words(offer.total)}. Look at it again before you decide.",
            details={"total": {"amount": offer.total.amount, "currency": offer.total.currency}},
        )
    if offer.total.amount == 0 and any(ticket.price.total.amount for ticket in tickets):
        why = offer.lines[0].why if offer.lines else "There is nothing to refund."
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message=why)
    return None


def _ask_for_approval(
    command: RequestRefund, tickets: tuple[Ticket, ...], offer: Quote, *, uow: UnitOfWork, ids: Ids, now: datetime
) -> RefundRequest:
    request = RefundRequest(
        id=RefundRequestId(ids.uuid()),
        order_id=command.order_id,
        tickets=tuple(ticket.id for ticket in tickets),
        amount=offer.total,
        reason=command.reason,
        state=RequestState.WAITING,
        requested_by=command.actor,
        requested_at=now,
    )
    uow.refund_requests.add(request)
    uow.audit.add(
        trail.entry(
            command.actor, "refund.awaits_approval", kind="order", subject=command.order_id, ids=ids, now=now,
            request=str(request.id), **trail.amount(request.amount), reason=request.reason.value,
        )
    )  # fmt: skip
    return request


def begin_refund(
    order: Order,
    tickets: tuple[Ticket, ...],
    quote: Quote,
    *,
    reason: RefundReason,
    actor: str,
    payment: Payment | None = None,
    batch_id: RefundBatchId | None = None,
    granted: RefundRequest | None = None,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Refund | Rejection:
    """Do what was quoted, inside the caller's transaction, on an order and tickets that it has locked.

    The tickets are void, their places go back as the quote says, the amount is reserved against ``payment`` (the
    one that bought the order when None) and the outbox sends it. No tickets and a quote without lines: money alone
    goes back. Rejected only where there is no captured payment to give back from. A request that waits for approval
    of the same tickets lapses, unless it is the one that is ``granted`` here.
    """
    _withdraw_requests(order, tickets, granted, uow=uow, ids=ids, now=now)
    if quote.total.amount == 0:
        return _give_back_free(
            order, tickets, quote, reason=reason, actor=actor, batch_id=batch_id, uow=uow, ids=ids, now=now
        )
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
    uow.refunds.add(refund)
    uow.ledger.post(bookings.refund_requested(order, refund, tickets, at=now))
    if tickets:
        void_tickets(order, tickets, cause=refund.id, restock=quote.restock, uow=uow, ids=ids, now=now)
    uow.outbox.add(effects.send_refund(refund, ids=ids, now=now))
    uow.audit.add(
        trail.entry(
            actor, "refund.requested", kind="order", subject=order.id, ids=ids, now=now,
            refund=str(refund.id), **trail.amount(refund.amount), reason=reason.value,
        )
    )  # fmt: skip
    telling.refund_happened(HookKind.REFUND_REQUESTED, refund, event_id=order.event_id, uow=uow, ids=ids, now=now)
    return refund


def _paying(order: Order, uow: UnitOfWork) -> Payment | None:
    """The attempt with the order's money, locked."""
    return standing(uow.payments.of_order(order.id, lock=True))


def _give_back_free(
    order: Order,
    tickets: tuple[Ticket, ...],
    quote: Quote,
    *,
    reason: RefundReason,
    actor: str,
    batch_id: RefundBatchId | None,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Refund:
    """Tickets that nothing was paid for: no money moves, so the refund has succeeded when it is made.

    Whoever gives them back sees so at once; whose tickets a batch ends is written to.
    """
    refund = Refund(
        id=RefundId(ids.uuid()),
        order_id=order.id,
        payment_id=None,
        amount=quote.total,
        reason=reason,
        state=RefundState.SUCCEEDED,
        parts=quote.parts,
        requested_at=now,
        completed_at=now,
        batch_id=batch_id,
    )
    uow.refunds.add(refund)
    void_tickets(order, tickets, cause=refund.id, restock=quote.restock, uow=uow, ids=ids, now=now)
    left = tickets_left(uow.tickets.of_order(order.id), uow.refunds.of_order(order.id))
    after = order.add_refund(quote.total, tickets_left=left, now=now)
    if isinstance(after, Rejection):
        raise InvariantBroken(f"order {order.id} has free tickets to give back, but {after.message}")
    uow.orders.save(after)
    uow.audit.add(
        trail.entry(
            actor, "refund.succeeded", kind="order", subject=order.id, ids=ids, now=now,
            refund=str(refund.id), **trail.amount(refund.amount), reason=reason.value,
        )
    )  # fmt: skip
    done = HookKind.REFUND_COMPLETED
    telling.refund_happened(done, refund, event_id=order.event_id, uow=uow, ids=ids, now=now)
    if batch_id is not None:
        kind = LetterKind.REFUND_COMPLETED
        uow.outbox.add(effects.send_email(kind, order.id, refund.id, ids=ids, now=now, lane=Lane.BULK))
    return refund


def _withdraw_requests(
    order: Order,
    tickets: tuple[Ticket, ...],
    granted: RefundRequest | None,
    *,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> None:
    waiting = uow.refund_requests.waiting_of(order.id)
    if waiting is None or (granted is not None and waiting.id == granted.id):
        return
    if {ticket.id for ticket in tickets} & set(waiting.tickets):
        uow.refund_requests.save(waiting.lapse(because="These tickets were refunded otherwise.", now=now))
        uow.audit.add(
            trail.entry(
                SYSTEM, "refund.request_lapsed", kind="order", subject=order.id, ids=ids, now=now,
                request=str(waiting.id),
            )
        )  # fmt: skip


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
