"""Every way this room says no, as RFC 9457 problems: one table from codes and exceptions to HTTP.

A client branches on ``code``; ``detail`` is for people; ``instance`` is the request id, to be quoted to support.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from math import ceil
from typing import cast

import orjson
import structlog
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from domain.errors import (
    InvariantBroken,
    InventoryUnavailable,
    NotFound,
    ProviderRefused,
    ProviderUnavailable,
    Rejection,
    RejectionCode,
    StockConflict,
    TesseraError,
    Unavailable,
)
from domain.ports.payments import SignatureInvalid
from entrypoints.http.answer import Answer, to_response, whole
from entrypoints.http.front import REQUEST_ID

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger("http")

PAGE_RENDERER = "tessera.problem_page"
"""Key in ``app.extensions`` of a ``Callable[[Problem], Response]`` that answers people's browsers with a page."""

_PROGRAM_PATHS = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/openapi.json")

STATUS_OF_REJECTION: Mapping[RejectionCode, HTTPStatus] = {
    RejectionCode.ACCESS_CODE_REQUIRED: HTTPStatus.FORBIDDEN,
    RejectionCode.ALREADY_REFUNDED: HTTPStatus.CONFLICT,
    RejectionCode.AMOUNT_TOO_LARGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.AMOUNT_TOO_SMALL: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.AWAITING_APPROVAL: HTTPStatus.CONFLICT,
    RejectionCode.BLOCKED: HTTPStatus.FORBIDDEN,
    RejectionCode.CHECKOUT_IN_PROGRESS: HTTPStatus.CONFLICT,
    RejectionCode.CODE_NOT_APPLICABLE: HTTPStatus.CONFLICT,
    RejectionCode.CODE_REFUSED: HTTPStatus.FORBIDDEN,
    RejectionCode.CODE_USED_UP: HTTPStatus.CONFLICT,
    RejectionCode.COOLING_DOWN: HTTPStatus.TOO_MANY_REQUESTS,
    RejectionCode.EMAIL_TAKEN: HTTPStatus.CONFLICT,
    RejectionCode.EVENT_CANCELLED: HTTPStatus.CONFLICT,
    RejectionCode.EXCHANGE_UNDER_WAY: HTTPStatus.CONFLICT,
    RejectionCode.EXTENSIONS_USED_UP: HTTPStatus.CONFLICT,
    RejectionCode.FROZEN: HTTPStatus.CONFLICT,
    RejectionCode.HOLD_LAPSED: HTTPStatus.CONFLICT,
    RejectionCode.IDEMPOTENCY_MISMATCH: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.INVALID_BUYER: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.INVALID_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.LIMIT_REACHED: HTTPStatus.CONFLICT,
    RejectionCode.NEEDS_SECOND_PERSON: HTTPStatus.FORBIDDEN,
    RejectionCode.NOT_ADMITTED: HTTPStatus.FORBIDDEN,
    RejectionCode.NOT_EXCHANGEABLE: HTTPStatus.CONFLICT,
    RejectionCode.NOT_ON_SALE: HTTPStatus.FORBIDDEN,
    RejectionCode.NOT_REFUNDABLE: HTTPStatus.CONFLICT,
    RejectionCode.PAYMENT_REFUSED: HTTPStatus.PAYMENT_REQUIRED,
    RejectionCode.QUOTE_CHANGED: HTTPStatus.CONFLICT,
    RejectionCode.SALE_ENDED: HTTPStatus.FORBIDDEN,
    RejectionCode.SALE_NOT_STARTED: HTTPStatus.FORBIDDEN,
    RejectionCode.SEATS_RESERVED: HTTPStatus.CONFLICT,
    RejectionCode.SEATS_TAKEN: HTTPStatus.CONFLICT,
    RejectionCode.SEAT_STRANDED: HTTPStatus.CONFLICT,
    RejectionCode.SOLD_OUT: HTTPStatus.CONFLICT,
    RejectionCode.TOO_MANY_CODES: HTTPStatus.TOO_MANY_REQUESTS,
    RejectionCode.TOO_MANY_HOLDS: HTTPStatus.CONFLICT,
    RejectionCode.UNKNOWN_SEAT: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.UNKNOWN_TICKET: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.UNKNOWN_TIER: HTTPStatus.UNPROCESSABLE_ENTITY,
    RejectionCode.WRONG_STATE: HTTPStatus.CONFLICT,
}

FIELD_OF_REJECTION: Mapping[RejectionCode, str] = {
    RejectionCode.AMOUNT_TOO_LARGE: "items",
    RejectionCode.AMOUNT_TOO_SMALL: "items",
    RejectionCode.IDEMPOTENCY_MISMATCH: "Idempotency-Key",
    RejectionCode.INVALID_BUYER: "buyer",
    RejectionCode.INVALID_REQUEST: "items",
    RejectionCode.UNKNOWN_SEAT: "items.seats",
    RejectionCode.UNKNOWN_TICKET: "tickets",
    RejectionCode.UNKNOWN_TIER: "items.tier",
}
"""Which part of a request a 422 from the core is about, when its details do not say so themselves."""

CODE_OF_STATUS: Mapping[int, str] = {
    400: "bad_request",
    401: "token_missing",
    403: "token_invalid",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    410: "gone",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    503: "unavailable",
}


_SENTENCES: Mapping[str, str] = {
    "bad_request": "The request is broken.",
    "body_too_large": "The body is longer than is accepted here.",
    "internal_error": "Something went wrong on our side. It has been recorded.",
    "method_not_allowed": "This address does not take that method.",
    "not_found": "There is nothing at this address.",
}
"""In place of the framework's own words."""


