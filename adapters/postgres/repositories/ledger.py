"""The ledger. That journals balance and never change is a matter of the tables, not of this code."""

from itertools import groupby
from operator import itemgetter

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from adapters.postgres.rows import ledger as rows
from adapters.postgres.tables import journals, postings
from adapters.postgres.transaction import Transaction
from domain.ledger import Journal
from domain.orders import OrderId


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
        made = self._transaction.first(
            upsert(journals)
            .values(rows.to_row(journal))
            .on_conflict_do_nothing(index_elements=[journals.c.key])
            .returning(journals.c.id)
        )
        if made is None:
            return False
        self._transaction.run(insert(postings).values(rows.posting_rows(made["id"], journal)))
        return True
