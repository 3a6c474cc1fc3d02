"""A running sandbox for tests: on a real socket, with the official SDKs pointed at it and a receiver for webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from stripe import PaymentIntent, RequestsClient, StripeClient
from stripe.checkout import Session
from twilio.rest import Client

from entrypoints.sandbox import SandboxConfig, SandboxServer, create_app

STRIPE_KEY = "sk_test_sandboxharness"
STRIPE_WEBHOOK_SECRET = "whsec_sandboxharness00000000000000"
TWILIO_SID = "AC" + "0123456789abcdef" * 2
TWILIO_TOKEN = "fedcba9876543210" * 2
WAIT_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook or callback as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Receiver:
    """The application's side: records what arrives, and answers with the next of ``answers``, then with 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(self.path, dict(self.headers), body, time.monotonic()))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the inherited signature)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def events(self) -> list[dict[str, Any]]:
        """Stripe's events in the order of their arrival."""
        return [json.loads(one.body) for one in list(self.received) if one.path == "/webhooks/stripe"]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(frozen=True, slots=True)
class Reply:
    """A plain HTTP answer."""

    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Sandbox:
    """A running sandbox and everything that a test says to it."""

    url: str
    receiver: Receiver
    stripe: StripeClient
    twilio: Client
    config: SandboxConfig = field(repr=False)

    def http(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request without redirects, on a connection of its own."""
        parts = urlsplit(path if path.startswith("http") else self.url + path)
        connection = HTTPConnection(parts.netloc, timeout=30)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            # Whoever finds a body too large answers before it has all arrived, and may hang up: the answer is there.
            with suppress(BrokenPipeError):
                connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read().decode())
        finally:
            connection.close()

    def control(self, method: str, path: str, /, **body: Any) -> Any:
        """The control API under /_sandbox/."""
        reply = self.http(method, f"/_sandbox/{path}", body=json.dumps(body).encode() if body else None)
        assert reply.status < 300, reply.body
        return reply.json()

    def open_session(self, **changes: Any) -> Session:
        """A session for two tickets, 90.00 USD, captured manually."""
        params: dict[str, Any] = {
            "mode": "payment",
            "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
            "line_items": [
                {
                    "quantity": 2,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 4500,
                        "product_data": {"name": "General admission", "description": "Harbor Lights"},
                    },
                }
            ],
            "payment_intent_data": {"capture_method": "manual", "metadata": {"order": "ord_1"}},
            "metadata": {"order": "ord_1"},
        }
        params.update(changes)
        return self.stripe.v1.checkout.sessions.create(
            {name: value for name, value in params.items() if value is not None}  # type: ignore[arg-type]  # built here
        )

    def pay(self, session: Session, number: str = "4242424242424242", **changes: str) -> Reply:
        """Post the hosted page's form."""
        form = {
            "card_number": number,
            "exp_month": "12",
            "exp_year": "34",
            "cvc": "123",
            "email": "ada@example.com",
        }
        form.update(changes)
        return self.post_form(f"{self.url}/c/pay/{session.id}", form)

    def post_form(self, url: str, form: dict[str, str]) -> Reply:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.http("POST", url, body=urlencode(form).encode(), headers=headers)

    def authorised(self, number: str = "4242424242424242", **changes: Any) -> PaymentIntent:
        """A payment made with this card, as the buyer's return leaves it."""
        session = self.open_session(**changes)
        reply = self.pay(session, number)
        assert reply.status == 303, reply.body
        return self.intent_of(session)

    def captured(self, number: str = "4242424242424242") -> PaymentIntent:
        return self.stripe.v1.payment_intents.capture(self.authorised(number).id)

    def intent_of(self, session: Session) -> PaymentIntent:
        found = self.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
        assert isinstance(found.payment_intent, PaymentIntent)
        return found.payment_intent

    def settled(self) -> None:
        """Wait until every webhook has been delivered, given up or held back."""
        wait_for(lambda: self.control("GET", "state")["deliveries_idle"])


def wait_for(condition: Callable[[], Any]) -> Any:
    """The first true value of ``condition``, asked often, for a bounded time."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def _not_ready(environ: Any, start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [])
    return []


@contextmanager
def running_sandbox(*, data_file: Path | None = None, **overrides: Any) -> Iterator[Sandbox]:
    """A sandbox on a free port, quick about everything that takes time; ``overrides`` are SandboxConfig's fields."""
    receiver = Receiver()
    server = SandboxServer("127.0.0.1", 0, _not_ready)
    url = f"http://127.0.0.1:{server.port}"
    settings: dict[str, Any] = {
        "sandbox_url": url,
        "stripe_api_key": STRIPE_KEY,
        "stripe_webhook_secret": STRIPE_WEBHOOK_SECRET,
        "twilio_account_sid": TWILIO_SID,
        "twilio_auth_token": TWILIO_TOKEN,
        "public_url": receiver.url,
        "data_file": data_file,
        "webhook_retry_seconds": (0.05, 0.05, 0.05),
        "refund_settles_seconds": 0.2,
        "dispute_opens_seconds": 0.0,
        "message_step_seconds": 0.02,
    }
    config = SandboxConfig(**(settings | overrides))
    application = create_app(config)
    server.application = application
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    http_client = RequestsClient(timeout=20)
    twilio = Client(TWILIO_SID, TWILIO_TOKEN)
    twilio.api.base_url = url
    client = StripeClient(STRIPE_KEY, base_addresses={"api": url}, http_client=http_client, max_network_retries=0)
    try:
        yield Sandbox(url=url, receiver=receiver, stripe=client, twilio=twilio, config=config)
    finally:
        http_client.close()  # type: ignore[no-untyped-call]  # the SDK's
        server.stop()
        thread.join()
        application.close()
        receiver.close()
