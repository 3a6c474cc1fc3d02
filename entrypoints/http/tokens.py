"""Bearer tokens: whoever shows one may see and change exactly one hold or one order.

The token is checked before anything is looked up, so a stranger learns nothing about what exists. A browser that
opened an order by its secret link shows the token in a cookie instead (scripts never see it).
"""

from flask import request

from domain.holds import HoldId
from domain.orders import OrderId
from entrypoints.http.problems import Problem
from entrypoints.http.services import current

TOKEN_LENGTH_MAX = 200
_SCHEME = "bearer "


def order_cookie(order_id: OrderId) -> str:
    """The name of the cookie in which a browser keeps this order's token (HttpOnly, SameSite=Lax)."""
    return f"tessera_order_{order_id.hex}"


def require_hold(hold_id: HoldId) -> None:
    """Go on only with this hold's token. Raises Problem 401 (none shown) or 403 (another's)."""
    token = _bearer()
    if token is None:
        raise _missing()
    if not current().access().opens_hold(hold_id, token):
        raise _foreign("reservation")


def require_order(order_id: OrderId) -> None:
    """Go on only with this order's token, as a bearer token or from the order page's cookie."""
    token = _bearer() or request.cookies.get(order_cookie(order_id))
    if token is None:
        raise _missing()
    if not current().access().opens_order(order_id, token):
        raise _foreign("order")


def check_order(order_id: OrderId, token: str) -> None:
    """Go on only if this token, which came in the body, opens the order. Raises Problem 403."""
    if not current().access().opens_order(order_id, token):
        raise _foreign("order")


def shows_any_token() -> bool:
    """Whether the request carries something that could open an order: asked before a ticket is looked up."""
    return _bearer() is not None or any(name.startswith("tessera_order_") for name in request.cookies)


def require_any_token() -> None:
    """Raises Problem 401 when nothing is shown at all."""
    if not shows_any_token():
        raise _missing()


def _bearer() -> str | None:
    header: str = request.environ.get("HTTP_AUTHORIZATION", "")
    if header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    token = header[len(_SCHEME) :].strip()
    return token if 0 < len(token) <= TOKEN_LENGTH_MAX else None


def _missing() -> Problem:
    return Problem(
        401,
        "token_missing",
        "Show the token as `Authorization: Bearer …`.",
        headers={"WWW-Authenticate": 'Bearer realm="tessera"'},
    )


def _foreign(what: str) -> Problem:
    return Problem(
        403,
        "token_invalid",
        f"This token does not open this {what}.",
        headers={"WWW-Authenticate": 'Bearer realm="tessera", error="invalid_token"'},
    )
