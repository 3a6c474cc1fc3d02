"""What buyers are told by e-mail, in words: plain text first, and the same as simple HTML."""

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from domain.events import Event, EventState
from domain.money import in_words
from domain.order_links import LINK_MINUTES
from domain.orders import Order
from domain.ports.mail import SUBJECT_LENGTH_MAX, Letter
from domain.refunds import Refund
from domain.venues import Venue


def order_confirmed(order: Order, event: Event, venue: Venue, *, url: str) -> Letter:
    """The tickets are there, behind the secret link."""
    when = _moment(event.starts_at, venue.timezone)
    return _letter(
        f"Your tickets for {event.name}",
        (
            f"Hello {order.buyer.name},",
            (
                f"{_tickets(order.units)} for {event.name} {'is' if order.units == 1 else 'are'} yours. "
                f"It starts on {when} at {venue.name}, {venue.address}, {venue.city}."
            ),
            f"Order {order.number}, {_paid(order)}.",
            "Keep this link to yourself: whoever has it has your tickets.",
        ),
        link=("Open your tickets", url),
    )


def refund_completed(order: Order, event: Event, refund: Refund, *, url: str) -> Letter:
    """The money left for the card; or, where none was paid, the tickets are over without any."""
    if not refund.amount.amount:
        return _free_tickets_over(order, event, refund, url=url)
    what = f"for {_tickets(len(refund.tickets)).lower()} " if refund.tickets else ""
    return _letter(
        f"Refund for order {order.number}",
        (
            f"Hello {order.buyer.name},",
            (
                f"We sent {in_words(refund.amount)} {what}of {event.name} back to the card that you paid with. "
                "Banks show it within 5 to 10 days."
            ),
        ),
        link=("See your order", url),
    )


def _free_tickets_over(order: Order, event: Event, refund: Refund, *, url: str) -> Letter:
    many = len(refund.tickets)
    off = f"{event.name} is cancelled. " if event.state is EventState.CANCELLED else ""
    are, they = ("is", "It was") if many == 1 else ("are", "They were")
    return _letter(
        f"Your tickets for {event.name} are no longer valid",
        (
            f"Hello {order.buyer.name},",
            f"{off}{_tickets(many)} of order {order.number} {are} no longer valid.",
            f"{they} free of charge, so no money comes back.",
        ),
        link=("See your order", url),
    )


def refund_failed(order: Order, event: Event, refund: Refund, *, url: str) -> Letter:
    """The bank sent it back; a person takes it from here."""
    return _letter(
        f"Your refund for order {order.number} came back to us",
        (
            f"Hello {order.buyer.name},",
            (
                f"We tried to send {in_words(refund.amount)} of {event.name} back to the card that you paid with, and "
                "the bank did not take it. The money is still yours: we are looking for another way. "
                "You do not have to do anything."
            ),
        ),
        link=("See your order", url),
    )


def order_link(order: Order, *, url: str) -> Letter:
    """Somebody asked for a link to this order; it goes to its buyer only."""
    return _letter(
        f"A link to order {order.number}",
        (
            f"Hello {order.buyer.name},",
            f"somebody asked for a link to your order {order.number}. It works once, within {LINK_MINUTES} minutes.",
            "If that was not you, do nothing: nobody else has this link.",
        ),
        link=("Open my order", url),
    )


def link_text(order: Order, *, url: str) -> str:
    """The same link, as a text message."""
    return f"Order {order.number}: this link works once, within {LINK_MINUTES} minutes. {url}"


def _letter(subject: str, paragraphs: tuple[str, ...], *, link: tuple[str, str]) -> Letter:
    title, url = link
    text = "\n\n".join((*paragraphs, f"{title}: {url}")) + "\n"
    said = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"></head><body>'
        f'{said}<p><a href="{escape(url)}">{escape(title)}</a></p></body></html>'
    )
    return Letter(subject=" ".join(subject.split())[:SUBJECT_LENGTH_MAX], text=text, html=html)


def _tickets(count: int) -> str:
    return "One ticket" if count == 1 else f"{count} tickets"


def _paid(order: Order) -> str:
    return "free of charge" if order.free_of_charge else in_words(order.total)


def _moment(at: datetime, timezone: str) -> str:
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M}"
