"""Refunds. The amounts are counted against the payment by trigger, within what was captured by CHECK."""

from datetime import datetime

from sqlalchemy import Select, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from adapters.postgres.rows import payments as rows
from adapters.postgres.statements import WANTED, lockable, saving
from adapters.postgres.tables import refund_tickets, refunds
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.orders import OrderId
from domain.refunds import Refund, RefundId, RefundState


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


def _in_order(wanted: "Select[tuple[object, ...]]") -> "Select[tuple[object, ...]]":
    return wanted.order_by(refunds.c.requested_at, refunds.c.id)


_ONE = lockable(whole_refunds().where(refunds.c.id == WANTED))
_OF_ORDER = _in_order(whole_refunds().where(refunds.c.order_id == WANTED))
_OF_PROVIDER = whole_refunds().where(refunds.c.provider_id == WANTED)
_ADD, _ADD_TICKETS, _SAVE = insert(refunds), insert(refund_tickets), saving(refunds)


class PostgresRefunds:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, refund: Refund) -> None:
        self._transaction.run(_ADD, rows.refund_to_row(refund))
        if refund.tickets:
            self._transaction.run(_ADD_TICKETS, rows.refund_ticket_rows(refund))

    def get(self, refund_id: RefundId, *, lock: bool = False) -> Refund:
        row = self._transaction.first(_ONE.with_lock(lock), {"wanted": refund_id})
        if row is None:
            raise NotFound("refund")
        return rows.refund_from_row(row)

    def of_order(self, order_id: OrderId) -> tuple[Refund, ...]:
        return tuple(rows.refund_from_row(row) for row in self._transaction.rows(_OF_ORDER, {"wanted": order_id}))

    def of_provider(self, provider_id: str) -> Refund | None:
        row = self._transaction.first(_OF_PROVIDER, {"wanted": provider_id})
        return rows.refund_from_row(row) if row else None

    def save(self, refund: Refund) -> None:
        if not self._transaction.changed(_SAVE, {"wanted": refund.id, **rows.refund_changes(refund)}):
            raise NotFound("refund")

    def to_check(self, *, before: datetime, at_most: int) -> tuple[Refund, ...]:
        pending = (refunds.c.state == RefundState.PENDING.value) & (refunds.c.requested_at < before)
        found = self._transaction.rows(_in_order(whole_refunds().where(pending)).limit(at_most))
        return tuple(rows.refund_from_row(row) for row in found)
