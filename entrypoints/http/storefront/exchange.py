"""Exchanging tickets for another date: which ones, what comes back, which date; the rest is an ordinary purchase."""

from http import HTTPStatus
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for

from application.queries.exchanges import exchange_dates, exchange_quote
from application.queries.order_details import OrderDetails
from domain.errors import Rejection
from domain.holds import HoldId
from domain.ports.catalogue import EventCard
from domain.quotes import Quote
from domain.tickets import TicketId, TicketState
from entrypoints.http.storefront import exchanging, wording
from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.order import mine
from entrypoints.http.storefront.presenters import order_page as present
from entrypoints.http.storefront.refusals import Notice


def exchange(order_id: UUID) -> Response:
    """``GET /orders/<id>/exchange``: every ticket with what it is worth; with ``ticket=…`` the dates to choose from."""
    return _page(house().order_details(mine(order_id)), said=None, status=HTTPStatus.OK)


def begin_exchange(order_id: UUID) -> Response:
    """``POST /orders/<id>/exchange``: remember what is exchanged, and go on to the page of the chosen date."""
    details = house().order_details(mine(order_id))
    chosen = _chosen(details)
    if not chosen:
        return _page(details, said=_nothing_chosen(), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    date = next((card for card in _dates(details) if str(card.id) == request.form.get("event")), None)
    if date is None or isinstance(_quote(details, chosen), Rejection):
        return _page(details, said=_gone(), status=HTTPStatus.CONFLICT)
    response = make_response(redirect(url_for(".event", event=date.slug), HTTPStatus.SEE_OTHER))
    exchanging.begin(response, details.order.id, chosen, details.tickets, date.id)
    return response


def stop_exchange() -> Response:
    """``POST /exchange/stop``: nothing is exchanged any more, and what is reserved stays so."""
    hold_id = HoldId.parse(request.form.get("hold", ""))
    found = exchanging.read(request.form.get(exchanging.FIELD, ""))
    target = url_for(".programme")
    if hold_id is not None:
        target = url_for(".reservation", hold=str(hold_id))
    elif found is not None:
        target = url_for(".order", order_id=found.wanted.order_id)
    response = make_response(redirect(target, HTTPStatus.SEE_OTHER))
    exchanging.end(response)
    return response


def _page(details: OrderDetails, *, said: Notice | None, status: HTTPStatus) -> Response:
    valid = tuple(ticket for ticket in details.tickets if ticket.state is TicketState.VALID)
    chosen = _chosen(details)
    every = _quote(details, tuple(ticket.id for ticket in valid))
    asked = _quote(details, chosen) if chosen else None
    shown = asked if isinstance(asked, Quote) else every
    dates = _dates(details) if isinstance(shown, Quote) else ()
    if "review" in request.args and not chosen:
        said = _nothing_chosen()
    zone = details.venue.timezone
    response = make_response(
        render_template(
            "storefront/exchange.html",
            order=details.order,
            event=details.event,
            day=wording.day(details.event.starts_at, zone),
            rows=present.quote_rows(shown, valid, timezone=zone) if isinstance(shown, Quote) else (),
            refused=every.message if isinstance(every, Rejection) else None,
            chosen={str(ticket_id) for ticket_id in chosen},
            total=wording.money(asked.total) if isinstance(asked, Quote) and asked.total.amount else None,
            asked=isinstance(asked, Quote),
            count=wording.count(len(chosen), "ticket"),
            dates=[_date(card) for card in dates],
            notice=said,
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _date(card: EventCard) -> dict[str, str | None]:
    return {
        "id": str(card.id),
        "name": card.name,
        "day": wording.day(card.starts_at, card.timezone),
        "starts": wording.clock(card.starts_at, card.timezone),
        "venue": card.venue_name,
        "city": card.city,
        "price": wording.price(card.price_from) if card.price_from else None,
    }


def _quote(details: OrderDetails, tickets: tuple[TicketId, ...]) -> Quote | Rejection:
    with house().unit_of_work() as uow:
        return exchange_quote(details.order.id, tickets, uow=uow, now=house().clock().now())


def _dates(details: OrderDetails) -> tuple[EventCard, ...]:
    with house().unit_of_work() as uow:
        return exchange_dates(details.order.id, listings=house().listings(), uow=uow, now=house().clock().now())


def _chosen(details: OrderDetails) -> tuple[TicketId, ...]:
    """The order's own valid tickets among those that were ticked."""
    ticked = set(request.values.getlist("ticket"))
    return tuple(t.id for t in details.tickets if str(t.id) in ticked and t.state is TicketState.VALID)


def _nothing_chosen() -> Notice:
    return Notice(code="invalid_request", title="Choose at least one ticket.", text="Tick the ones to exchange.")


def _gone() -> Notice:
    return Notice(
        code="not_exchangeable",
        title="This date cannot be chosen any more.",
        text="Nothing has changed: your tickets are as they were. Choose another date below.",
    )
