"""Payments: attempts at the provider."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, insert, select

from adapters.postgres.rows import payments as rows
from adapters.postgres.statements import WANTED, Lockable, lockable, saving
from adapters.postgres.tables import events, orders, payments
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.events import EventState
from domain.orders import OrderId, OrderState
from domain.payments import TERMINAL, Payment, PaymentId, PaymentState

_ENDED = [state.value for state in TERMINAL]


def _newest(column: "Column[Any]") -> Lockable:
    of_it = select(payments).where(column == WANTED)
    return lockable(of_it.order_by(payments.c.attempt.desc()).limit(1))


_ONE, _LATEST = _newest(payments.c.id), _newest(payments.c.order_id)
_OF_INTENT, _OF_SESSION = _newest(payments.c.intent_id), _newest(payments.c.session_id)
_OF_ORDER = lockable(select(payments).where(payments.c.order_id == WANTED).order_by(payments.c.attempt))
_SAVE = saving(payments)


class PostgresPayments:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, payment: Payment) -> None:
        self._transaction.run(insert(payments), rows.to_row(payment))

    def get(self, payment_id: PaymentId, *, lock: bool = False) -> Payment:
        payment = self._find(_ONE, payment_id, lock=lock)
        if payment is None:
            raise NotFound("payment")
        return payment

    def latest(self, order_id: OrderId, *, lock: bool = False) -> Payment | None:
        return self._find(_LATEST, order_id, lock=lock)

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Payment, ...]:
        found = self._transaction.rows(_OF_ORDER.with_lock(lock), {"wanted": order_id})
        return tuple(rows.from_row(row) for row in found)

    def of_intent(self, intent_id: str) -> Payment | None:
        return self._find(_OF_INTENT, intent_id)

    def of_session(self, session_id: str) -> Payment | None:
        return self._find(_OF_SESSION, session_id)

    def save(self, payment: Payment) -> None:
        if not self._transaction.changed(_SAVE, {"wanted": payment.id, **rows.changes(payment)}):
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

    def _find(self, which: Lockable, wanted: object, *, lock: bool = False) -> Payment | None:
        row = self._transaction.first(which.with_lock(lock), {"wanted": wanted})
        return rows.from_row(row) if row else None
