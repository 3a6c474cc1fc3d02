"""What an order's page says of exchanges: what it exchanges, what it was exchanged for, and whether it can be."""

from collections.abc import Callable
from dataclasses import dataclass

from application.queries.order_details import OrderDetails
from domain.exchanges import UNDER_WAY
from domain.orders import Order, OrderId
from entrypoints.http.storefront import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another order in a sentence. ``link`` only for who has its key."""

    number: str
    link: str | None
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeView:
    """``offered``: its tickets can be exchanged now. ``others``: what to say of orders that belong to it."""

    offered: bool
    others: tuple[Other, ...]


def exchange_view(details: OrderDetails, *, offered: bool, may_open: Callable[[OrderId], bool]) -> ExchangeView:
    """Both orders name each other; whoever was given one of both links sees no more than that."""
    others = [_newer(order, may_open) for order in details.exchanged_by]
    if older := _older(details, may_open):
        others.insert(0, older)
    return ExchangeView(offered=offered, others=tuple(others))


def _older(details: OrderDetails, may_open: Callable[[OrderId], bool]) -> Other | None:
    facts = details.exchanges
    if facts is None:
        return None
    tickets, old = wording.count(facts.tickets, "ticket"), facts.order
    money = wording.money(facts.returned) if facts.returned and facts.returned.amount else None
    if details.order.confirmed_at is not None:
        back = f", which gave back {money}" if money else ""
        return _other(old, may_open, f"Exchanged for {tickets} of order", f"{back}.")
    if details.order.state in UNDER_WAY:
        then = f" Then {money} goes back to your card." if money else ""
        after = f", which {'stays' if facts.tickets == 1 else 'stay'} valid until this order is confirmed.{then}"
        return _other(old, may_open, f"In exchange for {tickets} of order", after)
    return _other(old, may_open, "It was to exchange tickets of order", ", and did not.")


def _newer(order: Order, may_open: Callable[[OrderId], bool]) -> Other:
    assert order.exchanges is not None, "it was found by what it exchanges"
    tickets = wording.count(len(order.exchanges.tickets), "ticket")
    if order.state in UNDER_WAY:
        return _other(
            order, may_open, f"{tickets.capitalize()} of this order will be exchanged when order", "is confirmed."
        )
    return _other(order, may_open, f"{tickets.capitalize()} of this order went in exchange for order", ".")


def _other(order: Order, may_open: Callable[[OrderId], bool], before: str, after: str) -> Other:
    link = f"/orders/{order.id}" if may_open(order.id) else None
    return Other(number=order.number, link=link, before=before, after=after)
