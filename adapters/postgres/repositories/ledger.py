"""The ledger. That journals balance and never change is a matter of the tables, not of this code."""

from itertools import groupby
from operator import itemgetter

from sqlalchemy import select, text

from adapters.postgres.rows import ledger as rows
from adapters.postgres.tables import journals, postings
from adapters.postgres.transaction import Transaction
from domain.ledger import Journal
from domain.orders import OrderId

_WRITE = text("""
    WITH written AS (
        INSERT INTO journals (key, kind, event_id, order_id, payment_id, refund_id, dispute_id, at)
        VALUES (:key, :kind, :event_id, :order_id, :payment_id, :refund_id, :dispute_id, :at)
        ON CONFLICT (key) DO NOTHING RETURNING id
    )
    INSERT INTO postings (journal_id, position, account, detail, currency, amount_minor)
    SELECT written.id, posting.position - 1, posting.account, posting.detail, posting.currency, posting.amount_minor
    FROM written CROSS JOIN unnest(
        CAST(:accounts AS text[]), CAST(:details AS text[]), CAST(:currencies AS text[]), CAST(:amounts AS bigint[])
    ) WITH ORDINALITY AS posting (account, detail, currency, amount_minor, position)
""")


class PostgresLedger:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def post(self, *told: Journal | None) -> int:
        return sum(self._write(journal) for journal in told if journal is not None)

    def of_order(self, order_id: OrderId) -> tuple[Journal, ...]:
        wanted = select(journals).where(journals.c.order_id == order_id).order_by(journals.c.id)
        found = self._transaction.rows(wanted)
        sides = self._transaction.rows(
            select(postings)
            .join(journals, journals.c.id == postings.c.journal_id)
            .where(journals.c.order_id == order_id)
            .order_by(postings.c.journal_id, postings.c.position)
        )
        by_journal = {key: list(own) for key, own in groupby(sides, key=itemgetter("journal_id"))}
        return tuple(rows.from_row(row, by_journal[row["id"]]) for row in found)

    def _write(self, journal: Journal) -> bool:
        return self._transaction.changed(_WRITE, {**rows.to_row(journal), **rows.posting_columns(journal)}) > 0
