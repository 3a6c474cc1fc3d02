"""An order's page from placing to the door: it follows the payment by itself and keeps the tickets."""

from hashlib import sha256
from http import HTTPStatus
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as NoSuchPage

from application.commands.start_checkout import StartCheckout
from domain.errors import ProviderUnavailable, Rejection
from domain.orders import PAID, OrderId
from domain.tickets import TicketState
from entrypoints.http.storefront import assets, calendars, keys, wording
from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.presenters import order_page as present
from entrypoints.http.storefront.presenters.basket import basket
from entrypoints.http.storefront.presenters.programme import category


def order(order_id: UUID) -> Response:
    """``GET /orders/<id>``: a secret link becomes a cookie; coming back from paying asks the provider, once."""
    own = mine(order_id)
    if "returned" in request.args or "session_id" in request.args:
        _settle(own)
    elif "token" not in request.args:
        return _answer(own, "storefront/order.html")
    response = make_response(redirect(url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))
    keys.remember_order(response, own)
    return response


def order_fragment(order_id: UUID) -> Response:
    """``GET /orders/<id>/now``: what changes of the page, for a script that looks again; 304 if nothing did."""
    response = _answer(mine(order_id), "storefront/_order.html")
    response.set_etag(sha256(response.get_data()).hexdigest()[:20])
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)


def pay(order_id: UUID) -> Response:
    """``POST /orders/<id>/pay``: the way to the provider's page, also when it did not answer before."""
    own = mine(order_id)
    placed = house().order_details(own).order
    try:
        started = house().start_checkout(StartCheckout(hold_id=placed.hold_id, buyer=placed.buyer))
    except ProviderUnavailable:
        return make_response(redirect(url_for(".order", order_id=order_id, provider="away"), HTTPStatus.SEE_OTHER))
    target = None if isinstance(started, Rejection) or not started.payment else started.payment.checkout_url
    return make_response(redirect(target or url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))


def cancel(order_id: UUID) -> Response:
    """``POST /orders/<id>/cancel``: the buyer gives up before paying. If it is too late, the page says what is."""
    house().cancel_order(mine(order_id))
    return make_response(redirect(url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))


def calendar(order_id: UUID) -> Response:
    """``GET /orders/<id>/event.ics``"""
    details = house().order_details(mine(order_id))
    if details.order.state not in PAID:
        raise NoSuchPage
    response = Response(calendars.ics(details, house().settings().public_url), mimetype="text/calendar")
    response.headers["Content-Disposition"] = f'attachment; filename="{details.event.slug}.ics"'
    return response


def _answer(order_id: OrderId, template: str) -> Response:
    details = house().order_details(order_id)
    placed, event, venue, payment = details.order, details.event, details.venue, details.payment
    stage = present.stage(placed, payment)
    now = house().clock().now()
    response = make_response(
        render_template(
            template,
            order=placed,
            event=event,
            venue=venue,
            stage=stage,
            telling=present.telling(placed, payment, event=event, venue=venue),
            waiting=present.waiting(placed, payment, details.refunds),
            basket=basket(placed.lines, details.seat_map),
            tickets=tuple(present.ticket_card(ticket) for ticket in details.tickets),
            refunds=tuple(present.refund_row(refund, timezone=venue.timezone) for refund in details.refunds),
            refundable=placed.state in PAID and any(t.state is TicketState.VALID for t in details.tickets),
            refunded=wording.money(placed.refunded) if placed.refunded.amount else None,
            day=wording.day(event.starts_at, venue.timezone),
            doors=wording.clock(event.doors_at, venue.timezone),
            starts=wording.clock(event.starts_at, venue.timezone),
            zone_name=wording.zone_name(event.starts_at, venue.timezone),
            placed_at=wording.day_and_clock(placed.placed_at, venue.timezone),
            category=category(event.category),
            artwork=assets.artwork(event.artwork),
            calendar_link=calendars.web_link(details),
            deadline=placed.deadline_at.isoformat(),
            seconds_left=max(0, int((placed.deadline_at - now).total_seconds())),
            card=payment.card if payment else None,
            provider_away=request.args.get("provider") == "away",
        )
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _settle(order_id: OrderId) -> None:
    """Ask the provider now rather than wait for its webhook. If it is away, the page waits and says so."""
    try:
        house().settle_payment(order_id)
    except ProviderUnavailable:
        return


def mine(order_id: UUID) -> OrderId:
    """The order of this address, if the visitor has its key; to others it does not exist."""
    found = OrderId(order_id)
    if not keys.may_see_order(found):
        raise NoSuchPage
    return found
