"""Batches of refunds in memory. A row's place in its dictionary is its place in the batch."""

from datetime import datetime

from domain.errors import NotFound
from domain.money import Money, zero
from domain.orders import Order, OrderId
from domain.ports.outbox import Effect
from domain.ports.refund_batches import Approvable, BatchLine
from domain.refund_batches import BUSY, BatchId, BatchOrder, BatchOrderState, BatchState, RefundBatch, Selection
from domain.refunds import Refund, RefundState
from tests.fakes.store_state import State, holds, unique


class FakeRefundBatches:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, batch: RefundBatch, *, at_most: int) -> int:
        unique(batch.id not in self._state.batches, f"batch {batch.id}")
        self._state.batches[batch.id] = batch
        named = [order for order in self._state.orders.values() if self._names(batch.selection, order)]
        taken = sorted(named, key=lambda order: (order.placed_at, order.id))[: at_most + 1]
        for order in taken:
            row = BatchOrder(
                batch_id=batch.id, order_id=order.id, state=BatchOrderState.WAITING, due_at=batch.requested_at
            )
            self._state.batch_orders[batch.id, order.id] = row
        return len(taken)

    def unknown_numbers(self, numbers: tuple[str, ...]) -> tuple[str, ...]:
        known = {order.number for order in self._state.orders.values()}
        return tuple(number for number in numbers if number not in known)

    def get(self, batch_id: BatchId, *, lock: bool = False) -> RefundBatch:
        if batch_id not in self._state.batches:
            raise NotFound("batch")
        return self._state.batches[batch_id]

    def find(self, batch_id: BatchId) -> RefundBatch | None:
        return self._state.batches.get(batch_id)

    def at_work(self, batch_id: BatchId) -> RefundBatch:
        return self.get(batch_id)

    def save(self, batch: RefundBatch) -> None:
        before = self.get(batch.id)
        stopped = before.state is BatchState.STOPPED
        holds(not stopped or batch.state is BatchState.STOPPED, "a batch that was stopped stays so")
        holds(batch.approved_by != batch.requested_by, "a second person approves")
        runs = batch.state in {BatchState.RUNNING, BatchState.PAUSED, BatchState.FINISHED}
        holds(not runs or batch.approval_because is None or batch.approved_by is not None, "approved before it runs")
        self._state.batches[batch.id] = batch

    def busy(self) -> tuple[BatchId, ...]:
        found = [batch for batch in self._state.batches.values() if batch.state in BUSY]
        return tuple(batch.id for batch in sorted(found, key=lambda batch: (batch.requested_at, batch.id)))

    def awaiting_approval(self, *, at_most: int) -> tuple[RefundBatch, ...]:
        found = [batch for batch in self._state.batches.values() if batch.state is BatchState.AWAITING_APPROVAL]
        return tuple(sorted(found, key=lambda batch: (batch.requested_at, batch.id))[:at_most])

    def uncounted(self, batch_id: BatchId, *, at_most: int) -> tuple[BatchOrder, ...]:
        return tuple(row for row in self._waiting(batch_id) if row.expected is None)[:at_most]

    def all_counted(self, batch_id: BatchId) -> bool:
        return not self.uncounted(batch_id, at_most=1)

    def due(self, batch_id: BatchId, *, now: datetime, at_most: int) -> tuple[BatchOrder, ...]:
        due = [row for row in self._waiting(batch_id) if row.due_at <= now]
        return tuple(sorted(due, key=lambda row: row.due_at)[:at_most])

    def order(self, batch_id: BatchId, order_id: OrderId, *, lock: bool = False) -> BatchOrder:
        if (batch_id, order_id) not in self._state.batch_orders:
            raise NotFound("order in this batch")
        return self._state.batch_orders[batch_id, order_id]

    def save_order(self, row: BatchOrder, *, lines: tuple[BatchLine, ...] = ()) -> None:
        before = self.order(row.batch_id, row.order_id)
        holds(before.expected in {None, row.expected}, "a row of a batch keeps what was shown")
        holds(before.told_at in {None, row.told_at}, "a row of a batch keeps that its buyer was told")
        others = (
            o for o in self._state.batch_orders.values() if (o.batch_id, o.order_id) != (row.batch_id, row.order_id)
        )
        unique(row.refund_id is None or all(o.refund_id != row.refund_id for o in others), "a refund of a batch")
        self._state.batch_orders[row.batch_id, row.order_id] = row
        if lines:
            self._state.batch_lines[row.batch_id, row.order_id] = lines

    def approvable(self, batch_id: BatchId) -> Approvable:
        amounts: dict[str, Money] = {}
        rows = [row for row in self._rows(batch_id) if row.state is not BatchOrderState.SKIPPED and row.expected]
        for row in rows:
            assert row.expected is not None
            currency = row.expected.currency
            amounts[currency] = amounts.get(currency, zero(currency)) + row.expected
        return Approvable(orders=len(rows), amounts=tuple(amounts[currency] for currency in sorted(amounts)))

    def in_flight(self, batch_id: BatchId) -> int:
        parked = {entry.row.key for entry in self._state.outbox.values() if entry.parked}
        return sum(f"{Effect.SEND_REFUND.value}:{refund.id}" not in parked for refund in self._unheard(batch_id))

    def unfinished(self, batch_id: BatchId) -> bool:
        return bool(self._waiting(batch_id) or self._unheard(batch_id))

    def retry(self, batch_id: BatchId, *, order_id: OrderId | None, now: datetime) -> int:
        failed = [
            row
            for row in self._rows(batch_id)
            if order_id in {None, row.order_id}
            and (row.state is BatchOrderState.FAILED or self._refund_state(row) is RefundState.FAILED)
            and row.state is not BatchOrderState.WAITING
        ]
        for row in failed:
            self.save_order(row.again(now=now))
        return len(failed)

    def to_tell(self, *, at_most: int) -> tuple[BatchOrder, ...]:
        accepted = {RefundState.PENDING, RefundState.SUCCEEDED}
        return tuple(
            row
            for row in self._state.batch_orders.values()
            if self._state.batches[row.batch_id].tell_buyers
            and row.told_at is None
            and row.state is BatchOrderState.REQUESTED
            and self._refund_state(row) in accepted
        )[:at_most]

    def _rows(self, batch_id: BatchId) -> list[BatchOrder]:
        return [row for (batch, _), row in self._state.batch_orders.items() if batch == batch_id]

    def _waiting(self, batch_id: BatchId) -> list[BatchOrder]:
        return [row for row in self._rows(batch_id) if row.state is BatchOrderState.WAITING]

    def _unheard(self, batch_id: BatchId) -> list[Refund]:
        refunds = self._state.refunds.values()
        return [r for r in refunds if r.batch_id == batch_id and r.state is RefundState.REQUESTED]

    def _refund_state(self, row: BatchOrder) -> RefundState | None:
        return self._state.refunds[row.refund_id].state if row.refund_id else None

    def _names(self, selection: Selection, order: Order) -> bool:
        event = self._state.events[order.event_id]
        if selection.event_ids:
            if event.id not in selection.event_ids:
                return False
        elif (
            (selection.venue_id and event.venue_id != selection.venue_id)
            or (selection.starts_from and event.starts_at < selection.starts_from)
            or (selection.starts_before and event.starts_at >= selection.starts_before)
        ):
            return False
        if selection.tier_ids and not {line.tier_id for line in order.lines} & set(selection.tier_ids):
            return False
        if selection.placed_from and order.placed_at < selection.placed_from:
            return False
        if selection.placed_before and order.placed_at >= selection.placed_before:
            return False
        return order.number in selection.numbers if selection.numbers else order.state in selection.states
