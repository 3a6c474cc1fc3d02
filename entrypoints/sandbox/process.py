"""``tessera sandbox``: settings in, a listening process out."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from entrypoints.sandbox.app import create_app
from entrypoints.sandbox.config import SandboxConfig
from entrypoints.sandbox.server import SandboxServer
from entrypoints.settings import Settings

log = logging.getLogger(__name__)


def config_from(settings: Settings) -> SandboxConfig:
    """The part of the settings that concerns the sandbox; its state is kept below the data directory."""
    return SandboxConfig(
        sandbox_url=settings.sandbox_url or f"http://{settings.host}:{settings.sandbox_port}",
        stripe_api_key=settings.stripe_api_key,
        stripe_webhook_secret=settings.stripe_webhook_secret,
        twilio_account_sid=settings.twilio_account_sid,
        twilio_auth_token=settings.twilio_auth_token,
        public_url=settings.public_url,
        data_file=settings.data_dir / "sandbox" / "sandbox.sqlite3",
    )


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then stop within a few seconds."""
    application = create_app(config_from(settings))
    server = SandboxServer(settings.host, settings.sandbox_port, application)
    stop = threading.Event()

    def ask_to_stop(signum: int, frame: Any) -> None:
        del signum, frame
        stop.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, ask_to_stop)
    threading.Thread(target=server.run, name="sandbox-server", daemon=True).start()
    log.info("sandbox listening on http://%s:%d", settings.host, server.port)
    stop.wait()
    server.stop()
    application.close()
