"""The control API under ``/_sandbox/``: faults, time, trouble by hand, and what has happened. For tests and people.

It is not part of any vendor's protocol. Requests that a browser sends from another site are refused, so that no page
on the web can steer a developer's sandbox.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from adapters.stripe.sandbox import StripeSandbox
from adapters.twilio.sandbox import TwilioSandbox
from entrypoints.sandbox.clock import SandboxClock
from entrypoints.sandbox.deliveries import Deliveries
from entrypoints.sandbox.faults import FaultEngine
from entrypoints.sandbox.recorder import Recorder
from entrypoints.sandbox.schedule import Schedule
from entrypoints.sandbox.store import Database

LIMIT_DEFAULT = 100
LIMIT_MAX = 10_000
_PAGES = Path(__file__).parent / "pages"

_KINDS = {
    "sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "reviews": "review",
    "early_fraud_warnings": "radar.early_fraud_warning",
    "events": "event",
}


class ControlApi:
    """A WSGI application."""

    def __init__(
        self,
        *,
        database: Database,
        clock: SandboxClock,
        schedule: Schedule,
        deliveries: Deliveries,
        faults: FaultEngine,
        recorder: Recorder,
        stripe: StripeSandbox,
        twilio: TwilioSandbox,
    ) -> None:
        self._database = database
        self._clock = clock
        self._schedule = schedule
        self._deliveries = deliveries
        self._faults = faults
        self._recorder = recorder
        self._stripe = stripe
        self._twilio = twilio
        self._templates = Environment(
            loader=FileSystemLoader(_PAGES),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._css = (_PAGES / "console.css").read_text(encoding="utf-8")
        self._routes: dict[str, Callable[..., Any]] = {
            "GET /_sandbox/": self._console,
            "GET /_sandbox/state": self._state,
            "GET /_sandbox/requests": self._requests,
            "GET /_sandbox/deliveries": self._delivery_log,
            "POST /_sandbox/deliveries/release": self._release,
            "POST /_sandbox/deliveries/<delivery_id>/resend": self._resend,
            "GET /_sandbox/faults": self._list_faults,
            "POST /_sandbox/faults": self._arm,
            "DELETE /_sandbox/faults": self._clear_faults,
            "DELETE /_sandbox/faults/<fault_id>": self._disarm,
            "GET /_sandbox/clock": self._read_clock,
            "POST /_sandbox/clock": self._advance,
            "POST /_sandbox/rate_limit": self._rate_limit,
            "POST /_sandbox/reset": self._reset,
            "GET /_sandbox/messages": self._messages,
            "POST /_sandbox/messages/inbound": self._inbound,
            "POST /_sandbox/charges/<charge_id>/dispute": self._dispute,
            "POST /_sandbox/charges/<charge_id>/review": self._review,
            "POST /_sandbox/charges/<charge_id>/early_fraud_warning": self._warn,
            "POST /_sandbox/disputes/<dispute_id>/decide": self._decide,
            **{f"GET /_sandbox/{name}": self._dumper(kind) for name, kind in _KINDS.items()},
        }
        self._urls = Map(
            [Rule(route.partition(" ")[2], methods=[route.partition(" ")[0]], endpoint=route) for route in self._routes]
        )

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response | HTTPException:
        try:
            route, ids = self._urls.bind("sandbox").match(request.path, method=request.method)
        except HTTPException as error:
            return error
        if request.method != "GET" and _is_from_another_site(request):
            return _json({"error": "requests from other sites are refused"}, status=403)
        try:
            answer = self._routes[str(route)](request, **ids)
        except (ValueError, orjson.JSONDecodeError) as error:
            return _json({"error": str(error)}, status=400)
        return answer if isinstance(answer, Response) else _json(answer)

    def _state(self, request: Request) -> dict[str, Any]:
        """Counts, for a test that waits until everything has calmed down."""
        del request
        return {
            "now": self._clock.now(),
            "requests": self._recorder.total,
            "deliveries_idle": self._deliveries.idle(),
            "scheduled": self._database.execute("SELECT count(*) FROM schedule")[0][0],
            "faults": len(self._faults.describe()),
        }

    def _dumper(self, kind: str) -> Callable[[Request], Any]:
        def dump(request: Request) -> dict[str, Any]:
            return {"data": self._stripe.dump(kind, limit=_limit(request))}

        return dump

    def _requests(self, request: Request) -> dict[str, Any]:
        found = self._recorder.describe(
            limit=_limit(request), method=request.args.get("method"), path=request.args.get("path")
        )
        return {"total": self._recorder.total, "data": found}

    def _delivery_log(self, request: Request) -> dict[str, Any]:
        found = self._deliveries.describe(limit=_limit(request), status=request.args.get("status"))
        return {"idle": self._deliveries.idle(), "data": found}

    def _release(self, request: Request) -> dict[str, Any]:
        del request
        return {"released": self._deliveries.release()}

    def _resend(self, request: Request, delivery_id: str) -> Response:
        del request
        resent = self._deliveries.resend(delivery_id)
        return _json({"resent": resent}, status=200 if resent else 404)

    def _list_faults(self, request: Request) -> dict[str, Any]:
        del request
        return {"data": self._faults.describe()}

    def _arm(self, request: Request) -> Response:
        return _json({"id": self._faults.arm(_body(request)).id}, status=201)

    def _clear_faults(self, request: Request) -> dict[str, Any]:
        del request
        self._faults.clear()
        return {"data": []}

    def _disarm(self, request: Request, fault_id: str) -> Response:
        del request
        disarmed = self._faults.disarm(fault_id)
        return _json({"disarmed": disarmed}, status=200 if disarmed else 404)

    def _read_clock(self, request: Request) -> dict[str, Any]:
        del request
        return {"now": self._clock.now(), "offset_seconds": self._clock.offset_seconds}

    def _advance(self, request: Request) -> dict[str, Any]:
        """Move time forward, and finish what thereby became due before answering."""
        seconds = _body(request).get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError("advance_seconds must be a number")  # noqa: TRY004  (answered as 400 with the others)
        self._clock.advance(seconds)
        self._schedule.run_due()
        return self._read_clock(request)

    def _rate_limit(self, request: Request) -> dict[str, Any]:
        per_second = _body(request).get("per_second")
        if per_second is not None and (
            isinstance(per_second, bool) or not isinstance(per_second, int) or per_second < 0
        ):
            raise ValueError("per_second must be a whole number, or null for no limit")
        self._stripe.rate_limit.per_second = per_second
        return {"per_second": per_second}

    def _reset(self, request: Request) -> dict[str, Any]:
        """Forget everything: objects, messages, deliveries, faults, recorded requests and the clock's offset."""
        del request
        with self._database.transaction():
            self._database.clear()
            self._faults.clear()
            self._recorder.clear()
            self._clock.reset()
            self._stripe.configure_endpoint()
        return {"reset": True}

    def _messages(self, request: Request) -> dict[str, Any]:
        return {"data": self._twilio.messages(to=request.args.get("to"), limit=_limit(request))}

    def _inbound(self, request: Request) -> Response:
        body = _body(request)
        texts = {name: body.get(name) for name in ("from", "to", "body")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("from, to and body must be strings")
        message = self._twilio.receive(sender=str(texts["from"]), receiver=str(texts["to"]), body=str(texts["body"]))
        return _json(message, status=201)

    def _dispute(self, request: Request, charge_id: str) -> Response:
        body = _body(request)
        dispute = self._stripe.open_dispute(
            charge_id, reason=str(body.get("reason", "fraudulent")), inquiry=body.get("inquiry") is True
        )
        return _json(dispute, status=201)

    def _decide(self, request: Request, dispute_id: str) -> dict[str, Any]:
        return self._stripe.decide_dispute(dispute_id, verdict=str(_body(request).get("verdict")))

    def _review(self, request: Request, charge_id: str) -> Response:
        del request
        return _json(self._stripe.open_review(charge_id), status=201)

    def _warn(self, request: Request, charge_id: str) -> Response:
        fraud_type = str(_body(request).get("fraud_type", "unauthorized_use_of_card"))
        return _json(self._stripe.warn_of_fraud(charge_id, fraud_type=fraud_type), status=201)

    def _console(self, request: Request) -> Response:
        del request
        nonce = secrets.token_urlsafe(16)
        text = self._templates.get_template("console.html").render(
            css=self._css,
            nonce=nonce,
            now=self._clock.now(),
            offset_seconds=self._clock.offset_seconds,
            sessions=self._stripe.dump("checkout.session", limit=25),
            intents={one["id"]: one for one in self._stripe.dump("payment_intent", limit=200)},
            refunds=self._stripe.dump("refund", limit=15),
            trouble=[
                *self._stripe.dump("dispute", limit=10),
                *self._stripe.dump("review", limit=10),
                *self._stripe.dump("radar.early_fraud_warning", limit=10),
            ],
            deliveries=self._deliveries.describe(limit=40),
            faults=self._faults.describe(),
            requests=self._recorder.describe(limit=40),
            total=self._recorder.total,
        )
        response = Response(text, mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none';"
            " frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-store"
        return response


def _is_from_another_site(request: Request) -> bool:
    return request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}


def _body(request: Request) -> Mapping[str, Any]:
    text = request.get_data()
    body = orjson.loads(text) if text.strip() else {}
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004  (answered as 400 with the others)
    return body


def _limit(request: Request) -> int:
    text = request.args.get("limit", str(LIMIT_DEFAULT))
    if not text.isdigit() or not 1 <= int(text) <= LIMIT_MAX:
        raise ValueError(f"limit must be between 1 and {LIMIT_MAX}")
    return int(text)


def _json(value: Any, *, status: int = 200) -> Response:
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Response(body, status=status, mimetype="application/json")
