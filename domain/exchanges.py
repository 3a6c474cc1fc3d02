"""Exchanges: which tickets may be given back for which others, and what that gives back.

An exchange is a purchase that gives older tickets back in the very moment in which it is confirmed. What they give back
is quoted like any refund, as of the time when the new order was placed: a slow payment costs nobody a window.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventState
from domain.orders import Exchange, Order, OrderState
from domain.quotes import Quote, quote
from domain.refund_policies import RefundPolicy, RefundReason
from domain.refunds import Refund
from domain.tickets import Ticket

UNDER_WAY = frozenset({OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW})
"""States of a new order in which its exchange has not ended yet."""


def quote_exchange(
    order: Order,
    tickets: tuple[Ticket, ...],
    *,
    event: Event,
    policy: RefundPolicy,
    refunds: tuple[Refund, ...],
    now: datetime,
) -> Quote | Rejection:
    """What these tickets of ``order`` give back when they are exchanged ``now``, or why they cannot be."""
    if event.state is EventState.CANCELLED:
        return _no("The event is cancelled, and everything that was paid for it comes back by itself.")
    rule = policy.exchange
    if rule is None or now > rule.ends_at(event.starts_at):
        share = policy.share_of(
            tickets[0].tier_id, reason=RefundReason.EXCHANGE, starts_at=event.starts_at, now=now
        )  # fmt: skip
        return _no(share.why)
    offer = quote(
        order, tickets, policy=policy, reason=RefundReason.EXCHANGE, starts_at=event.starts_at, now=now, refunds=refunds
    )
    worth = any(ticket.price.total.amount for ticket in tickets)
    if isinstance(offer, Quote) and worth and not offer.total.amount:
        return _no("Nothing would come back for these tickets.")
    return offer


def target_refusal(old: Event, new: Event, *, policy: RefundPolicy, now: datetime) -> Rejection | None:
    """Why tickets of ``old`` cannot be exchanged for tickets of ``new``, whatever they cost."""
    rule = policy.exchange
    if rule is None:
        return _no("These tickets cannot be exchanged.")
    if new.id == old.id:
        return _no("This is the date that you have tickets for.")
    if new.currency != old.currency:
        return _no("Tickets are exchanged for others in the same currency only.")
    if new.state is not EventState.PUBLISHED or now >= new.starts_at:
        return _no("This date is not on sale.")
    if not rule.anywhere and not _another_date(old, new):
        return _no("These tickets are exchanged for another date of the same event only.")
    return None


def too_few(wanted: Exchange, *, units: int) -> Rejection | None:
    """Why so many new tickets are not enough: an exchange is no way around the rules of refunds."""
    given = len(wanted.tickets)
    if units >= given:
        return None
    return _no(
        f"For {given} tickets that you give back you have chosen {units}. Choose as many new ones, or give back fewer."
    )


def rival(orders: Iterable[Order], wanted: Exchange) -> Order | None:
    """An order that is under way to exchange any of the same tickets."""
    return next(
        (
            other
            for other in orders
            if other.state in UNDER_WAY and other.exchanges and set(other.exchanges.tickets) & set(wanted.tickets)
        ),
        None,
    )


def _another_date(old: Event, new: Event) -> bool:
    """Dates of one event are events of one name in one venue: a house does not have to say more than that."""
    return new.venue_id == old.venue_id and new.name.casefold() == old.name.casefold()


def _no(why: str) -> Rejection:
    return Rejection(code=RejectionCode.NOT_EXCHANGEABLE, message=why)
