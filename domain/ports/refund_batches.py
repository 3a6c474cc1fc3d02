"""Where batches of refunds are kept: part of a unit of work."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.money import Money
from domain.orders import OrderId
from domain.refund_batches import BatchId, BatchOrder, RefundBatch
from domain.tiers import TierId


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """What one order would give back for its tickets of one tier."""

    tier_id: TierId
    tickets: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvable:
    """What a batch would give back, as far as its preview knows: orders that are not skipped, an amount a currency."""

    orders: int
    amounts: tuple[Money, ...]


class RefundBatches(Protocol):
    """Locks are taken in one order: batch, its row for an order, then the order and what comes after that."""

    def add(self, batch: RefundBatch, *, at_most: int) -> int:
        """Store a batch with a waiting row for every order that its selection names now, the first placed first.

        Answers how many there are; with more than ``at_most`` only that many and one are stored, so the caller sees
        it and rolls back.
        """
        ...

    def unknown_numbers(self, numbers: tuple[str, ...]) -> tuple[str, ...]:
        """Those that no order has, in the given order."""
        ...

    def get(self, batch_id: BatchId, *, lock: bool = False) -> RefundBatch:
        """Raises NotFound. ``lock``: waits for everybody who works on it, and nobody begins until the end."""
        ...

    def find(self, batch_id: BatchId) -> RefundBatch | None: ...

    def at_work(self, batch_id: BatchId) -> RefundBatch:
        """As it is, and kept from changing until the end of this transaction; many may work on it together."""
        ...

    def save(self, batch: RefundBatch) -> None: ...

    def busy(self) -> tuple[BatchId, ...]:
        """Batches that a worker has something to do for, oldest first."""
        ...

    def awaiting_approval(self, *, at_most: int) -> tuple[RefundBatch, ...]:
        """Those that wait for a second person, the longest waiting first."""
        ...

    def uncounted(self, batch_id: BatchId, *, at_most: int) -> tuple[BatchOrder, ...]:
        """Rows that were not asked yet, locked; those of other workers are passed over."""
        ...

    def all_counted(self, batch_id: BatchId) -> bool: ...

    def due(self, batch_id: BatchId, *, now: datetime, at_most: int) -> tuple[BatchOrder, ...]:
        """The next waiting rows whose time has come, locked; those of other workers are passed over."""
        ...

    def order(self, batch_id: BatchId, order_id: OrderId, *, lock: bool = False) -> BatchOrder:
        """Raises NotFound."""
        ...

    def save_order(self, row: BatchOrder, *, lines: tuple[BatchLine, ...] = ()) -> None:
        """Store where an order stands; ``lines`` once, with what it expects."""
        ...

    def approvable(self, batch_id: BatchId) -> Approvable: ...

    def in_flight(self, batch_id: BatchId) -> int:
        """Refunds of the batch that the provider has not been heard of, those parked in the outbox aside."""
        ...

    def unfinished(self, batch_id: BatchId) -> bool:
        """Whether a row still waits or the provider has not been heard of a refund."""
        ...

    def retry(self, batch_id: BatchId, *, order_id: OrderId | None, now: datetime) -> int:
        """Let failed rows (or this one) wait again, their failed refunds included. Answers how many."""
        ...

    def to_tell(self, *, at_most: int) -> tuple[BatchOrder, ...]:
        """Rows whose buyer should hear that money is on its way and has not, locked; others' are passed over."""
        ...
