"""Readings of the provider's books, in memory."""

from datetime import datetime

from domain.bookings import provider_fee
from domain.errors import NotFound
from domain.ledger import Journal
from domain.provider_books import EntryKind, ProviderEntry, Reading, ReadingId
from tests.fakes.store_state import State, unique


class FakeReadings:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, reading: Reading) -> None:
        unique(reading.id not in self._state.readings, f"reading {reading.id}")
        self._state.readings[reading.id] = reading

    def save(self, reading: Reading) -> None:
        if reading.id not in self._state.readings:
            raise NotFound("reading")
        self._state.readings[reading.id] = reading

    def latest(self, *, actor: str | None = None, finished: bool | None = None) -> Reading | None:
        found = [
            reading
            for reading in self._state.readings.values()
            if actor in (None, reading.actor) and finished in (None, reading.finished_at is not None)
        ]
        return max(found, key=lambda reading: (reading.began_at, reading.id), default=None)

    def take_turn(self, reading_id: ReadingId, *, now: datetime, until: datetime) -> bool:
        if reading_id not in self._state.readings or self._state.reading_turns.get(reading_id, now) > now:
            return False
        self._state.reading_turns[reading_id] = until
        return True

    def end_turn(self, reading_id: ReadingId, *, now: datetime) -> None:
        self._state.reading_turns[reading_id] = now

    def keep(self, entries: tuple[ProviderEntry, ...], *, at: datetime) -> None:
        self._state.provider_entries.update({entry.id: entry for entry in entries})
        self._state.entries_read.update({entry.id: at for entry in entries})

    def prune(self, *, before: datetime, at_most: int) -> int:
        read = self._state.entries_read
        longest = sorted((at, name) for name, at in read.items() if at < before)[:at_most]
        for _, name in longest:
            del read[name], self._state.provider_entries[name]
        return len(longest)

    def fees_to_tell(self, entries: tuple[ProviderEntry, ...]) -> tuple[Journal, ...]:
        told = []
        for entry in entries:
            payment = next((one for one in self._state.payments.values() if one.intent_id == entry.intent_id), None)
            if payment is not None and entry.kind is not EntryKind.DISPUTE:
                told.append(
                    provider_fee(
                        event_id=self._state.orders[payment.order_id].event_id,
                        order_id=payment.order_id,
                        payment_id=payment.id,
                        entry_id=entry.id,
                        fee=entry.fee,
                        at=entry.created_at,
                    )
                )
        return tuple(journal for journal in told if journal is not None)
