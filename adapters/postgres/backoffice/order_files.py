"""Orders in lists, in the review queue, and one of them with everything that belongs to it."""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, or_, select, true

from adapters.postgres.backoffice.paging import cursor
from adapters.postgres.repositories.refunds import whole_refunds
from adapters.postgres.rows import orders as order_rows
from adapters.postgres.rows import payments as payment_rows
from adapters.postgres.rows import records
from adapters.postgres.tables import (
    assessments,
    audit_entries,
    events,
    messages,
    opt_outs,
    order_lines,
    orders,
    payments,
    refunds,
    seats,
    tickets,
    venues,
    zones,
)
from adapters.postgres.transaction import Row, Transaction
from domain.audit import AuditEntry
from domain.errors import NotFound
from domain.events import EventId, EventState
from domain.fraud import RiskLevel
from domain.money import CurrencyCode, Money
from domain.orders import OrderId, OrderState
from domain.payments import PaymentState
from domain.ports.backoffice import (
    PAGE_LIMIT,
    Assessed,
    OrderFile,
    OrderRow,
    OrdersFilter,
    ReviewRow,
    SearchField,
    fields_of,
)
from domain.seat_maps import SeatIndex


def listed() -> Select[Any]:
    """What OrderRow has."""
    return select(
        *(orders.c[name] for name in ("id", "number", "state", "event_id", "buyer_name", "buyer_email", "buyer_phone")),
        orders.c.currency,
        orders.c.total_minor,
        orders.c.refunded_minor,
        orders.c.placed_at,
        events.c.name.label("event_name"),
        _units().label("units"),
    ).join(events, events.c.id == orders.c.event_id)


def matching(wanted: OrdersFilter) -> Select[Any]:
    """Orders by what somebody looks for; the caller pages it."""
    statement = listed()
    if wanted.states:
        statement = statement.where(orders.c.state.in_(sorted(state.value for state in wanted.states)))
    if wanted.event_id:
        statement = statement.where(orders.c.event_id == wanted.event_id)
    if wanted.text and wanted.text.strip():
        statement = statement.where(or_(*(_test(name, text) for name, text in fields_of(wanted.text).items())))
    return statement


def from_row(row: Row) -> OrderRow:
    currency = CurrencyCode(row["currency"])
    return OrderRow(
        id=OrderId(row["id"]),
        number=row["number"],
        state=OrderState(row["state"]),
        event_id=EventId(row["event_id"]),
        event_name=row["event_name"],
        buyer_name=row["buyer_name"],
        buyer_email=row["buyer_email"],
        buyer_phone=row["buyer_phone"],
        units=int(row["units"]),
        total=Money(row["total_minor"], currency),
        refunded=Money(row["refunded_minor"], currency),
        placed_at=row["placed_at"],
        cursor=cursor(row["placed_at"], row["id"]),
    )


def undecided() -> ColumnElement[bool]:
    """An order in review whose money still waits for a decision."""
    waits = select(payments.c.id).where(
        payments.c.order_id == orders.c.id, payments.c.state == PaymentState.AUTHORISED.value
    )
    return (orders.c.state == OrderState.IN_REVIEW.value) & waits.exists()


def review_queue() -> Select[Any]:
    """What ReviewRow has, the longest waiting first."""
    payment = (
        select(payments.c.risk, payments.c.card_brand, payments.c.card_last4, payments.c.capture_before)
        .where(payments.c.order_id == orders.c.id, payments.c.state == PaymentState.AUTHORISED.value)
        .order_by(payments.c.attempt.desc())
        .limit(1)
        .lateral("payment")
    )
    assessment = (
        select(assessments.c.verdict, assessments.c.reasons, assessments.c.at)
        .where(assessments.c.order_id == orders.c.id)
        .order_by(assessments.c.at.desc(), assessments.c.id.desc())
        .limit(1)
        .lateral("assessment")
    )
    return (
        listed()
        .add_columns(*payment.c, *assessment.c)
        .join(payment, true())
        .outerjoin(assessment, true())
        .where(undecided())
        .order_by(orders.c.placed_at, orders.c.id)
        .limit(PAGE_LIMIT)
    )


def review_from_row(row: Row) -> ReviewRow:
    known = row["verdict"] is not None
    return ReviewRow(
        order=from_row(row),
        risk=RiskLevel(row["risk"]),
        card=f"{row['card_brand']} {row['card_last4']}" if row["card_last4"] else None,
        assessed=Assessed(at=row["at"], assessment=records.assessment_from_row(row)) if known else None,
        capture_before=row["capture_before"],
    )


