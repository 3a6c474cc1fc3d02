"""Readings of the provider's books. Entries are a copy: what was read last is what counts."""

from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from adapters.postgres.rows import provider_books as rows
from adapters.postgres.tables import orders, payments, provider_entries, provider_readings
from adapters.postgres.transaction import Transaction
from domain.bookings import provider_fee
from domain.errors import NotFound
from domain.events import EventId
from domain.ledger import Journal
from domain.orders import OrderId
from domain.payments import PaymentId
from domain.provider_books import EntryKind, ProviderEntry, Reading, ReadingId


class PostgresReadings:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, reading: Reading) -> None:
        self._transaction.run(insert(provider_readings), rows.reading_to_row(reading))

    def save(self, reading: Reading) -> None:
        statement = update(provider_readings).where(provider_readings.c.id == reading.id)
        if not self._transaction.changed(statement.values(rows.reading_changes(reading))):
            raise NotFound("reading")

    def latest(self, *, actor: str | None = None, finished: bool | None = None) -> Reading | None:
        wanted = select(provider_readings)
        if actor is not None:
            wanted = wanted.where(provider_readings.c.actor == actor)
        if finished is not None:
            wanted = wanted.where(provider_readings.c.finished_at.is_not(None) == finished)
        newest = wanted.order_by(provider_readings.c.began_at.desc(), provider_readings.c.id.desc()).limit(1)
        row = self._transaction.first(newest)
        return rows.reading_from_row(row) if row else None

    def take_turn(self, reading_id: ReadingId, *, now: datetime, until: datetime) -> bool:
        taken = provider_readings.c.taken_until
        free = or_(taken.is_(None), taken <= now)
        statement = update(provider_readings).where(provider_readings.c.id == reading_id, free)
        return self._transaction.changed(statement.values(taken_until=until)) > 0

    def end_turn(self, reading_id: ReadingId, *, now: datetime) -> None:
        statement = update(provider_readings).where(provider_readings.c.id == reading_id)
        self._transaction.run(statement.values(taken_until=now))

    def keep(self, entries: tuple[ProviderEntry, ...], *, at: datetime) -> None:
        if not entries:
            return
        read = upsert(provider_entries).values([rows.entry_to_row(entry, at=at) for entry in entries])
        changed = {column.name: column for column in read.excluded if column.name != "id"}
        self._transaction.run(read.on_conflict_do_update(index_elements=[provider_entries.c.id], set_=changed))

    def prune(self, *, before: datetime, at_most: int) -> int:
        read_at = provider_entries.c.read_at
        longest = select(provider_entries.c.id).where(read_at < before).order_by(read_at).limit(at_most)
        # Whoever reads one again at this moment keeps it.
        unread = longest.with_for_update(skip_locked=True)
        return self._transaction.changed(delete(provider_entries).where(provider_entries.c.id.in_(unread)))

    def fees_to_tell(self, entries: tuple[ProviderEntry, ...]) -> tuple[Journal, ...]:
        # What a dispute costs is told with the dispute.
        paying = [entry for entry in entries if entry.fee.amount and entry.kind is not EntryKind.DISPUTE]
        found = self._transaction.rows(
            select(payments.c.intent_id, payments.c.id, payments.c.order_id, orders.c.event_id)
            .join(orders, orders.c.id == payments.c.order_id)
            .where(payments.c.intent_id.in_([entry.intent_id for entry in paying]))
        )
        ours = {row["intent_id"]: row for row in found}
        told = (
            provider_fee(
                event_id=EventId(ours[entry.intent_id]["event_id"]),
                order_id=OrderId(ours[entry.intent_id]["order_id"]),
                payment_id=PaymentId(ours[entry.intent_id]["id"]),
                entry_id=entry.id,
                fee=entry.fee,
                at=entry.created_at,
            )
            for entry in paying
            if entry.intent_id in ours
        )
        return tuple(journal for journal in told if journal is not None)
