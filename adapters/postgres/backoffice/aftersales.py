"""The Aftersales port on Postgres: selected straight into frozen views, a constant number of queries a page."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, ScalarSelect, Select, and_, func, or_, select

from adapters.postgres.backoffice.paging import cursor as written
from adapters.postgres.backoffice.paging import cut, paged
from adapters.postgres.reading import picture
from adapters.postgres.repositories.refunds import whole_refunds
from adapters.postgres.rows import disputes as rows
from adapters.postgres.rows import payments as payment_rows
from adapters.postgres.tables import disputes, events, fraud_warnings, orders, payments, refunds, tickets
from adapters.postgres.transaction import Row, Transaction
from domain.disputes import Dispute, DisputeId, DisputeState
from domain.errors import NotFound
from domain.fraud_warnings import FraudWarning, WarningState
from domain.money import CurrencyCode, Money
from domain.orders import OrderId, OrderState
from domain.ports.aftersales import (
    DISPUTES_MAX,
    PRESSING_DISPUTES_MAX,
    REFUND_LATE,
    RELATED_ORDERS_MAX,
    WARNINGS_MAX,
    AboutOrder,
    Bond,
    DisputeRow,
    Pressing,
    RefundQueue,
    RefundRow,
    RefundsPage,
    RelatedOrder,
    WarningRow,
)
from domain.refunds import RefundState
from domain.tickets import TicketState

_OPEN = disputes.c.closed_at.is_(None)
_TO_ANSWER = _OPEN & (disputes.c.state == DisputeState.NEEDS_RESPONSE.value) & disputes.c.answer.is_(None)
_WAITING = fraud_warnings.c.state == WarningState.WAITING.value
_BONDS = {Bond.EMAIL: "by_email", Bond.PHONE: "by_phone", Bond.CARD: "by_card", Bond.DEVICE: "by_device"}


class PostgresAftersales:
    """Implements Aftersales. Raises StoreUnavailable when Postgres cannot answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pressing(self, *, now: datetime) -> Pressing:
        counts = select(
            _count(disputes, _TO_ANSWER).label("disputes_to_answer"),
            _count(fraud_warnings, _WAITING).label("warnings_waiting"),
            _count(refunds.join(orders, orders.c.id == refunds.c.order_id), _in(RefundQueue.OWED, now)).label(
                "refunds_owed"
            ),
            _count(refunds, _in(RefundQueue.LATE, now)).label("refunds_late"),
        )
        first = _disputes().where(_TO_ANSWER).order_by(*_by_due()).limit(PRESSING_DISPUTES_MAX)
        with picture(self._engine) as transaction:
            (counted,) = transaction.rows(counts)
            shown = transaction.rows(first)
        return Pressing(disputes=tuple(map(_dispute_row, shown)), **counted)

    def disputes(self, *, ended: bool) -> tuple[DisputeRow, ...]:
        newest = (disputes.c.closed_at.desc(), disputes.c.id.desc())
        wanted = _disputes().where(~_OPEN if ended else _OPEN).order_by(*(newest if ended else _by_due()))
        with picture(self._engine) as transaction:
            return tuple(map(_dispute_row, transaction.rows(wanted.limit(DISPUTES_MAX))))

    def dispute(self, dispute_id: DisputeId) -> DisputeRow:
        with picture(self._engine) as transaction:
            row = transaction.first(_disputes().where(disputes.c.id == dispute_id))
        if row is None:
            raise NotFound("dispute")
        return _dispute_row(row)

    def of_order(self, order_id: OrderId) -> tuple[tuple[Dispute, ...], tuple[FraudWarning, ...]]:
        opened = select(disputes).where(disputes.c.order_id == order_id)
        warned = select(fraud_warnings).where(fraud_warnings.c.order_id == order_id)
        with picture(self._engine) as transaction:
            return (
                tuple(map(rows.from_row, transaction.rows(opened.order_by(disputes.c.opened_at, disputes.c.id)))),
                tuple(
                    map(
                        rows.warning_from_row,
                        transaction.rows(warned.order_by(fraud_warnings.c.warned_at, fraud_warnings.c.id)),
                    )
                ),
            )

    def warnings(self, *, waiting: bool) -> tuple[WarningRow, ...]:
        at, name = fraud_warnings.c.warned_at, fraud_warnings.c.id
        order = (at, name) if waiting else (at.desc(), name.desc())
        wanted = (
            select(fraud_warnings, *_about())
            .join(orders, orders.c.id == fraud_warnings.c.order_id)
            .join(events, events.c.id == orders.c.event_id)
            .where(_WAITING if waiting else ~_WAITING)
            .order_by(*order)
            .limit(WARNINGS_MAX)
        )
        with picture(self._engine) as transaction:
            found = transaction.rows(wanted)
        return tuple(WarningRow(warning=rows.warning_from_row(row), order=_order(row)) for row in found)

    def refunds(self, *, queue: RefundQueue, now: datetime, cursor: str | None) -> RefundsPage:
        matching = (
            whole_refunds()
            .add_columns(*_about())
            .join(orders, orders.c.id == refunds.c.order_id)
            .join(events, events.c.id == orders.c.event_id)
            .where(_in(queue, now))
        )
        page = paged(matching, at=refunds.c.requested_at, name=refunds.c.id, after=cursor, newest_first=False)
        with picture(self._engine) as transaction:
            found = [_refund_row(row) for row in transaction.rows(page)]
        items, after = cut(found, [one.cursor for one in found])
        return RefundsPage(items=items, next_cursor=after)

    def related_orders(self, order_id: OrderId) -> tuple[RelatedOrder, ...]:
        with picture(self._engine) as transaction:
            return _related(transaction, order_id)


