"""An exchange that a visitor has begun, remembered by the browser until the new order is placed.

The cookie names the old order, which of its tickets, and the date that was chosen. It proves nothing: the old order's
own key must be there as well, and placing the new order asks everything again. The form that buys carries the same
words, so that what its page said is what is done, even if the cookie is gone by then.
"""

from dataclasses import dataclass
from uuid import UUID

from flask import Response, request

from application.queries.exchanges import exchange_quote
from domain.errors import NotFound, Rejection
from domain.events import EventId
from domain.orders import Exchange, OrderId
from domain.tickets import Ticket, TicketId
from entrypoints.http.storefront import keys, wording
from entrypoints.http.storefront.house import house

COOKIE = "tessera_exchange"
COOKIE_SECONDS = 2 * 3_600
FIELD = "exchange"
"""The form field with the same words."""
TEXT_LENGTH_MAX = 200
_SEPARATOR = "."
_HEXADECIMAL = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What is exchanged for tickets of which event; ``text`` says it in a cookie or a form."""

    wanted: Exchange
    event_id: EventId
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What to say of it while the new tickets are chosen. ``refused``: why it would not work now."""

    text: str
    order_id: str
    number: str
    tickets: str
    event: str
    day: str
    returned: str | None
    refused: str | None


def begin(
    response: Response, order_id: OrderId, chosen: tuple[TicketId, ...], every: tuple[Ticket, ...], event_id: EventId
) -> None:
    """Remember it. ``every`` ticket of the order, in order: a few characters name any number of them."""
    marks = sum(1 << position for position, ticket in enumerate(every) if ticket.id in chosen)
    text = _SEPARATOR.join((order_id.hex, f"{marks:x}", event_id.hex))
    keys.remember(response, COOKIE, text, seconds=COOKIE_SECONDS)


def end(response: Response) -> None:
    """It is done, or given up."""
    response.delete_cookie(COOKIE, path="/")


def begun(event_id: EventId) -> Begun | None:
    """What this browser exchanges for tickets of this event: as the form says, else as it remembers."""
    found = read(request.form.get(FIELD) or request.cookies.get(COOKIE, ""))
    return found if found and found.event_id == event_id else None


def read(text: str) -> Begun | None:
    """None for words that say nothing, and for an order that this browser has no key to."""
    try:
        order, marks, event = text[:TEXT_LENGTH_MAX].split(_SEPARATOR)
        order_id, marked, event_id = OrderId(UUID(order)), int(marks, _HEXADECIMAL), EventId(UUID(event))
    except ValueError:
        return None
    if not keys.may_see_order(order_id):
        return None
    with house().unit_of_work() as uow:
        tickets = tuple(ticket.id for ticket in uow.tickets.of_order(order_id))
    chosen = tuple(ticket for position, ticket in enumerate(tickets) if marked >> position & 1)
    if marked < 1 or not chosen:
        return None
    return Begun(wanted=Exchange(order_id=order_id, tickets=chosen), event_id=event_id, text=text)


def standing(found: Begun | None) -> Standing | None:
    """For a page. None where nothing is exchanged, or the old order is gone."""
    if found is None:
        return None
    with house().unit_of_work() as uow:
        try:
            old = uow.orders.get(found.wanted.order_id)
        except NotFound:
            return None
        event = uow.events.get(old.event_id)
        venue = uow.venues.get(event.venue_id)
        offer = exchange_quote(old.id, found.wanted.tickets, uow=uow, now=house().clock().now())
    refused = offer.message if isinstance(offer, Rejection) else None
    return Standing(
        text=found.text,
        order_id=str(old.id),
        number=old.number,
        tickets=wording.count(len(found.wanted.tickets), "ticket"),
        event=event.name,
        day=wording.day(event.starts_at, venue.timezone),
        returned=None if isinstance(offer, Rejection) or not offer.total.amount else wording.money(offer.total),
        refused=refused,
    )
