"""Stripe's sandbox when things go wrong: idempotency keys, faults on demand, rate limits, restarts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.contract.sandbox_harness import STRIPE_KEY, Reply, Sandbox, running_sandbox, wait_for

CAPTURE_PATH = "/v1/payment_intents/*/capture"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    running.control("DELETE", "faults")


def post(sandbox: Sandbox, path: str, *, key: str, body: bytes = b"") -> Reply:
    """A raw API call, so that the answer's headers can be looked at."""
    headers = {
        "Authorization": f"Bearer {STRIPE_KEY}",
        "Idempotency-Key": key,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return sandbox.http("POST", path, body=body, headers=headers)


def test_the_same_key_replays_the_same_answer(sandbox: Sandbox) -> None:
    """Body and status are those of the first time, the replay is marked, and nothing happens twice."""
    intent = sandbox.captured()
    body = f"payment_intent={intent.id}&amount=1000".encode()
    first = post(sandbox, "/v1/refunds", key="replay-1", body=body)
    again = post(sandbox, "/v1/refunds", key="replay-1", body=b"&".join(reversed(body.split(b"&"))))
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert len(sandbox.stripe.v1.refunds.list({"payment_intent": intent.id}).data) == 1


def test_a_key_with_other_parameters_is_refused(sandbox: Sandbox) -> None:
    """A reused key is an error of its own kind, for another body and for another path."""
    intent = sandbox.captured()
    options: Any = {"idempotency_key": "reused-1"}
    sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 1000}, options)
    with pytest.raises(stripe.IdempotencyError):
        sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 2000}, options)
    with pytest.raises(stripe.IdempotencyError):
        sandbox.stripe.v1.customers.create({}, options)


def test_a_key_in_flight_conflicts(sandbox: Sandbox) -> None:
    """While the first request is still being carried out, a second with its key gets 409 and may be retried."""
    sandbox.control("POST", "faults", target="stripe", method="POST", path="/v1/customers", kind="delay", seconds=0.5)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, sandbox, "/v1/customers", key="flight-1")
        wait_for(lambda: sandbox.control("GET", "faults")["data"][0]["hits"] == 1)
        time.sleep(0.05)
        second = post(sandbox, "/v1/customers", key="flight-1")
        assert second.status == 409
        assert second.json()["error"]["code"] == "idempotency_key_in_use"
        assert second.headers["Stripe-Should-Retry"] == "true"
        assert first.result().status == 200
    assert post(sandbox, "/v1/customers", key="flight-1").headers["Idempotent-Replayed"] == "true"


def test_fifty_requests_with_one_key_make_one_session(sandbox: Sandbox) -> None:
    """Whatever the interleaving, one key creates one object; the others replay it or conflict."""

    def create(_: int) -> str:
        try:
            return str(
                sandbox.stripe.v1.customers.create({"email": "once@example.com"}, {"idempotency_key": "fifty"}).id
            )
        except stripe.APIError as conflict:
            return f"refused with {conflict.http_status}"

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(create, range(50)))
    assert len(answers - {"refused with 409"}) == 1
    assert len(sandbox.stripe.v1.customers.list({"email": "once@example.com"}).data) == 1


def test_a_refused_request_does_not_use_up_its_key(sandbox: Sandbox) -> None:
    """Stripe forgets what failed validation, and remembers what it carried out and refused."""
    intent = sandbox.authorised()
    path = f"/v1/payment_intents/{intent.id}/capture"
    assert post(sandbox, path, key="validation-1", body=b"amount_to_capture=x").status == 400
    assert post(sandbox, path, key="validation-1").status == 200
    assert post(sandbox, path, key="state-1").status == 400
    replayed = post(sandbox, path, key="state-1")
    assert (replayed.status, replayed.headers["Idempotent-Replayed"]) == (400, "true")


def test_keys_are_forgotten_after_a_day() -> None:
    """24 hours later the same key is a new request."""
    with running_sandbox() as sandbox:
        options: Any = {"idempotency_key": "yesterday"}
        first = sandbox.stripe.v1.customers.create({}, options)
        sandbox.control("POST", "clock", advance_seconds=24 * 3_600 - 60)
        assert sandbox.stripe.v1.customers.create({}, options).id == first.id
        sandbox.control("POST", "clock", advance_seconds=61)
        assert sandbox.stripe.v1.customers.create({}, options).id != first.id


