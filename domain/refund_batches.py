"""Batches: many refunds for one reason, prepared by one person, approved by another, and given back one by one.

A batch is a list that was taken once. What an order gives back is decided when its turn comes, by the same quote that
answers its buyer, and never exceeds what was shown and approved. How far the money is, its refund says; a row of a
batch only knows whether that refund was asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.money import EXPONENT_DEFAULT, Money
from domain.orders import PAID, OrderId, OrderState
from domain.refund_policies import RefundReason
from domain.refunds import RefundBatchId, RefundId, RefundState
from domain.tiers import TierId
from domain.venues import VenueId

BatchId = RefundBatchId

ORDERS_PER_BATCH_MAX = 50_000
NUMBERS_PER_BATCH_MAX = 5_000
"""Order numbers that one list may name."""
EVENTS_PER_BATCH_MAX = 200
NOTE_LENGTH_MAX = 500
WHY_LENGTH_MAX = 500
IN_FLIGHT_MAX = 50
"""Refunds of one batch that wait for the provider at the same time: about two seconds of its budget, so that a pause
is a pause and the provider never runs dry."""
RATE_SECONDS = 60
"""The moment over which the rate of a batch is told."""


class BatchPurpose(StrEnum):
    EVENT_CANCELLED = "event_cancelled"
    EVENT_POSTPONED = "event_postponed"
    VENUE_CLOSED = "venue_closed"
    ORDERS_CHOSEN = "orders_chosen"


class BatchState(StrEnum):
    DRAFT = "draft"
    """Its orders are being asked what they would give back."""
    PREVIEWED = "previewed"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    """Nothing is left to do; retrying what failed starts it again."""
    STOPPED = "stopped"
    """Somebody ended it, or did not approve it. What was on its way went on."""


BUSY = frozenset({BatchState.DRAFT, BatchState.RUNNING, BatchState.PAUSED})
"""States in which a worker has something to do: of a paused batch only to see that its last refunds have arrived."""


class BatchOrderState(StrEnum):
    WAITING = "waiting"
    REQUESTED = "requested"
    """There is a refund: where it stands, it says itself."""
    SKIPPED = "skipped"
    FAILED = "failed"
    """No refund could be made."""


class Outcome(StrEnum):
    """Where one order of a batch stands, as people are told."""

    COUNTING = "counting"
    WAITING = "waiting"
    FROZEN = "frozen"
    """It waits as well, and a dispute had frozen it when it was counted."""
    REQUESTED = "requested"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


DONE = frozenset({Outcome.PENDING, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SKIPPED})
"""Nothing more is asked of the provider for these: pending ones are with the bank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which orders. What is left empty does not matter; what is given must all hold.

    ``tier_ids`` choose tickets, not only orders: of an order with other tickets too, those stay. ``numbers`` name
    orders one by one, whatever became of them, so that each is answered for. ``starts`` and ``placed`` run from the
    first moment to just before the last.
    """

    event_ids: tuple[EventId, ...] = ()
    venue_id: VenueId | None = None
    starts_from: datetime | None = None
    starts_before: datetime | None = None
    tier_ids: tuple[TierId, ...] = ()
    placed_from: datetime | None = None
    placed_before: datetime | None = None
    states: frozenset[OrderState] = PAID
    numbers: tuple[str, ...] = ()

    def refuses(self) -> Rejection | None:
        """A batch never means everything there is, and its limits are known."""
        if not (self.event_ids or self.numbers or self.venue_id):
            return _invalid("Choose an event, a venue or a list of orders.", "events")
        if self.venue_id and not self.event_ids and (self.starts_from is None or self.starts_before is None):
            return _invalid("Say from when until when the venue is closed.", "starts_from")
        if len(self.event_ids) > EVENTS_PER_BATCH_MAX:
            return _invalid(f"At most {EVENTS_PER_BATCH_MAX} events in one batch.", "events")
        if len(self.numbers) > NUMBERS_PER_BATCH_MAX:
            return _invalid(f"At most {NUMBERS_PER_BATCH_MAX:,} order numbers in one batch.", "numbers")
        if _backwards(self.starts_from, self.starts_before):
            return _invalid("The last day comes before the first.", "starts_before")
        if _backwards(self.placed_from, self.placed_before):
            return _invalid("The end comes before the beginning.", "placed_before")
        if not self.states:
            return _invalid("Choose at least one state that orders are in.", "states")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """Above how much one person is not enough.

    ``units_max`` counts whole units of a currency; where those are small change (yen), hundreds of them.
    """

    orders_max: int = 50
    units_max: int = 5_000

    def because(self, *, orders: int, amounts: Iterable[Money]) -> str | None:
        """Why a second person must approve so many orders of such amounts in all, or None."""
        if orders > self.orders_max:
            return f"More than {self.orders_max:,} orders need a second person."
        for amount in amounts:
            if amount.amount > self.units_max * 10 ** max(amount.exponent, EXPONENT_DEFAULT):
                return "An amount as high as this needs a second person."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundBatch:
    """One decision about many orders. ``approval_because`` is why a second person had to agree, if one had to."""

    id: BatchId
    purpose: BatchPurpose
    reason: RefundReason
    selection: Selection
    note: str
    tell_buyers: bool
    state: BatchState
    requested_by: str
    requested_at: datetime
    approval_because: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    decision_note: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ends_tickets(self) -> bool:
        """Whether these tickets admit nobody any more, so that those that cost nothing become void as well."""
        over = {BatchPurpose.EVENT_CANCELLED, BatchPurpose.VENUE_CLOSED}
        return self.purpose in over or self.reason is RefundReason.EVENT_CANCELLED

    def counted(self) -> "RefundBatch | Rejection":
        """Every order has been asked: the preview is whole."""
        return self._from({BatchState.DRAFT}, BatchState.PREVIEWED)

    def submit(self, *, because: str | None, now: datetime) -> "RefundBatch | Rejection":
        """The person who prepared it goes ahead; ``because`` says why somebody else must agree first."""
        if because is None:
            moved = self._from({BatchState.PREVIEWED}, BatchState.RUNNING)
            return moved if isinstance(moved, Rejection) else replace(moved, started_at=now)
        moved = self._from({BatchState.PREVIEWED}, BatchState.AWAITING_APPROVAL)
        return moved if isinstance(moved, Rejection) else replace(moved, approval_because=because)

    def approve(self, *, actor: str, note: str, now: datetime) -> "RefundBatch | Rejection":
        """A second person agrees, and it begins."""
        if actor == self.requested_by:
            return Rejection(
                code=RejectionCode.WRONG_STATE, message="Somebody other than who asked for it must approve it."
            )
        moved = self._from({BatchState.AWAITING_APPROVAL}, BatchState.RUNNING)
        if isinstance(moved, Rejection):
            return moved
        return replace(moved, approved_by=actor, approved_at=now, decision_note=note or None, started_at=now)

    def decline(self, *, note: str, now: datetime) -> "RefundBatch | Rejection":
        """Somebody does not agree; also who asked for it may think better of it."""
        moved = self._from({BatchState.AWAITING_APPROVAL}, BatchState.STOPPED)
        return moved if isinstance(moved, Rejection) else replace(moved, decision_note=note or None, ended_at=now)

    def pause(self) -> "RefundBatch | Rejection":
        return self._from({BatchState.RUNNING}, BatchState.PAUSED)

    def resume(self) -> "RefundBatch | Rejection":
        return self._from({BatchState.PAUSED}, BatchState.RUNNING)

    def stop(self, *, now: datetime) -> "RefundBatch | Rejection":
        """For good: what still waits is never asked for."""
        unfinished = {BatchState.DRAFT, BatchState.PREVIEWED, BatchState.RUNNING, BatchState.PAUSED}
        moved = self._from(unfinished, BatchState.STOPPED)
        return moved if isinstance(moved, Rejection) else replace(moved, ended_at=now)

    def finish(self, *, now: datetime) -> "RefundBatch | Rejection":
        moved = self._from({BatchState.RUNNING, BatchState.PAUSED}, BatchState.FINISHED)
        return moved if isinstance(moved, Rejection) else replace(moved, ended_at=now)

    def begin_again(self) -> "RefundBatch | Rejection":
        """Something that failed is tried anew: the approval it had covers that."""
        if self.state in {BatchState.RUNNING, BatchState.PAUSED}:
            return self
        moved = self._from({BatchState.FINISHED}, BatchState.RUNNING)
        return moved if isinstance(moved, Rejection) else replace(moved, ended_at=None)

    def _from(self, states: set[BatchState], to: BatchState) -> "RefundBatch | Rejection":
        if self.state not in states:
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message=f"This batch is {self.state.value.replace('_', ' ')}.",
                details={"state": self.state.value},
            )
        return replace(self, state=to)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """One order of a batch. ``expected`` is what the preview showed; None until the order was asked.

    ``why`` of an order that waits says what had frozen it when it was asked. ``refund_id`` is its newest refund.
    ``told_at``: when its buyer was written to about the money.
    """

    batch_id: BatchId
    order_id: OrderId
    state: BatchOrderState
    due_at: datetime
    expected: Money | None = None
    why: str | None = None
    refund_id: RefundId | None = None
    attempts: int = 0
    told_at: datetime | None = None

    @property
    def frozen(self) -> bool:
        """Whether a dispute had frozen it when it was counted. Whether one still has, its turn will tell."""
        return self.state is BatchOrderState.WAITING and self.expected is not None and self.why is not None

    def quoted(self, amount: Money, *, frozen_because: str | None = None) -> "BatchOrder":
        """It would give this back; ``frozen_because``: unless that still keeps it from it when its turn comes."""
        return replace(self, expected=amount, why=frozen_because[:WHY_LENGTH_MAX] if frozen_because else None)

    def skip(self, why: str) -> "BatchOrder":
        """There is nothing to give back, and that is all right."""
        return replace(self, state=BatchOrderState.SKIPPED, why=why[:WHY_LENGTH_MAX])

    def requested(self, refund_id: RefundId) -> "BatchOrder":
        return replace(self, state=BatchOrderState.REQUESTED, refund_id=refund_id, why=None, attempts=self.attempts + 1)

    def failed(self, why: str) -> "BatchOrder":
        """No refund could be made: somebody must look."""
        return replace(self, state=BatchOrderState.FAILED, why=why[:WHY_LENGTH_MAX], attempts=self.attempts + 1)

    def later(self, *, seconds: int, now: datetime) -> "BatchOrder":
        """Something it needs is busy or away: others have their turn first."""
        return replace(self, due_at=now + timedelta(seconds=seconds))

    def again(self, *, now: datetime) -> "BatchOrder":
        """A person wants what failed tried anew."""
        return replace(self, state=BatchOrderState.WAITING, why=None, due_at=now)

    def too_much(self, amount: Money) -> str | None:
        """Why this amount may not be given back: more was never shown nor approved."""
        if self.expected is None or amount.amount <= self.expected.amount:
            return None
        return "It would give back more than the preview showed. Prepare a new batch for it."


def outcome(row: BatchOrder, refund: RefundState | None) -> Outcome:
    """Where an order of a batch stands, from its row and its refund."""
    state = row.state
    if state is BatchOrderState.REQUESTED:
        match refund:
            case RefundState.SUCCEEDED:
                return Outcome.SUCCEEDED
            case RefundState.FAILED:
                return Outcome.FAILED
            case RefundState.PENDING:
                return Outcome.PENDING
            case _:
                return Outcome.REQUESTED
    if state is BatchOrderState.WAITING and row.expected is None:
        return Outcome.COUNTING
    if row.frozen:
        return Outcome.FROZEN
    return Outcome(state.value)


def time_left(*, orders_left: int, done_lately: int) -> timedelta | None:
    """How long the rest takes at the rate of the last RATE_SECONDS. None while there is no rate to tell."""
    if done_lately <= 0:
        return None
    return timedelta(seconds=orders_left * RATE_SECONDS / done_lately)


def _backwards(first: datetime | None, last: datetime | None) -> bool:
    return first is not None and last is not None and last <= first


def _invalid(message: str, field: str) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details={"field": field})
