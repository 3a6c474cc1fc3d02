"""The outbox: leased with SKIP LOCKED, fenced by the number of attempts."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Update, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from adapters.postgres.rows import records as rows
from adapters.postgres.statements import WANTED
from adapters.postgres.tables import outbox
from adapters.postgres.transaction import Transaction
from domain.events import EventId
from domain.ports.outbox import LEASE_SECONDS, Effect, Lane, OutboxRow

_LEASE = text("""
    WITH due AS (
        SELECT id, not_before FROM outbox
        WHERE done_at IS NULL AND parked_at IS NULL AND lane = :lane AND not_before <= :now
            AND effect = ANY(:effects)
        ORDER BY not_before, id LIMIT :at_most FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox SET attempts = attempts + 1, not_before = :until
    FROM due WHERE outbox.id = due.id
    RETURNING outbox.*, due.not_before AS was_due
""")
_AGAIN_AT = text("""
    UPDATE outbox SET not_before = :at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:attempts AS integer[])) AS mine (id, attempts)
    WHERE outbox.id = mine.id AND outbox.attempts = mine.attempts AND done_at IS NULL AND parked_at IS NULL
""")
_REVIVE_ALL = text("""
    UPDATE outbox SET parked_at = NULL, attempts = 0, not_before = :now
    WHERE id IN (SELECT id FROM outbox WHERE parked_at IS NOT NULL AND effect = :effect
        ORDER BY created_at, id LIMIT :at_most FOR UPDATE SKIP LOCKED)
""")
_PRUNE = text("""
    DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE done_at < :before
        ORDER BY done_at LIMIT :at_most FOR UPDATE SKIP LOCKED)
""")
_OPEN = outbox.c.done_at.is_(None) & outbox.c.parked_at.is_(None)
_ADD = insert(outbox).on_conflict_do_nothing(constraint="outbox_one_effect_per_key")
_MINE = update(outbox).where(outbox.c.id == WANTED, outbox.c.attempts == bindparam("leased_as"), _OPEN)
_DONE, _PARK = _MINE.values(done_at=func.now()), _MINE.values(parked_at=func.now())


class PostgresOutbox:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, row: OutboxRow) -> None:
        self._transaction.run(_ADD, rows.outbox_to_row(row))

    def lease(
        self, *, now: datetime, at_most: int, effects: frozenset[Effect], lanes: tuple[Lane, ...] = tuple(Lane)
    ) -> tuple[OutboxRow, ...]:
        parameters = {
            "now": now,
            "until": now + timedelta(seconds=LEASE_SECONDS),
            "effects": [effect.value for effect in effects],
        }
        leased: list[OutboxRow] = []
        for lane in lanes:
            if len(leased) < at_most:
                wanted = {**parameters, "lane": lane.value, "at_most": at_most - len(leased)}
                in_order = sorted(self._transaction.rows(_LEASE, wanted), key=lambda row: (row["was_due"], row["id"]))
                leased += [rows.outbox_from_row(row) for row in in_order]
        return tuple(leased)

    def renew(self, rows: tuple[OutboxRow, ...], *, now: datetime) -> int:
        return self._again_at(rows, now + timedelta(seconds=LEASE_SECONDS))

    def hand_back(self, rows: tuple[OutboxRow, ...], *, now: datetime) -> int:
        return self._again_at(rows, now)

    def done(self, row: OutboxRow) -> bool:
        return self._end(_DONE, row)

    def retry(self, row: OutboxRow, *, at: datetime, error: str, now: datetime) -> bool:
        return self._end(_MINE, row, not_before=at, **rows.outbox_errors(row.failed(error, now=now)))

    def park(self, row: OutboxRow, *, error: str, now: datetime) -> bool:
        return self._end(_PARK, row, **rows.outbox_errors(row.failed(error, now=now)))

    def revive(self, *, row_id: UUID, now: datetime) -> bool:
        parked = (outbox.c.id == row_id) & outbox.c.parked_at.is_not(None)
        again = update(outbox).where(parked).values(parked_at=None, attempts=0, not_before=now)
        return self._transaction.changed(again) == 1

    def revive_all(self, *, effect: Effect, now: datetime, at_most: int) -> int:
        return self._transaction.changed(_REVIVE_ALL, {"effect": effect.value, "now": now, "at_most": at_most})

    def discard(self, *, row_id: UUID, because: str) -> bool:
        parked = (outbox.c.id == row_id) & outbox.c.parked_at.is_not(None)
        over = update(outbox).where(parked).values(parked_at=None, done_at=func.now(), discarded_because=because)
        return self._transaction.changed(over) == 1

    def prune(self, *, before: datetime, at_most: int) -> int:
        return self._transaction.changed(_PRUNE, {"before": before, "at_most": at_most})

    def parked(self, *, at_most: int) -> tuple[OutboxRow, ...]:
        parked = select(outbox).where(outbox.c.parked_at.is_not(None))
        found = self._transaction.rows(parked.order_by(outbox.c.created_at, outbox.c.id).limit(at_most))
        return tuple(rows.outbox_from_row(row) for row in found)

    def unsettled(self, *, event_id: EventId) -> bool:
        of_event = (outbox.c.effect == Effect.SETTLE_STOCK.value) & (outbox.c.payload["event"].astext == str(event_id))
        found = select(outbox.c.id).where(_OPEN & of_event).limit(1)
        return self._transaction.first(found) is not None

    def waiting(self) -> int:
        row = self._transaction.first(select(func.count().label("rows")).select_from(outbox).where(_OPEN))
        return int(row["rows"]) if row else 0

    def _again_at(self, leased: tuple[OutboxRow, ...], at: datetime) -> int:
        parameters = {"at": at, "ids": [row.id for row in leased], "attempts": [row.attempts for row in leased]}
        return self._transaction.changed(_AGAIN_AT, parameters) if leased else 0

    def _end(self, how: Update, row: OutboxRow, **changes: object) -> bool:
        return self._transaction.changed(how, {"wanted": row.id, "leased_as": row.attempts, **changes}) == 1
