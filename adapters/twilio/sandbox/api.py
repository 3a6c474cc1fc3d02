"""Twilio's Messages resource over HTTP."""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from werkzeug.wrappers import Request, Response

from adapters.twilio.sandbox.errors import TwilioApiError, not_found
from adapters.twilio.sandbox.messages import API_VERSION, Exchange
from adapters.twilio.sandbox.numbers import normalised
from adapters.twilio.sandbox.ports import Document, Documents, Fault, Faults

DROP_KEY = "tessera.drop_connection"
FAULT_KEY = "tessera.fault"
PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1_000
SCAN_MAX = 10_000
_PATH = re.compile(rf"/{API_VERSION}/Accounts/(?P<account>[^/]+)/Messages(?:/(?P<sid>[^/]+))?\.json")
log = logging.getLogger(__name__)


class TwilioApi:
    """A WSGI application for ``/2010-04-01/…``."""

    def __init__(self, exchange: Exchange, *, documents: Documents, faults: Faults) -> None:
        self._exchange = exchange
        self._documents = documents
        self._faults = faults

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        fault = self._faults.for_request(target="twilio", method=request.method, path=request.path)
        request.environ[FAULT_KEY] = fault.kind if fault is not None else None
        try:
            status, document = self._answer(request, fault)
        except TwilioApiError as error:
            status, document = error.status, error.body()
        except Exception:
            log.exception("the sandbox broke on %s %s", request.method, request.path)
            broken = TwilioApiError(20500, "An internal server error has occurred", status=500)
            status, document = broken.status, broken.body()
        if fault is not None and fault.kind in {"lost_reply", "connection_reset"}:
            request.environ.get(DROP_KEY, lambda reset: None)(fault.kind == "connection_reset")
        body = b"" if document is None else orjson.dumps(document)
        response = Response(body, status=status, content_type="application/json")
        response.headers["Twilio-Request-Id"] = f"RQ{int(time.time() * 1e6):032x}"
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
        return response

    def _answer(self, request: Request, fault: Fault | None) -> tuple[int, Document | None]:
        match = _PATH.fullmatch(request.path)
        self._authenticate(request)
        if match is None or match["account"] != self._exchange.account_sid:
            raise not_found(request.path)
        if fault is not None and not fault.after:
            time.sleep(fault.seconds)
            _fail(fault)
        with self._documents.transaction():
            answer = self._run(request, match["sid"])
        if fault is not None and fault.after:
            time.sleep(fault.seconds)
            _fail(fault)
        return answer

    def _run(self, request: Request, sid: str | None) -> tuple[int, Document | None]:
        if sid is None:
            if request.method == "POST":
                return 201, self._exchange.send(_values(request))
            if request.method == "GET":
                return 200, self._list(request)
            raise TwilioApiError(20004, "Method not allowed", status=405)
        message = self._exchange.find(sid)
        if message is None:
            raise not_found(request.path)
        if request.method == "GET":
            return 200, message
        if request.method == "DELETE":
            self._exchange.delete(message)
            return 204, None
        if request.method == "POST" and _values(request) == {"Body": ""}:
            return 200, self._exchange.redact(message)
        raise TwilioApiError(20001, "Only Body may be updated, and only to an empty text")

    def _authenticate(self, request: Request) -> None:
        given = request.authorization
        name = (given.username if given is not None else None) or ""
        token = (given.password if given is not None else None) or ""
        # Both are always compared, so that the time taken does not tell which one was wrong.
        right_name = hmac.compare_digest(name.encode(), self._exchange.account_sid.encode())
        right_token = hmac.compare_digest(token.encode(), self._exchange.auth_token.encode())
        if not (right_name and right_token):
            raise TwilioApiError(20003, "Authenticate", status=401)

    def _list(self, request: Request) -> Document:
        size = _number(request, "PageSize", PAGE_SIZE_DEFAULT, least=1, most=PAGE_SIZE_MAX)
        number = _number(request, "Page", 0, least=0, most=SCAN_MAX)
        where = {
            field: normalised(request.args[name]) or request.args[name]
            for name, field in (("To", "to"), ("From", "from"))
            if request.args.get(name)
        }
        token = request.args.get("PageToken")
        after = token.removeprefix("PA") if token else None
        found = self._documents.select("message", where=where, limit=SCAN_MAX, after=after)
        found = [message for message in found if _is_within(message, request.args)]
        data, more = found[:size], len(found) > size
        kept = {name: value for name, value in request.args.items() if name not in {"Page", "PageToken"}}
        path = f"/{API_VERSION}/Accounts/{self._exchange.account_sid}/Messages.json"

        def uri(page: int, token: str | None = None) -> str:
            query = {**kept, "PageSize": str(size), "Page": str(page)}
            return f"{path}?{urlencode(query | ({'PageToken': token} if token else {}))}"

        return {
            "messages": data,
            "page": number,
            "page_size": size,
            "start": number * size,
            "end": number * size + max(len(data) - 1, 0),
            "first_page_uri": uri(0),
            "next_page_uri": uri(number + 1, f"PA{data[-1]['sid']}") if more else None,
            "previous_page_uri": None if number == 0 else uri(0),
            "uri": uri(number, token),
        }


def _values(request: Request) -> dict[str, str]:
    """The form's fields; the first one where a name repeats."""
    return {name: str(value) for name, value in request.form.items()}


def _number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isdigit() or not least <= int(text) <= most:
        raise TwilioApiError(20001, f"Invalid {name}: {text}")
    return int(text)


def _is_within(message: Document, filters: Mapping[str, str]) -> bool:
    """``DateSent`` is a day, ``DateSent<`` and ``DateSent>`` are bounds; days or times in ISO 8601."""
    bounds = {name: filters[name] for name in ("DateSent", "DateSent<", "DateSent>") if filters.get(name)}
    if not bounds:
        return True
    if message["date_sent"] is None:
        return False
    sent = datetime.strptime(message["date_sent"], "%a, %d %b %Y %H:%M:%S %z")
    try:
        limits = {name: datetime.fromisoformat(text) for name, text in bounds.items()}
    except ValueError as error:
        raise TwilioApiError(20001, f"Invalid DateSent: {', '.join(bounds.values())}") from error
    limits = {name: at if at.tzinfo else at.replace(tzinfo=UTC) for name, at in limits.items()}
    return (
        ("DateSent" not in limits or sent.date() == limits["DateSent"].date())
        and ("DateSent<" not in limits or sent <= limits["DateSent<"])
        and ("DateSent>" not in limits or sent >= limits["DateSent>"])
    )


def _fail(fault: Fault) -> None:
    if fault.kind == "429":
        raise TwilioApiError(20429, "Too Many Requests", status=429)
    if fault.kind in {"500", "502", "503"}:
        status = int(fault.kind)
        raise TwilioApiError(20500 if status == 500 else 20503, "Service unavailable", status=status)
    if fault.kind == "connection_reset":
        # The reply is dropped by the server; the exception only keeps the request from being carried out.
        raise TwilioApiError(20503, "The connection is dropped", status=503)
