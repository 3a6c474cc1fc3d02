"""The audit trail: who did what to which thing, when. Written with the change it tells of; never rewritten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

SYSTEM = "system"
BUYER = "buyer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """``actor`` is a staff member's e-mail, ``buyer`` or ``system``; ``action`` is ``noun.verb``; details are JSON."""

    id: UUID
    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    details: Mapping[str, object] = field(default_factory=dict)
