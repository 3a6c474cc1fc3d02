"""Refunds. The amounts are counted against the payment by trigger, within what was captured by CHECK."""

from datetime import datetime

from sqlalchemy import Select, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from adapters.postgres.rows import payments as rows
from adapters.postgres.tables import refund_tickets, refunds
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.orders import OrderId
from domain.refunds import Refund, RefundId, RefundState


class PostgresRefunds:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, refund: Refund) -> None:
        self._transaction.run(insert(refunds), rows.refund_to_row(refund))
        if refund.tickets:
            self._transaction.run(insert(refund_tickets), rows.refund_ticket_rows(refund))

    def get(self, refund_id: RefundId, *, lock: bool = False) -> Refund:
        wanted = whole_refunds().where(refunds.c.id == refund_id)
        row = self._transaction.first(wanted.with_for_update(key_share=True) if lock else wanted)
        if row is None:
            raise NotFound("refund")
        return rows.refund_from_row(row)

    def of_order(self, order_id: OrderId) -> tuple[Refund, ...]:
        return self._all(whole_refunds().where(refunds.c.order_id == order_id))

    def of_provider(self, provider_id: str) -> Refund | None:
        row = self._transaction.first(whole_refunds().where(refunds.c.provider_id == provider_id))
        return rows.refund_from_row(row) if row else None

    def save(self, refund: Refund) -> None:
        changes = rows.refund_changes(refund)
        if not self._transaction.changed(update(refunds).where(refunds.c.id == refund.id).values(changes)):
            raise NotFound("refund")

    def to_check(self, *, before: datetime, at_most: int) -> tuple[Refund, ...]:
        pending = (refunds.c.state == RefundState.PENDING.value) & (refunds.c.requested_at < before)
        return self._all(whole_refunds().where(pending).limit(at_most))

    def _all(self, wanted: "Select[tuple[object, ...]]") -> tuple[Refund, ...]:
        found = self._transaction.rows(wanted.order_by(refunds.c.requested_at, refunds.c.id))
        return tuple(rows.refund_from_row(row) for row in found)


def whole_refunds() -> "Select[tuple[object, ...]]":
    """Refunds with what each of their tickets gives back."""
    each = refund_tickets.c
    part = func.jsonb_build_array(each.ticket_id, each.admission_minor, each.fee_minor, each.tax_minor)
    parts = (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(part, each.position)), literal([], JSONB), type_=JSONB))
        .where(each.refund_id == refunds.c.id)
        .scalar_subquery()
    )
    return select(refunds, parts.label("parts"))
