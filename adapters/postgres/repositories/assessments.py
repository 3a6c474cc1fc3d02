"""Fraud assessments, and what payments tell about a card."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select

from adapters.postgres.rows import records as rows
from adapters.postgres.tables import assessments, payments
from adapters.postgres.transaction import Transaction
from domain.fraud import Assessment
from domain.orders import OrderId


class PostgresAssessments:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, *, assessment_id: UUID, order_id: OrderId, assessment: Assessment, at: datetime) -> None:
        row = {"id": assessment_id, "order_id": order_id, "at": at, **rows.assessment_to_row(assessment)}
        self._transaction.run(insert(assessments), row)

    def of_order(self, order_id: OrderId) -> tuple[Assessment, ...]:
        wanted = select(assessments).where(assessments.c.order_id == order_id)
        found = self._transaction.rows(wanted.order_by(assessments.c.at, assessments.c.id))
        return tuple(rows.assessment_from_row(row) for row in found)

    def card_orders(self, *, fingerprint: str, since: datetime) -> int:
        same_card = (payments.c.card_fingerprint == fingerprint) & (payments.c.created_at >= since)
        row = self._transaction.first(select(func.count().label("payments")).select_from(payments).where(same_card))
        return int(row["payments"]) if row else 0
