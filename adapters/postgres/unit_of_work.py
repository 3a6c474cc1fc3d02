"""The unit of work on Postgres: one connection, one READ COMMITTED transaction, committed only when told."""

from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from adapters.postgres.repositories.assessments import PostgresAssessments
from adapters.postgres.repositories.audit import PostgresAudit
from adapters.postgres.repositories.disputes import PostgresDisputes, PostgresFraudWarnings
from adapters.postgres.repositories.events import PostgresEvents
from adapters.postgres.repositories.idempotency import PostgresIdempotencyKeys
from adapters.postgres.repositories.ledger import PostgresLedger
from adapters.postgres.repositories.messages import PostgresMessages
from adapters.postgres.repositories.notices import PostgresNotices
from adapters.postgres.repositories.order_links import PostgresOrderLinks
from adapters.postgres.repositories.orders import PostgresOrders
from adapters.postgres.repositories.outbox import PostgresOutbox
from adapters.postgres.repositories.payments import PostgresPayments
from adapters.postgres.repositories.postponements import PostgresPostponements
from adapters.postgres.repositories.readings import PostgresReadings
from adapters.postgres.repositories.refund_batches import PostgresRefundBatches
from adapters.postgres.repositories.refund_requests import PostgresRefundRequests
from adapters.postgres.repositories.refunds import PostgresRefunds
from adapters.postgres.repositories.staff import PostgresStaff
from adapters.postgres.repositories.stock import PostgresStock
from adapters.postgres.repositories.tickets import PostgresTickets
from adapters.postgres.repositories.venues import PostgresVenues
from adapters.postgres.repositories.webhooks import PostgresWebhooks
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.transaction import Transaction, connect
from domain.ports.money import Disputes, FraudWarnings, Ledger, Payments, Readings, RefundRequests, Refunds
from domain.ports.outbox import Outbox
from domain.ports.outgoing_webhooks import Webhooks
from domain.ports.postponements import Postponements
from domain.ports.records import Assessments, Audit, IdempotencyKeys, Messages, Notices, OrderLinks, Staff
from domain.ports.refund_batches import RefundBatches
from domain.ports.selling import Events, Orders, Stock, Tickets, Venues


class PostgresUnitOfWork:
    """``with PostgresUnitOfWork(engine, seat_maps=…) as uow: …; uow.commit()``. Cheap to make, used once."""

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

    def __init__(self, engine: Engine, *, seat_maps: SeatMapCache) -> None:
        self._engine = engine
        self._seat_maps = seat_maps

    def __enter__(self) -> Self:
        self._connection: Connection = connect(self._engine)
        self._transaction = transaction = Transaction(self._connection)
        self.venues = PostgresVenues(transaction, self._seat_maps)
        self.events = PostgresEvents(transaction)
        self.stock = PostgresStock(transaction)
        self.orders = PostgresOrders(transaction)
        self.payments = PostgresPayments(transaction)
        self.tickets = PostgresTickets(transaction)
        self.refunds = PostgresRefunds(transaction)
        self.refund_requests = PostgresRefundRequests(transaction)
        self.order_links = PostgresOrderLinks(transaction)
        self.readings = PostgresReadings(transaction)
        self.ledger = PostgresLedger(transaction)
        self.refund_batches = PostgresRefundBatches(transaction)
        self.postponements = PostgresPostponements(transaction)
        self.assessments = PostgresAssessments(transaction)
        self.messages = PostgresMessages(transaction)
        self.disputes = PostgresDisputes(transaction)
        self.fraud_warnings = PostgresFraudWarnings(transaction)
        self.notices = PostgresNotices(transaction)
        self.audit = PostgresAudit(transaction)
        self.staff = PostgresStaff(transaction)
        self.outbox = PostgresOutbox(transaction)
        self.idempotency = PostgresIdempotencyKeys(transaction)
        self.webhooks = PostgresWebhooks(transaction)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Back into the pool, which rolls back whatever was not committed.
        self._connection.close()

    def commit(self) -> None:
        self._transaction.commit()
