"""What a buyer holds: its page, giving it back, and the way to payment."""

from http import HTTPStatus

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as NoSuchPage

from application.commands.start_checkout import StartCheckout
from domain.errors import ProviderUnavailable, Rejection, RejectionCode
from domain.events import EXTENSIONS_MAX
from domain.holds import ActiveHold, HoldId
from domain.ports.catalogue import EventView
from entrypoints.http import limits
from entrypoints.http.storefront import details_form, exchanging, keys, refusals, wording
from entrypoints.http.storefront.details_form import DetailsForm
from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.presenters.basket import basket
from entrypoints.http.storefront.presenters.event_page import facts
from entrypoints.http.storefront.presenters.more_time import more_time
from entrypoints.http.storefront.refusals import Notice

RETRY_SECONDS = 5


def reservation(hold: str) -> Response:
    """``GET /holds/<hold>``"""
    hold_id = _mine(hold)
    if request.args.get("token"):
        response = make_response(redirect(url_for(".reservation", hold=hold), HTTPStatus.SEE_OTHER))
        keys.remember_hold(response, hold_id, slug=house().listings().event(event=str(hold_id.event_id)).event.slug)
        return response
    return _page(hold_id, DetailsForm(), notice=None)


def release(hold: str) -> Response:
    """``POST /holds/<hold>/release``: give everything back and go on looking."""
    hold_id = _mine(hold)
    house().release_hold(hold_id)
    slug = house().listings().event(event=str(hold_id.event_id)).event.slug
    return make_response(redirect(url_for(".event", event=slug), HTTPStatus.SEE_OTHER))


def extend(hold: str) -> Response:
    """``POST /holds/<hold>/extend``: more time. The form says which extension it asks for, so pressing twice is once.

    The button sends the checkout's fields along, so that nothing that was typed is lost on the way.
    """
    hold_id = _mine(hold)
    view = house().listings().event(event=str(hold_id.event_id))
    outcome = house().extend_hold(hold_id, number=_extension_number(request.form.get("number", "")))
    if isinstance(outcome, Rejection) and outcome.code is RejectionCode.EXTENSIONS_USED_UP:
        notice = _notice(outcome, view)
        return _page(hold_id, details_form.typed(request.form), notice=notice, status=HTTPStatus.CONFLICT)
    # Whatever else was said shows itself: the page of what is still held, of its order, or of its end.
    return _page(hold_id, details_form.typed(request.form), notice=None, extended=isinstance(outcome, ActiveHold))


def checkout(hold: str) -> Response:
    """``POST /holds/<hold>/checkout``: place the order and move on to the provider's page."""
    hold_id = _mine(hold)
    view = house().listings().event(event=str(hold_id.event_id))
    details = details_form.read(request.form, country=view.venue.country)
    if details.buyer is None:
        return _page(hold_id, details, notice=None, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    limits.enforce(limits.CHECKOUTS_PER_HOLD, hold_id)
    # As the form says: a page that promised an exchange does nothing else.
    begun = exchanging.begun(hold_id.event_id) if exchanging.FIELD in request.form else None
    if exchanging.FIELD in request.form and begun is None:
        return _page(hold_id, details, notice=_exchange_forgotten(), status=HTTPStatus.CONFLICT)
    wanted = begun.wanted if begun else None
    try:
        started = house().start_checkout(StartCheckout(hold_id=hold_id, buyer=details.buyer, exchanging=wanted))
    except ProviderUnavailable:
        return _provider_away(hold_id, details)
    if isinstance(started, Rejection):
        notice = _notice(started, view)
        return _page(hold_id, details, notice=notice, status=HTTPStatus.CONFLICT)
    # Another window has placed this order, to exchange something else: its page says what, before anybody pays.
    as_asked = started.order.exchanges == wanted
    target = started.payment.checkout_url if started.payment and as_asked else None
    response = make_response(redirect(target or url_for(".order", order_id=started.order.id), HTTPStatus.SEE_OTHER))
    keys.remember_order(response, started.order.id)
    if begun is not None:
        exchanging.end(response)
    return response


def _exchange_forgotten() -> Notice:
    return Notice(
        code="not_exchangeable",
        title="This browser no longer has the key to your old order.",
        text="Your new tickets are still held and nothing was charged. Open your old order by its link and exchange "
        "again, or continue without.",
    )


def _notice(rejection: Rejection, view: EventView) -> Notice:
    return refusals.notice(rejection, view.seat_map, timezone=view.venue.timezone, now=house().clock().now())


def _page(
    hold_id: HoldId,
    details: DetailsForm,
    *,
    notice: Notice | None,
    status: HTTPStatus = HTTPStatus.OK,
    extended: bool = False,
) -> Response:
    found = house().inventory().find(hold_id=hold_id)
    view = house().listings().event(event=str(hold_id.event_id))
    if not isinstance(found, ActiveHold):
        return _no_longer_held(hold_id, slug=view.event.slug, name=view.event.name, details=details, notice=notice)
    now = house().clock().now()
    response = make_response(
        render_template(
            "storefront/reservation.html",
            hold_id=str(hold_id),
            basket=basket(found.lines, view.seat_map, found.price_terms),
            facts=facts(view),
            details=details,
            notice=notice,
            expires_at=found.expires_at.isoformat(),
            seconds_left=max(0, int((found.expires_at - now).total_seconds())),
            now=now.isoformat(),
            more_time=more_time(found, view),
            exchange=exchanging.standing(exchanging.begun(hold_id.event_id)),
            extended_until=_until(found, view) if extended else None,
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _no_longer_held(hold_id: HoldId, *, slug: str, name: str, details: DetailsForm, notice: Notice | None) -> Response:
    """It became an order, or its time ran out."""
    with house().unit_of_work() as uow:
        order = uow.orders.of_hold(hold_id)
    if order is not None and notice is None:
        response = make_response(redirect(url_for(".order", order_id=order.id), HTTPStatus.SEE_OTHER))
        keys.remember_order(response, order.id)
        return response
    page = render_template("storefront/lapsed.html", slug=slug, name=name, notice=notice, details=details)
    response = make_response(page, HTTPStatus.GONE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _provider_away(hold_id: HoldId, details: DetailsForm) -> Response:
    """Places are kept; only the payment page is missing. Sending the form again is right."""
    with house().unit_of_work() as uow:
        order = uow.orders.of_hold(hold_id)
    if order is None:
        notice = Notice(
            code="provider_unavailable",
            title="The payment page does not answer just now.",
            text="Your tickets are still held and nothing was charged. Please try again in a few seconds.",
        )
        response = _page(hold_id, details, notice=notice, status=HTTPStatus.SERVICE_UNAVAILABLE)
    else:
        response = make_response(redirect(url_for(".order", order_id=order.id, provider="away"), HTTPStatus.SEE_OTHER))
        keys.remember_order(response, order.id)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _until(hold: ActiveHold, view: EventView) -> str:
    zone = view.venue.timezone
    return f"{wording.exact_clock(hold.expires_at, zone)}, {wording.zone_name(hold.expires_at, zone)}"


def _extension_number(text: str) -> int | None:
    """Which extension a form asks for; without a number that can be read, the next one."""
    readable = text.isascii() and text.isdigit() and len(text) <= len(str(EXTENSIONS_MAX))
    return int(text) if readable and 1 <= int(text) <= EXTENSIONS_MAX else None


def _mine(hold: str) -> HoldId:
    """The hold of this address, if the visitor has its key; to others it does not exist."""
    hold_id = HoldId.parse(hold)
    if hold_id is None or not keys.may_see_hold(hold_id):
        raise NoSuchPage
    return hold_id