@pytest.mark.parametrize(
    ("kind", "error", "captured", "retried"),
    [
        ("429", stripe.RateLimitError, False, None),
        ("500", stripe.APIError, False, "false"),
        ("502", stripe.APIError, False, "true"),
        ("503", stripe.APIError, False, "true"),
        ("lost_reply", stripe.APIConnectionError, True, None),
        ("connection_reset", stripe.APIConnectionError, False, None),
    ],
)
def test_a_fault_strikes_once_and_as_described(
    sandbox: Sandbox, kind: str, error: type[stripe.StripeError], captured: bool, retried: str | None
) -> None:
    """The SDK meets the error that the real API would cause; only a lost reply leaves the money moved."""
    intent = sandbox.authorised()
    sandbox.control("POST", "faults", target="stripe", method="POST", path=CAPTURE_PATH, kind=kind)
    with pytest.raises(error) as struck:
        sandbox.stripe.v1.payment_intents.capture(intent.id)
    assert (struck.value.headers or {}).get("Stripe-Should-Retry") == retried
    status = sandbox.stripe.v1.payment_intents.retrieve(intent.id).status
    assert status == ("succeeded" if captured else "requires_capture")
    if not captured:
        assert sandbox.stripe.v1.payment_intents.capture(intent.id).status == "succeeded"


def test_a_lost_reply_is_found_again_by_its_key(sandbox: Sandbox) -> None:
    """The SDK's own retry after a lost reply gets the stored answer: one capture, no error."""
    intent = sandbox.authorised()
    patient = stripe.StripeClient(
        STRIPE_KEY, base_addresses={"api": sandbox.url}, http_client=stripe.RequestsClient(), max_network_retries=2
    )
    sandbox.control("POST", "faults", target="stripe", path=CAPTURE_PATH, kind="lost_reply")
    assert patient.v1.payment_intents.capture(intent.id).status == "succeeded"
    asked = sandbox.control("GET", f"requests?path=/v1/payment_intents/{intent.id}/capture")["data"]
    assert len(asked) == 2
    assert asked[0]["idempotency_key"] == asked[1]["idempotency_key"] is not None
    booked = sandbox.stripe.v1.balance_transactions.list({"source": str(intent.latest_charge)})
    assert len(booked.data) == 1


def test_a_500_is_remembered_for_its_key(sandbox: Sandbox) -> None:
    """As at Stripe, the key replays the 500 even when the work was done: only asking for the state helps."""
    intent = sandbox.authorised()
    sandbox.control("POST", "faults", target="stripe", path=CAPTURE_PATH, kind="500", after=True)
    path = f"/v1/payment_intents/{intent.id}/capture"
    assert [post(sandbox, path, key="broken-1").status for _ in range(2)] == [500, 500]
    assert sandbox.stripe.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_delay_is_a_delay(sandbox: Sandbox) -> None:
    """Slow is slow, and nothing else."""
    sandbox.control("POST", "faults", target="stripe", path="/v1/charges", kind="delay", seconds=0.3)
    started = time.monotonic()
    sandbox.stripe.v1.charges.list()
    assert time.monotonic() - started >= 0.3


def test_faults_can_be_counted_skipped_and_lifted(sandbox: Sandbox) -> None:
    """times and skip count matches; a rule without an end stays until it is deleted."""

    def statuses(count: int) -> list[int]:
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
        return [sandbox.http("GET", "/v1/charges", headers=headers).status for _ in range(count)]

    sandbox.control("POST", "faults", target="stripe", path="/v1/charges", kind="503", skip=1, times=2)
    assert statuses(4) == [200, 503, 503, 200]
    endless = sandbox.control("POST", "faults", target="stripe", method="get", path="/v1/*", kind="429", times=None)
    assert statuses(3) == [429, 429, 429]
    sandbox.control("DELETE", f"faults/{endless['id']}")
    assert statuses(1) == [200]


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"target": "paypal", "kind": "500"},
        {"target": "stripe", "kind": "drop"},
        {"target": "stripe_webhooks", "kind": "500"},
        {"target": "stripe", "kind": "500", "times": -1},
        {"target": "stripe", "kind": "delay", "seconds": "long"},
        {"target": "stripe", "kind": "500", "colour": "red"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, description: dict[str, Any]) -> None:
    """400 with a sentence; nothing is armed."""
    import json

    reply = sandbox.http("POST", "/_sandbox/faults", body=json.dumps(description).encode())
    assert reply.status == 400
    assert reply.json()["error"]
    assert sandbox.control("GET", "faults")["data"] == []


