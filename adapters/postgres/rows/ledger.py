"""Journals and their postings as rows."""

from collections.abc import Iterable
from typing import Any

from adapters.postgres.transaction import Row
from domain.events import EventId
from domain.ledger import Account, Journal, JournalKind, Posting
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.payments import PaymentId
from domain.refunds import RefundId


def to_row(journal: Journal) -> dict[str, Any]:
    return {
        "key": journal.key,
        "kind": journal.kind.value,
        "event_id": journal.event_id,
        "order_id": journal.order_id,
        "payment_id": journal.payment_id,
        "refund_id": journal.refund_id,
        "dispute_id": journal.dispute_id,
        "at": journal.at,
    }


def posting_columns(journal: Journal) -> dict[str, list[Any]]:
    """Every posting's account at its place in one list, and so on for the other columns."""
    return {
        "accounts": [posting.account.value for posting in journal.postings],
        "details": [posting.detail for posting in journal.postings],
        "currencies": [posting.amount.currency for posting in journal.postings],
        "amounts": [posting.amount.amount for posting in journal.postings],
    }


def from_row(row: Row, postings: Iterable[Row]) -> Journal:
    """``postings``: rows of this journal, in order."""
    return Journal(
        key=row["key"],
        kind=JournalKind(row["kind"]),
        event_id=EventId(row["event_id"]),
        order_id=OrderId(row["order_id"]),
        payment_id=PaymentId(row["payment_id"]) if row["payment_id"] else None,
        refund_id=RefundId(row["refund_id"]) if row["refund_id"] else None,
        dispute_id=row["dispute_id"],
        at=row["at"],
        postings=tuple(
            Posting(
                account=Account(one["account"]),
                detail=one["detail"],
                amount=Money(one["amount_minor"], CurrencyCode(one["currency"])),
            )
            for one in postings
        ),
    )
