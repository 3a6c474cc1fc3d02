"""The outbox: effects on the outside world, written in the same transaction as the fact that wants them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.events import EventId

LEASE_SECONDS = 60
ATTEMPTS_MAX = 12
BACKOFF_SECONDS_FIRST = 2
BACKOFF_SECONDS_MAX = 3_600


class Effect(StrEnum):
    CAPTURE_PAYMENT = "capture_payment"
    VOID_PAYMENT = "void_payment"
    SEND_REFUND = "send_refund"
    SEND_SMS = "send_sms"
    SETTLE_STOCK = "settle_stock"
    RENEW_TERMS = "renew_terms"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One effect to bring about. ``key`` is unique for ever: one effect per key. ``payload`` is JSON."""

    id: UUID
    key: str
    effect: Effect
    payload: Mapping[str, object]
    created_at: datetime
    not_before: datetime
    attempts: int = 0
    last_error: str | None = None

    @property
    def spent(self) -> bool:
        """Whether it was tried so often that a person should look."""
        return self.attempts >= ATTEMPTS_MAX

    def retry_at(self, *, now: datetime) -> datetime:
        """When to try again: doubling, bounded."""
        return now + timedelta(seconds=min(BACKOFF_SECONDS_FIRST * 2 ** max(self.attempts - 1, 0), BACKOFF_SECONDS_MAX))


class Outbox(Protocol):
    """Part of a unit of work."""

    def add(self, row: OutboxRow) -> None:
        """Remember an effect. A key that is there already is left as it is (one effect per key)."""
        ...

    def lease(self, *, now: datetime, at_most: int, effects: frozenset[Effect]) -> tuple[OutboxRow, ...]:
        """Take due rows for LEASE_SECONDS, skipping those somebody else has; raises ``attempts`` of each by one."""
        ...

    def done(self, row: OutboxRow) -> bool:
        """It happened. False when the lease was lost to a later attempt (fenced by ``attempts``)."""
        ...

    def retry(self, row: OutboxRow, *, at: datetime, error: str) -> bool:
        """Try again later. Fenced likewise."""
        ...

    def park(self, row: OutboxRow, *, error: str) -> bool:
        """Give up until a person asks for it again. Fenced likewise."""
        ...

    def revive(self, *, row_id: UUID, now: datetime) -> bool:
        """A person asks for a parked row to be tried again: attempts start anew."""
        ...

    def parked(self, *, at_most: int) -> tuple[OutboxRow, ...]:
        """Rows that need a person, oldest first."""
        ...

    def unsettled(self, *, event_id: EventId) -> bool:
        """Whether Postgres' word on stock of this event is on its way to the inventory. Parked rows are not."""
        ...

    def waiting(self) -> int:
        """How many rows are neither done nor parked."""
        ...
