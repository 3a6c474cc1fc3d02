"""Stripe's disputes and warnings in our words, whatever an account's answer leaves out."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from adapters.stripe.disputes import EVIDENCE_CHARACTERS_MAX, dispute_of, evidence_parameters, warning_of
from domain.disputes import ENDED, DisputeKind, DisputeState
from domain.evidence import Evidence, EvidenceSection
from domain.money import CurrencyCode, Money

JPY = CurrencyCode("JPY")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def dispute(**changes: Any) -> stripe.Dispute:
    """A dispute of 4,000 yen as Stripe might send it."""
    values: dict[str, Any] = {
        "id": "dp_1", "object": "dispute", "amount": 4_000, "currency": "jpy", "status": "needs_response",
        "reason": "general", "created": int(NOON.timestamp()), "payment_intent": "pi_1", "is_charge_refundable": False,
        "balance_transactions": [], "evidence_details": {"due_by": None, "submission_count": 0}, **changes,
    }  # fmt: skip
    return stripe.Dispute.construct_from(values, key=None)


@pytest.mark.parametrize(
    ("status", "kind", "state"),
    [
        ("warning_needs_response", DisputeKind.INQUIRY, DisputeState.NEEDS_RESPONSE),
        ("warning_under_review", DisputeKind.INQUIRY, DisputeState.UNDER_REVIEW),
        ("warning_closed", DisputeKind.INQUIRY, DisputeState.WITHDRAWN),
        ("needs_response", DisputeKind.CHARGEBACK, DisputeState.NEEDS_RESPONSE),
        ("under_review", DisputeKind.CHARGEBACK, DisputeState.UNDER_REVIEW),
        ("won", DisputeKind.CHARGEBACK, DisputeState.WON),
        ("lost", DisputeKind.CHARGEBACK, DisputeState.LOST),
        ("prevented", DisputeKind.CHARGEBACK, DisputeState.WITHDRAWN),
    ],
)
def test_every_status_has_a_word(status: str, kind: DisputeKind, state: DisputeState) -> None:
    """Whether money has moved and who has to do something, told apart."""
    facts = dispute_of(dispute(status=status))
    assert (facts.kind, facts.state) == (kind, state)


def test_a_status_that_is_new_ends_nothing() -> None:
    """The careful reading: the money is away, and nothing is lost or won yet."""
    facts = dispute_of(dispute(status="in_the_stars"))
    assert facts.kind is DisputeKind.CHARGEBACK
    assert facts.state not in ENDED


def test_fees_are_told_apart_from_what_came_back_of_them() -> None:
    """In minor units of a currency without decimals; None before anything has moved."""
    taken = {"amount": -4_000, "fee": 1_500, "currency": "jpy"}
    returned = {"amount": 4_000, "fee": -1_500, "currency": "jpy"}
    none, once, both = (dispute_of(dispute(balance_transactions=list(m))) for m in ((), (taken,), (taken, returned)))
    assert (none.fee, none.fee_returned) == (None, None)
    assert (once.fee, once.fee_returned) == (Money(1_500, JPY), None)
    assert (both.fee, both.fee_returned) == (Money(1_500, JPY), Money(1_500, JPY))


def test_a_deadline_and_an_expanded_payment_are_read() -> None:
    """A reference may be the object itself; without a deadline there is none."""
    facts = dispute_of(dispute(payment_intent={"id": "pi_2", "object": "payment_intent"}))
    assert (facts.intent_id, facts.due_at, facts.opened_at) == ("pi_2", None, NOON)
    due = dispute_of(dispute(evidence_details={"due_by": int(NOON.timestamp()), "submission_count": 1}))
    assert (due.due_at, due.submissions) == (NOON, 1)


def test_a_warning_is_read() -> None:
    """Nothing is assumed that Stripe does not say: what is not actionable cannot be acted upon."""
    values = {
        "id": "issfr_1",
        "object": "radar.early_fraud_warning",
        "created": int(NOON.timestamp()),
        "charge": "ch_1",
    }
    facts = warning_of(stripe.radar.EarlyFraudWarning.construct_from(values, key=None))
    assert (facts.actionable, facts.intent_id, facts.warned_at) == (False, None, NOON)


def test_no_field_of_the_evidence_is_longer_than_stripe_takes() -> None:
    """What a person wrote comes first, so it is never what is cut."""
    long = "x" * (2 * EVIDENCE_CHARACTERS_MAX)
    evidence = Evidence(
        collected_at=NOON, buyer_name="Ada", buyer_email="ada@example.com", product=long, service_date="2027-01-01",
        activity=(long,), terms=long, sections=(EvidenceSection(title="Order", lines=(long,)),),
    )  # fmt: skip
    fields = evidence_parameters(evidence, "She came.")
    assert all(len(str(value)) <= EVIDENCE_CHARACTERS_MAX for value in fields.values())
    assert str(fields["uncategorized_text"]).startswith("She came.")
