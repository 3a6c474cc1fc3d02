"""Stripe's disputes and early fraud warnings in our words, and our evidence in Stripe's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import stripe
from stripe.params import DisputeUpdateParamsEvidence

from adapters.stripe.amounts import from_stripe
from domain.disputes import DisputeFacts, DisputeKind, DisputeState
from domain.evidence import Evidence
from domain.fraud_warnings import WarningFacts
from domain.money import Money

EVIDENCE_CHARACTERS_MAX = 20_000
"""Of one text field; all of them together may have 150,000."""

_STATES = {
    "needs_response": (DisputeKind.CHARGEBACK, DisputeState.NEEDS_RESPONSE),
    "under_review": (DisputeKind.CHARGEBACK, DisputeState.UNDER_REVIEW),
    "won": (DisputeKind.CHARGEBACK, DisputeState.WON),
    "lost": (DisputeKind.CHARGEBACK, DisputeState.LOST),
    "prevented": (DisputeKind.CHARGEBACK, DisputeState.WITHDRAWN),
    "warning_needs_response": (DisputeKind.INQUIRY, DisputeState.NEEDS_RESPONSE),
    "warning_under_review": (DisputeKind.INQUIRY, DisputeState.UNDER_REVIEW),
    "warning_closed": (DisputeKind.INQUIRY, DisputeState.WITHDRAWN),
}
_UNKNOWN = (DisputeKind.CHARGEBACK, DisputeState.UNDER_REVIEW)
"""A status that Stripe added since: the careful reading is that the money is away and nothing is asked of us."""


def dispute_of(dispute: stripe.Dispute) -> DisputeFacts:
    """A dispute as retrieved."""
    seen = dispute.to_dict()
    kind, state = _STATES.get(str(seen["status"]), _UNKNOWN)
    details: Mapping[str, Any] = seen.get("evidence_details") or {}
    due_by = details.get("due_by")
    movements = seen.get("balance_transactions") or []
    return DisputeFacts(
        provider_id=str(seen["id"]),
        intent_id=_id(seen.get("payment_intent")),
        kind=kind,
        state=state,
        reason=str(seen.get("reason") or "general"),
        amount=from_stripe(int(seen["amount"]), str(seen["currency"])),
        fee=_fees(movements, charged=True),
        fee_returned=_fees(movements, charged=False),
        refundable=bool(seen.get("is_charge_refundable")),
        opened_at=datetime.fromtimestamp(int(seen["created"]), UTC),
        due_at=datetime.fromtimestamp(int(due_by), UTC) if due_by else None,
        submissions=int(details.get("submission_count") or 0),
    )


def warning_of(warning: stripe.radar.EarlyFraudWarning) -> WarningFacts:
    """An early fraud warning as retrieved."""
    seen = warning.to_dict()
    return WarningFacts(
        provider_id=str(seen["id"]),
        intent_id=_id(seen.get("payment_intent")),
        fraud_type=str(seen.get("fraud_type") or "misc"),
        actionable=bool(seen.get("actionable")),
        warned_at=datetime.fromtimestamp(int(seen["created"]), UTC),
    )


def evidence_parameters(evidence: Evidence, statement: str) -> DisputeUpdateParamsEvidence:
    """Text fields only. Each is cut to what Stripe takes; what a person wrote comes first in the last one."""
    return {
        "customer_name": evidence.buyer_name,
        "customer_email_address": evidence.buyer_email,
        "product_description": _cut(evidence.product),
        "service_date": evidence.service_date,
        "access_activity_log": _cut("\n".join(evidence.activity)),
        "refund_policy_disclosure": _cut(evidence.terms),
        "uncategorized_text": _cut(evidence.text(statement)),
    }


def _fees(movements: list[Mapping[str, Any]], *, charged: bool) -> Money | None:
    """What was charged for the dispute, or what came back of it; None before there was such a movement."""
    own = [int(each.get("fee") or 0) for each in movements if (int(each["amount"]) < 0) is charged]
    return from_stripe(abs(sum(own)), str(movements[0]["currency"])) if own else None


def _cut(text: str) -> str:
    return text[:EVIDENCE_CHARACTERS_MAX]


def _id(reference: object) -> str | None:
    """A reference is an id or the object itself."""
    if isinstance(reference, Mapping):
        return str(reference["id"])
    return str(reference) if reference else None
