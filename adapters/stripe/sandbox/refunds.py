"""Refunds: money back, at once or after a while, and sometimes not after all."""

from __future__ import annotations

from adapters.stripe.sandbox import balance, fraud_warnings, reviews
from adapters.stripe.sandbox.cards import card_for
from adapters.stripe.sandbox.errors import StripeApiError, unexpected_state
from adapters.stripe.sandbox.ledger import Ledger, random_text
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(ledger: Ledger, params: Params) -> Document:
    """``POST /v1/refunds`` for a charge or a PaymentIntent: all that is left, or ``amount``."""
    charge = _charge_to_refund(ledger, params)
    reason = params.choice("reason", REASONS)
    amount = params.integer("amount", least=1)
    metadata = params.metadata()
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] and _money_is_withdrawn(ledger, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise _refused(message, code="charge_disputed", charge=charge)
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise _refused(message, code="charge_already_refunded", charge=charge)
    if amount is not None and amount > left:
        message = (
            f"Refund amount ({_shown(amount, charge)}) is greater than unrefunded amount on charge"
            f" ({_shown(left, charge)})"
        )
        raise _refused(message, param="amount", charge=charge)
    return _refund(ledger, charge, amount=amount or left, reason=reason, metadata=metadata)


def update(ledger: Ledger, params: Params, *, refund_id: str) -> Document:
    """``POST /v1/refunds/{id}``: metadata only."""
    refund = ledger.get("refund", refund_id)
    params.only(("metadata",))
    return ledger.change(refund, metadata=params.metadata(refund["metadata"]))


def cancel(ledger: Ledger, params: Params, *, refund_id: str) -> Document:
    """``POST /v1/refunds/{id}/cancel``: card refunds never wait for an action, so they cannot be cancelled."""
    del params
    refund = ledger.get("refund", refund_id)
    message = f"You cannot cancel the refund with ID {refund['id']} because it has status {refund['status']}."
    raise StripeApiError(400, message, remembered=True)


def settle(ledger: Ledger, refund_id: str, status: str) -> None:
    """The network's answer to an asynchronous refund: ``succeeded`` or ``failed``."""
    refund = ledger.get("refund", refund_id)
    if refund["status"] == "failed":
        return  # A dispute was faster.
    _settle(ledger, refund, status)


def stop_pending(ledger: Ledger, charge: Document) -> Document:
    """A dispute overtakes refunds that are still on their way: they fail. Answers the charge as it is then."""
    for refund in ledger.select("refund", charge=charge["id"]):
        if refund["status"] == "pending":
            _settle(ledger, refund, "failed", why="charge_for_pending_refund_disputed")
    return ledger.get("charge", charge["id"])


def _settle(ledger: Ledger, refund: Document, status: str, *, why: str = "expired_or_canceled_card") -> None:
    previous = {"status": refund["status"]}
    if status == "failed":
        _give_back(ledger, refund, why=why)
    ledger.change(refund, status=status, pending_reason=None)
    ledger.emit("refund.updated", refund, previous=previous)
    ledger.emit("charge.refund.updated", refund, previous=previous)
    if status == "failed":
        ledger.emit("refund.failed", refund)


def _charge_to_refund(ledger: Ledger, params: Params) -> Document:
    intent_id, charge_id = params.text("payment_intent"), params.text("charge")
    if (intent_id is None) == (charge_id is None):
        raise StripeApiError(
            400,
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    if intent_id is not None:
        intent = ledger.get("payment_intent", intent_id, param="payment_intent")
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            raise unexpected_state(message, payment_intent=intent)
        return ledger.get("charge", intent["latest_charge"])
    charge = ledger.get("charge", charge_id or "", param="charge")
    if not charge["captured"]:
        message = f"Charge {charge['id']} has not been captured; cancel its PaymentIntent instead."
        raise _refused(message, code="charge_not_refundable", charge=charge)
    return charge


def _money_is_withdrawn(ledger: Ledger, charge: Document) -> bool:
    """Whether a dispute took the money already: an inquiry, or a dispute that was won, leaves it refundable."""
    return any(
        dispute["status"] in {"needs_response", "under_review", "lost"}
        for dispute in ledger.select("dispute", charge=charge["id"])
    )


def _refund(ledger: Ledger, charge: Document, *, amount: int, reason: str | None, metadata: dict[str, str]) -> Document:
    status, *later = _path_of(ledger, charge)
    refund_id = ledger.new_id("refund")
    booked = balance.record(
        ledger,
        type_="refund",
        amount=-amount,
        fee=0,
        currency=charge["currency"],
        source=refund_id,
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
    )
    refund = ledger.save(
        {
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": booked["id"],
            "charge": charge["id"],
            "created": ledger.now(),
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "destination_details": {
                "card": {
                    "reference": None,
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": metadata,
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "pending_reason": "processing" if status == "pending" else None,
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": status,
            "transfer_reversal": None,
        }
    )
    refunded = charge["amount_refunded"] + amount
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    ledger.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount_captured"])
    ledger.emit("refund.created", refund)
    ledger.emit("charge.refunded", charge, previous=previous)
    if charge["refunded"]:
        reviews.close_for(ledger, charge, reason="refunded_as_fraud" if reason == "fraudulent" else "refunded")
        fraud_warnings.no_longer_actionable(ledger, charge)
    for next_status in later:
        ledger.schedule.later(
            ledger.tempo.refund_settles, "stripe.settle_refund", {"refund": refund_id, "status": next_status}
        )
    return refund


def _path_of(ledger: Ledger, charge: Document) -> tuple[str, ...]:
    card = ledger.documents.get("card_of_charge", charge["id"])
    return card_for(card["number"]).refund_path if card is not None else ("succeeded",)


def _give_back(ledger: Ledger, refund: Document, *, why: str) -> None:
    """A refund that failed leaves the money with us, and the charge less refunded."""
    booked = balance.record(
        ledger,
        type_="refund_failure",
        amount=refund["amount"],
        fee=0,
        currency=refund["currency"],
        source=refund["id"],
        description="REFUND FAILURE",
    )
    refund["failure_balance_transaction"] = booked["id"]
    refund["failure_reason"] = why
    refund["receipt_number"] = random_text(8).upper()
    charge = ledger.get("charge", refund["charge"])
    ledger.change(charge, amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)


def _shown(amount: int, charge: Document) -> str:
    symbol = "$" if charge["currency"] == "usd" else f"{charge['currency'].upper()} "
    return f"{symbol}{amount / 100:,.2f}"


def _refused(message: str, *, charge: Document, code: str | None = None, param: str | None = None) -> StripeApiError:
    return StripeApiError(400, message, code=code, param=param, remembered=True, charge=charge["id"])
