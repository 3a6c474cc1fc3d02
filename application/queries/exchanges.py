"""What an exchange would give back now, and for which dates."""

from dataclasses import replace
from datetime import datetime

from application.commands.request_refund import chosen_tickets
from application.exchanging import exchange_offer
from domain.errors import Rejection
from domain.exchanges import target_refusal
from domain.orders import OrderId
from domain.ports.catalogue import PAGE_LIMIT_MAX, EventCard, EventFilter, Listings
from domain.ports.unit_of_work import UnitOfWork
from domain.quotes import Quote
from domain.tickets import TicketId

DATES_MAX = 24
"""Dates on a page. A house that plays more often shows the soonest."""
PAGES_MAX = 5
"""Pages of the programme that are looked through for them."""


def exchange_quote(
    order_id: OrderId, tickets: tuple[TicketId, ...] | None, *, uow: UnitOfWork, now: datetime
) -> Quote | Rejection:
    """What these tickets would give back if an order that exchanges them were placed now; None: all that are valid.

    The same function decides. Raises NotFound.
    """
    chosen = chosen_tickets(uow.tickets.of_order(order_id), tickets)
    if isinstance(chosen, Rejection):
        return chosen
    return exchange_offer(uow.orders.get(order_id), chosen, uow=uow, now=now)


def exchange_dates(
    order_id: OrderId, *, listings: Listings, uow: UnitOfWork, now: datetime
) -> tuple[EventCard, ...]:  # fmt: skip
    """Events on sale now that tickets of this order may be exchanged for, the soonest first. Raises NotFound."""
    event, policy = uow.events.get(uow.orders.get(order_id).event_id), uow.orders.policy(order_id)
    if policy.exchange is None:
        return ()
    venue = None if policy.exchange.anywhere else uow.venues.get(event.venue_id).slug
    wanted = EventFilter(venue=venue, starts_from=now, limit=PAGE_LIMIT_MAX)
    found: list[EventCard] = []
    for _ in range(PAGES_MAX):
        page = listings.events(wanted=wanted)
        open_now = [card for card in page.items if card.sale_opens_at <= now < card.sale_closes_at]
        names = event.name.casefold()
        likely = [card for card in open_now if venue is None or card.name.casefold() == names]
        found += [
            card
            for card in likely
            if target_refusal(event, uow.events.get(card.id), policy=policy, now=now) is None
        ]  # fmt: skip
        if page.next_cursor is None or len(found) >= DATES_MAX:
            break
        wanted = replace(wanted, cursor=page.next_cursor)
    return tuple(found[:DATES_MAX])
