"""Give older tickets back for a new order: asked before anything is paid, and done in the moment of confirmation.

Rows are locked from the newer order to the older one, everywhere, and each order before its payments: two exchanges
never wait for each other. Callers have locked the new order, or are about to add it.
"""

from datetime import datetime

from application import trail
from application.commands.request_refund import begin_refund, chosen_tickets
from domain.audit import BUYER
from domain.errors import InvariantBroken, Rejection, RejectionCode
from domain.events import EventId
from domain.exchanges import quote_exchange, rival, target_refusal, too_few
from domain.orders import Exchange, Order
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids
from domain.quotes import Quote
from domain.refund_policies import RefundReason
from domain.tickets import Ticket


def refuse_exchange(
    wanted: Exchange, *, into: EventId, units: int, uow: UnitOfWork, now: datetime
) -> Rejection | None:  # fmt: skip
    """Why no order of so many units may be placed to exchange these tickets. Locks the old order: of two rivals one is
    placed.
    """
    old, tickets = _lock(wanted, uow)
    if isinstance(tickets, Rejection):
        return tickets
    if other := rival(uow.orders.exchanging(old.id), wanted):
        return Rejection(
            code=RejectionCode.EXCHANGE_UNDER_WAY,
            message=f"Order {other.number} is exchanging these tickets already. Finish it or cancel it first.",
            details={"order": str(other.id)},
        )
    if refusal := too_few(wanted, units=units):
        return refusal
    event = uow.events.get(old.event_id)
    policy = uow.orders.policy(old.id)
    if refusal := target_refusal(event, uow.events.get(into), policy=policy, now=now):
        return refusal
    offer = exchange_offer(old, tickets, uow=uow, now=now)
    return offer if isinstance(offer, Rejection) else None


def exchange_offer(order: Order, tickets: tuple[Ticket, ...], *, uow: UnitOfWork, now: datetime) -> Quote | Rejection:
    """What these tickets give back in an exchange. Pages, placing, payment and confirmation all ask here."""
    if uow.refund_requests.waiting_of(order.id) is not None:
        return Rejection(
            code=RejectionCode.AWAITING_APPROVAL,
            message="A refund of this order is waiting for approval. Nothing else goes back until it is decided.",
        )
    return quote_exchange(
        order,
        tickets,
        event=uow.events.get(order.event_id),
        policy=uow.orders.policy(order.id),
        refunds=uow.refunds.of_order(order.id),
        now=now,
    )


def exchange_lost(order: Order, *, uow: UnitOfWork) -> str | None:
    """Why the old tickets cannot be given back any more, so that nothing may be bought with them. None: they can.

    The time that counts is when the order was placed: a slow payment costs nobody an exchange.
    """
    if order.exchanges is None:
        return None
    old, tickets = _lock(order.exchanges, uow)
    offer = tickets if isinstance(tickets, Rejection) else exchange_offer(old, tickets, uow=uow, now=order.placed_at)
    if not isinstance(offer, Rejection):
        return None
    return f"the tickets of order {old.number} cannot be exchanged any more: {_lowered(offer.message)}"


def complete_exchange(order: Order, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """The new tickets exist, so the old ones end and their money goes back. In the same transaction, or not at all.

    Raises InvariantBroken when they cannot be given back, which was asked on locked rows before.
    """
    if order.exchanges is None:
        return
    old, tickets = _lock(order.exchanges, uow)
    offer = tickets if isinstance(tickets, Rejection) else exchange_offer(old, tickets, uow=uow, now=order.placed_at)
    if isinstance(offer, Rejection) or isinstance(tickets, Rejection):
        raise InvariantBroken(f"order {order.id} cannot exchange tickets of order {old.id} any more")
    begun = begin_refund(old, tickets, offer, reason=RefundReason.EXCHANGE, actor=BUYER, uow=uow, ids=ids, now=now)
    if isinstance(begun, Rejection):
        raise InvariantBroken(f"order {order.id} cannot exchange tickets of order {old.id}: {begun.message}")
    uow.audit.add(
        trail.entry(
            BUYER, "order.exchanged", kind="order", subject=old.id, ids=ids, now=now,
            into=str(order.id), tickets=len(tickets), refund=str(begun.id),
        )
    )  # fmt: skip


def _lock(wanted: Exchange, uow: UnitOfWork) -> tuple[Order, tuple[Ticket, ...] | Rejection]:
    old = uow.orders.get(wanted.order_id, lock=True)
    return old, chosen_tickets(uow.tickets.of_order(old.id, lock=True), wanted.tickets)


def _lowered(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:].rstrip('.')}"
