"""``serve``: the sandbox as a process of its own, from settings to a clean stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stripe

from tests.contract.sandbox_harness import wait_for

KEY = "sk_test_process0123456789"
SERVE = """
from entrypoints.sandbox import serve
from entrypoints.settings import Settings

serve(Settings.from_environment())
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "PATH": os.environ["PATH"],
        "TESSERA_ENV": "test",
        "TESSERA_SECRET_KEY": "0123456789abcdefghijklmnopqrstuv-_ABCDEFGH",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SANDBOX_PORT": str(port),
        "PORT": str(port - 2),
        "STREAM_PORT": str(port - 1),
        "STRIPE_API_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": "whsec_process0123456789",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "0123456789abcdef" * 2,
        "TWILIO_FROM": "+15005550006",
        "DATA_DIR": str(tmp_path),
    }


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE, text=True)


def test_it_serves_keeps_and_stops(environment: dict[str, str], tmp_path: Path) -> None:
    """Answers the SDK at SANDBOX_PORT, keeps its state below DATA_DIR, and SIGTERM ends it at once with status 0."""
    url = f"http://127.0.0.1:{environment['SANDBOX_PORT']}"
    http_client = stripe.RequestsClient(timeout=5)
    client = stripe.StripeClient(KEY, base_addresses={"api": url}, http_client=http_client, max_network_retries=0)

    def customers() -> int | None:
        try:
            return len(client.v1.customers.list().data)
        except (stripe.APIConnectionError, stripe.APIError):
            return None

    try:
        for expected in (0, 1):
            process = start(environment)
            try:
                assert wait_for(lambda: (count := customers()) is not None and (count,)) == (expected,)
                client.v1.customers.create()
                asked_at = time.monotonic()
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=10)
            finally:
                process.kill()
            assert (process.returncode, errors) == (0, "")
            assert time.monotonic() - asked_at < 5
    finally:
        http_client.close()  # type: ignore[no-untyped-call]  # the SDK's
    assert (tmp_path / "sandbox" / "sandbox.sqlite3").is_file()


def test_a_taken_port_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    """Says which port and what to set; no traceback, and no state is touched."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["SANDBOX_PORT"])))
        taken.listen()
        process = start(environment)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "SANDBOX_PORT" in errors
    assert not (tmp_path / "sandbox").exists()


def test_a_broken_file_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    """Says which file and what to do."""
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "sandbox.sqlite3").write_bytes(b"this is no database" * 100)
    process = start(environment)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "sandbox.sqlite3" in errors
