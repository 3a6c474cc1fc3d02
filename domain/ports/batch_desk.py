"""What people look at while a batch of refunds is prepared and under way. These views decide nothing.

Lists are paged by cursor. Each page makes a constant number of queries, however long the batch. Raises ValueError for
a cursor that this port did not write.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.events import EventId
from domain.money import Money
from domain.orders import OrderId
from domain.refund_batches import DONE, BatchId, Outcome, RefundBatch, time_left
from domain.refunds import RefundId

ROWS_PER_PAGE = 50
ROWS_PER_READ = 1_000
"""Rows that an export reads at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many orders, and what they expect to give back: one amount a currency."""

    orders: int
    amounts: tuple[Money, ...]


NOTHING = Tally(orders=0, amounts=())
EXPLAINED = frozenset({Outcome.SKIPPED, Outcome.FAILED, Outcome.FROZEN})
"""Where a batch says why its orders stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a batch is. ``lately`` counts refunds that succeeded since the moment that was asked for.

    ``parked``: refunds that the outbox gave up on until a person looks.
    """

    by_outcome: Mapping[Outcome, Tally]
    lately: int
    parked: int

    def of(self, outcome: Outcome) -> Tally:
        return self.by_outcome.get(outcome, NOTHING)

    @property
    def orders(self) -> int:
        return sum(tally.orders for tally in self.by_outcome.values())

    @property
    def counted(self) -> int:
        """Orders that were asked what they would give back."""
        return self.orders - self.of(Outcome.COUNTING).orders

    @property
    def to_do(self) -> int:
        """All orders but those with nothing to give back."""
        return self.orders - self.of(Outcome.SKIPPED).orders

    @property
    def done(self) -> int:
        """Of these, those that nothing more is asked of the provider for."""
        return sum(tally.orders for outcome, tally in self.by_outcome.items() if outcome in DONE - {Outcome.SKIPPED})

    @property
    def shares(self) -> tuple[int, int, int, int]:
        """Orders that are paid back, on their way (or at the bank), failed, skipped."""
        under_way = self.of(Outcome.REQUESTED).orders + self.of(Outcome.PENDING).orders
        return (
            self.of(Outcome.SUCCEEDED).orders,
            under_way,
            self.of(Outcome.FAILED).orders,
            self.of(Outcome.SKIPPED).orders,
        )

    @property
    def percent(self) -> int:
        """Whole hundredths, rounded down: 100 is all of it."""
        return self.done * 100 // self.to_do if self.to_do else 100

    @property
    def time_left(self) -> timedelta | None:
        return time_left(orders_left=self.to_do - self.done, done_lately=self.lately)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierTally:
    """What the preview showed for one tier of one event."""

    event_id: EventId
    event_name: str
    tier_name: str
    orders: int
    tickets: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyTally:
    """So many orders that are skipped, failed or frozen for the same reason."""

    outcome: Outcome
    why: str
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """A batch in a list."""

    batch: RefundBatch
    progress: Progress
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """One batch, with its preview and how far it is."""

    batch: RefundBatch
    progress: Progress
    tiers: tuple[TierTally, ...]
    whys: tuple[WhyTally, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One order of a batch. ``refunded`` is what its newest refund gives back; ``at`` when that was completed."""

    order_id: OrderId
    number: str
    buyer_name: str
    buyer_email: str
    event_name: str
    expected: Money | None
    refunded: Money | None
    refund_id: RefundId | None
    outcome: Outcome
    why: str | None
    attempts: int
    at: datetime | None
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRowsPage:
    """``next_position``: where the next page begins, if there is one."""

    items: tuple[BatchRow, ...]
    next_position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesPage:
    items: tuple[BatchSummary, ...]
    next_cursor: str | None


class BatchDesk(Protocol):
    """Raises StoreUnavailable when the store cannot answer."""

    def batches(self, *, cursor: str | None, since: datetime) -> BatchesPage:
        """All of them, the newest first."""
        ...

    def batch(self, batch_id: BatchId, *, since: datetime) -> BatchFile:
        """Raises NotFound. ``since``: where "lately" begins."""
        ...

    def rows(self, batch_id: BatchId, *, outcome: Outcome | None, from_position: int) -> BatchRowsPage:
        """The orders of a batch in their order, ROWS_PER_PAGE from this position on."""
        ...

    def all_rows(self, batch_id: BatchId) -> Iterator[BatchRow]:
        """Every order of a batch in its order, read in pieces of ROWS_PER_READ."""
        ...
