"""One transaction on Postgres, the place of truth. Commits only when told; holds no network call inside."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from domain.ports.money import Disputes, FraudWarnings, Ledger, Payments, Readings, RefundRequests, Refunds
from domain.ports.outbox import Outbox
from domain.ports.outgoing_webhooks import Webhooks
from domain.ports.postponements import Postponements
from domain.ports.records import Assessments, Audit, IdempotencyKeys, Messages, Notices, OrderLinks, Staff
from domain.ports.refund_batches import RefundBatches
from domain.ports.selling import Events, Orders, Stock, Tickets, Venues


class UnitOfWork(Protocol):
    """Everything is written or nothing is. Leaving without ``commit()`` rolls back.

    Raises StoreUnavailable when Postgres cannot answer, and its subclass TransactionConflict for deadlocks and
    serialization failures, which ``application.transactions.retrying`` tries again.
    """

    venues: Venues
    events: Events
    stock: Stock
    orders: Orders
    payments: Payments
    tickets: Tickets
    refunds: Refunds
    refund_requests: RefundRequests
    order_links: OrderLinks
    ledger: Ledger
    readings: Readings
    refund_batches: RefundBatches
    postponements: Postponements
    assessments: Assessments
    messages: Messages
    disputes: Disputes
    fraud_warnings: FraudWarnings
    notices: Notices
    audit: Audit
    staff: Staff
    outbox: Outbox
    idempotency: IdempotencyKeys
    webhooks: Webhooks

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def commit(self) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]
