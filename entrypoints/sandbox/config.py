"""What the sandbox is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# Stripe retries for days and Twilio hardly at all; a sandbox that gives up within minutes keeps its log readable.
WEBHOOK_RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Addresses, credentials and the pace at which pretended things happen. Durations are in seconds."""

    sandbox_url: str
    """How clients and buyers reach the sandbox, without a trailing slash; part of every checkout link."""
    stripe_api_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    twilio_account_sid: str
    twilio_auth_token: str = field(repr=False)
    public_url: str | None = None
    """The application's own address: webhooks go to its /webhooks/… paths. None delivers nothing by itself."""
    data_file: Path | None = None
    """Where the state is kept. None keeps it in memory, for as long as the process lives."""
    merchant_name: str = "Tessera"
    requests_per_second: int | None = None
    """Stripe calls a second above which 429 is answered; None never refuses."""
    webhook_retry_seconds: tuple[float, ...] = WEBHOOK_RETRY_SECONDS
    webhook_timeout_seconds: float = 10.0
    webhook_threads: int = 8
    refund_settles_seconds: float = 3.0
    """How long an asynchronous refund stays in its first status."""
    dispute_opens_seconds: float = 2.0
    """How long after the capture the dispute and early-fraud-warning cards make their trouble."""
    message_step_seconds: float = 0.4
    """Between an SMS's queued, sending, sent and delivered."""

    @property
    def stripe_webhook_url(self) -> str | None:
        return f"{self.public_url}/webhooks/stripe" if self.public_url else None

    @property
    def twilio_inbound_url(self) -> str | None:
        return f"{self.public_url}/webhooks/twilio/inbound" if self.public_url else None
