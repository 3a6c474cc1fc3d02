"""Payments: attempts at the provider."""

from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update

from adapters.postgres.rows import payments as rows
from adapters.postgres.tables import events, orders, payments
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.events import EventState
from domain.orders import OrderId, OrderState
from domain.payments import TERMINAL, Payment, PaymentId, PaymentState

_ENDED = [state.value for state in TERMINAL]


class PostgresPayments:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, payment: Payment) -> None:
        self._transaction.run(insert(payments), rows.to_row(payment))

    def get(self, payment_id: PaymentId, *, lock: bool = False) -> Payment:
        payment = self._find(payments.c.id == payment_id, lock=lock)
        if payment is None:
            raise NotFound("payment")
        return payment

    def latest(self, order_id: OrderId, *, lock: bool = False) -> Payment | None:
        return self._find(payments.c.order_id == order_id, lock=lock)

    def of_order(self, order_id: OrderId) -> tuple[Payment, ...]:
        own = select(payments).where(payments.c.order_id == order_id).order_by(payments.c.attempt)
        return tuple(rows.from_row(row) for row in self._transaction.rows(own))

    def of_intent(self, intent_id: str) -> Payment | None:
        return self._find(payments.c.intent_id == intent_id)

    def of_session(self, session_id: str) -> Payment | None:
        return self._find(payments.c.session_id == session_id)

    def save(self, payment: Payment) -> None:
        changes = rows.changes(payment)
        if not self._transaction.changed(update(payments).where(payments.c.id == payment.id).values(changes)):
            raise NotFound("payment")

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Payment, ...]:
        due = (payments.c.next_check_at <= now) & payments.c.state.not_in(_ENDED)
        oldest = select(payments).where(due).order_by(payments.c.next_check_at, payments.c.id).limit(at_most)
        return tuple(rows.from_row(row) for row in self._transaction.rows(oldest))

    def to_decide(self, *, lapsing_before: datetime, at_most: int) -> tuple[Payment, ...]:
        waits = (payments.c.state == PaymentState.AUTHORISED.value) & (orders.c.state == OrderState.IN_REVIEW.value)
        due = (payments.c.capture_before < lapsing_before) | (events.c.state == EventState.CANCELLED.value)
        oldest = (
            select(payments)
            .join(orders, orders.c.id == payments.c.order_id)
            .join(events, events.c.id == orders.c.event_id)
            .where(waits & due)
            .order_by(payments.c.capture_before, payments.c.id)
            .limit(at_most)
        )
        return tuple(rows.from_row(row) for row in self._transaction.rows(oldest))

    def _find(self, which: ColumnElement[bool], *, lock: bool = False) -> Payment | None:
        newest = select(payments).where(which).order_by(payments.c.attempt.desc()).limit(1)
        row = self._transaction.first(newest.with_for_update(key_share=True) if lock else newest)
        return rows.from_row(row) if row else None