def test_the_rate_limit_refuses_what_is_above_it(sandbox: Sandbox) -> None:
    """With five a second, a burst of thirty is answered with 429 beyond the first few, and none of those is done."""
    sandbox.control("POST", "rate_limit", per_second=5)
    try:

        def create(number: int) -> int:
            try:
                sandbox.stripe.v1.customers.create({"email": "burst@example.com", "name": str(number)})
            except stripe.RateLimitError:
                return 0
            return 1

        with ThreadPoolExecutor(10) as pool:
            passed = sum(pool.map(create, range(30)))
    finally:
        sandbox.http("POST", "/_sandbox/rate_limit", body=b'{"per_second": null}')
    assert 5 <= passed < 30
    assert len(sandbox.stripe.v1.customers.list({"email": "burst@example.com", "limit": 100}).data) == passed


def test_pages_of_other_sites_cannot_steer_the_sandbox(sandbox: Sandbox) -> None:
    """A browser says where a request comes from; control calls from elsewhere are refused."""
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert sandbox.http("POST", "/_sandbox/reset", headers=headers).status == 403
    assert sandbox.http("POST", "/inbox/reply", headers=headers).status == 403


def test_a_reset_forgets_everything_but_the_configuration() -> None:
    """Objects, faults and the clock start anew; the configured webhook endpoint is there again."""
    with running_sandbox() as sandbox:
        sandbox.authorised()
        sandbox.control("POST", "clock", advance_seconds=1_000)
        sandbox.control("POST", "faults", target="stripe", kind="500", times=None)
        sandbox.control("POST", "reset")
        assert sandbox.stripe.v1.charges.list().data == []
        assert sandbox.control("GET", "clock")["offset_seconds"] == 0
        assert len(sandbox.stripe.v1.webhook_endpoints.list().data) == 1
        sandbox.receiver.received.clear()
        sandbox.authorised()
        wait_for(lambda: "checkout.session.completed" in sandbox.receiver.types())


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Payments, keys, opt-outs and what is planned for later are there again after the process ended."""
    data_file = tmp_path / "data" / "sandbox.sqlite3"
    options: Any = {"idempotency_key": "kept"}
    with running_sandbox(data_file=data_file, refund_settles_seconds=0.4) as sandbox:
        intent = sandbox.authorised()
        customer = sandbox.stripe.v1.customers.create({}, options)
        refunded = sandbox.captured("4000000000007726")
        refund = sandbox.stripe.v1.refunds.create({"payment_intent": refunded.id})
        sandbox.control("POST", "messages/inbound", **{"from": "+15005550100", "to": "+15005550006", "body": "STOP"})
    with running_sandbox(data_file=data_file) as sandbox:
        assert sandbox.stripe.v1.customers.create({}, options).id == customer.id
        assert sandbox.stripe.v1.payment_intents.capture(intent.id).status == "succeeded"
        wait_for(lambda: sandbox.stripe.v1.refunds.retrieve(refund.id).status == "succeeded")
        assert len(sandbox.control("GET", "messages")["data"]) == 2


SERVE = """
import sys
from pathlib import Path
from entrypoints.sandbox import SandboxConfig, SandboxServer, create_app
port = int(sys.argv[2])
config = SandboxConfig(sandbox_url=f"http://127.0.0.1:{port}", stripe_api_key=sys.argv[3],
    stripe_webhook_secret="whsec_x", twilio_account_sid="AC0", twilio_auth_token="t", data_file=Path(sys.argv[1]))
SandboxServer("127.0.0.1", port, create_app(config)).run()
"""


def test_a_killed_process_keeps_what_it_answered(tmp_path: Path) -> None:
    """After SIGKILL in the middle of work, every object whose creation was confirmed is still there."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SERVE, str(tmp_path / "sandbox.sqlite3"), str(port), STRIPE_KEY]
    http_client = stripe.RequestsClient(timeout=5)
    client = stripe.StripeClient(
        STRIPE_KEY,
        base_addresses={"api": f"http://127.0.0.1:{port}"},
        http_client=http_client,
        max_network_retries=0,
    )

    def answers() -> bool:
        try:
            client.v1.customers.list()
        except stripe.APIConnectionError:
            return False
        return True

    made: list[str] = []
    process = subprocess.Popen(command)
    try:
        wait_for(answers)
        threading.Timer(0.3, os.kill, (process.pid, signal.SIGKILL)).start()
        with contextlib.suppress(stripe.APIConnectionError):
            while True:
                made.append(client.v1.customers.create().id)
        process.wait(timeout=5)
        process = subprocess.Popen(command)
        wait_for(answers)
        kept = {customer.id for customer in client.v1.customers.list({"limit": 100}).auto_paging_iter()}
    finally:
        process.kill()
        process.wait(timeout=5)
        http_client.close()  # type: ignore[no-untyped-call]  # the SDK's
    assert made
    assert set(made) <= kept
