"""Refunds that wait for a second person, at most one an order (a partial unique index)."""

from sqlalchemy import insert, select, update

from adapters.postgres.rows import self_service as rows
from adapters.postgres.statements import WANTED
from adapters.postgres.tables import refund_requests
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.orders import OrderId
from domain.refund_requests import RefundRequest, RefundRequestId, RequestState

_WAITING_OF = select(refund_requests).where(
    refund_requests.c.order_id == WANTED, refund_requests.c.state == RequestState.WAITING.value
)


class PostgresRefundRequests:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, request: RefundRequest) -> None:
        self._transaction.run(insert(refund_requests), rows.request_to_row(request))

    def get(self, request_id: RefundRequestId, *, lock: bool = False) -> RefundRequest:
        wanted = select(refund_requests).where(refund_requests.c.id == request_id)
        row = self._transaction.first(wanted.with_for_update() if lock else wanted)
        if row is None:
            raise NotFound("refund request")
        return rows.request_from_row(row)

    def of_order(self, order_id: OrderId) -> tuple[RefundRequest, ...]:
        wanted = select(refund_requests).where(refund_requests.c.order_id == order_id)
        in_order = wanted.order_by(refund_requests.c.requested_at, refund_requests.c.id)
        return tuple(map(rows.request_from_row, self._transaction.rows(in_order)))

    def waiting_of(self, order_id: OrderId) -> RefundRequest | None:
        row = self._transaction.first(_WAITING_OF, {"wanted": order_id})
        return rows.request_from_row(row) if row else None

    def waiting(self, *, at_most: int) -> tuple[RefundRequest, ...]:
        wanted = select(refund_requests).where(refund_requests.c.state == RequestState.WAITING.value)
        oldest = wanted.order_by(refund_requests.c.requested_at, refund_requests.c.id).limit(at_most)
        return tuple(map(rows.request_from_row, self._transaction.rows(oldest)))

    def save(self, request: RefundRequest) -> None:
        changes = rows.request_changes(request)
        statement = update(refund_requests).where(refund_requests.c.id == request.id).values(changes)
        if not self._transaction.changed(statement):
            raise NotFound("refund request")
