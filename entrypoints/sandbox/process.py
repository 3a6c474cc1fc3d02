"""``tessera sandbox``: settings in, a listening process out."""

from __future__ import annotations

import logging
import signal
import sqlite3
import threading
from typing import Any

from adapters.smtp.sandbox import MailSandboxServer
from entrypoints.sandbox.app import SandboxApp, create_app
from entrypoints.sandbox.config import SandboxConfig
from entrypoints.sandbox.server import SandboxServer
from entrypoints.settings import Settings, own_mail_port

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
    """Serve until SIGTERM or SIGINT, then stop within a few seconds.

    Raises SystemExit with one sentence when the port is taken or the kept state cannot be read.
    """
    config = config_from(settings)
    try:
        server = SandboxServer(settings.host, settings.sandbox_port, _starting)
    except OSError as error:
        where = f"{settings.host}:{settings.sandbox_port}"
        sentence = f"The sandbox cannot listen on {where} ({error.strerror}): set SANDBOX_PORT to a free port."
        raise SystemExit(sentence) from error
    try:
        application = create_app(config)
    except sqlite3.DatabaseError as error:
        server.server_close()
        sentence = f"The sandbox cannot read {config.data_file} ({error}): move the file away to start anew."
        raise SystemExit(sentence) from error
    server.application = application
    mail = _mail_server(settings, application)
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
    if mail is not None:
        mail.stop()
    application.close()


def _mail_server(settings: Settings, application: SandboxApp) -> MailSandboxServer | None:
    """Take letters as well, where the application was told to leave them with us."""
    port = own_mail_port(settings)
    if port is None:
        return None
    mail = MailSandboxServer("127.0.0.1", port, application.mailbox.keep)
    mail.start()
    log.info("sandbox takes letters on smtp://127.0.0.1:%d", mail.port)
    return mail


def _starting(environ: Any, start_response: Any) -> list[bytes]:
    """Answers until the application is there; the port is taken first, so that a second sandbox touches no state."""
    del environ
    start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "1")])
    return [b"starting\n"]
