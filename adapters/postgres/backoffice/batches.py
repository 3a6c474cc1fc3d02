"""The BatchDesk port on Postgres. Where an order of a batch stands is read from its row and its refund together."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, Text, and_, case, cast, func, select

from adapters.postgres.backoffice.paging import cursor, cut, paged
from adapters.postgres.reading import picture
from adapters.postgres.rows import refund_batches as rows
from adapters.postgres.tables import (
    events,
    orders,
    outbox,
    refund_batch_lines,
    refund_batch_orders,
    refund_batches,
    refunds,
    tiers,
)
from adapters.postgres.transaction import Row, Transaction
from domain.errors import NotFound
from domain.events import EventId
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.ports.batch_desk import (
    EXPLAINED,
    ROWS_PER_PAGE,
    ROWS_PER_READ,
    BatchesPage,
    BatchFile,
    BatchRow,
    BatchRowsPage,
    BatchSummary,
    Progress,
    Tally,
    TierTally,
    WhyTally,
)
from domain.ports.outbox import Effect
from domain.refund_batches import BatchId, BatchOrderState, Outcome
from domain.refunds import RefundId, RefundState

_ROW = refund_batch_orders.c
_WITH_REFUND = refund_batch_orders.outerjoin(refunds, refunds.c.id == _ROW.refund_id)
_REQUESTED = _ROW.state == BatchOrderState.REQUESTED.value
_OUTCOME = case(
    (_REQUESTED, refunds.c.state),
    (
        and_(_ROW.state == BatchOrderState.WAITING.value, _ROW.expected_minor.is_(None)),
        Outcome.COUNTING.value,
    ),
    (and_(_ROW.state == BatchOrderState.WAITING.value, _ROW.why.is_not(None)), Outcome.FROZEN.value),
    else_=_ROW.state,
)
"""Refunds and outcomes share their words: requested, pending, succeeded, failed."""
_WHY = func.coalesce(_ROW.why, case((_REQUESTED, refunds.c.failure)))


class PostgresBatchDesk:
    """Implements BatchDesk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def batches(self, *, cursor: str | None, since: datetime) -> BatchesPage:
        newest = paged(
            select(refund_batches),
            at=refund_batches.c.requested_at,
            name=refund_batches.c.id,
            after=cursor,
            newest_first=True,
        )
        with picture(self._engine) as transaction:
            found = transaction.rows(newest)
            progress = _progress(transaction, [row["id"] for row in found], since=since)
        listed = [_summary(row, progress[row["id"]]) for row in found]
        items, after = cut(listed, [one.cursor for one in listed])
        return BatchesPage(items=items, next_cursor=after)

    def batch(self, batch_id: BatchId, *, since: datetime) -> BatchFile:
        with picture(self._engine) as transaction:
            row = transaction.first(select(refund_batches).where(refund_batches.c.id == batch_id))
            if row is None:
                raise NotFound("batch")
            progress = _progress(transaction, [batch_id], since=since)[batch_id]
            by_tier = transaction.rows(_by_tier(batch_id))
            by_why = transaction.rows(_by_why(batch_id))
        return BatchFile(
            batch=rows.from_row(row),
            progress=progress,
            tiers=tuple(map(_tier, by_tier)),
            whys=tuple(
                WhyTally(outcome=Outcome(one["outcome"]), why=one["why"], orders=one["orders"]) for one in by_why
            ),
        )

    def rows(self, batch_id: BatchId, *, outcome: Outcome | None, from_position: int) -> BatchRowsPage:
        wanted = _listed(batch_id).where(_ROW.position >= from_position)
        if outcome is not None:
            wanted = wanted.where(_OUTCOME.in_((outcome.value,)))
        with picture(self._engine) as transaction:
            found = [_row(row) for row in transaction.rows(wanted.limit(ROWS_PER_PAGE + 1))]
        after = found[ROWS_PER_PAGE].position if len(found) > ROWS_PER_PAGE else None
        return BatchRowsPage(items=tuple(found[:ROWS_PER_PAGE]), next_position=after)

    def all_rows(self, batch_id: BatchId) -> Iterator[BatchRow]:
        position = 0
        while True:
            with picture(self._engine) as transaction:
                found = transaction.rows(_listed(batch_id).where(_ROW.position > position).limit(ROWS_PER_READ))
            yield from map(_row, found)
            if len(found) < ROWS_PER_READ:
                return
            position = found[-1]["position"]


