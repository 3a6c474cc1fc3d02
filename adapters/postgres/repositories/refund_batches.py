"""Batches of refunds: taken in one statement, worked on row by row with SKIP LOCKED."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from adapters.postgres.rows import refund_batches as rows
from adapters.postgres.statements import WANTED
from adapters.postgres.tables import (
    events,
    order_lines,
    orders,
    outbox,
    refund_batch_lines,
    refund_batch_orders,
    refund_batches,
    refunds,
)
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.ports.outbox import Effect
from domain.ports.refund_batches import Approvable, BatchLine
from domain.refund_batches import BUSY, BatchId, BatchOrder, BatchOrderState, BatchState, RefundBatch, Selection
from domain.refunds import RefundState

_WAITING = refund_batch_orders.c.state == BatchOrderState.WAITING.value
_UNCOUNTED = _WAITING & refund_batch_orders.c.expected_minor.is_(None)
_UNHEARD = refunds.c.state == RefundState.REQUESTED.value
_RETRY = text("""
    UPDATE refund_batch_orders AS row SET state = 'waiting', why = NULL, due_at = :now
    WHERE batch_id = :batch_id AND (CAST(:order_id AS uuid) IS NULL OR order_id = :order_id)
        AND (state = 'failed'
             OR state = 'requested'
                AND EXISTS (SELECT FROM refunds WHERE refunds.id = row.refund_id AND refunds.state = 'failed'))
""")
_ONE = select(refund_batches).where(refund_batches.c.id == WANTED)
_AT_WORK = _ONE.with_for_update(read=True)
_SAVE_ORDER = update(refund_batch_orders).where(
    refund_batch_orders.c.batch_id == bindparam("in_batch"), refund_batch_orders.c.order_id == WANTED
)
_UNKNOWN_NUMBERS = text("""
    SELECT wanted.number
    FROM unnest(CAST(:numbers AS text[])) WITH ORDINALITY AS wanted (number, place)
    WHERE NOT EXISTS (SELECT FROM orders WHERE orders.number = wanted.number)
    ORDER BY wanted.place