def order_file(transaction: Transaction, order_id: OrderId) -> OrderFile:
    """One order with all that belongs to it, in nine queries. Raises NotFound."""
    row = transaction.first(_head(order_id))
    if row is None:
        raise NotFound("order")
    lines = transaction.rows(
        select(order_lines).where(order_lines.c.order_id == order_id).order_by(order_lines.c.position)
    )
    order = order_rows.from_row(row, lines)
    return OrderFile(
        order=order,
        event_name=row["event_name"],
        event_slug=row["event_slug"],
        event_state=EventState(row["event_state"]),
        event_starts_at=row["event_starts_at"],
        venue_name=row["venue_name"],
        timezone=row["timezone"],
        places=_places(transaction, row["seat_map_id"], order.seats),
        payments=tuple(map(payment_rows.from_row, transaction.rows(_own(payments, order_id, payments.c.attempt)))),
        assessments=tuple(
            Assessed(at=each["at"], assessment=records.assessment_from_row(each))
            for each in transaction.rows(_own(assessments, order_id, assessments.c.at, assessments.c.id))
        ),
        tickets=tuple(map(order_rows.ticket_from_row, transaction.rows(_own(tickets, order_id, tickets.c.position)))),
        refunds=tuple(map(payment_rows.refund_from_row, transaction.rows(_refunds(order_id)))),
        messages=tuple(
            map(
                records.message_from_row,
                transaction.rows(_own(messages, order_id, messages.c.created_at, messages.c.id)),
            )
        ),
        opted_out=row["opted_out"],
        trail=tuple(map(audit_from_row, transaction.rows(_trail(order_id)))),
    )


def audit_from_row(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        details=row["details"],
    )


def _head(order_id: OrderId) -> Select[Any]:
    said_stop = select(opt_outs.c.phone).where(opt_outs.c.phone == orders.c.buyer_phone).exists()
    return (
        select(
            orders,
            events.c.name.label("event_name"),
            events.c.slug.label("event_slug"),
            events.c.state.label("event_state"),
            events.c.starts_at.label("event_starts_at"),
            events.c.seat_map_id,
            venues.c.name.label("venue_name"),
            venues.c.timezone,
            said_stop.label("opted_out"),
        )
        .join(events, events.c.id == orders.c.event_id)
        .join(venues, venues.c.id == events.c.venue_id)
        .where(orders.c.id == order_id)
    )


def _places(transaction: Transaction, seat_map_id: object, wanted: tuple[SeatIndex, ...]) -> dict[SeatIndex, str]:
    found = transaction.rows(
        select(seats.c.index, seats.c.row_label, seats.c.number, zones.c.name)
        .join(zones, (zones.c.seat_map_id == seats.c.seat_map_id) & (zones.c.key == seats.c.zone_key))
        .where(seats.c.seat_map_id == seat_map_id, seats.c.index.in_(wanted))
    )
    return {row["index"]: f"{row['name']}, Row {row['row_label']}, seat {row['number']}" for row in found}


def _own(table: Any, order_id: OrderId, *order: ColumnElement[Any]) -> Select[Any]:
    return select(table).where(table.c.order_id == order_id).order_by(*order)


def _refunds(order_id: OrderId) -> Select[Any]:
    return whole_refunds().where(refunds.c.order_id == order_id).order_by(refunds.c.requested_at, refunds.c.id)


def _trail(order_id: OrderId) -> Select[Any]:
    return (
        select(audit_entries)
        .where(audit_entries.c.subject_kind == "order", audit_entries.c.subject_id == str(order_id))
        .order_by(audit_entries.c.at, audit_entries.c.id)
    )


def _units() -> ScalarSelect[Any]:
    return select(func.sum(order_lines.c.quantity)).where(order_lines.c.order_id == orders.c.id).scalar_subquery()


def _test(name: SearchField, text: str) -> ColumnElement[bool]:
    match name:
        case SearchField.NUMBER:
            return orders.c.number == text
        case SearchField.EMAIL:
            return orders.c.buyer_email.startswith(text, autoescape=True)
        case SearchField.PHONE:
            return orders.c.buyer_phone.endswith(text, autoescape=True)
        case SearchField.NAME:
            return func.lower(orders.c.buyer_name).contains(text, autoescape=True)
