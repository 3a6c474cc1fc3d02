"""Stripe's objects in our words. Whatever may be missing in a Stripe account's answer may be missing here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import stripe

from adapters.stripe.amounts import from_stripe
from adapters.stripe.webhooks import order_id_in
from domain.fraud import CardFacts, RiskLevel
from domain.money import CurrencyCode, zero
from domain.ports.payments import ProviderPayment, ProviderRefund, ProviderStatus
from domain.refunds import RefundState

_REFUND_STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


def payment_of(session: stripe.checkout.Session) -> ProviderPayment:
    """A session retrieved with its payment intent, that one's latest charge and its review expanded."""
    seen: dict[str, Any] = session.to_dict()
    intent: Mapping[str, Any] = seen.get("payment_intent") or {}
    charge: Mapping[str, Any] = intent.get("latest_charge") or {}
    outcome: Mapping[str, Any] = charge.get("outcome") or {}
    complete = seen["status"] == "complete"
    status = _status(intent.get("status"), complete=complete)
    currency = str(seen["currency"])
    amounts = {
        ProviderStatus.AUTHORISED: intent.get("amount_capturable"),
        ProviderStatus.CAPTURED: intent.get("amount_received"),
    }
    amount = amounts.get(status)
    return ProviderPayment(
        session_id=str(seen["id"]),
        intent_id=intent.get("id"),
        # A page that is complete while its payment is still under way may yet bring money.
        session_open=seen["status"] == "open" or (complete and status is ProviderStatus.PENDING),
        status=status,
        amount=zero(CurrencyCode(currency.upper())) if amount is None else from_stripe(amount, currency),
        order_id=order_id_in(seen.get("metadata")),
        risk=_risk(outcome.get("risk_level")),
        review_opened=bool((intent.get("review") or {}).get("open")),
        card=_card(charge),
        failure=_failure(intent.get("last_payment_error")),
        capture_before=_capture_before(charge),
    )


def refund_of(refund: stripe.Refund) -> ProviderRefund:
    """Anything but an end is pending, also ``requires_action``."""
    seen = refund.to_dict()
    return ProviderRefund(
        id=str(seen["id"]),
        state=_REFUND_STATES.get(str(seen.get("status")), RefundState.PENDING),
        failure=seen.get("failure_reason"),
    )


def _status(intent_status: str | None, *, complete: bool) -> ProviderStatus:
    if intent_status == "requires_capture":
        return ProviderStatus.AUTHORISED
    if intent_status == "succeeded":
        return ProviderStatus.CAPTURED
    # A session completes when money is authorised, so an intent that ended without that was never worth anything.
    if intent_status == "canceled" and complete:
        return ProviderStatus.CANCELLED
    return ProviderStatus.PENDING


def _risk(level: str | None) -> RiskLevel:
    try:
        return RiskLevel(level or RiskLevel.UNKNOWN)
    except ValueError:
        # A level that Stripe added since: not assessed by us.
        return RiskLevel.UNKNOWN


def _card(charge: Mapping[str, Any]) -> CardFacts | None:
    card: Mapping[str, Any] | None = (charge.get("payment_method_details") or {}).get("card")
    if not card:
        return None
    return CardFacts(
        fingerprint=card.get("fingerprint") or "",
        brand=card.get("brand") or "",
        last4=card.get("last4") or "",
        country=card.get("country") or "",
        funding=card.get("funding") or "",
    )


def _capture_before(charge: Mapping[str, Any]) -> datetime | None:
    """Only card charges that are not captured yet have it."""
    card: Mapping[str, Any] = (charge.get("payment_method_details") or {}).get("card") or {}
    until = card.get("capture_before")
    return None if until is None else datetime.fromtimestamp(int(until), UTC)


def _failure(error: Mapping[str, Any] | None) -> str | None:
    """The bank's reason where there is one: it tells support more than ``card_declined``."""
    return (error.get("decline_code") or error.get("code")) if error else None
