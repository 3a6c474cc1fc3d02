"""Everything the house keeps about itself as rows: outbox, messages, assessments, audit, staff."""

from datetime import datetime
from typing import Any

from adapters.postgres.transaction import Row
from domain.accounts import Role, StaffId, StaffMember
from domain.audit import AuditEntry
from domain.fraud import Assessment, Reason, Verdict
from domain.orders import OrderId
from domain.ports.messages import Message, MessageId, MessageState
from domain.ports.outbox import Effect, EffectError, Lane, OutboxRow


def outbox_to_row(row: OutboxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "key": row.key,
        "effect": row.effect.value,
        "payload": dict(row.payload),
        "created_at": row.created_at,
        "not_before": row.not_before,
        "attempts": row.attempts,
        "lane": row.lane.value,
        **outbox_errors(row),
    }


def outbox_errors(row: OutboxRow) -> dict[str, Any]:
    errors = [{"at": one.at.isoformat(), "attempt": one.attempt, "said": one.said} for one in row.errors]
    return {"last_error": row.last_error, "errors": errors}


def outbox_from_row(row: Row) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        key=row["key"],
        effect=Effect(row["effect"]),
        payload=row["payload"],
        created_at=row["created_at"],
        not_before=row["not_before"],
        attempts=row["attempts"],
        last_error=row["last_error"],
        lane=Lane(row["lane"]),
        errors=tuple(
            EffectError(at=datetime.fromisoformat(one["at"]), attempt=one["attempt"], said=one["said"])
            for one in row["errors"]
        ),
    )


def message_to_row(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "order_id": message.order_id,
        "recipient": message.to,
        "body": message.body,
        "created_at": message.created_at,
        **message_changes(message),
    }


def message_changes(message: Message) -> dict[str, Any]:
    return {
        "state": message.state.value,
        "provider_id": message.provider_id,
        "failure": message.failure,
        "delivered_at": message.delivered_at,
    }


def message_from_row(row: Row) -> Message:
    return Message(
        id=MessageId(row["id"]),
        order_id=OrderId(row["order_id"]) if row["order_id"] else None,
        to=row["recipient"],
        body=row["body"],
        state=MessageState(row["state"]),
        created_at=row["created_at"],
        provider_id=row["provider_id"],
        failure=row["failure"],
        delivered_at=row["delivered_at"],
    )


def assessment_to_row(assessment: Assessment) -> dict[str, Any]:
    reasons = [
        {"code": reason.code, "message": reason.message, "verdict": reason.verdict.value}
        for reason in assessment.reasons
    ]
    return {"verdict": assessment.verdict.value, "reasons": reasons}


def assessment_from_row(row: Row) -> Assessment:
    return Assessment(
        verdict=Verdict(row["verdict"]),
        reasons=tuple(
            Reason(code=each["code"], message=each["message"], verdict=Verdict(each["verdict"]))
            for each in row["reasons"]
        ),
    )


def audit_to_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject_kind": entry.subject_kind,
        "subject_id": entry.subject_id,
        "details": dict(entry.details),
    }


def staff_to_row(member: StaffMember) -> dict[str, Any]:
    return {
        "id": member.id,
        "email": member.email,
        "name": member.name,
        "role": member.role.value,
        "password_hash": member.password_hash,
        "created_at": member.created_at,
        "disabled_at": member.disabled_at,
    }


def staff_from_row(row: Row) -> StaffMember:
    return StaffMember(
        id=StaffId(row["id"]),
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        password_hash=row["password_hash"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )
