"""Disputes and fraud warnings in memory."""

from datetime import datetime

from domain.disputes import Dispute, DisputeId, DisputeState
from domain.errors import NotFound
from domain.fraud_warnings import FraudWarning, FraudWarningId, WarningState
from domain.orders import OrderId
from tests.fakes.store_state import State, holds, unique

_CLEARED = {DisputeState.WON, DisputeState.WITHDRAWN}


class FakeDisputes:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, dispute: Dispute) -> None:
        payment = self._state.payments.get(dispute.payment_id)
        holds(payment is not None and payment.order_id == dispute.order_id, "a dispute has a payment of its order")
        unique(dispute.id not in self._state.disputes, f"dispute {dispute.id}")
        unique(self.of_provider(dispute.facts.provider_id) is None, "a dispute at the provider")
        self._store(dispute)

    def get(self, dispute_id: DisputeId) -> Dispute:
        if dispute_id not in self._state.disputes:
            raise NotFound("dispute")
        return self._state.disputes[dispute_id]

    def of_provider(self, provider_id: str) -> Dispute | None:
        return next((d for d in self._state.disputes.values() if d.facts.provider_id == provider_id), None)

    def of_order(self, order_id: OrderId) -> tuple[Dispute, ...]:
        own = [dispute for dispute in self._state.disputes.values() if dispute.order_id == order_id]
        return tuple(sorted(own, key=lambda dispute: (dispute.facts.opened_at, dispute.id)))

    def save(self, dispute: Dispute) -> None:
        before = self.get(dispute.id)
        holds(not before.ended or dispute.state is before.state, "a dispute that has ended stays so")
        self._store(dispute)

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Dispute, ...]:
        due = [(d.next_check_at, d.id, d) for d in self._state.disputes.values() if d.next_check_at is not None]
        due = [each for each in due if each[0] <= now]
        return tuple(dispute for _, _, dispute in sorted(due, key=lambda each: each[:2])[:at_most])

    def _store(self, dispute: Dispute) -> None:
        holds(dispute.ended is (dispute.closed_at is not None), "an end has a date")
        holds(dispute.ended is (dispute.next_check_at is None), "open disputes are watched")
        self._state.disputes[dispute.id] = dispute


class FakeFraudWarnings:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, warning: FraudWarning) -> None:
        unique(warning.id not in self._state.fraud_warnings, f"warning {warning.id}")
        unique(self.of_provider(warning.facts.provider_id) is None, "a warning at the provider")
        self._store(warning)

    def get(self, warning_id: FraudWarningId) -> FraudWarning:
        if warning_id not in self._state.fraud_warnings:
            raise NotFound("fraud warning")
        return self._state.fraud_warnings[warning_id]

    def of_provider(self, provider_id: str) -> FraudWarning | None:
        return next((w for w in self._state.fraud_warnings.values() if w.facts.provider_id == provider_id), None)

    def of_order(self, order_id: OrderId) -> tuple[FraudWarning, ...]:
        own = [warning for warning in self._state.fraud_warnings.values() if warning.order_id == order_id]
        return tuple(sorted(own, key=lambda warning: (warning.facts.warned_at, warning.id)))

    def save(self, warning: FraudWarning) -> None:
        before = self.get(warning.id)
        waits = before.state is WarningState.WAITING
        holds(waits or warning.state is before.state, "a warning that was decided stays so")
        self._store(warning)

    def troubled_orders(self, *, card: str | None, device: str) -> int:
        with_card = {
            payment.order_id
            for payment in self._state.payments.values()
            if card is not None and payment.card is not None and payment.card.fingerprint == card
        }
        from_device = {order.id for order in self._state.orders.values() if order.fingerprint.device == device}
        return len((with_card | from_device) & self._troubled())

    def _troubled(self) -> set[OrderId]:
        warned = {
            warning.order_id
            for warning in self._state.fraud_warnings.values()
            if warning.state is not WarningState.DISMISSED
        }
        disputed = {
            dispute.order_id
            for dispute in self._state.disputes.values()
            if dispute.facts.reason == "fraudulent" and dispute.state not in _CLEARED
        }
        return warned | disputed

    def _store(self, warning: FraudWarning) -> None:
        refunded = warning.state is WarningState.REFUNDED
        holds(refunded is (warning.refund_id is not None), "a refunded warning names its refund")
        holds((warning.state is WarningState.WAITING) is (warning.decided_at is None), "a decision has a date")
        self._state.fraud_warnings[warning.id] = warning
