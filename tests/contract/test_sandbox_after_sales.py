"""Stripe's sandbox after the sale: refunds, disputes, reviews, early fraud warnings and the balance."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.contract.sandbox_harness import Sandbox, running_sandbox, wait_for


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def charge_of(sandbox: Sandbox, intent: stripe.PaymentIntent) -> stripe.Charge:
    return sandbox.stripe.v1.charges.retrieve(str(intent.latest_charge))


def test_refunds_add_up_to_the_charge_and_not_beyond(sandbox: Sandbox) -> None:
    """Part, then more than what is left (refused with the parameter), then the rest, then nothing any more."""
    intent = sandbox.captured()
    create = sandbox.stripe.v1.refunds.create
    first = create(
        {
            "payment_intent": intent.id,
            "amount": 4000,
            "reason": "requested_by_customer",
            "metadata": {"refund": "ref_1"},
        }
    )
    assert (first.status, first.amount, first.reason) == ("succeeded", 4000, "requested_by_customer")
    assert first.metadata is not None
    assert first.metadata["refund"] == "ref_1"
    charge = charge_of(sandbox, intent)
    assert (charge.amount_refunded, charge.refunded) == (4000, False)

    with pytest.raises(stripe.InvalidRequestError, match=r"\$50\.01.*\$50\.00") as refused:
        create({"payment_intent": intent.id, "amount": 5001})
    assert refused.value.param == "amount"

    rest = create({"charge": charge.id})
    assert rest.amount == 5000
    charge = charge_of(sandbox, intent)
    assert (charge.amount_refunded, charge.refunded) == (9000, True)
    with pytest.raises(stripe.InvalidRequestError) as again:
        create({"payment_intent": intent.id})
    assert again.value.code == "charge_already_refunded"
    listed = sandbox.stripe.v1.refunds.list({"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]


def test_concurrent_refunds_never_exceed_the_charge(sandbox: Sandbox) -> None:
    """Of thirty refunds of 1000 at once on a charge of 9000, nine succeed."""
    intent = sandbox.captured()

    def refund(_: int) -> int:
        try:
            return sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 1000}).amount
        except stripe.InvalidRequestError:
            return 0

    with ThreadPoolExecutor(30) as pool:
        assert sum(pool.map(refund, range(30))) == 9000
    assert charge_of(sandbox, intent).amount_refunded == 9000


def test_what_was_not_captured_cannot_be_refunded(sandbox: Sandbox) -> None:
    """An authorisation is cancelled, not refunded."""
    intent = sandbox.authorised()
    for params in ({"payment_intent": intent.id}, {"charge": str(intent.latest_charge)}, {}):
        with pytest.raises(stripe.InvalidRequestError):
            sandbox.stripe.v1.refunds.create(params)  # type: ignore[arg-type]  # wrong on purpose


def test_an_asynchronous_refund_succeeds_later(sandbox: Sandbox) -> None:
    """The card ending 7726: pending at first, counted as refunded already, succeeded after a while."""
    intent = sandbox.captured("4000000000007726")
    refund = sandbox.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    assert charge_of(sandbox, intent).amount_refunded == 9000
    wait_for(lambda: sandbox.stripe.v1.refunds.retrieve(refund.id).status == "succeeded")
    wait_for(lambda: "refund.updated" in types_about(sandbox, refund.id))


def test_a_refund_can_fail_after_it_succeeded(sandbox: Sandbox) -> None:
    """The card ending 5126: the refund turns failed, the money is ours again and can be refunded once more."""
    intent = sandbox.captured("4000000000005126")
    refund = sandbox.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    failed = wait_for(lambda: (found := sandbox.stripe.v1.refunds.retrieve(refund.id)).status == "failed" and found)
    assert failed.failure_reason
    assert failed.failure_balance_transaction
    assert (charge_of(sandbox, intent).amount_refunded, charge_of(sandbox, intent).refunded) == (0, False)
    wait_for(lambda: "refund.failed" in types_about(sandbox, refund.id))
    assert sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 1}).amount == 1


def test_the_balance_says_what_every_movement_was_worth(sandbox: Sandbox) -> None:
    """Charge, refund and dispute each book an amount, a fee and a net that agree."""
    intent = sandbox.captured()
    sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    charge = charge_of(sandbox, intent)
    dispute = sandbox.control("POST", f"charges/{charge.id}/dispute", reason="general")
    movements = [
        *sandbox.stripe.v1.balance_transactions.list({"source": charge.id}).data,
        *sandbox.stripe.v1.balance_transactions.list(
            {"source": sandbox.stripe.v1.refunds.list({"charge": charge.id}).data[0].id}
        ).data,
        *sandbox.stripe.v1.balance_transactions.list({"source": dispute["id"]}).data,
    ]
    booked = [(one.type, one.amount, one.fee) for one in movements]
    assert booked == [("charge", 9000, 291), ("refund", -1000, 0), ("adjustment", -8000, 1500)]
    assert all(one.net == one.amount - one.fee for one in movements)


def test_the_dispute_card_is_disputed_after_its_capture(sandbox: Sandbox) -> None:
    """The card ending 0259: authorised in peace, disputed as fraud once captured; no refund is possible then."""
    intent = sandbox.captured("4000000000000259")
    dispute = wait_for(lambda: sandbox.stripe.v1.disputes.list({"payment_intent": intent.id}).data)[0]
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 9000)
    assert dispute.is_charge_refundable is False
    assert charge_of(sandbox, intent).disputed is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    wait_for(lambda: "charge.dispute.funds_withdrawn" in types_about(sandbox, dispute.id))


@pytest.mark.parametrize(
    ("evidence", "status", "last_event"),
    [
        ("winning_evidence", "won", "charge.dispute.closed"),
        ("losing_evidence", "lost", "charge.dispute.closed"),
        ("The buyer's ticket was scanned at the door.", "under_review", "charge.dispute.updated"),
    ],
)
def test_evidence_is_submitted_and_decided(sandbox: Sandbox, evidence: str, status: str, last_event: str) -> None:
    """Stripe's magic texts win or lose; anything else waits for the bank. Winning brings the money back."""
    intent = sandbox.captured()
    dispute = sandbox.control("POST", f"charges/{intent.latest_charge}/dispute")
    update = sandbox.stripe.v1.disputes.update
    draft = update(dispute["id"], {"evidence": {"uncategorized_text": evidence}, "submit": False})
    assert (draft.status, draft.evidence_details.submission_count) == ("needs_response", 0)
    assert draft.evidence_details.has_evidence is True
    submitted = update(dispute["id"], {"evidence": {"uncategorized_text": evidence}})
    assert (submitted.status, submitted.evidence_details.submission_count) == (status, 1)
    net = sum(movement.amount for movement in submitted.balance_transactions)
    assert net == (0 if status == "won" else -9000)
    wait_for(lambda: last_event in types_about(sandbox, dispute["id"]))


