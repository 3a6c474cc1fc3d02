"""Charges: one attempt to take money from one card."""

from __future__ import annotations

from typing import Any

from adapters.stripe.sandbox import balance
from adapters.stripe.sandbox.cards import CardEntry, Decline
from adapters.stripe.sandbox.ledger import Ledger, random_text
from adapters.stripe.sandbox.ports import Document

CARD_HOLD_SECONDS = 7 * 86_400
"""How long a bank keeps money reserved that nobody captures."""

_DECLINED_BY_BANK = "The bank did not return any further details with this decline."
_SELLER_MESSAGES = {
    "expired_card": "The bank returned the decline code `expired_card`.",
    "insufficient_funds": "The bank returned the decline code `insufficient_funds`.",
    "incorrect_cvc": "The bank returned the decline code `incorrect_cvc`.",
    "processing_error": "The bank returned the decline code `processing_error`.",
}


def payment_method(ledger: Ledger, entry: CardEntry, *, billing: Document) -> Document:
    """The card as an object of its own."""
    return ledger.save(
        {
            "id": ledger.new_id("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "limited",
            "billing_details": billing,
            "card": {
                "brand": entry.card.brand,
                "checks": {
                    "address_line1_check": None,
                    "address_postal_code_check": None,
                    "cvc_check": entry.card.cvc_check,
                },
                "country": entry.card.country,
                "display_brand": entry.card.brand,
                "exp_month": entry.exp_month,
                "exp_year": entry.exp_year,
                "fingerprint": entry.card.fingerprint,
                "funding": entry.card.funding,
                "generated_from": None,
                "last4": entry.card.last4,
                "networks": {"available": [entry.card.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": ledger.now(),
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
        }
    )


def billing_details(*, email: str | None, name: str | None) -> Document:
    return {
        "address": {
            "city": None,
            "country": None,
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        },
        "email": email,
        "name": name,
        "phone": None,
        "tax_id": None,
    }


def charge(
    ledger: Ledger,
    intent: Document,
    entry: CardEntry,
    method: Document,
    *,
    decline: Decline | None,
    authenticated: bool,
) -> Document:
    """Ask the bank: a charge that is authorised, or one that failed. Nothing is captured yet."""
    charge_id = ledger.new_id("charge")
    manual = intent["capture_method"] == "manual"
    return ledger.save(
        {
            "id": charge_id,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": ledger.merchant_name.upper()[:22],
            "captured": False,
            "created": ledger.now(),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": decline.code if decline else None,
            "failure_message": decline.message if decline else None,
            "fraud_details": {"stripe_report": "fraudulent"} if decline and decline.blocked else {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": _outcome(entry, decline),
            "paid": decline is None,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {
                "card": _card_details(
                    ledger,
                    entry,
                    amount=intent["amount"] if decline is None else None,
                    manual=manual,
                    authenticated=authenticated,
                ),
                "type": "card",
            },
            "presentment_details": None,
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None if decline else f"{ledger.sandbox_url}/receipts/{charge_id}",
            "refunded": False,
            "refunds": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/charges/{charge_id}/refunds",
            },
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": intent["statement_descriptor"],
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": "failed" if decline else "succeeded",
            "transfer_data": None,
            "transfer_group": intent["transfer_group"],
        }
    )


def capture(ledger: Ledger, found: Document, *, amount: int) -> Document:
    """Take the reserved money, or part of it; the rest is released."""
    booked = balance.record(
        ledger,
        type_="charge",
        amount=amount,
        fee=balance.processing_fee(amount),
        currency=found["currency"],
        source=found["id"],
        description=found["description"],
    )
    return ledger.change(found, amount_captured=amount, captured=True, balance_transaction=booked["id"])


def _outcome(entry: CardEntry, decline: Decline | None) -> Document:
    outcome: Document = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": entry.card.risk_level,
        "risk_score": entry.card.risk_score,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline is None:
        if entry.card.risk_level == "elevated":
            outcome["reason"] = "elevated_risk_level"
            outcome["type"] = "manual_review"
            outcome["seller_message"] = (
                "Stripe evaluated this payment as having elevated risk, and placed it in review."
            )
        return outcome
    if decline.blocked:
        return outcome | {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return outcome | {
        "advice_code": "try_again_later",
        "network_decline_code": "01",
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "seller_message": _SELLER_MESSAGES.get(decline.decline_code, _DECLINED_BY_BANK),
        "type": "issuer_declined",
    }


def _card_details(
    ledger: Ledger, entry: CardEntry, *, amount: int | None, manual: bool, authenticated: bool
) -> Document:
    card = entry.card
    details: dict[str, Any] = {
        "amount_authorized": amount,
        "authorization_code": None if amount is None else str(100_000 + int(card.fingerprint[:6], 16) % 900_000),
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": card.cvc_check,
        },
        "country": card.country,
        "exp_month": entry.exp_month,
        "exp_year": entry.exp_year,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": None if amount is None else random_text(15).upper(),
        "overcapture": {"maximum_amount_capturable": amount or 0, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }
    if manual and amount is not None:
        details["capture_before"] = ledger.now() + CARD_HOLD_SECONDS
    return details


def _three_d_secure() -> Document:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
