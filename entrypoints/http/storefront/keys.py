"""Keys to holds and orders, kept by the browser in cookies that no script can read.

A link with ``?token=`` is turned into such a cookie, and the token disappears from the address bar. A hold's key is
sent only to the pages of the hold and of its event; an order's key also opens its tickets as PDF and SVG in the API.
"""

from flask import Response, request

from domain.events import EventId
from domain.holds import HoldId
from domain.orders import OrderId
from entrypoints.http import tokens
from entrypoints.http.storefront.house import house

HOLD_COOKIE = "tessera_hold"
HOLD_COOKIE_SECONDS = 4 * 3_600
ORDER_COOKIE_SECONDS = 90 * 86_400
_SEPARATOR = "."


def may_see_hold(hold_id: HoldId) -> bool:
    """Whether this browser, or the link it followed, has the key."""
    access = house().access()
    return any(access.opens_hold(hold_id, token) for token in _shown(HOLD_COOKIE))


def may_see_order(order_id: OrderId) -> bool:
    """Whether this browser, or the link it followed, has the key."""
    access = house().access()
    return any(access.opens_order(order_id, token) for token in _shown(tokens.order_cookie(order_id)))


def remember_hold(response: Response, hold_id: HoldId, *, slug: str) -> None:
    """Give the key to the reservation's page, and to its event's page, which then offers the way back."""
    token = house().access().for_hold(hold_id)
    _set(response, HOLD_COOKIE, token, path=f"/holds/{hold_id}", seconds=HOLD_COOKIE_SECONDS)
    both = f"{hold_id}{_SEPARATOR}{token}"
    _set(response, HOLD_COOKIE, both, path=f"/events/{slug}", seconds=HOLD_COOKIE_SECONDS)


def hold_of_event(event_id: EventId) -> HoldId | None:
    """The newest hold this browser made for the event, if it has the key. Whether it lasts is not known here."""
    text, _, token = request.cookies.get(HOLD_COOKIE, "").partition(_SEPARATOR)
    hold_id = HoldId.parse(text)
    if hold_id is None or hold_id.event_id != event_id or not house().access().opens_hold(hold_id, token):
        return None
    return hold_id


def remember_order(response: Response, order_id: OrderId) -> None:
    """Give the key to everything of this order."""
    token = house().access().for_order(order_id)
    _set(response, tokens.order_cookie(order_id), token, path="/", seconds=ORDER_COOKIE_SECONDS)


def remember(response: Response, name: str, value: str, *, seconds: int) -> None:
    """Something that is no key, for every page of the shop."""
    _set(response, name, value, path="/", seconds=seconds)


def _shown(cookie: str) -> tuple[str, ...]:
    return tuple(token for token in (request.args.get("token"), request.cookies.get(cookie)) if token)


def _set(response: Response, name: str, value: str, *, path: str, seconds: int) -> None:
    secure = house().settings().public_url.startswith("https://")
    response.set_cookie(name, value, path=path, max_age=seconds, httponly=True, samesite="Lax", secure=secure)
