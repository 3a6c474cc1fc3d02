"""What may need a person, counted in one statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Table, func, select

from adapters.postgres.backoffice.order_files import undecided
from adapters.postgres.tables import messages, orders, outbox, payments, refunds
from adapters.postgres.transaction import Row
from domain.payments import PaymentState
from domain.ports.backoffice import Health
from domain.ports.messages import MessageState
from domain.refunds import RefundState

_UNSETTLED = (PaymentState.AUTHORISED, PaymentState.CAPTURE_REQUESTED, PaymentState.VOID_REQUESTED)
_UNDER_WAY = (RefundState.REQUESTED, RefundState.PENDING)


def health_of(*, now: datetime, since: datetime) -> Select[Any]:
    """One row with every field of Health."""
    is_open = outbox.c.done_at.is_(None) & outbox.c.parked_at.is_(None)
    oldest = select(func.min(outbox.c.not_before)).where(is_open, outbox.c.not_before <= now).scalar_subquery()
    return select(
        _count(outbox, is_open).label("effects_waiting"),
        _count(outbox, outbox.c.parked_at.is_not(None)).label("effects_parked"),
        oldest.label("oldest_due_at"),
        _count(orders, undecided()).label("reviews_waiting"),
        _count(refunds, refunds.c.state.in_([state.value for state in _UNDER_WAY])).label("refunds_under_way"),
        _count(refunds, (refunds.c.state == RefundState.FAILED.value) & (refunds.c.completed_at >= since)).label(
            "refunds_failed"
        ),
        _count(payments, payments.c.state.in_([state.value for state in _UNSETTLED])).label("payments_unsettled"),
        _count(messages, (messages.c.state == MessageState.FAILED.value) & (messages.c.created_at >= since)).label(
            "messages_failed"
        ),
    )


def health_from_row(row: Row) -> Health:
    return Health(**row)


def _count(table: Table, condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(condition).scalar_subquery()
