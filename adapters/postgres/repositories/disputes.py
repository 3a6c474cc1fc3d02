"""Disputes and fraud warnings. Whoever changes one has locked its order."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, text, update

from adapters.postgres.rows import disputes as rows
from adapters.postgres.tables import disputes, fraud_warnings
from adapters.postgres.transaction import Transaction
from domain.disputes import Dispute, DisputeId
from domain.errors import NotFound
from domain.fraud_warnings import FraudWarning, FraudWarningId
from domain.orders import OrderId

# Only what a bank still holds against somebody counts: what was dismissed, won or withdrawn does not.
_TROUBLED = text("""
    SELECT count(*) AS orders FROM orders
    WHERE (device = :device
           OR id IN (SELECT order_id FROM payments WHERE card_fingerprint = :card))
        AND (EXISTS (SELECT FROM fraud_warnings WHERE order_id = orders.id AND state <> 'dismissed')
             OR EXISTS (SELECT FROM disputes WHERE order_id = orders.id AND reason = 'fraudulent'
                        AND state NOT IN ('won', 'withdrawn')))
""")


class PostgresDisputes:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, dispute: Dispute) -> None:
        self._transaction.run(insert(disputes), rows.to_row(dispute))

    def get(self, dispute_id: DisputeId) -> Dispute:
        row = self._transaction.first(select(disputes).where(disputes.c.id == dispute_id))
        if row is None:
            raise NotFound("dispute")
        return rows.from_row(row)

    def of_provider(self, provider_id: str) -> Dispute | None:
        row = self._transaction.first(select(disputes).where(disputes.c.provider_id == provider_id))
        return rows.from_row(row) if row else None

    def of_order(self, order_id: OrderId) -> tuple[Dispute, ...]:
        own = select(disputes).where(disputes.c.order_id == order_id)
        return self._all(own.order_by(disputes.c.opened_at, disputes.c.id))

    def save(self, dispute: Dispute) -> None:
        changes = rows.changes(dispute)
        if not self._transaction.changed(update(disputes).where(disputes.c.id == dispute.id).values(changes)):
            raise NotFound("dispute")

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Dispute, ...]:
        due = select(disputes).where(disputes.c.next_check_at <= now)
        return self._all(due.order_by(disputes.c.next_check_at, disputes.c.id).limit(at_most))

    def _all(self, wanted: Select[Any]) -> tuple[Dispute, ...]:
        return tuple(map(rows.from_row, self._transaction.rows(wanted)))


class PostgresFraudWarnings:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, warning: FraudWarning) -> None:
        self._transaction.run(insert(fraud_warnings), rows.warning_to_row(warning))

    def get(self, warning_id: FraudWarningId) -> FraudWarning:
        row = self._transaction.first(select(fraud_warnings).where(fraud_warnings.c.id == warning_id))
        if row is None:
            raise NotFound("fraud warning")
        return rows.warning_from_row(row)

    def of_provider(self, provider_id: str) -> FraudWarning | None:
        row = self._transaction.first(select(fraud_warnings).where(fraud_warnings.c.provider_id == provider_id))
        return rows.warning_from_row(row) if row else None

    def of_order(self, order_id: OrderId) -> tuple[FraudWarning, ...]:
        own = select(fraud_warnings).where(fraud_warnings.c.order_id == order_id)
        found = self._transaction.rows(own.order_by(fraud_warnings.c.warned_at, fraud_warnings.c.id))
        return tuple(map(rows.warning_from_row, found))

    def save(self, warning: FraudWarning) -> None:
        changes = rows.warning_changes(warning)
        changed = update(fraud_warnings).where(fraud_warnings.c.id == warning.id).values(changes)
        if not self._transaction.changed(changed):
            raise NotFound("fraud warning")

    def troubled_orders(self, *, card: str | None, device: str) -> int:
        row = self._transaction.first(_TROUBLED, {"card": card, "device": device})
        return int(row["orders"]) if row else 0
