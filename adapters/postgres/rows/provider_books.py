"""Entries of the provider's books, and readings of them, as rows."""

from datetime import datetime
from typing import Any

from adapters.postgres.transaction import Row
from domain.ports.books import CheckResult
from domain.provider_books import EntryKind, ProviderEntry, Reading, ReadingId


def entry_to_row(entry: ProviderEntry, *, at: datetime) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "state": entry.state.value,
        "intent_id": entry.intent_id,
        "order_id": entry.order_id,
        "order_number": entry.order_number,
        "currency": entry.amount.currency,
        "amount_minor": entry.amount.amount,
        "withdrawn_minor": entry.withdrawn.amount,
        "fee_currency": entry.fee.currency,
        "fee_minor": entry.fee.amount,
        "created_at": entry.created_at,
        "read_at": at,
    }


def reading_to_row(reading: Reading) -> dict[str, Any]:
    return {
        "id": reading.id,
        "actor": reading.actor,
        "since": reading.since,
        "began_at": reading.began_at,
        **reading_changes(reading),
    }


def reading_changes(reading: Reading) -> dict[str, Any]:
    """What may differ from one save to the next."""
    return {
        "kind": reading.kind.value if reading.kind else None,
        "cursor": reading.cursor,
        "entries": reading.entries,
        "finished_at": reading.finished_at,
        "differences": reading.differences,
        "results": [
            {"name": one.name, "compared": one.compared, "differences": list(one.differences)}
            for one in reading.results
        ],
    }


def reading_from_row(row: Row) -> Reading:
    return Reading(
        id=ReadingId(row["id"]),
        actor=row["actor"],
        since=row["since"],
        began_at=row["began_at"],
        kind=EntryKind(row["kind"]) if row["kind"] else None,
        cursor=row["cursor"],
        entries=row["entries"],
        finished_at=row["finished_at"],
        results=tuple(
            CheckResult(name=one["name"], compared=one["compared"], differences=tuple(one["differences"]))
            for one in row["results"]
        ),
    )
