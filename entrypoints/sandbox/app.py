"""The sandbox put together: one process, one state, two vendors and a mailbox."""

from __future__ import annotations

from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect

from adapters.smtp.sandbox import Mailbox
from adapters.stripe.sandbox import StripeSandbox
from adapters.twilio.sandbox import TwilioSandbox
from entrypoints.sandbox.clock import SandboxClock
from entrypoints.sandbox.config import SandboxConfig
from entrypoints.sandbox.control import ControlApi
from entrypoints.sandbox.deliveries import Deliveries
from entrypoints.sandbox.faults import FaultEngine
from entrypoints.sandbox.recorder import Recorder
from entrypoints.sandbox.schedule import Schedule
from entrypoints.sandbox.store import Database, Documents


class SandboxApp:
    """A WSGI application with two threads behind it; ``close`` stops them and the database."""

    def __init__(self, config: SandboxConfig) -> None:
        self._database = Database(config.data_file)
        clock = SandboxClock()
        faults = FaultEngine()
        recorder = Recorder()
        self._schedule = Schedule(self._database, clock)
        self._deliveries = Deliveries(
            self._database,
            clock,
            faults,
            retry_seconds=config.webhook_retry_seconds,
            timeout_seconds=config.webhook_timeout_seconds,
            threads=config.webhook_threads,
        )
        stripe = StripeSandbox(
            documents=Documents(self._database, vendor="stripe"),
            clock=clock,
            schedule=self._schedule,
            deliveries=self._deliveries,
            faults=faults,
            api_key=config.stripe_api_key,
            sandbox_url=config.sandbox_url,
            merchant_name=config.merchant_name,
            webhook_url=config.stripe_webhook_url,
            webhook_secret=config.stripe_webhook_secret,
            requests_per_second=config.requests_per_second,
            refund_settles_seconds=config.refund_settles_seconds,
            dispute_opens_seconds=config.dispute_opens_seconds,
        )
        twilio = TwilioSandbox(
            documents=Documents(self._database, vendor="twilio"),
            clock=clock,
            schedule=self._schedule,
            deliveries=self._deliveries,
            faults=faults,
            account_sid=config.twilio_account_sid,
            auth_token=config.twilio_auth_token,
            inbound_url=config.twilio_inbound_url,
            step_seconds=config.message_step_seconds,
        )
        control = ControlApi(
            database=self._database,
            clock=clock,
            schedule=self._schedule,
            deliveries=self._deliveries,
            faults=faults,
            recorder=recorder,
            stripe=stripe,
            twilio=twilio,
        )
        self.mailbox = Mailbox()
        self._mounts: tuple[tuple[str, WSGIApplication], ...] = (
            ("/v1/", recorder.wrap("stripe", stripe.api)),
            ("/c/", stripe.pages),
            ("/receipts/", stripe.pages),
            ("/2010-04-01/", recorder.wrap("twilio", twilio.api)),
            ("/inbox", twilio.pages),
            ("/mail", self.mailbox),
            ("/_sandbox", control),
            ("/healthz", _healthz),
        )
        self._deliveries.start()
        self._schedule.start()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        for prefix, application in self._mounts:
            if path.startswith(prefix):
                return application(environ, start_response)
        answer = redirect("/_sandbox/") if path == "/" else NotFound()
        return answer(environ, start_response)

    def close(self) -> None:
        self._schedule.stop()
        self._deliveries.stop()
        self._database.close()


def create_app(config: SandboxConfig) -> SandboxApp:
    """The sandbox as a WSGI application, its background threads running."""
    return SandboxApp(config)


def _healthz(environ: Any, start_response: Any) -> list[bytes]:
    del environ
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
