"""The audit trail."""

from sqlalchemy import insert

from adapters.postgres.rows import records as rows
from adapters.postgres.tables import audit_entries
from adapters.postgres.transaction import Transaction
from domain.audit import AuditEntry

_ADD = insert(audit_entries)


class PostgresAudit:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, entry: AuditEntry) -> None:
        self._transaction.run(_ADD, rows.audit_to_row(entry))