def test_giving_in_closes_a_dispute_for_good(sandbox: Sandbox) -> None:
    """close means lost; a closed dispute takes neither evidence nor another close."""
    intent = sandbox.captured()
    dispute_id = sandbox.control("POST", f"charges/{intent.latest_charge}/dispute")["id"]
    assert sandbox.stripe.v1.disputes.close(dispute_id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.disputes.close(dispute_id)
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.disputes.update(dispute_id, {"evidence": {"uncategorized_text": "winning_evidence"}})


def test_an_inquiry_moves_no_money_and_can_be_refunded(sandbox: Sandbox) -> None:
    """The card ending 1976: a warning that a refund may settle."""
    intent = sandbox.captured("4000000000001976")
    inquiry = wait_for(lambda: sandbox.stripe.v1.disputes.list({"payment_intent": intent.id}).data)[0]
    assert (inquiry.status, inquiry.is_charge_refundable) == ("warning_needs_response", True)
    assert inquiry.balance_transactions == []
    assert sandbox.stripe.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_an_early_fraud_warning_is_settled_by_a_refund(sandbox: Sandbox) -> None:
    """The card ending 5423: actionable until the charge is refunded in full."""
    intent = sandbox.captured("4000000000005423")
    warnings = sandbox.stripe.v1.radar.early_fraud_warnings
    warning = wait_for(lambda: warnings.list({"payment_intent": intent.id}).data)[0]
    assert (warning.actionable, warning.charge) == (True, intent.latest_charge)
    sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    assert warnings.retrieve(warning.id).actionable is True
    sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "reason": "fraudulent"})
    assert warnings.retrieve(warning.id).actionable is False
    wait_for(
        lambda: (
            {"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"}
            <= set(types_about(sandbox, warning.id))
        )
    )


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("refund", "refunded"),
        ("refund_as_fraud", "refunded_as_fraud"),
        ("dispute", "disputed"),
        ("cancel", "canceled"),
    ],
)
def test_reviews_close_by_what_happens_to_the_payment(sandbox: Sandbox, action: str, reason: str) -> None:
    """A refund, a dispute or a cancellation decides an open review."""
    intent = sandbox.authorised("4000000000009235")
    review_id = str(intent.review)
    client = sandbox.stripe.v1
    if action == "cancel":
        client.payment_intents.cancel(intent.id)
    else:
        client.payment_intents.capture(intent.id)
    if action.startswith("refund"):
        params: Any = {"payment_intent": intent.id, "reason": "requested_by_customer"}
        client.refunds.create(params | ({"reason": "fraudulent"} if action == "refund_as_fraud" else {}))
    if action == "dispute":
        sandbox.control("POST", f"charges/{intent.latest_charge}/dispute")
    closed = client.reviews.retrieve(review_id)
    assert (closed.open, closed.closed_reason) == (False, reason)
    assert client.payment_intents.retrieve(intent.id).review is None


