"""The API's front door: keys, versions, rate limit, idempotency, faults, and errors in Stripe's words."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.forms import FIELDS_MAX, parse_form
from adapters.stripe.sandbox.idempotency import IdempotencyKeys
from adapters.stripe.sandbox.ledger import API_VERSION, Ledger, random_text
from adapters.stripe.sandbox.listing import expand
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document, Fault, Faults
from adapters.stripe.sandbox.routes import ENDPOINTS, URL_MAP, Endpoint

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
DROP_KEY = "tessera.drop_connection"
FAULT_KEY = "tessera.fault"
AT_THE_DOOR = frozenset({"429", "502", "503", "connection_reset"})
"""Faults that strike before the idempotency key is looked at: a replay meets them as well."""
log = logging.getLogger(__name__)


class RateLimit:
    """At most so many requests in each second; None refuses nobody."""

    def __init__(self, per_second: int | None) -> None:
        self.per_second = per_second
        self._lock = threading.Lock()
        self._second = 0
        self._count = 0

    def refuses(self) -> bool:
        if self.per_second is None:
            return False
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._count = second, 0
            self._count += 1
            return self._count > self.per_second


@dataclass(frozen=True, slots=True)
class _Call:
    """One API request. ``key`` is its idempotency key; only POST has one."""

    method: str
    path: str
    encoded: str
    request_id: str
    key: str | None

    @classmethod
    def read(cls, request: Request, request_id: str) -> _Call:
        posted = request.method == "POST"
        return cls(
            method=request.method,
            path=request.path,
            encoded=request.get_data(as_text=True) if posted else request.query_string.decode(errors="replace"),
            request_id=request_id,
            key=request.headers.get("Idempotency-Key") if posted else None,
        )

    def canonical(self) -> str:
        """The parameters in a fixed order, to compare two requests."""
        try:
            pairs = parse_qsl(self.encoded, keep_blank_values=True, max_num_fields=FIELDS_MAX)
        except ValueError:
            return self.encoded
        return urlencode(sorted(pairs))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: str
    headers: dict[str, str]


class StripeApi:
    """A WSGI application for ``/v1/…``."""

    def __init__(self, ledger: Ledger, *, api_key: str, faults: Faults, rate_limit: RateLimit) -> None:
        self._ledger = ledger
        self._api_key = api_key
        self._faults = faults
        self._rate_limit = rate_limit
        self._keys = IdempotencyKeys(ledger.documents, ledger.clock)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        request_id = f"req_{random_text(14)}"
        fault = self._faults.for_request(target="stripe", method=request.method, path=request.path)
        request.environ[FAULT_KEY] = fault.kind if fault is not None else None
        try:
            answer = self._answer(request, request_id, fault)
        except StripeApiError as error:
            answer = _error_answer(error, request_id)
        except Exception:
            log.exception("the sandbox broke on %s %s", request.method, request.path)
            broken = StripeApiError(500, "An unknown error occurred in the sandbox itself.", type_="api_error")
            answer = _error_answer(broken, request_id)
        if fault is not None and fault.kind in {"lost_reply", "connection_reset"}:
            request.environ.get(DROP_KEY, lambda reset: None)(fault.kind == "connection_reset")
        response = Response(answer.body, status=answer.status, content_type="application/json")
        response.headers["Request-Id"] = request_id
        response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
        if idempotency_key := request.headers.get("Idempotency-Key"):
            response.headers["Idempotency-Key"] = idempotency_key
        response.headers.update(answer.headers)
        return response

    def _answer(self, request: Request, request_id: str, fault: Fault | None) -> _Answer:
        self._authenticate(request)
        _check_version(request)
        if self._rate_limit.refuses():
            raise _rate_limited()
        if fault is not None and not fault.after:
            time.sleep(fault.seconds if fault.kind in AT_THE_DOOR else 0)
            _strike_at_the_door(fault)
        call = _Call.read(request, request_id)
        if call.key is None:
            return self._carry_out(call, fault)
        replay = self._keys.begin(call.key, method=call.method, path=call.path, body=call.canonical())
        if replay is not None:
            headers = {"Idempotent-Replayed": "true", "Original-Request": replay.request_id}
            return _Answer(replay.status, replay.body, headers)
        try:
            return self._carry_out(call, fault)
        finally:
            self._keys.end(call.key)

    def _carry_out(self, call: _Call, fault: Fault | None) -> _Answer:
        """Run the endpoint, with an ordered fault before or after it."""
        if fault is not None and not fault.after:
            time.sleep(fault.seconds)
            if fault.kind == "500":
                return self._remembered(call, _broken())
        breaks = fault is not None and fault.after and fault.kind == "500"
        try:
            with self._ledger.documents.transaction():
                answer = _Answer(200, self._run(call), {})
                if breaks:
                    answer = _error_answer(_broken(), call.request_id)
                self._remember(call, answer)
        except StripeApiError as error:
            return self._remembered(call, error)
        if fault is not None and fault.after:
            time.sleep(fault.seconds)
            _strike_at_the_door(fault)
        return answer

    def _remembered(self, call: _Call, error: StripeApiError) -> _Answer:
        answer = _error_answer(error, call.request_id)
        if error.remembered:
            self._remember(call, answer)
        return answer

    def _remember(self, call: _Call, answer: _Answer) -> None:
        if call.key is not None:
            self._keys.remember(
                call.key,
                method=call.method,
                path=call.path,
                body=call.canonical(),
                status=answer.status,
                answer=answer.body,
                request_id=call.request_id,
            )

    def _run(self, call: _Call) -> str:
        endpoint, ids = _endpoint(call.method, call.path)
        params = Params(parse_form(call.encoded))
        params.only(endpoint.parameters)
        ledger = self._ledger.on_behalf_of(request_id=call.request_id, idempotency_key=call.key)
        document = endpoint.run(ledger, params, **ids)
        expanded = expand(ledger, document, params.texts("expand"))
        return orjson.dumps(expanded, option=orjson.OPT_INDENT_2).decode()

    def _authenticate(self, request: Request) -> None:
        given = _api_key(request)
        if given is None:
            raise StripeApiError(
                401,
                "You did not provide an API key. You need to provide your API key in the Authorization header, using"
                " Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                headers={"WWW-Authenticate": 'Basic realm="Stripe"'},
            )
        if not hmac.compare_digest(given.encode(), self._api_key.encode()):
            shown = f"{given[:8]}{'*' * max(len(given) - 12, 0)}{given[-4:]}" if len(given) > 12 else "***"
            raise StripeApiError(401, f"Invalid API Key provided: {shown}")


def _api_key(request: Request) -> str | None:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _check_version(request: Request) -> None:
    version = request.headers.get("Stripe-Version")
    if version is not None and not _VERSION.fullmatch(version):
        raise StripeApiError(400, f"Invalid Stripe API version: {version}")


def _endpoint(method: str, path: str) -> tuple[Endpoint, Document]:
    try:
        name, ids = URL_MAP.bind("sandbox").match(path, method=method)
    except (NotFound, MethodNotAllowed) as error:
        raise StripeApiError(404, f"Unrecognized request URL ({method}: {path}).") from error
    return ENDPOINTS[name], dict(ids)


def _rate_limited() -> StripeApiError:
    return StripeApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": "global-rate"},
    )


def _broken() -> StripeApiError:
    """Stripe replays a 500 for its idempotency key, and says so by forbidding a retry."""
    return StripeApiError(
        500,
        "An unknown error occurred",
        type_="api_error",
        remembered=True,
        headers={"Stripe-Should-Retry": "false"},
    )


def _strike_at_the_door(fault: Fault) -> None:
    """Raise what comes from in front of the API, where idempotency keys are not known; a retry may succeed."""
    if fault.kind == "429":
        raise _rate_limited()
    if fault.kind in AT_THE_DOOR:
        status = int(fault.kind) if fault.kind.isdigit() else 503
        raise StripeApiError(
            status,
            "The service is temporarily unavailable. Please try again.",
            type_="api_error",
            headers={"Stripe-Should-Retry": "true"},
        )


def _error_answer(error: StripeApiError, request_id: str) -> _Answer:
    body = orjson.dumps(error.body(request_id), option=orjson.OPT_INDENT_2).decode()
    return _Answer(error.status, body, error.headers)
