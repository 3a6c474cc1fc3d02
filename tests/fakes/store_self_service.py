"""Refunds that wait for approval, and links that open an order once, in memory."""

from domain.errors import NotFound
from domain.order_links import OrderLink, OrderLinkId
from domain.orders import OrderId
from domain.refund_requests import RefundRequest, RefundRequestId, RequestState
from tests.fakes.store_state import State, holds, unique


class FakeRefundRequests:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, request: RefundRequest) -> None:
        holds(request.order_id in self._state.orders, "a request needs its order")
        unique(request.id not in self._state.refund_requests, f"refund request {request.id}")
        waits = request.state is RequestState.WAITING
        unique(not waits or self.waiting_of(request.order_id) is None, "a request that waits")
        self._state.refund_requests[request.id] = request

    def get(self, request_id: RefundRequestId, *, lock: bool = False) -> RefundRequest:
        if request_id not in self._state.refund_requests:
            raise NotFound("refund request")
        return self._state.refund_requests[request_id]

    def of_order(self, order_id: OrderId) -> tuple[RefundRequest, ...]:
        return tuple(each for each in self._in_order() if each.order_id == order_id)

    def waiting_of(self, order_id: OrderId) -> RefundRequest | None:
        return next((each for each in self.of_order(order_id) if each.state is RequestState.WAITING), None)

    def waiting(self, *, at_most: int) -> tuple[RefundRequest, ...]:
        return tuple(each for each in self._in_order() if each.state is RequestState.WAITING)[:at_most]

    def save(self, request: RefundRequest) -> None:
        before = self.get(request.id)
        decided = before.state is not RequestState.WAITING
        holds(not decided or request.state is before.state, "a request that was decided stays so")
        self._state.refund_requests[request.id] = request

    def _in_order(self) -> list[RefundRequest]:
        return sorted(self._state.refund_requests.values(), key=lambda each: (each.requested_at, each.id))


class FakeOrderLinks:
    def __init__(self, state: State) -> None:
        self._state = state

    def order_numbered(self, number: str) -> OrderId | None:
        return next((order.id for order in self._state.orders.values() if order.number == number), None)

    def add(self, link: OrderLink) -> None:
        holds(link.order_id in self._state.orders, "a link needs its order")
        unique(link.id not in self._state.order_links, f"link {link.id}")
        self._state.order_links[link.id] = link

    def get(self, link_id: OrderLinkId, *, lock: bool = False) -> OrderLink:
        if link_id not in self._state.order_links:
            raise NotFound("link")
        return self._state.order_links[link_id]

    def save(self, link: OrderLink) -> None:
        before = self.get(link.id)
        holds(before.used_at is None or link.used_at == before.used_at, "a link that was used stays so")
        self._state.order_links[link.id] = link
