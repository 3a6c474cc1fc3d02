"""An order's page from placing to the door: it follows the payment by itself and keeps the tickets."""

from contextlib import suppress
from http import HTTPStatus
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as NoSuchPage

from application.commands.start_checkout import StartCheckout
from application.queries.exchanges import exchange_quote
from application.queries.order_details import OrderDetails
from domain.errors import ProviderUnavailable, Rejection
from domain.orders import PAID, OrderId
from domain.quotes import Quote
from entrypoints.http import limits
from entrypoints.http.storefront import calendars, keys
from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.presenters import order_page as present
from entrypoints.http.storefront.presenters.basket import basket
from entrypoints.http.storefront.presenters.exchanges import ExchangeView, exchange_view


def order(order_id: UUID) -> Response:
    """``GET /orders/<id>``: a secret link becomes a cookie; coming back from paying asks the provider, once."""
    own = mine(order_id)
    if "returned" in request.args or "session_id" in request.args:
        _settle(own)
    elif "token" not in request.args:
        return _page(own)
    response = make_response(redirect(url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))
    keys.remember_order(response, own)
    return response


def order_fragment(order_id: UUID) -> Response:
    """``GET /orders/<id>/now``: what changes of the page, for a script that looks again; 304 if nothing did."""
    details = house().order_details(mine(order_id))
    response = Response()
    response.set_etag(present.facts_tag(details))
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    if response.status_code == HTTPStatus.OK:
        response.set_data(render_template("storefront/_order.html", **_context(details)))
    return response


def pay(order_id: UUID) -> Response:
    """``POST /orders/<id>/pay``: the way to the provider's page, also when it did not answer before."""
    own = mine(order_id)
    placed = house().order_details(own).order
    limits.enforce(limits.CHECKOUTS_PER_HOLD, placed.hold_id)
    try:
        started = house().start_checkout(StartCheckout(hold_id=placed.hold_id, buyer=placed.buyer))
    except ProviderUnavailable:
        return make_response(redirect(url_for(".order", order_id=order_id, provider="away"), HTTPStatus.SEE_OTHER))
    target = None if isinstance(started, Rejection) or not started.payment else started.payment.checkout_url
    return make_response(redirect(target or url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))


def cancel(order_id: UUID) -> Response:
    """``POST /orders/<id>/cancel``: the buyer gives up before paying. If it is too late, the page says what is."""
    own = mine(order_id)
    # With the provider away nobody knows yet who won; the order is being released, and its page says so.
    with suppress(ProviderUnavailable):
        house().cancel_order(own)
    return make_response(redirect(url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))


def calendar(order_id: UUID) -> Response:
    """``GET /orders/<id>/event.ics``"""
    details = house().order_details(mine(order_id))
    if details.order.state not in PAID:
        raise NoSuchPage
    response = Response(calendars.ics(details, house().settings().public_url), mimetype="text/calendar")
    response.headers["Content-Disposition"] = f'attachment; filename="{details.event.slug}.ics"'
    return response


def _page(order_id: OrderId) -> Response:
    details = house().order_details(order_id)
    now = house().clock().now().isoformat()
    response = make_response(render_template("storefront/order.html", **_context(details), now=now))
    response.headers["Cache-Control"] = "no-store"
    return response


def _context(details: OrderDetails) -> dict[str, object]:
    return {
        "view": present.view(details, calendar_link=calendars.web_link(details)),
        "order": details.order,
        "event": details.event,
        "venue": details.venue,
        "basket": basket(details.order.lines, details.seat_map, details.order.price_terms),
        "exchange": _exchange(details),
        "provider_away": request.args.get("provider") == "away",
    }


def _exchange(details: OrderDetails) -> ExchangeView:
    now = house().clock().now()
    with house().unit_of_work() as uow:
        offered = present.refundable(details) and isinstance(
            exchange_quote(details.order.id, None, uow=uow, now=now), Quote
        )
    return exchange_view(details, offered=offered, may_open=keys.may_see_order)


def _settle(order_id: OrderId) -> None:
    """Ask the provider now rather than wait for its webhook. If it is away, the page waits and says so.

    Who reloads without end is not asked for again: webhook and poller find out as well.
    """
    if limits.wait_seconds_for(limits.LOOKS_PER_ORDER, order_id):
        return
    with suppress(ProviderUnavailable):
        house().settle_payment(order_id)


def mine(order_id: UUID) -> OrderId:
    """The order of this address, if the visitor has its key; to others it does not exist."""
    found = OrderId(order_id)
    if not keys.may_see_order(found):
        raise NoSuchPage
    return found
