"""Payments, refunds and assessments in memory."""

from datetime import datetime
from uuid import UUID

from domain.errors import NotFound
from domain.events import EventState
from domain.fraud import Assessment
from domain.orders import OrderId, OrderState
from domain.payments import TERMINAL, Payment, PaymentId, PaymentState
from domain.refunds import Refund, RefundId, RefundState
from tests.fakes.store_state import AssessmentRow, State, holds, unique


class FakePayments:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, payment: Payment) -> None:
        holds(payment.order_id in self._state.orders, "a payment needs its order")
        unique(payment.id not in self._state.payments, f"payment {payment.id}")
        self._store(payment)

    def get(self, payment_id: PaymentId, *, lock: bool = False) -> Payment:
        if payment_id not in self._state.payments:
            raise NotFound("payment")
        return self._state.payments[payment_id]

    def latest(self, order_id: OrderId, *, lock: bool = False) -> Payment | None:
        own = [payment for payment in self._state.payments.values() if payment.order_id == order_id]
        return max(own, key=lambda payment: payment.attempt, default=None)

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Payment, ...]:
        own = [payment for payment in self._state.payments.values() if payment.order_id == order_id]
        return tuple(sorted(own, key=lambda payment: payment.attempt))

    def of_intent(self, intent_id: str) -> Payment | None:
        return next((p for p in self._state.payments.values() if p.intent_id == intent_id), None)

    def of_session(self, session_id: str) -> Payment | None:
        return next((p for p in self._state.payments.values() if p.session_id == session_id), None)

    def save(self, payment: Payment) -> None:
        before = self.get(payment.id)
        ended = before.state in TERMINAL
        holds(not ended or payment.state is before.state, f"a payment that is {before.state} stays so")
        self._store(payment)

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Payment, ...]:
        due = [
            (payment.next_check_at, payment.id, payment)
            for payment in self._state.payments.values()
            if payment.next_check_at is not None and payment.next_check_at <= now and payment.state not in TERMINAL
        ]
        return tuple(payment for _, _, payment in sorted(due, key=lambda row: row[:2])[:at_most])

    def to_decide(self, *, lapsing_before: datetime, at_most: int) -> tuple[Payment, ...]:
        due = [
            (payment.capture_before or lapsing_before, payment.id, payment)
            for payment in self._state.payments.values()
            if payment.state is PaymentState.AUTHORISED and self._cannot_wait(payment, lapsing_before)
        ]
        return tuple(payment for _, _, payment in sorted(due, key=lambda row: row[:2])[:at_most])

    def _cannot_wait(self, payment: Payment, lapsing_before: datetime) -> bool:
        order = self._state.orders[payment.order_id]
        lapsing = payment.capture_before is not None and payment.capture_before < lapsing_before
        called_off = self._state.events[order.event_id].state is EventState.CANCELLED
        return order.state is OrderState.IN_REVIEW and (lapsing or called_off)

    def _store(self, payment: Payment) -> None:
        for other in self._state.payments.values():
            if other.id == payment.id:
                continue
            unique((other.order_id, other.attempt) != (payment.order_id, payment.attempt), "an attempt's number")
            unique(other.session_id is None or other.session_id != payment.session_id, "a checkout session")
            unique(other.intent_id is None or other.intent_id != payment.intent_id, "a payment intent")
        self._state.payments[payment.id] = payment


class FakeRefunds:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, refund: Refund) -> None:
        holds(refund.order_id in self._state.orders, "a refund needs its order")
        holds(refund.amount.amount >= 0, "a refund takes nothing")
        holds((refund.amount.amount > 0) is (refund.payment_id is not None), "money goes back from a payment")
        if refund.payment_id is not None:
            payment = self._state.payments.get(refund.payment_id)
            holds(payment is not None and payment.order_id == refund.order_id, "a refund has a payment of its order")
        else:
            holds(refund.state is RefundState.SUCCEEDED, "a refund of nothing is done")
        unique(refund.id not in self._state.refunds, f"refund {refund.id}")
        refunds = self._state.refunds.values()
        unique(refund.replaces is None or all(r.replaces != refund.replaces for r in refunds), "a refund made good")
        self._store(refund)

    def get(self, refund_id: RefundId, *, lock: bool = False) -> Refund:
        if refund_id not in self._state.refunds:
            raise NotFound("refund")
        return self._state.refunds[refund_id]

    def of_order(self, order_id: OrderId) -> tuple[Refund, ...]:
        own = [refund for refund in self._state.refunds.values() if refund.order_id == order_id]
        return tuple(sorted(own, key=lambda refund: (refund.requested_at, refund.id)))

    def of_provider(self, provider_id: str) -> Refund | None:
        return next((r for r in self._state.refunds.values() if r.provider_id == provider_id), None)

    def save(self, refund: Refund) -> None:
        before = self.get(refund.id)
        failed = before.state is RefundState.FAILED
        holds(not failed or refund.state is RefundState.FAILED, "a refund that failed stays so")
        self._store(refund)

    def to_check(self, *, before: datetime, at_most: int) -> tuple[Refund, ...]:
        pending = [
            refund
            for refund in self._state.refunds.values()
            if refund.state is RefundState.PENDING and refund.requested_at < before
        ]
        return tuple(sorted(pending, key=lambda refund: (refund.requested_at, refund.id))[:at_most])

    def _store(self, refund: Refund) -> None:
        live = {t for r in self._state.refunds.values() if r.id != refund.id and _lives(r) for t in r.tickets}
        unique(not _lives(refund) or live.isdisjoint(refund.tickets), "a live refund of a ticket")
        others = [r for r in self._state.refunds.values() if r.payment_id == refund.payment_id and r.id != refund.id]
        unique(
            refund.provider_id is None
            or all(r.provider_id != refund.provider_id for r in self._state.refunds.values() if r.id != refund.id),
            "a refund at the provider",
        )
        if refund.payment_id is None:
            self._state.refunds[refund.id] = refund
            return
        payment = self._state.payments[refund.payment_id]
        captured = (payment.taken or payment.amount).amount if payment.state is PaymentState.CAPTURED else 0
        given = sum(r.amount.amount for r in (*others, refund) if r.state is not RefundState.FAILED)
        holds(given <= captured, "no more is given back than was captured")
        live = {ticket for other in others if other.state is not RefundState.FAILED for ticket in other.tickets}
        failed = refund.state is RefundState.FAILED
        unique(failed or not live & set(refund.tickets), "a live refund of a ticket")
        self._state.refunds[refund.id] = refund


def _lives(refund: Refund) -> bool:
    return refund.state is not RefundState.FAILED


class FakeAssessments:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, *, assessment_id: UUID, order_id: OrderId, assessment: Assessment, at: datetime) -> None:
        holds(order_id in self._state.orders, "an assessment needs its order")
        unique(assessment_id not in self._state.assessments, f"assessment {assessment_id}")
        self._state.assessments[assessment_id] = AssessmentRow(order_id=order_id, at=at, assessment=assessment)

    def of_order(self, order_id: OrderId) -> tuple[Assessment, ...]:
        own = [(row.at, key, row) for key, row in self._state.assessments.items() if row.order_id == order_id]
        return tuple(row.assessment for _, _, row in sorted(own, key=lambda each: each[:2]))

    def card_orders(self, *, fingerprint: str, since: datetime) -> int:
        return sum(
            payment.card is not None and payment.card.fingerprint == fingerprint and payment.created_at >= since
            for payment in self._state.payments.values()
        )
