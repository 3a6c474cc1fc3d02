"""Payments and refunds as rows."""

from typing import Any
from uuid import UUID

from adapters.postgres.transaction import Row
from domain.fraud import CardFacts, RiskLevel
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.payments import Payment, PaymentId, PaymentState
from domain.refund_policies import RefundReason
from domain.refunds import HandPayment, Refund, RefundBatchId, RefundedTicket, RefundId, RefundState
from domain.tickets import TicketId


def to_row(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.id,
        "order_id": payment.order_id,
        "attempt": payment.attempt,
        "currency": payment.amount.currency,
        "amount_minor": payment.amount.amount,
        "created_at": payment.created_at,
        **changes(payment),
    }


def changes(payment: Payment) -> dict[str, Any]:
    """What may differ from one save to the next."""
    card = payment.card
    return {
        "state": payment.state.value,
        "session_id": payment.session_id,
        "checkout_url": payment.checkout_url,
        "intent_id": payment.intent_id,
        "risk": payment.risk.value,
        "card_fingerprint": card.fingerprint if card else None,
        "card_brand": card.brand if card else None,
        "card_last4": card.last4 if card else None,
        "card_country": card.country if card else None,
        "card_funding": card.funding if card else None,
        "failure": payment.failure,
        "taken_minor": payment.taken.amount if payment.taken else None,
        "in_vain": payment.in_vain,
        "capture_before": payment.capture_before,
        "next_check_at": payment.next_check_at,
        "checks": payment.checks,
    }


def from_row(row: Row) -> Payment:
    return Payment(
        id=PaymentId(row["id"]),
        order_id=OrderId(row["order_id"]),
        attempt=row["attempt"],
        state=PaymentState(row["state"]),
        amount=Money(row["amount_minor"], CurrencyCode(row["currency"])),
        session_id=row["session_id"],
        checkout_url=row["checkout_url"],
        intent_id=row["intent_id"],
        risk=RiskLevel(row["risk"]),
        card=_card(row),
        failure=row["failure"],
        taken=None if row["taken_minor"] is None else Money(row["taken_minor"], CurrencyCode(row["currency"])),
        in_vain=row["in_vain"],
        capture_before=row["capture_before"],
        created_at=row["created_at"],
        next_check_at=row["next_check_at"],
        checks=row["checks"],
    )


def _card(row: Row) -> CardFacts | None:
    if row["card_fingerprint"] is None:
        return None
    return CardFacts(
        fingerprint=row["card_fingerprint"],
        brand=row["card_brand"],
        last4=row["card_last4"],
        country=row["card_country"],
        funding=row["card_funding"],
    )


def refund_to_row(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "order_id": refund.order_id,
        "payment_id": refund.payment_id,
        "currency": refund.amount.currency,
        "amount_minor": refund.amount.amount,
        "reason": refund.reason.value,
        "requested_at": refund.requested_at,
        "batch_id": refund.batch_id,
        "replaces_id": refund.replaces,
        "by_hand_reference": refund.by_hand.reference if refund.by_hand else None,
        "by_hand_actor": refund.by_hand.actor if refund.by_hand else None,
        **refund_changes(refund),
    }


def refund_changes(refund: Refund) -> dict[str, Any]:
    return {
        "state": refund.state.value,
        "completed_at": refund.completed_at,
        "provider_id": refund.provider_id,
        "failure": refund.failure,
    }


def refund_ticket_rows(refund: Refund) -> list[dict[str, Any]]:
    return [
        {
            "refund_id": refund.id,
            "position": position,
            "ticket_id": part.ticket_id,
            "order_id": refund.order_id,
            "admission_minor": part.admission.amount,
            "fee_minor": part.fee.amount,
            "tax_minor": part.tax.amount,
        }
        for position, part in enumerate(refund.parts)
    ]


def refund_from_row(row: Row) -> Refund:
    """``row`` with its ``parts``, in order: ``[ticket, admission, fee, tax]`` each."""
    currency = CurrencyCode(row["currency"])
    return Refund(
        id=RefundId(row["id"]),
        order_id=OrderId(row["order_id"]),
        payment_id=PaymentId(row["payment_id"]) if row["payment_id"] else None,
        amount=Money(row["amount_minor"], currency),
        reason=RefundReason(row["reason"]),
        state=RefundState(row["state"]),
        parts=tuple(_part(part, currency) for part in row["parts"]),
        requested_at=row["requested_at"],
        completed_at=row["completed_at"],
        provider_id=row["provider_id"],
        failure=row["failure"],
        batch_id=RefundBatchId(row["batch_id"]) if row["batch_id"] else None,
        replaces=RefundId(row["replaces_id"]) if row["replaces_id"] else None,
        by_hand=_by_hand(row),
    )


def _by_hand(row: Row) -> HandPayment | None:
    if row["by_hand_reference"] is None:
        return None
    return HandPayment(reference=row["by_hand_reference"], actor=row["by_hand_actor"])


def _part(part: list[Any], currency: CurrencyCode) -> RefundedTicket:
    ticket, admission, fee, tax = part
    return RefundedTicket(
        ticket_id=TicketId(UUID(ticket)),
        admission=Money(admission, currency),
        fee=Money(fee, currency),
        tax=Money(tax, currency),
    )
