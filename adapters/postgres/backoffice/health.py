"""What may need a person, and what a monitor wants to know: each counted in one statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Table, bindparam, func, literal_column, select

from adapters.postgres.backoffice.order_files import undecided
from adapters.postgres.tables import audit_entries, messages, orders, outbox, payments, provider_readings, refunds
from adapters.postgres.transaction import Row
from domain.events import EventId
from domain.payments import PaymentState
from domain.ports.backoffice import REPAIRED, Health, Pulse, Repairs
from domain.ports.messages import MessageState
from domain.refunds import RefundState

_UNSETTLED = (PaymentState.AUTHORISED, PaymentState.CAPTURE_REQUESTED, PaymentState.VOID_REQUESTED)
_UNDER_WAY = (RefundState.REQUESTED, RefundState.PENDING)
_WAITING = outbox.c.done_at.is_(None) & outbox.c.parked_at.is_(None)
_PARKED = outbox.c.parked_at.is_not(None)
# Written into the statement: an index that has repairs only is of use to those who ask for nothing else.
_REPAIR = audit_entries.c.action == bindparam("repair", REPAIRED, literal_execute=True)


def health_of(*, now: datetime, since: datetime) -> Select[Any]:
    """One row with every field of Health."""
    oldest = select(func.min(outbox.c.not_before)).where(_WAITING, outbox.c.not_before <= now).scalar_subquery()
    return select(
        _count(outbox, _WAITING).label("effects_waiting"),
        _count(outbox, _PARKED).label("effects_parked"),
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
        _count(audit_entries, _REPAIR & (audit_entries.c.at >= since)).label("repairs"),
        select(func.max(audit_entries.c.at)).where(_REPAIR).scalar_subquery().label("repaired_at"),
    )


def health_from_row(row: Row) -> Health:
    counted = dict(row)
    repairs = Repairs(recent=counted.pop("repairs"), last_at=counted.pop("repaired_at"))
    return Health(repairs=repairs, **counted)


def pulse() -> Select[int, int, int, int]:
    """One row with every field of Pulse."""
    compared = (
        select(provider_readings.c.differences)
        .where(provider_readings.c.finished_at.is_not(None))
        .order_by(provider_readings.c.began_at.desc(), provider_readings.c.id.desc())
        .limit(literal_column("1"))
    )
    return select(
        _count(audit_entries, _REPAIR).label("repairs"),
        _count(outbox, _WAITING).label("effects_waiting"),
        _count(outbox, _PARKED).label("effects_parked"),
        compared.scalar_subquery().label("books_differences"),
    )


def pulse_from_row(row: Row) -> Pulse:
    return Pulse(**row)


def repairs_of(event_id: EventId, *, since: datetime) -> Select[int, Any]:
    """One row with every field of Repairs."""
    at = audit_entries.c.at
    return select(func.count().filter(at >= since).label("recent"), func.max(at).label("last_at")).where(
        _REPAIR, audit_entries.c.subject_kind == "event", audit_entries.c.subject_id == str(event_id)
    )


def repairs_from_row(row: Row) -> Repairs:
    return Repairs(**row)


def _count(table: Table, condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(condition).scalar_subquery()