def _progress(transaction: Transaction, batch_ids: Sequence[UUID], *, since: datetime) -> dict[UUID, Progress]:
    """How far each batch is, in three queries for all of them."""
    tallied = (
        select(
            _ROW.batch_id,
            _OUTCOME.label("outcome"),
            _ROW.currency,
            func.count().label("orders"),
            func.coalesce(func.sum(_ROW.expected_minor), 0).label("amount_minor"),
        )
        .select_from(_WITH_REFUND)
        .where(_ROW.batch_id.in_(batch_ids))
        .group_by(_ROW.batch_id, _OUTCOME, _ROW.currency)
        .order_by(_ROW.currency)
    )
    lately = (
        select(refunds.c.batch_id, func.count().label("refunds"))
        .where(
            refunds.c.batch_id.in_(batch_ids),
            refunds.c.state == RefundState.SUCCEEDED.value,
            refunds.c.completed_at >= since,
        )
        .group_by(refunds.c.batch_id)
    )
    sends = outbox.c.key == func.concat(f"{Effect.SEND_REFUND.value}:", cast(refunds.c.id, Text))
    parked = (
        select(refunds.c.batch_id, func.count().label("refunds"))
        .join(outbox, sends)
        .where(
            refunds.c.batch_id.in_(batch_ids),
            refunds.c.state == RefundState.REQUESTED.value,
            outbox.c.parked_at.is_not(None),
        )
        .group_by(refunds.c.batch_id)
    )
    found = transaction.rows(tallied)
    recent = {row["batch_id"]: row["refunds"] for row in transaction.rows(lately)}
    stuck = {row["batch_id"]: row["refunds"] for row in transaction.rows(parked)}
    return {
        batch_id: Progress(
            by_outcome=_tallies([row for row in found if row["batch_id"] == batch_id]),
            lately=recent.get(batch_id, 0),
            parked=stuck.get(batch_id, 0),
        )
        for batch_id in batch_ids
    }


def _tallies(found: Sequence[Row]) -> dict[Outcome, Tally]:
    tallies: dict[Outcome, Tally] = {}
    for row in found:
        outcome, amount = Outcome(row["outcome"]), Money(int(row["amount_minor"]), CurrencyCode(row["currency"]))
        before = tallies.get(outcome, Tally(orders=0, amounts=()))
        tallies[outcome] = Tally(orders=before.orders + row["orders"], amounts=(*before.amounts, amount))
    return tallies


def _by_tier(batch_id: BatchId) -> Select[Any]:
    line = refund_batch_lines.c
    return (
        select(
            events.c.id.label("event_id"),
            events.c.name.label("event_name"),
            tiers.c.name.label("tier_name"),
            events.c.currency,
            func.count().label("orders"),
            func.sum(line.tickets).label("tickets"),
            func.sum(line.amount_minor).label("amount_minor"),
        )
        .select_from(refund_batch_lines)
        .join(tiers, tiers.c.id == line.tier_id)
        .join(events, events.c.id == tiers.c.event_id)
        .where(line.batch_id == batch_id)
        .group_by(events.c.id, tiers.c.id)
        .order_by(events.c.starts_at, events.c.id, tiers.c.position, tiers.c.name)
    )


def _by_why(batch_id: BatchId) -> Select[Any]:
    return (
        select(_OUTCOME.label("outcome"), _WHY.label("why"), func.count().label("orders"))
        .select_from(_WITH_REFUND)
        .where(
            _ROW.batch_id == batch_id,
            _OUTCOME.in_([each.value for each in EXPLAINED]),
            _WHY.is_not(None),
        )
        .group_by(_OUTCOME, _WHY)
        .order_by(func.count().desc(), _WHY)
    )


def _listed(batch_id: BatchId) -> Select[Any]:
    return (
        select(
            refund_batch_orders,
            _OUTCOME.label("outcome"),
            _WHY.label("told"),
            refunds.c.amount_minor.label("refunded_minor"),
            refunds.c.completed_at,
            orders.c.number,
            orders.c.buyer_name,
            orders.c.buyer_email,
            events.c.name.label("event_name"),
        )
        .select_from(_WITH_REFUND)
        .join(orders, orders.c.id == _ROW.order_id)
        .join(events, events.c.id == orders.c.event_id)
        .where(_ROW.batch_id == batch_id)
        .order_by(_ROW.position)
    )


def _summary(row: Row, progress: Progress) -> BatchSummary:
    return BatchSummary(batch=rows.from_row(row), progress=progress, cursor=cursor(row["requested_at"], row["id"]))


def _tier(row: Row) -> TierTally:
    return TierTally(
        event_id=EventId(row["event_id"]),
        event_name=row["event_name"],
        tier_name=row["tier_name"],
        orders=row["orders"],
        tickets=int(row["tickets"]),
        amount=Money(int(row["amount_minor"]), CurrencyCode(row["currency"])),
    )


def _row(row: Row) -> BatchRow:
    currency = CurrencyCode(row["currency"])
    amounts = {name: row[f"{name}_minor"] for name in ("expected", "refunded")}
    expected, refunded = (None if minor is None else Money(minor, currency) for minor in amounts.values())
    return BatchRow(
        order_id=OrderId(row["order_id"]),
        number=row["number"],
        buyer_name=row["buyer_name"],
        buyer_email=row["buyer_email"],
        event_name=row["event_name"],
        expected=expected,
        refunded=refunded,
        refund_id=RefundId(row["refund_id"]) if row["refund_id"] else None,
        outcome=Outcome(row["outcome"]),
        why=row["told"],
        attempts=row["attempts"],
        at=row["completed_at"],
        position=row["position"],
    )
