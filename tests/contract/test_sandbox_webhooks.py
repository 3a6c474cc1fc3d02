"""Stripe's webhooks from the sandbox: signed, complete, retried; on demand dropped, doubled, late, out of order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stripe

from tests.contract.sandbox_harness import STRIPE_WEBHOOK_SECRET, Sandbox, running_sandbox, wait_for


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def test_the_sdk_verifies_every_webhook(sandbox: Sandbox) -> None:
    """Signatures hold over the exact bytes, and a changed byte or another secret does not pass."""
    sandbox.captured()
    sandbox.settled()
    assert sandbox.receiver.received
    for received in sandbox.receiver.received:
        header = received.headers["Stripe-Signature"]
        event = stripe.Webhook.construct_event(received.body, header, STRIPE_WEBHOOK_SECRET)
        assert event.id.startswith("evt_")
        for body, secret in ((received.body + b" ", STRIPE_WEBHOOK_SECRET), (received.body, "whsec_other")):
            with pytest.raises(stripe.SignatureVerificationError):
                stripe.Webhook.construct_event(body, header, secret)


def test_a_payments_webhooks_tell_its_whole_story(sandbox: Sandbox) -> None:
    """Decline, authorisation, capture, refund: each with its events, and the object as it was at that moment."""
    session = sandbox.open_session()
    sandbox.pay(session, "4000000000000002")
    sandbox.pay(session, "4000000000009235")
    intent = sandbox.intent_of(session)
    sandbox.stripe.v1.payment_intents.capture(intent.id)
    sandbox.stripe.v1.refunds.create({"payment_intent": intent.id})
    unpaid = sandbox.open_session()
    sandbox.stripe.v1.checkout.sessions.expire(unpaid.id)
    sandbox.settled()
    events = sorted(sandbox.receiver.events(), key=lambda event: str(event["created"]))
    assert {event["type"] for event in events} >= {
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "checkout.session.completed",
        "review.opened",
        "charge.captured",
        "payment_intent.succeeded",
        "charge.updated",
        "refund.created",
        "charge.refunded",
        "review.closed",
        "checkout.session.expired",
    }
    by_type = {event["type"]: event for event in events}
    completed = by_type["checkout.session.completed"]["data"]["object"]
    assert (completed["status"], completed["payment_status"]) == ("complete", "unpaid")
    assert completed["metadata"] == {"order": "ord_1"}
    capturable = by_type["payment_intent.amount_capturable_updated"]["data"]["object"]
    assert (capturable["status"], capturable["amount_capturable"]) == ("requires_capture", 9000)
    assert by_type["refund.created"]["request"]["id"].startswith("req_")
    assert by_type["charge.succeeded"]["request"] == {"id": None, "idempotency_key": None}
    assert by_type["charge.refunded"]["data"]["previous_attributes"]["amount_refunded"] == 0
    stored = sandbox.stripe.v1.events.retrieve(completed_id := by_type["checkout.session.completed"]["id"])
    assert (stored.id, stored.pending_webhooks) == (completed_id, 0)


def test_a_webhook_that_is_not_accepted_comes_again(sandbox: Sandbox) -> None:
    """The same event is sent until it is answered with 2xx, each attempt in the log."""
    sandbox.receiver.answers = [500, 503]
    sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
    sandbox.settled()
    assert sandbox.receiver.types() == ["checkout.session.expired"] * 3
    assert len({event["id"] for event in sandbox.receiver.events()}) == 1
    (logged,) = sandbox.control("GET", "deliveries")["data"]
    assert [attempt["status"] for attempt in logged["attempts"]] == [500, 503, 200]
    assert logged["status"] == "delivered"


def test_retries_end(sandbox: Sandbox) -> None:
    """After the last retry the delivery has failed; it can be sent again by hand."""
    sandbox.receiver.answers = [500] * 4
    sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
    sandbox.settled()
    (failed,) = sandbox.control("GET", "deliveries?status=failed")["data"]
    assert len(failed["attempts"]) == 4
    sandbox.control("POST", f"deliveries/{failed['id']}/resend")
    wait_for(lambda: sandbox.control("GET", "deliveries?status=delivered")["data"])


def test_an_application_that_is_down_gets_its_webhooks_later() -> None:
    """A refused connection counts as an attempt, and the retries reach the application once it is up."""
    with running_sandbox(public_url="http://127.0.0.1:9", webhook_retry_seconds=(0.05,)) as sandbox:
        sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
        sandbox.settled()
        (logged,) = sandbox.control("GET", "deliveries?status=failed")["data"]
        assert [attempt["status"] for attempt in logged["attempts"]] == [None, None]
        assert "refused" in logged["attempts"][0]["error"].lower()


def test_webhooks_can_be_dropped_and_doubled(sandbox: Sandbox) -> None:
    """drop never arrives but is in the log; duplicate arrives twice with one id."""
    sandbox.control("POST", "faults", target="stripe_webhooks", type="checkout.session.completed", kind="drop")
    sandbox.control("POST", "faults", target="stripe_webhooks", type="payment_intent.*", kind="duplicate")
    sandbox.authorised()
    sandbox.settled()
    types = sandbox.receiver.types()
    assert "checkout.session.completed" not in types
    assert types.count("payment_intent.created") == 2
    assert [one["type"] for one in sandbox.control("GET", "deliveries?status=dropped")["data"]] == [
        "checkout.session.completed"
    ]


def test_webhooks_can_be_held_and_released(sandbox: Sandbox) -> None:
    """What is held waits for the release, however long."""
    sandbox.control("POST", "faults", target="stripe_webhooks", kind="hold", times=None)
    sandbox.authorised()
    sandbox.settled()
    assert sandbox.receiver.types() == []
    released = sandbox.control("POST", "deliveries/release")["released"]
    wait_for(lambda: len(sandbox.receiver.types()) == released)
    assert "checkout.session.completed" in sandbox.receiver.types()


def test_webhooks_can_be_late(sandbox: Sandbox) -> None:
    """A delay holds one type back while the others pass."""
    sandbox.control(
        "POST", "faults", target="stripe_webhooks", type="payment_intent.created", kind="delay", seconds=0.5
    )
    sandbox.authorised()
    sandbox.settled()
    assert sandbox.receiver.types()[-1] == "payment_intent.created"


def test_webhooks_can_overtake_each_other(sandbox: Sandbox) -> None:
    """reorder puts an event behind its successor; it arrives by itself when there is none."""
    sandbox.control("POST", "faults", target="stripe_webhooks", type="payment_intent.created", kind="reorder")
    sandbox.authorised()
    sandbox.settled()
    types = sandbox.receiver.types()
    assert types.index("payment_intent.created") > types.index("charge.succeeded")
    sandbox.receiver.received.clear()
    sandbox.control("POST", "faults", target="stripe_webhooks", kind="reorder", seconds=0.1)
    sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
    wait_for(lambda: sandbox.receiver.types() == ["checkout.session.expired"])


def test_endpoints_are_made_and_removed_through_the_api(sandbox: Sandbox) -> None:
    """An own secret shown once, only the types asked for, and silence once deleted or disabled."""
    endpoints = sandbox.stripe.v1.webhook_endpoints
    made = endpoints.create({"url": f"{sandbox.receiver.url}/second", "enabled_events": ["checkout.session.expired"]})
    assert made.secret is not None
    assert "secret" not in endpoints.retrieve(made.id)
    sandbox.authorised()
    sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
    sandbox.settled()
    (received,) = [one for one in sandbox.receiver.received if one.path == "/second"]
    stripe.Webhook.construct_event(received.body, received.headers["Stripe-Signature"], made.secret)

    endpoints.update(made.id, {"disabled": True})
    sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
    assert endpoints.delete(made.id).deleted is True
    sandbox.settled()
    assert len([one for one in sandbox.receiver.received if one.path == "/second"]) == 1
    with pytest.raises(stripe.InvalidRequestError):
        endpoints.retrieve(made.id)


def test_deliveries_run_side_by_side(sandbox: Sandbox) -> None:
    """A hundred sessions' webhooks all arrive, each exactly once when nothing goes wrong."""
    for _ in range(100):
        sandbox.stripe.v1.checkout.sessions.expire(sandbox.open_session().id)
    sandbox.settled()
    ids = [event["id"] for event in sandbox.receiver.events()]
    assert len(ids) == len(set(ids)) == 100