def test_trouble_can_be_made_by_hand(sandbox: Sandbox) -> None:
    """The control API opens a review, a warning and a dispute on any charge, and decides the dispute."""
    intent = sandbox.captured()
    review = sandbox.control("POST", f"charges/{intent.latest_charge}/review")
    assert sandbox.stripe.v1.reviews.retrieve(review["id"]).open is True
    warning = sandbox.control(
        "POST", f"charges/{intent.latest_charge}/early_fraud_warning", fraud_type="made_with_stolen_card"
    )
    assert warning["actionable"] is True
    dispute = sandbox.control("POST", f"charges/{intent.latest_charge}/dispute", reason="duplicate")
    won = sandbox.control("POST", f"disputes/{dispute['id']}/decide", verdict="won")
    assert won["status"] == "won"
    assert sandbox.stripe.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_a_dispute_overtakes_a_refund_that_is_on_its_way(sandbox: Sandbox) -> None:
    """The pending refund fails with Stripe's word for it, and all of the charge is disputed."""
    intent = sandbox.captured("4000000000007726")
    refund = sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})
    assert refund.status == "pending"
    dispute = sandbox.control("POST", f"charges/{intent.latest_charge}/dispute")
    failed = sandbox.stripe.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    assert dispute["amount"] == 9000


def test_evidence_has_a_limit_over_all_its_fields(sandbox: Sandbox) -> None:
    """Twenty thousand characters a field, 150,000 in all."""
    intent = sandbox.captured()
    dispute_id = sandbox.control("POST", f"charges/{intent.latest_charge}/dispute")["id"]
    texts: Any = dict.fromkeys(
        (
            "access_activity_log",
            "billing_address",
            "cancellation_policy_disclosure",
            "cancellation_rebuttal",
            "product_description",
            "refund_policy_disclosure",
            "refund_refusal_explanation",
            "uncategorized_text",
        ),
        "x" * 19_000,
    )
    with pytest.raises(stripe.InvalidRequestError, match="150000"):
        sandbox.stripe.v1.disputes.update(dispute_id, {"evidence": texts})


def test_the_log_of_events_is_asked_for_several_kinds(sandbox: Sandbox) -> None:
    """By name, by a start with a star, or by up to twenty names; never by both ways at once."""
    intent = sandbox.captured()
    dispute_id = sandbox.control("POST", f"charges/{intent.latest_charge}/dispute")["id"]
    sandbox.stripe.v1.disputes.close(dispute_id)
    events = sandbox.stripe.v1.events.list

    def seen(**wanted: Any) -> list[str]:
        listed = events({"limit": 100, **wanted}).data  # type: ignore[arg-type]  # any parameter
        return [event.type for event in listed if event.to_dict()["data"]["object"]["id"] == dispute_id]

    created, withdrawn, closed = (f"charge.dispute.{name}" for name in ("created", "funds_withdrawn", "closed"))
    assert seen(types=[created, closed]) == [closed, created]
    assert seen(type="charge.dispute.*") == [closed, withdrawn, created]
    assert seen(type=created) == [created]
    assert seen(type="charge.dispute") == []
    with pytest.raises(stripe.InvalidRequestError):
        events({"type": created, "types": [created]})


def types_about(sandbox: Sandbox, object_id: str) -> list[str]:
    """The types of the webhooks that arrived about one object."""
    return [event["type"] for event in sandbox.receiver.events() if event["data"]["object"]["id"] == object_id]
