"""Disputes and fraud warnings as rows."""

from datetime import datetime
from typing import Any

from adapters.postgres.transaction import Row
from domain.disputes import Answer, AnswerKind, Dispute, DisputeFacts, DisputeId, DisputeKind, DisputeState
from domain.evidence import Evidence, EvidenceSection
from domain.fraud_warnings import FraudWarning, FraudWarningId, WarningFacts, WarningState
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.payments import PaymentId
from domain.refunds import RefundId


def to_row(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "provider_id": dispute.facts.provider_id,
        "intent_id": dispute.facts.intent_id,
        "order_id": dispute.order_id,
        "payment_id": dispute.payment_id,
        "currency": dispute.facts.amount.currency,
        "opened_at": dispute.facts.opened_at,
        **changes(dispute),
    }


def changes(dispute: Dispute) -> dict[str, Any]:
    """What may differ from one save to the next."""
    facts, answer = dispute.facts, dispute.answer
    return {
        "kind": facts.kind.value,
        "state": facts.state.value,
        "reason": facts.reason,
        "amount_minor": facts.amount.amount,
        "fee_minor": facts.fee.amount if facts.fee else None,
        "fee_returned_minor": facts.fee_returned.amount if facts.fee_returned else None,
        "fee_currency": facts.fee.currency if facts.fee else None,
        "refundable": facts.refundable,
        "due_at": facts.due_at,
        "submissions": facts.submissions,
        "evidence": _evidence_to_json(dispute.evidence),
        "statement": dispute.statement,
        "answer": answer.kind.value if answer else None,
        "answered_by": answer.by if answer else None,
        "answered_at": answer.at if answer else None,
        "answers": dispute.answers,
        "answer_failure": dispute.answer_failure,
        "next_check_at": dispute.next_check_at,
        "closed_at": dispute.closed_at,
    }


def from_row(row: Row) -> Dispute:
    return Dispute(
        id=DisputeId(row["id"]),
        order_id=OrderId(row["order_id"]),
        payment_id=PaymentId(row["payment_id"]),
        facts=DisputeFacts(
            provider_id=row["provider_id"],
            intent_id=row["intent_id"],
            kind=DisputeKind(row["kind"]),
            state=DisputeState(row["state"]),
            reason=row["reason"],
            amount=Money(row["amount_minor"], CurrencyCode(row["currency"])),
            fee=_fee(row, "fee_minor"),
            fee_returned=_fee(row, "fee_returned_minor"),
            refundable=row["refundable"],
            opened_at=row["opened_at"],
            due_at=row["due_at"],
            submissions=row["submissions"],
        ),
        evidence=_evidence_from_json(row["evidence"]),
        statement=row["statement"],
        answer=_answer(row),
        answers=row["answers"],
        answer_failure=row["answer_failure"],
        next_check_at=row["next_check_at"],
        closed_at=row["closed_at"],
    )


def _fee(row: Row, name: str) -> Money | None:
    return None if row[name] is None else Money(row[name], CurrencyCode(row["fee_currency"]))


def _answer(row: Row) -> Answer | None:
    if row["answer"] is None:
        return None
    return Answer(kind=AnswerKind(row["answer"]), by=row["answered_by"], at=row["answered_at"], number=row["answers"])


def _evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    return {
        "collected_at": evidence.collected_at.isoformat(),
        "buyer_name": evidence.buyer_name,
        "buyer_email": evidence.buyer_email,
        "product": evidence.product,
        "service_date": evidence.service_date,
        "activity": list(evidence.activity),
        "terms": evidence.terms,
        "sections": [{"title": section.title, "lines": list(section.lines)} for section in evidence.sections],
    }


def _evidence_from_json(kept: dict[str, Any]) -> Evidence:
    return Evidence(
        collected_at=datetime.fromisoformat(kept["collected_at"]),
        buyer_name=kept["buyer_name"],
        buyer_email=kept["buyer_email"],
        product=kept["product"],
        service_date=kept["service_date"],
        activity=tuple(kept["activity"]),
        terms=kept["terms"],
        sections=tuple(
            EvidenceSection(title=section["title"], lines=tuple(section["lines"])) for section in kept["sections"]
        ),
    )


def warning_to_row(warning: FraudWarning) -> dict[str, Any]:
    return {
        "id": warning.id,
        "provider_id": warning.facts.provider_id,
        "intent_id": warning.facts.intent_id,
        "order_id": warning.order_id,
        "payment_id": warning.payment_id,
        "warned_at": warning.facts.warned_at,
        **warning_changes(warning),
    }


def warning_changes(warning: FraudWarning) -> dict[str, Any]:
    """What may differ from one save to the next."""
    return {
        "fraud_type": warning.facts.fraud_type,
        "actionable": warning.facts.actionable,
        "state": warning.state.value,
        "decided_at": warning.decided_at,
        "decided_by": warning.decided_by,
        "note": warning.note,
        "refund_id": warning.refund_id,
    }


def warning_from_row(row: Row) -> FraudWarning:
    return FraudWarning(
        id=FraudWarningId(row["id"]),
        order_id=OrderId(row["order_id"]),
        payment_id=PaymentId(row["payment_id"]),
        facts=WarningFacts(
            provider_id=row["provider_id"],
            intent_id=row["intent_id"],
            fraud_type=row["fraud_type"],
            actionable=row["actionable"],
            warned_at=row["warned_at"],
        ),
        state=WarningState(row["state"]),
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        note=row["note"],
        refund_id=RefundId(row["refund_id"]) if row["refund_id"] else None,
    )