class Problem(Exception):
    """An answer that is a refusal: raise it from anywhere below a view, or hand it to :func:`respond`."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = int(status)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.details = dict(details or {})

    @property
    def title(self) -> str:
        """The code in words."""
        return self.code.replace("_", " ").capitalize()

    def as_json(self, *, public_url: str, instance: str) -> dict[str, object]:
        """RFC 9457's members, which no detail can replace."""
        body: dict[str, object] = {
            **self.details,
            "type": f"{public_url}/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": instance,
        }
        if self.errors:
            body["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return body


def invalid(errors: Iterable[tuple[str, str]]) -> Problem:
    """A request that breaks its own schema, naming every field that is wrong."""
    found = tuple(errors)
    named = ", ".join(sorted({field for field, _ in found})[:5])
    return Problem(422, CODE_OF_STATUS[422], f"Please correct: {named}.", errors=found)


def refused(rejection: Rejection, *, now: datetime | None = None) -> Problem:
    """A rule of the core said no. ``now`` turns the moment until which somebody must wait into seconds."""
    status = STATUS_OF_REJECTION[rejection.code]
    field = rejection.details.get("field") or FIELD_OF_REJECTION.get(rejection.code)
    errors = ((str(field), rejection.message),) if status is HTTPStatus.UNPROCESSABLE_ENTITY and field else ()
    until = rejection.details.get("until")
    headers = {"Retry-After": str(_seconds_until(str(until), now))} if until and now else {}
    if status is HTTPStatus.TOO_MANY_REQUESTS and "wait_seconds" in rejection.details:
        headers = {"Retry-After": str(rejection.details["wait_seconds"])}
    return Problem(
        status, rejection.code.value, rejection.message, errors=errors, headers=headers, details=rejection.details
    )


def of_any(error: Exception) -> Problem:
    """What to say about an exception, expected or not. Those that are our own fault, or a server's, are logged."""
    if isinstance(error, Problem):
        return error
    if not isinstance(error, TesseraError):
        log.error("request_crashed", error=type(error).__name__, exc_info=error)
        return _broken()
    problem = of_exception(error)
    if isinstance(error, Unavailable):
        log.warning("request_turned_away", error=type(error).__name__, why=str(error))
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", error=type(error).__name__, why=str(error), exc_info=error)
    return problem


def of_exception(error: TesseraError) -> Problem:
    """Something was missing, broken or away."""
    match error:
        case NotFound():
            return Problem(404, "not_found", str(error))
        case SignatureInvalid():
            return Problem(400, "signature_invalid", "The signature does not belong to this request.")
        case InventoryUnavailable():
            # Whether something was taken is not known: the answer may have been lost on its way.
            text = "Tickets cannot be reserved right now. Please try again; the same Idempotency-Key finds the hold."
            return _away("inventory_unavailable", text, seconds=2)
        case ProviderUnavailable():
            text = "The payment service does not answer. Your tickets are kept; please try again."
            return _away("provider_unavailable", text, seconds=5)
        case Unavailable():
            return _away("store_unavailable", "The shop is busy. Please try again in a moment.", seconds=2)
        case ProviderRefused():
            return Problem(402, RejectionCode.PAYMENT_REFUSED.value, str(error), details={"reason": error.code})
        case StockConflict():
            return Problem(409, RejectionCode.SOLD_OUT.value, "These tickets are gone. Please choose others.")
        case InvariantBroken() | _:
            return _broken()


def request_id() -> str:
    """The id of the current request, to be quoted to support."""
    return str(request.environ.get(REQUEST_ID, ""))


def answer_to(problem: Problem, *, public_url: str, instance: str) -> Answer:
    """The problem as JSON for programs."""
    body = orjson.dumps(problem.as_json(public_url=public_url, instance=instance), default=str)
    headers = (("Cache-Control", "no-store"), *problem.headers.items())
    return whole(problem.status, body, *headers, content_type=MEDIA_TYPE)


def respond(problem: Problem) -> Response:
    """The problem as JSON for programs, or as a page for a person's browser."""
    render = current_app.extensions.get(PAGE_RENDERER)
    if render is None or not _is_for_people():
        return to_response(answer_to(problem, public_url=current_app.config["PUBLIC_URL"], instance=request_id()))
    response = cast("Callable[[Problem], Response]", render)(problem)
    response.status_code = problem.status
    response.headers.extend(problem.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def install(app: Flask) -> None:
    """Answer everything that is raised, expected or not, with a problem."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, lambda error: respond(of_any(error)))


def _http_error(error: HTTPException) -> Response:
    """What Flask itself refuses. A response that an extension prepared is passed on as it is."""
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return cast("Response", error.get_response())
    code = CODE_OF_STATUS.get(error.code, "bad_request" if error.code < 500 else "internal_error")
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return respond(Problem(error.code, code, _SENTENCES.get(code) or error.name, headers=headers))


def _broken() -> Problem:
    return Problem(500, CODE_OF_STATUS[500], _SENTENCES[CODE_OF_STATUS[500]])


def _away(code: str, detail: str, *, seconds: int) -> Problem:
    return Problem(503, code, detail, headers={"Retry-After": str(seconds)})


def _seconds_until(moment: str, now: datetime) -> int:
    """Whole seconds, one at least: the inventory's clock decides, and ours may be ahead of it."""
    return max(1, ceil((datetime.fromisoformat(moment) - now).total_seconds()))


def _is_for_people() -> bool:
    if request.path.startswith(_PROGRAM_PATHS):
        return False
    return "text/html" in request.headers.get("Accept", "")
