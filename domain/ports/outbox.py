"""The outbox: effects on the outside world, written in the same transaction as the fact that wants them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.events import EventId

LEASE_SECONDS = 15
"""Whoever works longer renews it (see HEARTBEAT_SECONDS of the workers); whoever was killed holds a row no longer."""
ATTEMPTS_MAX = 12
BACKOFF_SECONDS_FIRST = 2
BACKOFF_SECONDS_MAX = 3_600
JITTER_STEPS = 1_024
ERRORS_KEPT_MAX = 20
"""The newest errors of a row that support can read."""
KEPT = timedelta(days=30)
"""How long a row is kept after its effect happened, against a late second wish for the same effect."""
DISCARD_REASON_LENGTH_MAX = 500


class Effect(StrEnum):
    CAPTURE_PAYMENT = "capture_payment"
    VOID_PAYMENT = "void_payment"
    SEND_REFUND = "send_refund"
    SEND_SMS = "send_sms"
    SEND_EMAIL = "send_email"
    SETTLE_STOCK = "settle_stock"
    RENEW_TERMS = "renew_terms"
    ANSWER_DISPUTE = "answer_dispute"
    TELL_ORGANISERS = "tell_organisers"


class Lane(StrEnum):
    """Which queue an effect stands in. Every lane has workers of its own, so none holds up another."""

    LIVE = "live"
    """A buyer waits: captures, their messages, stock."""
    SETTLING = "settling"
    """Money that nobody watches arrive: voids, single refunds."""
    BULK = "bulk"
    """Thousands at a time: refunds of a batch."""
    TELLING = "telling"
    """What organisers' own systems are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one kind of effect is treated: where it waits, how often it is tried, and when it is too late for it.

    ``gives_up_after``: from then on even an absent provider is no reason to go on trying.
    """

    lane: Lane = Lane.LIVE
    attempts_max: int = ATTEMPTS_MAX
    backoff_seconds_max: int = BACKOFF_SECONDS_MAX
    gives_up_after: timedelta | None = None


RULES: Mapping[Effect, Rule] = {
    # A capture that waits an hour for its next try may meet an authorisation that has lapsed meanwhile.
    Effect.CAPTURE_PAYMENT: Rule(backoff_seconds_max=600),
    Effect.VOID_PAYMENT: Rule(lane=Lane.SETTLING),
    Effect.SEND_REFUND: Rule(lane=Lane.SETTLING),
    Effect.ANSWER_DISPUTE: Rule(lane=Lane.SETTLING),
    # A confirmation that arrives a day later confuses more than it helps; support sends the link again.
    Effect.SEND_SMS: Rule(gives_up_after=timedelta(hours=12)),
    Effect.SEND_EMAIL: Rule(gives_up_after=timedelta(hours=12)),
    Effect.SETTLE_STOCK: Rule(backoff_seconds_max=60),
    Effect.RENEW_TERMS: Rule(backoff_seconds_max=60),
    Effect.TELL_ORGANISERS: Rule(lane=Lane.TELLING, backoff_seconds_max=60),
}
_USUAL = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectError:
    """What went wrong at one attempt."""

    at: datetime
    attempt: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One effect to bring about. ``key`` is unique: one effect per key. ``payload`` is JSON. Errors: newest last."""

    id: UUID
    key: str
    effect: Effect
    payload: Mapping[str, object]
    created_at: datetime
    not_before: datetime
    attempts: int = 0
    last_error: str | None = None
    lane: Lane = Lane.LIVE
    errors: tuple[EffectError, ...] = ()

    @property
    def rule(self) -> Rule:
        return RULES.get(self.effect, _USUAL)

    @property
    def spent(self) -> bool:
        """Whether it was tried so often that a person should look."""
        return self.attempts >= self.rule.attempts_max

    def too_late(self, *, now: datetime) -> bool:
        """Whether it would do no good any more."""
        after = self.rule.gives_up_after
        return after is not None and now - self.created_at >= after

    def retry_at(self, *, now: datetime) -> datetime:
        """When to try again: doubling, bounded, and spread out.

        Rows that failed together must not come back together. The spread (half of the pause to all of it) comes out of
        the row's own id, so it needs no dice and a test can foretell it.
        """
        pause = min(BACKOFF_SECONDS_FIRST * 2 ** max(self.attempts - 1, 0), self.rule.backoff_seconds_max)
        spread = (self.id.int + self.attempts * (JITTER_STEPS // 3)) % JITTER_STEPS / JITTER_STEPS
        return now + timedelta(seconds=pause * (1 + spread) / 2)

    def failed(self, error: str, *, now: datetime) -> "OutboxRow":
        """With one error more; only the newest are kept."""
        errors = (*self.errors, EffectError(at=now, attempt=self.attempts, said=error))[-ERRORS_KEPT_MAX:]
        return replace(self, last_error=error, errors=errors)


class Outbox(Protocol):
    """Part of a unit of work."""

    def add(self, row: OutboxRow) -> None:
        """Remember an effect. A key that is there already is left as it is (one effect per key)."""
        ...

    def lease(
        self, *, now: datetime, at_most: int, effects: frozenset[Effect], lanes: tuple[Lane, ...] = tuple(Lane)
    ) -> tuple[OutboxRow, ...]:
        """Take due rows for LEASE_SECONDS, skipping those somebody else has; raises ``attempts`` of each by one.

        One lane after the other, the longest due of each first.
        """
        ...

    def renew(self, rows: tuple[OutboxRow, ...], *, now: datetime) -> int:
        """Keep these for another LEASE_SECONDS. Fenced by ``attempts``; answers how many leases were not lost."""
        ...

    def hand_back(self, rows: tuple[OutboxRow, ...], *, now: datetime) -> int:
        """Whoever has these stops working on them: they are due at once. Fenced likewise."""
        ...

    def done(self, row: OutboxRow) -> bool:
        """It happened. False when the lease was lost to a later attempt (fenced by ``attempts``)."""
        ...

    def retry(self, row: OutboxRow, *, at: datetime, error: str, now: datetime) -> bool:
        """Try again later. Fenced likewise."""
        ...

    def park(self, row: OutboxRow, *, error: str, now: datetime) -> bool:
        """Give up until a person asks for it again. Fenced likewise."""
        ...

    def revive(self, *, row_id: UUID, now: datetime) -> bool:
        """A person asks for a parked row to be tried again: attempts start anew."""
        ...

    def revive_all(self, *, effect: Effect, now: datetime, at_most: int) -> int:
        """Likewise all parked rows of a kind, the oldest first. Answers how many."""
        ...

    def discard(self, *, row_id: UUID, because: str) -> bool:
        """A person decides that a parked effect shall never happen. Final; False when it is not parked."""
        ...

    def prune(self, *, before: datetime, at_most: int) -> int:
        """Forget rows whose effects happened, or were discarded, before that. Answers how many."""
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
