"""Audit entries in words, for use cases."""

from datetime import datetime

from domain.audit import AuditEntry
from domain.money import Money
from domain.ports.world import Ids


def entry(
    actor: str, action: str, *, kind: str, subject: object, ids: Ids, now: datetime, **details: object
) -> AuditEntry:
    """Who did what to which thing. Details must be JSON values."""
    return AuditEntry(
        id=ids.uuid(), at=now, actor=actor, action=action, subject_kind=kind, subject_id=str(subject), details=details
    )


def amount(of: Money) -> dict[str, object]:
    """An amount as details tell it: minor units mean nothing without their currency."""
    return {"amount": of.amount, "currency": of.currency}
