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
        encoded = request.get_data(as_text=True) if request.method == "POST" else request.query_string.decode()
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is None:
            return self._carry_out(request, request_id, encoded, fault, key=None)
        canonical = urlencode(sorted(parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS_MAX)))
        replay = self._keys.begin(key, method=request.method, path=request.path, body=canonical)
        if replay is not None:
            headers = {"Idempotent-Replayed": "true", "Original-Request": replay.request_id}
            return _Answer(replay.status, replay.body, headers)
        try:
            return self._carry_out(request, request_id, encoded, fault, key=key, canonical=canonical)
        finally:
            self._keys.end(key)

    def _carry_out(
        self,
        request: Request,
        request_id: str,
        encoded: str,
        fault: Fault | None,
        *,
        key: str | None,
        canonical: str = "",
    ) -> _Answer:
        """Run the endpoint and remember its answer in one transaction, around an ordered fault."""

        def remember(answer: _Answer) -> None:
            if key is not None:
                self._keys.remember(
                    key,
                    method=request.method,
                    path=request.path,
                    body=canonical,
                    status=answer.status,
                    answer=answer.body,
                    request_id=request_id,
                )

        if fault is not None and not fault.after:
            time.sleep(fault.seconds)
            if (failure := _failure(fault)) is not None:
                refused = _error_answer(failure, request_id)
                if failure.remembered:
                    remember(refused)
                return refused
        try:
            with self._ledger.documents.transaction():
                answer = _Answer(200, self._run(request, request_id, encoded, key), {})
                if fault is not None and fault.after and (failure := _failure(fault)) is not None:
                    answer = _error_answer(failure, request_id)
                remember(answer)
        except StripeApiError as error:
            answer = _error_answer(error, request_id)
            if error.remembered:
                remember(answer)
        if fault is not None and fault.after:
            time.sleep(fault.seconds)
        return answer

    def _run(self, request: Request, request_id: str, encoded: str, key: str | None) -> str:
        endpoint, ids = _endpoint(request)
        params = Params(parse_form(encoded))
        params.only(endpoint.parameters)
        ledger = self._ledger.on_behalf_of(request_id=request_id, idempotency_key=key)
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


def _endpoint(request: Request) -> tuple[Endpoint, Document]:
    adapter = URL_MAP.bind("sandbox")
    try:
        name, ids = adapter.match(request.path, method=request.method)
    except (NotFound, MethodNotAllowed) as error:
        message = f"Unrecognized request URL ({request.method}: {request.path})."
        raise StripeApiError(404, message) from error
    return ENDPOINTS[name], dict(ids)


def _rate_limited() -> StripeApiError:
    return StripeApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": "global-rate"},
    )


def _failure(fault: Fault) -> StripeApiError | None:
    """The error that a fault stands for; None for those that only delay or drop.

    Stripe replays a 500 for its idempotency key and says so by forbidding a retry; 502 and 503 come from in front of
    the API, so nothing was begun and a retry may succeed.
    """
    if fault.kind == "429":
        return _rate_limited()
    if fault.kind == "500":
        return StripeApiError(
            500,
            "An unknown error occurred",
            type_="api_error",
            remembered=True,
            headers={"Stripe-Should-Retry": "false"},
        )
    if fault.kind in {"502", "503"}:
        return StripeApiError(
            int(fault.kind),
            "The service is temporarily unavailable. Please try again.",
            type_="api_error",
            headers={"Stripe-Should-Retry": "true"},
        )
    if fault.kind == "connection_reset" and not fault.after:
        return StripeApiError(503, "The connection is dropped before the request is read.", type_="api_error")
    return None


def _error_answer(error: StripeApiError, request_id: str) -> _Answer:
    body = orjson.dumps(error.body(request_id), option=orjson.OPT_INDENT_2).decode()
    return _Answer(error.status, body, error.headers)