def _disputes() -> Select[Any]:
    return (
        select(disputes, *_about())
        .join(orders, orders.c.id == disputes.c.order_id)
        .join(events, events.c.id == orders.c.event_id)
    )


def _by_due() -> tuple[ColumnElement[Any], ...]:
    return disputes.c.due_at.asc().nulls_last(), disputes.c.id


def _about() -> tuple[ColumnElement[Any], ...]:
    """What AboutOrder has, under names that no other table uses."""
    return (
        orders.c.id.label("about_id"),
        orders.c.number.label("about_number"),
        orders.c.state.label("about_state"),
        orders.c.frozen_because.is_not(None).label("about_frozen"),
        orders.c.buyer_name.label("about_buyer"),
        events.c.name.label("about_event"),
        events.c.starts_at.label("about_starts_at"),
        _tickets(TicketState.VALID).label("about_valid"),
        _tickets(TicketState.CHECKED_IN).label("about_used"),
    )


def _tickets(state: TicketState) -> ScalarSelect[int]:
    return _count(tickets, (tickets.c.order_id == orders.c.id) & (tickets.c.state == state.value))


def _in(queue: RefundQueue, now: datetime) -> ColumnElement[bool]:
    state = refunds.c.state
    match queue:
        case RefundQueue.REQUESTED:
            return state == RefundState.REQUESTED.value
        case RefundQueue.PENDING:
            return state == RefundState.PENDING.value
        case RefundQueue.LATE:
            return (state == RefundState.PENDING.value) & (refunds.c.requested_at < now - REFUND_LATE)
        case RefundQueue.OWED:
            again = refunds.alias("again")
            made_good = select(again.c.id).where(again.c.replaces_id == refunds.c.id).exists()
            charged_back = orders.c.state == OrderState.CHARGED_BACK.value
            return and_(state == RefundState.FAILED.value, ~made_good, ~charged_back)


def _dispute_row(row: Row) -> DisputeRow:
    return DisputeRow(dispute=rows.from_row(row), order=_order(row))


def _refund_row(row: Row) -> RefundRow:
    return RefundRow(
        refund=payment_rows.refund_from_row(row), order=_order(row), cursor=written(row["requested_at"], row["id"])
    )


def _order(row: Row) -> AboutOrder:
    return AboutOrder(
        id=OrderId(row["about_id"]),
        number=row["about_number"],
        state=OrderState(row["about_state"]),
        frozen=row["about_frozen"],
        buyer_name=row["about_buyer"],
        event_name=row["about_event"],
        event_starts_at=row["about_starts_at"],
        tickets_valid=row["about_valid"],
        tickets_used=row["about_used"],
    )


def _related(transaction: Transaction, order_id: OrderId) -> tuple[RelatedOrder, ...]:
    me = orders.alias("me")
    mine, theirs = payments.alias("mine"), payments.alias("theirs")
    # Two levels below the order that is asked about, where it would not be correlated by itself: the question would
    # silently become "a card of any order".
    my_cards = (
        select(mine.c.card_fingerprint)
        .where(mine.c.order_id == me.c.id, mine.c.card_fingerprint.is_not(None))
        .correlate(me)
    )
    same_card = select(theirs.c.order_id).where(theirs.c.card_fingerprint.in_(my_cards))
    bonds = {
        "by_email": orders.c.buyer_email == me.c.buyer_email,
        "by_phone": func.coalesce(orders.c.buyer_phone == me.c.buyer_phone, False),
        "by_card": orders.c.id.in_(same_card),
        "by_device": orders.c.device == me.c.device,
    }
    disputed = select(disputes.c.id).where(disputes.c.order_id == orders.c.id).exists()
    warned = (
        select(fraud_warnings.c.id)
        .where(fraud_warnings.c.order_id == orders.c.id, fraud_warnings.c.state != WarningState.DISMISSED.value)
        .exists()
    )
    wanted = (
        select(
            orders,
            events.c.name.label("event_name"),
            *(test.label(name) for name, test in bonds.items()),
            disputed.label("disputed"),
            warned.label("warned"),
        )
        .select_from(me.join(orders, or_(*bonds.values())))
        .join(events, events.c.id == orders.c.event_id)
        .where(me.c.id == order_id, orders.c.id != order_id)
        .order_by(orders.c.placed_at.desc(), orders.c.id.desc())
        .limit(RELATED_ORDERS_MAX)
    )
    return tuple(
        RelatedOrder(
            id=OrderId(row["id"]),
            number=row["number"],
            state=OrderState(row["state"]),
            event_name=row["event_name"],
            buyer_name=row["buyer_name"],
            total=Money(row["total_minor"], CurrencyCode(row["currency"])),
            placed_at=row["placed_at"],
            bonds=frozenset(bond for bond, name in _BONDS.items() if row[name]),
            disputed=row["disputed"],
            warned=row["warned"],
        )
        for row in transaction.rows(wanted)
    )


def _count(table: Any, condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(condition).scalar_subquery()
