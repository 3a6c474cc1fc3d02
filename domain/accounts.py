"""Accounts: the people who run a house, and what each of them may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

StaffId = NewType("StaffId", UUID)

PASSWORD_LENGTH_MIN = 12
PASSWORD_LENGTH_MAX = 200


class Role(StrEnum):
    ADMIN = "admin"
    VENUE_MANAGER = "venue_manager"
    SUPPORT = "support"
    FINANCE = "finance"


class Action(StrEnum):
    """What a role may be allowed to do."""

    VIEW = "view"
    EDIT_EVENTS = "edit_events"
    REVIEW_ORDERS = "review_orders"
    REFUND = "refund"
    RETRY_OUTBOX = "retry_outbox"
    DISCARD_EFFECTS = "discard_effects"
    MANAGE_WEBHOOKS = "manage_webhooks"
    MANAGE_STAFF = "manage_staff"
    VIEW_BOOKS = "view_books"


_MAY: dict[Role, frozenset[Action]] = {
    Role.ADMIN: frozenset(Action),
    Role.VENUE_MANAGER: frozenset({Action.VIEW, Action.EDIT_EVENTS, Action.MANAGE_WEBHOOKS}),
    Role.SUPPORT: frozenset({Action.VIEW, Action.REVIEW_ORDERS, Action.RETRY_OUTBOX}),
    Role.FINANCE: frozenset({Action.VIEW, Action.VIEW_BOOKS, Action.REFUND}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """Somebody who may sign in to the admin portal. The password is kept as an argon2 hash only."""

    id: StaffId
    email: str
    name: str
    role: Role
    password_hash: str
    created_at: datetime
    disabled_at: datetime | None = None

    def may(self, action: Action) -> bool:
        """Whether this person's role allows it; a disabled account may do nothing."""
        return self.disabled_at is None and action in _MAY[self.role]


def weak_password(password: str) -> str | None:
    """Why a password is not good enough, or None."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        return f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters."
    if len(set(password)) < PASSWORD_LENGTH_MIN // 2:
        return "This password repeats itself too much."
    return None
