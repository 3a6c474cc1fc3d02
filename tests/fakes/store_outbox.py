"""The outbox in memory, with leases and fencing."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.events import EventId
from domain.ports.outbox import LEASE_SECONDS, Effect, OutboxRow
from tests.fakes.store_state import OutboxEntry, State, unique


class FakeOutbox:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, row: OutboxRow) -> None:
        unique(row.id not in self._state.outbox, f"outbox row {row.id}")
        if all(entry.row.key != row.key for entry in self._state.outbox.values()):
            self._state.outbox[row.id] = OutboxEntry(row=row)

    def lease(self, *, now: datetime, at_most: int, effects: frozenset[Effect]) -> tuple[OutboxRow, ...]:
        due = sorted(
            (row for row in self._open() if row.not_before <= now and row.effect in effects),
            key=lambda row: (row.not_before, row.id),
        )[:at_most]
        until = now + timedelta(seconds=LEASE_SECONDS)
        leased = tuple(replace(row, attempts=row.attempts + 1, not_before=until) for row in due)
        for row in leased:
            self._state.outbox[row.id] = OutboxEntry(row=row)
        return leased

    def done(self, row: OutboxRow) -> bool:
        return self._end(row, OutboxEntry(row=row, done=True))

    def retry(self, row: OutboxRow, *, at: datetime, error: str) -> bool:
        return self._end(row, OutboxEntry(row=replace(row, not_before=at, last_error=error)))

    def park(self, row: OutboxRow, *, error: str) -> bool:
        return self._end(row, OutboxEntry(row=replace(row, last_error=error), parked=True))

    def revive(self, *, row_id: UUID, now: datetime) -> bool:
        entry = self._state.outbox.get(row_id)
        if entry is None or not entry.parked:
            return False
        self._state.outbox[row_id] = OutboxEntry(row=replace(entry.row, attempts=0, not_before=now))
        return True

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

    def _end(self, row: OutboxRow, ending: OutboxEntry) -> bool:
        entry = self._state.outbox.get(row.id)
        if entry is None or entry.done or entry.parked or entry.row.attempts != row.attempts:
            return False
        self._state.outbox[row.id] = ending
        return True
