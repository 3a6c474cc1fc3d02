"""The real sandbox, listening on a free port of this machine, for suites that run on real adapters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

import requests

from entrypoints.sandbox import create_app
from entrypoints.sandbox.config import SandboxConfig
from entrypoints.sandbox.server import SandboxServer

STRIPE_KEY = "sk_test_contract0123456789"
WEBHOOK_SECRET = "whsec_contract0123456789abcdef"
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "0123456789abcdefghijklmnopqrstuv"
_SECONDS_MAX = 10


class Sandbox:
    """A running sandbox and its control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the control API. Raises for any answer but success."""
        answer = self._http.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=_SECONDS_MAX)
        answer.raise_for_status()
        return answer.json()

    def submit(self, url: str, form: Mapping[str, str]) -> requests.Response:
        """Post a form as a browser does, without following redirects."""
        return self._http.post(url, data=form, timeout=_SECONDS_MAX, allow_redirects=False)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time forward; what became due has happened when this returns."""
        self.control("POST", "clock", {"advance_seconds": seconds})

    @contextmanager
    def fault(self, **description: Any) -> Iterator[None]:
        """Something goes wrong for as long as the block lasts."""
        self.control("POST", "faults", {"times": None, **description})
        try:
            yield
        finally:
            self.control("DELETE", "faults")

    def close(self) -> None:
        self._http.close()


@contextmanager
def sandbox_running() -> Iterator[Sandbox]:
    """A sandbox of its own with an empty memory. It delivers no webhooks."""
    server = SandboxServer("127.0.0.1", 0, _not_ready)
    url = f"http://127.0.0.1:{server.port}"
    application = create_app(
        SandboxConfig(
            sandbox_url=url,
            stripe_api_key=STRIPE_KEY,
            stripe_webhook_secret=WEBHOOK_SECRET,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            # Nothing moves by itself in the tests: time is advanced.
            refund_settles_seconds=3_600,
            message_step_seconds=3_600,
        )
    )
    server.application = application
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    sandbox = Sandbox(url)
    try:
        yield sandbox
    finally:
        sandbox.close()
        server.stop()
        thread.join()
        application.close()


def _not_ready(environ: Any, start_response: Any) -> list[bytes]:
    del environ
    start_response("503 Service Unavailable", [])
    return []
