"""The outbox in memory, with leases and fencing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.events import EventId
from domain.ports.outbox import LEASE_SECONDS, Effect, Lane, OutboxRow
from tests.fakes.store_state import OutboxEntry, State, unique


class FakeOutbox:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, row: OutboxRow) -> None:
        unique(row.id not in self._state.outbox, f"outbox row {row.id}")
        if all(entry.row.key != row.key for entry in self._state.outbox.values()):
            self._state.outbox[row.id] = OutboxEntry(row=row)

    def lease(
        self, *, now: datetime, at_most: int, effects: frozenset[Effect], lanes: tuple[Lane, ...] = tuple(Lane)
    ) -> tuple[OutboxRow, ...]:
        due = sorted(
            (row for row in self._open() if row.not_before <= now and row.effect in effects and row.lane in lanes),
            key=lambda row: (lanes.index(row.lane), row.not_before, row.id),
        )[:at_most]
        until = now + timedelta(seconds=LEASE_SECONDS)
        leased = tuple(replace(row, attempts=row.attempts + 1, not_before=until) for row in due)
        for row in leased:
            self._state.outbox[row.id] = OutboxEntry(row=row)
        return leased

    def renew(self, rows: tuple[OutboxRow, ...], *, now: datetime) -> int:
        return self._again_at(rows, now + timedelta(seconds=LEASE_SECONDS))

    def hand_back(self, rows: tuple[OutboxRow, ...], *, now: datetime) -> int:
        return self._again_at(rows, now)

    def done(self, row: OutboxRow) -> bool:
        return self._end(row, OutboxEntry(row=row, done=True, done_at=datetime.now(UTC)))

    def retry(self, row: OutboxRow, *, at: datetime, error: str, now: datetime) -> bool:
        return self._end(row, OutboxEntry(row=replace(row.failed(error, now=now), not_before=at)))

    def park(self, row: OutboxRow, *, error: str, now: datetime) -> bool:
        return self._end(row, OutboxEntry(row=row.failed(error, now=now), parked=True))

    def revive(self, *, row_id: UUID, now: datetime) -> bool:
        entry = self._state.outbox.get(row_id)
        if entry is None or not entry.parked:
            return False
        self._state.outbox[row_id] = OutboxEntry(row=replace(entry.row, attempts=0, not_before=now))
        return True

    def revive_all(self, *, effect: Effect, now: datetime, at_most: int) -> int:
        parked = [row for row in self.parked(at_most=len(self._state.outbox)) if row.effect is effect]
        return sum(self.revive(row_id=row.id, now=now) for row in parked[:at_most])

    def discard(self, *, row_id: UUID, because: str) -> bool:
        entry = self._state.outbox.get(row_id)
        if entry is None or not entry.parked:
            return False
        over = OutboxEntry(row=entry.row, done=True, done_at=datetime.now(UTC), discarded_because=because)
        self._state.outbox[row_id] = over
        return True

    def prune(self, *, before: datetime, at_most: int) -> int:
        old = [key for key, entry in self._state.outbox.items() if entry.done_at and entry.done_at < before][:at_most]
        for key in old:
            del self._state.outbox[key]
        return len(old)

    def parked(self, *, at_most: int) -> tuple[OutboxRow, ...]:
        rows = (entry.row for entry in self._state.outbox.values() if entry.parked)
        return tuple(sorted(rows, key=lambda row: (row.created_at, row.id))[:at_most])

    def unsettled(self, *, event_id: EventId) -> bool:
        settlements = (row for row in self._open() if row.effect is Effect.SETTLE_STOCK)
        return any(row.payload["event"] == str(event_id) for row in settlements)

    def waiting(self) -> int:
        return len(self._open())

    def _open(self) -> list[OutboxRow]:
        return [entry.row for entry in self._state.outbox.values() if not entry.done and not entry.parked]

    def _again_at(self, rows: tuple[OutboxRow, ...], at: datetime) -> int:
        known = [(row, self._state.outbox.get(row.id)) for row in rows]
        mine = [
            entry.row
            for row, entry in known
            if entry and not entry.done and not entry.parked and entry.row.attempts == row.attempts
        ]
        for row in mine:
            self._state.outbox[row.id] = OutboxEntry(row=replace(row, not_before=at))
        return len(mine)

    def _end(self, row: OutboxRow, ending: OutboxEntry) -> bool:
        entry = self._state.outbox.get(row.id)
        if entry is None or entry.done or entry.parked or entry.row.attempts != row.attempts:
            return False
        self._state.outbox[row.id] = ending
        return True
