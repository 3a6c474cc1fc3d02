"""Disputes: the buyer's bank takes the money back, and both sides argue."""

from __future__ import annotations

from adapters.stripe.sandbox import balance, fraud_warnings, refunds, reviews
from adapters.stripe.sandbox.cards import card_for
from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document

ANSWER_SECONDS = 9 * 86_400
EVIDENCE_CHARACTERS_MAX = 20_000
EVIDENCE_CHARACTERS_TOTAL_MAX = 150_000
REASONS = (
    "credit_not_processed",
    "duplicate",
    "fraudulent",
    "general",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
CLOSED = ("won", "lost", "warning_closed", "prevented")
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "duplicate": "12.6.1"}

# Stripe's documented magic texts: they decide a test dispute once they are submitted as evidence.
VERDICT_BY_TEXT = {"winning_evidence": "won", "losing_evidence": "lost"}
EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def consequences_of_card(ledger: Ledger, charge_id: str) -> None:
    """Some time after its capture, a charge made with one of the troublesome test cards makes its trouble."""
    charge = ledger.get("charge", charge_id)
    entry = ledger.documents.get("card_of_charge", charge_id)
    if entry is None:
        return
    card = card_for(entry["number"])
    if card.fraud_warning:
        fraud_warnings.warn(ledger, charge)
    if card.dispute_reason is not None and not charge["refunded"]:
        open_for(ledger, charge, reason=card.dispute_reason, inquiry=card.dispute_is_inquiry)


def open_for(ledger: Ledger, charge: Document, *, reason: str, inquiry: bool = False) -> Document:
    """A dispute withdraws the charge's money at once; an inquiry only asks. Refunds under way fail for a dispute."""
    if not inquiry:
        charge = refunds.stop_pending(ledger, charge)
    amount = charge["amount_captured"] - charge["amount_refunded"]
    evidence: Document = dict.fromkeys(EVIDENCE_FIELDS)
    evidence["enhanced_evidence"] = {}
    dispute = ledger.save(
        {
            "id": ledger.new_id("dispute"),
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": ledger.now(),
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": evidence,
            "evidence_details": {
                "due_by": ledger.now() + ANSWER_SECONDS,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "card": {
                    "brand": charge["payment_method_details"]["card"]["brand"],
                    "case_type": "inquiry" if inquiry else "chargeback",
                    "network": charge["payment_method_details"]["card"]["network"],
                    "network_reason_code": _NETWORK_CODES.get(reason, "10.4"),
                },
                "type": "card",
            },
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        }
    )
    ledger.change(charge, disputed=True)
    fraud_warnings.no_longer_actionable(ledger, charge)
    ledger.emit("charge.dispute.created", dispute)
    if not inquiry:
        reviews.close_for(ledger, charge, reason="disputed")
        _move_money(ledger, dispute, amount=-amount, fee=balance.DISPUTE_FEE_MINOR)
        ledger.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def update(ledger: Ledger, params: Params, *, dispute_id: str) -> Document:
    """``POST /v1/disputes/{id}``: evidence, sent to the bank unless ``submit=false``."""
    dispute = ledger.get("dispute", dispute_id, param="dispute")
    if dispute["status"] in CLOSED:
        raise StripeApiError(400, "This dispute is already closed.", param="dispute", remembered=True)
    given = params.nested("evidence")
    given.only((*EVIDENCE_FIELDS, "enhanced_evidence"))
    for name in given.raw():
        if name in EVIDENCE_FIELDS:
            dispute["evidence"][name] = given.text(name, longest=EVIDENCE_CHARACTERS_MAX)
    if sum(len(dispute["evidence"][name] or "") for name in EVIDENCE_FIELDS) > EVIDENCE_CHARACTERS_TOTAL_MAX:
        message = f"The combined character count of all evidence is limited to {EVIDENCE_CHARACTERS_TOTAL_MAX}."
        raise StripeApiError(400, message, param="evidence", remembered=True)
    details = dispute["evidence_details"]
    details["has_evidence"] = any(dispute["evidence"][name] for name in EVIDENCE_FIELDS)
    previous = {"status": dispute["status"]}
    submitted = params.flag("submit") is not False and bool(given.raw())
    if submitted:
        details["submission_count"] += 1
        inquiry = dispute["status"].startswith("warning_")
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
    ledger.change(dispute, metadata=params.metadata(dispute["metadata"]))
    ledger.emit("charge.dispute.updated", dispute, previous=previous)
    verdict = VERDICT_BY_TEXT.get(dispute["evidence"]["uncategorized_text"] or "")
    if submitted and verdict is not None:
        return decide(ledger, dispute, verdict)
    return dispute


def close(ledger: Ledger, params: Params, *, dispute_id: str) -> Document:
    """``POST /v1/disputes/{id}/close``: give in. It cannot be undone."""
    del params
    dispute = ledger.get("dispute", dispute_id, param="dispute")
    if dispute["status"] in CLOSED:
        raise StripeApiError(400, "This dispute is already closed.", param="dispute", remembered=True)
    return decide(ledger, dispute, "lost")


def decide(ledger: Ledger, dispute: Document, verdict: str) -> Document:
    """``won`` brings the money back, ``lost`` does not; an inquiry just ends."""
    inquiry = dispute["status"].startswith("warning_")
    ledger.change(dispute, status="warning_closed" if inquiry else verdict)
    if verdict == "won" and not inquiry:
        _move_money(ledger, dispute, amount=dispute["amount"], fee=-balance.DISPUTE_FEE_MINOR)
        ledger.emit("charge.dispute.funds_reinstated", dispute)
    ledger.emit("charge.dispute.closed", dispute)
    return dispute


def _move_money(ledger: Ledger, dispute: Document, *, amount: int, fee: int) -> None:
    booked = balance.record(
        ledger,
        type_="adjustment",
        amount=amount,
        fee=fee,
        currency=dispute["currency"],
        source=dispute["id"],
        description=f"Chargeback {'withdrawal' if amount < 0 else 'reversal'} for {dispute['charge']}",
    )
    ledger.change(dispute, balance_transactions=[*dispute["balance_transactions"], booked])
