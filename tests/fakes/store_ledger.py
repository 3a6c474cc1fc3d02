"""The ledger in memory."""

from domain.ledger import Journal
from domain.orders import OrderId
from tests.fakes.store_state import State, holds


class FakeLedger:
    def __init__(self, state: State) -> None:
        self._state = state

    def post(self, *journals: Journal | None) -> int:
        new = 0
        for journal in journals:
            if journal is None or journal.key in self._state.journals:
                continue
            order = self._state.orders.get(journal.order_id)
            holds(order is not None and order.event_id == journal.event_id, "a journal tells of an order of its event")
            refund = self._state.refunds.get(journal.refund_id) if journal.refund_id else None
            holds(
                journal.refund_id is None or (refund is not None and refund.order_id == journal.order_id),
                "a journal's refund is one of its order",
            )
            self._state.journals[journal.key] = journal
            new += 1
        return new

    def of_order(self, order_id: OrderId) -> tuple[Journal, ...]:
        return tuple(journal for journal in self._state.journals.values() if journal.order_id == order_id)
