"""The desk's views after a sale in memory: computed from what a FakeStore has committed."""

from datetime import UTC, datetime

from domain.disputes import Dispute, DisputeId
from domain.errors import NotFound
from domain.fraud_warnings import FraudWarning, WarningState
from domain.orders import Order, OrderId, OrderState
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
from domain.refunds import Refund, RefundState
from domain.tickets import TicketState
from tests.fakes.backoffice import cursor_of, page_of
from tests.fakes.store_state import State
from tests.fakes.unit_of_work import FakeStore

_FAR = datetime.max.replace(tzinfo=UTC)


class FakeAftersales:
    """Implements Aftersales over what a FakeStore has committed."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    @property
    def _state(self) -> State:
        return self._store.state

    def pressing(self, *, now: datetime) -> Pressing:
        waiting = [row for row in self.disputes(ended=False) if row.dispute.answerable]
        return Pressing(
            disputes=tuple(waiting[:PRESSING_DISPUTES_MAX]),
            disputes_to_answer=len(waiting),
            warnings_waiting=len(self.warnings(waiting=True)),
            refunds_owed=len(self._queue(RefundQueue.OWED, now)),
            refunds_late=len(self._queue(RefundQueue.LATE, now)),
        )

    def disputes(self, *, ended: bool) -> tuple[DisputeRow, ...]:
        found = [dispute for dispute in self._state.disputes.values() if dispute.ended is ended]
        if ended:
            found.sort(key=lambda one: (one.closed_at or _FAR, one.id), reverse=True)
        else:
            found.sort(key=lambda one: (one.facts.due_at or _FAR, one.id))
        return tuple(self._dispute(one) for one in found[:DISPUTES_MAX])

    def dispute(self, dispute_id: DisputeId) -> DisputeRow:
        if dispute_id not in self._state.disputes:
            raise NotFound("dispute")
        return self._dispute(self._state.disputes[dispute_id])

    def of_order(self, order_id: OrderId) -> tuple[tuple[Dispute, ...], tuple[FraudWarning, ...]]:
        disputes = [one for one in self._state.disputes.values() if one.order_id == order_id]
        warnings = [one for one in self._state.fraud_warnings.values() if one.order_id == order_id]
        return (
            tuple(sorted(disputes, key=lambda one: (one.facts.opened_at, one.id))),
            tuple(sorted(warnings, key=lambda one: (one.facts.warned_at, one.id))),
        )

    def warnings(self, *, waiting: bool) -> tuple[WarningRow, ...]:
        found = [one for one in self._state.fraud_warnings.values() if (one.state is WarningState.WAITING) is waiting]
        found.sort(key=lambda one: (one.facts.warned_at, one.id), reverse=not waiting)
        return tuple(WarningRow(warning=one, order=self._about(one.order_id)) for one in found[:WARNINGS_MAX])

    def refunds(self, *, queue: RefundQueue, now: datetime, cursor: str | None) -> RefundsPage:
        found = [
            RefundRow(
                refund=refund, order=self._about(refund.order_id), cursor=cursor_of(refund.requested_at, refund.id)
            )
            for refund in self._queue(queue, now)
        ]
        items, after = page_of(found, lambda row: (row.refund.requested_at, row.refund.id), cursor, newest_first=False)
        return RefundsPage(items=items, next_cursor=after)

    def related_orders(self, order_id: OrderId) -> tuple[RelatedOrder, ...]:
        me = self._state.orders[order_id]
        found = [
            self._related(other, bonds)
            for other in self._state.orders.values()
            if other.id != order_id and (bonds := self._bonds(me, other))
        ]
        found.sort(key=lambda one: (one.placed_at, one.id), reverse=True)
        return tuple(found[:RELATED_ORDERS_MAX])

    def _queue(self, queue: RefundQueue, now: datetime) -> list[Refund]:
        refunds = self._state.refunds.values()
        mended = {refund.replaces for refund in refunds}

        def belongs(refund: Refund) -> bool:
            match queue:
                case RefundQueue.REQUESTED:
                    return refund.state is RefundState.REQUESTED
                case RefundQueue.PENDING:
                    return refund.state is RefundState.PENDING
                case RefundQueue.LATE:
                    return refund.state is RefundState.PENDING and refund.requested_at < now - REFUND_LATE
                case RefundQueue.OWED:
                    charged_back = self._state.orders[refund.order_id].state is OrderState.CHARGED_BACK
                    return refund.state is RefundState.FAILED and refund.id not in mended and not charged_back

        return [refund for refund in refunds if belongs(refund)]

    def _dispute(self, dispute: Dispute) -> DisputeRow:
        return DisputeRow(dispute=dispute, order=self._about(dispute.order_id))

    def _about(self, order_id: OrderId) -> AboutOrder:
        order = self._state.orders[order_id]
        event = self._state.events[order.event_id]
        own = [ticket for ticket in self._state.tickets.values() if ticket.order_id == order_id]
        return AboutOrder(
            id=order.id,
            number=order.number,
            state=order.state,
            frozen=order.frozen_because is not None,
            buyer_name=order.buyer.name,
            event_name=event.name,
            event_starts_at=event.starts_at,
            tickets_valid=sum(ticket.state is TicketState.VALID for ticket in own),
            tickets_used=sum(ticket.state is TicketState.CHECKED_IN for ticket in own),
        )

    def _bonds(self, me: Order, other: Order) -> frozenset[Bond]:
        cards = self._cards(me) & self._cards(other)
        tests = {
            Bond.EMAIL: me.buyer.email == other.buyer.email,
            Bond.PHONE: me.buyer.phone is not None and me.buyer.phone == other.buyer.phone,
            Bond.CARD: bool(cards),
            Bond.DEVICE: me.fingerprint.device == other.fingerprint.device,
        }
        return frozenset(bond for bond, holds in tests.items() if holds)

    def _cards(self, order: Order) -> set[str]:
        return {
            payment.card.fingerprint
            for payment in self._state.payments.values()
            if payment.order_id == order.id and payment.card is not None
        }

    def _related(self, order: Order, bonds: frozenset[Bond]) -> RelatedOrder:
        disputes, warnings = self.of_order(order.id)
        return RelatedOrder(
            id=order.id,
            number=order.number,
            state=order.state,
            event_name=self._state.events[order.event_id].name,
            buyer_name=order.buyer.name,
            total=order.total,
            placed_at=order.placed_at,
            bonds=bonds,
            disputed=bool(disputes),
            warned=any(warning.state is not WarningState.DISMISSED for warning in warnings),
        )