""")


class PostgresRefundBatches:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, batch: RefundBatch, *, at_most: int) -> int:
        self._transaction.run(insert(refund_batches), rows.to_row(batch))
        taken = _selected(batch.selection).order_by(orders.c.placed_at, orders.c.id).limit(at_most + 1).subquery()
        into = [
            "batch_id", "order_id", "position", "currency", "state", "expected_minor", "attempts", "due_at", "tell",
        ]  # fmt: skip
        place = func.row_number().over(order_by=(taken.c.placed_at, taken.c.id))
        listed = select(
            cast(literal(batch.id), Uuid), taken.c.id, cast(place, Integer), taken.c.currency,
            literal(BatchOrderState.WAITING.value), null(), literal(0),
            cast(literal(batch.requested_at), TIMESTAMP(timezone=True)), literal(batch.tell_buyers),
        )  # fmt: skip
        self._transaction.run(insert(refund_batch_orders).from_select(into, listed))
        stored = select(func.count().label("orders")).where(refund_batch_orders.c.batch_id == batch.id)
        row = self._transaction.first(stored)
        return int(row["orders"]) if row else 0

    def unknown_numbers(self, numbers: tuple[str, ...]) -> tuple[str, ...]:
        found = self._transaction.rows(_UNKNOWN_NUMBERS, {"numbers": list(numbers)})
        return tuple(row["number"] for row in found)

    def get(self, batch_id: BatchId, *, lock: bool = False) -> RefundBatch:
        return self._one(batch_id, _ONE.with_for_update() if lock else _ONE)

    def find(self, batch_id: BatchId) -> RefundBatch | None:
        row = self._transaction.first(select(refund_batches).where(refund_batches.c.id == batch_id))
        return rows.from_row(row) if row else None

    def at_work(self, batch_id: BatchId) -> RefundBatch:
        return self._one(batch_id, _AT_WORK)

    def save(self, batch: RefundBatch) -> None:
        same = refund_batches.c.id == batch.id
        if not self._transaction.changed(update(refund_batches).where(same).values(rows.changes(batch))):
            raise NotFound("batch")

    def busy(self) -> tuple[BatchId, ...]:
        states = sorted(state.value for state in BUSY)
        wanted = select(refund_batches.c.id).where(refund_batches.c.state.in_(states))
        in_turn = wanted.order_by(refund_batches.c.requested_at, refund_batches.c.id)
        return tuple(BatchId(row["id"]) for row in self._transaction.rows(in_turn))

    def awaiting_approval(self, *, at_most: int) -> tuple[RefundBatch, ...]:
        wanted = select(refund_batches).where(refund_batches.c.state == BatchState.AWAITING_APPROVAL.value)
        in_turn = wanted.order_by(refund_batches.c.requested_at, refund_batches.c.id).limit(at_most)
        return tuple(map(rows.from_row, self._transaction.rows(in_turn)))

    def uncounted(self, batch_id: BatchId, *, at_most: int) -> tuple[BatchOrder, ...]:
        wanted = select(refund_batch_orders).where(refund_batch_orders.c.batch_id == batch_id, _UNCOUNTED)
        return self._orders(wanted.order_by(refund_batch_orders.c.position).limit(at_most))

    def all_counted(self, batch_id: BatchId) -> bool:
        left = select(refund_batch_orders.c.order_id).where(refund_batch_orders.c.batch_id == batch_id, _UNCOUNTED)
        return self._transaction.first(left.limit(1)) is None

    def due(self, batch_id: BatchId, *, now: datetime, at_most: int) -> tuple[BatchOrder, ...]:
        due = select(refund_batch_orders).where(
            refund_batch_orders.c.batch_id == batch_id, _WAITING, refund_batch_orders.c.due_at <= now
        )
        return self._orders(due.order_by(refund_batch_orders.c.due_at, refund_batch_orders.c.position).limit(at_most))

    def order(self, batch_id: BatchId, order_id: OrderId, *, lock: bool = False) -> BatchOrder:
        same = (refund_batch_orders.c.batch_id == batch_id) & (refund_batch_orders.c.order_id == order_id)
        wanted = select(refund_batch_orders).where(same)
        row = self._transaction.first(wanted.with_for_update() if lock else wanted)
        if row is None:
            raise NotFound("order in this batch")
        return rows.order_from_row(row)

    def save_order(self, row: BatchOrder, *, lines: tuple[BatchLine, ...] = ()) -> None:
        whose = {"in_batch": row.batch_id, "wanted": row.order_id}
        if not self._transaction.changed(_SAVE_ORDER, {**whose, **rows.order_changes(row)}):
            raise NotFound("order in this batch")
        if lines:
            self._transaction.run(
                insert(refund_batch_lines),
                [
                    {
                        "batch_id": row.batch_id,
                        "order_id": row.order_id,
                        "tier_id": line.tier_id,
                        "tickets": line.tickets,
                        "amount_minor": line.amount.amount,
                    }
                    for line in lines
                ],
            )

    def approvable(self, batch_id: BatchId) -> Approvable:
        by_currency = (
            select(
                refund_batch_orders.c.currency,
                func.count().label("orders"),
                func.sum(refund_batch_orders.c.expected_minor).label("amount_minor"),
            )
            .where(
                refund_batch_orders.c.batch_id == batch_id,
                refund_batch_orders.c.state != BatchOrderState.SKIPPED.value,
                refund_batch_orders.c.expected_minor.is_not(None),
            )
            .group_by(refund_batch_orders.c.currency)
            .order_by(refund_batch_orders.c.currency)
        )
        found = self._transaction.rows(by_currency)
        return Approvable(
            orders=sum(row["orders"] for row in found),
            amounts=tuple(Money(int(row["amount_minor"]), CurrencyCode(row["currency"])) for row in found),
        )

    def in_flight(self, batch_id: BatchId) -> int:
        parked = exists().where(
            outbox.c.key == func.concat(f"{Effect.SEND_REFUND.value}:", cast(refunds.c.id, Text)),
            outbox.c.parked_at.is_not(None),
        )
        unheard = select(func.count().label("refunds")).where(refunds.c.batch_id == batch_id, _UNHEARD, ~parked)
        row = self._transaction.first(unheard)
        return int(row["refunds"]) if row else 0

    def unfinished(self, batch_id: BatchId) -> bool:
        waiting = select(refund_batch_orders.c.order_id).where(refund_batch_orders.c.batch_id == batch_id, _WAITING)
        unheard = select(refunds.c.id).where(refunds.c.batch_id == batch_id, _UNHEARD)
        return any(self._transaction.first(wanted.limit(1)) is not None for wanted in (waiting, unheard))

    def retry(self, batch_id: BatchId, *, order_id: OrderId | None, now: datetime) -> int:
        return self._transaction.changed(_RETRY, {"batch_id": batch_id, "order_id": order_id, "now": now})

    def to_tell(self, *, at_most: int) -> tuple[BatchOrder, ...]:
        accepted = (RefundState.PENDING.value, RefundState.SUCCEEDED.value)
        wanted = (
            select(refund_batch_orders)
            .join(refunds, refunds.c.id == refund_batch_orders.c.refund_id)
            .where(
                refund_batch_orders.c.tell,
                refund_batch_orders.c.told_at.is_(None),
                refund_batch_orders.c.state == BatchOrderState.REQUESTED.value,
                refunds.c.state.in_(accepted),
            )
            .limit(at_most)
        )
        return self._orders(wanted)

    def _one(self, batch_id: BatchId, wanted: "Select[Any]") -> RefundBatch:
        row = self._transaction.first(wanted, {"wanted": batch_id})
        if row is None:
            raise NotFound("batch")
        return rows.from_row(row)

    def _orders(self, wanted: "Select[Any]") -> tuple[BatchOrder, ...]:
        """Rows for us alone; those that somebody else works on are passed over."""
        mine = wanted.with_for_update(of=refund_batch_orders, skip_locked=True)
        return tuple(rows.order_from_row(row) for row in self._transaction.rows(mine))


def _selected(selection: Selection) -> "Select[Any]":
    """Orders that a selection names. Numbers name orders one by one, whatever state they are in."""
    wanted = select(orders.c.id, orders.c.currency, orders.c.placed_at)
    if selection.event_ids:
        wanted = wanted.where(orders.c.event_id.in_(selection.event_ids))
    elif selection.venue_id or selection.starts_from or selection.starts_before:
        wanted = wanted.join(events, events.c.id == orders.c.event_id)
        if selection.venue_id:
            wanted = wanted.where(events.c.venue_id == selection.venue_id)
        if selection.starts_from:
            wanted = wanted.where(events.c.starts_at >= selection.starts_from)
        if selection.starts_before:
            wanted = wanted.where(events.c.starts_at < selection.starts_before)
    if selection.tier_ids:
        in_tiers = exists().where(order_lines.c.order_id == orders.c.id, order_lines.c.tier_id.in_(selection.tier_ids))
        wanted = wanted.where(in_tiers)
    if selection.placed_from:
        wanted = wanted.where(orders.c.placed_at >= selection.placed_from)
    if selection.placed_before:
        wanted = wanted.where(orders.c.placed_at < selection.placed_before)
    if selection.numbers:
        return wanted.where(orders.c.number == func.any(cast(literal(list(selection.numbers)), ARRAY(Text))))
    return wanted.where(orders.c.state.in_(sorted(state.value for state in selection.states)))
