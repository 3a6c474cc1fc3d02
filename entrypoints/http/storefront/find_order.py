"""Finding an order again: its number and an address or telephone lead to a link that its buyer is sent.

What is said never tells whether there is such an order, and a link is spent by a press of a button, not by being
looked at: mail programs and virus scanners look at every link.
"""

from hashlib import sha256
from http import HTTPStatus
from math import ceil
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for

from application.commands.order_links import SendOrderLink
from domain.order_links import LINK_MINUTES, OrderLinkId
from domain.orders import EMAIL_LENGTH_MAX
from entrypoints.http import limits
from entrypoints.http.identity import buyer
from entrypoints.http.storefront import keys
from entrypoints.http.storefront.house import house

NUMBER_LENGTH_MAX = 20


def find_order() -> Response:
    """``GET /find-order``"""
    return _page(number=_typed(request.args.get("number", ""), NUMBER_LENGTH_MAX))


def send_link() -> Response:
    """``POST /find-order``: the same answer whatever was typed."""
    number = _typed(request.form.get("number", ""), NUMBER_LENGTH_MAX)
    contact = _typed(request.form.get("contact", ""), EMAIL_LENGTH_MAX)
    if not number or not contact:
        return _page(number=number, contact=contact, missing=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if wait_seconds := _wait_seconds(number, contact):
        page = _page(number=number, contact=contact, wait_seconds=wait_seconds, status=HTTPStatus.TOO_MANY_REQUESTS)
        page.headers["Retry-After"] = str(wait_seconds)
        return page
    house().send_order_link(SendOrderLink(number=number, contact=contact))
    return _page(sent=True)


def link(link_id: UUID) -> Response:
    """``GET /find-order/<link>``: a button, so that only a person spends the link."""
    own, token = OrderLinkId(link_id), request.args.get("token", "")
    if not (house().access().opens_link(own, token) and house().order_link_is_good(own)):
        return _over()
    return _sealed(render_template("storefront/order_link.html", link_id=link_id, token=token), HTTPStatus.OK)


def open_link(link_id: UUID) -> Response:
    """``POST /find-order/<link>``: spends it, and gives this browser the order's key."""
    own = OrderLinkId(link_id)
    order_id = house().use_order_link(own) if house().access().opens_link(own, request.form.get("token", "")) else None
    if order_id is None:
        return _over()
    response = make_response(redirect(url_for(".order", order_id=order_id), HTTPStatus.SEE_OTHER))
    keys.remember_order(response, order_id)
    return response


def _wait_seconds(number: str, contact: str) -> int:
    """Count one try, whoever makes it: 0 when it may be made, else in how many seconds to come back."""
    counted = (
        (limits.LINKS_PER_ORDER, _digest(number.upper())),
        (limits.LINKS_PER_CONTACT, _digest(contact.lower())),
        (limits.LINKS_PER_ADDRESS, buyer().address),
    )
    return next((wait for limit, subject in counted if (wait := limits.wait_seconds_for(limit, subject))), 0)


def _page(
    *,
    number: str = "",
    contact: str = "",
    missing: bool = False,
    sent: bool = False,
    over: bool = False,
    wait_seconds: int = 0,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    page = render_template(
        "storefront/find_order.html",
        number=number,
        contact=contact,
        missing=missing,
        sent=sent,
        over=over,
        wait_minutes=ceil(wait_seconds / 60),
        minutes=LINK_MINUTES,
    )
    return _sealed(page, status)


def _over() -> Response:
    """Unknown, spent, too old and forged look alike."""
    return _page(over=True, status=HTTPStatus.GONE)


def _sealed(page: str, status: HTTPStatus) -> Response:
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    # The address of this page is a key while it lasts: it is told to nobody.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _typed(text: str, at_most: int) -> str:
    return text.replace("\x00", "").strip()[:at_most]


def _digest(text: str) -> str:
    """What somebody typed is counted without being kept."""
    return sha256(text.encode()).hexdigest()[:24]
