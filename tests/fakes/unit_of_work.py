"""A unit of work in memory: serial transactions on one picture, rolled back unless they commit."""

from threading import Lock
from types import TracebackType
from typing import Self

from domain.errors import StoreUnavailable
from domain.ports.money import Disputes, FraudWarnings, Ledger, Payments, Readings, RefundRequests, Refunds
from domain.ports.outbox import Outbox
from domain.ports.outgoing_webhooks import Webhooks
from domain.ports.postponements import Postponements
from domain.ports.records import Assessments, Audit, IdempotencyKeys, Messages, Notices, OrderLinks, Staff
from domain.ports.refund_batches import RefundBatches
from domain.ports.selling import Events, Orders, Stock, Tickets, Venues
from domain.ports.unit_of_work import UnitOfWork
from tests.fakes.store_batches import FakeRefundBatches
from tests.fakes.store_catalogue import FakeEvents, FakeVenues
from tests.fakes.store_disputes import FakeDisputes, FakeFraudWarnings
from tests.fakes.store_ledger import FakeLedger
from tests.fakes.store_money import FakeAssessments, FakePayments, FakeRefunds
from tests.fakes.store_orders import FakeOrders, FakeTickets
from tests.fakes.store_outbox import FakeOutbox
from tests.fakes.store_postponements import FakePostponements
from tests.fakes.store_readings import FakeReadings
from tests.fakes.store_records import FakeAudit, FakeIdempotencyKeys, FakeMessages, FakeNotices, FakeStaff
from tests.fakes.store_self_service import FakeOrderLinks, FakeRefundRequests
from tests.fakes.store_state import State
from tests.fakes.store_stock import FakeStock
from tests.fakes.store_webhooks import FakeWebhooks

WAIT_SECONDS = 10


class FakeStore:
    """What all units of work share. ``state`` is what was committed, for tests to look at.

    ``down = True`` plays a Postgres that does not answer; ``lost_commits = n`` lets the next n commits fail
    with nothing written.
    """

    def __init__(self) -> None:
        self.state = State()
        self.lock = Lock()
        self.down = False
        self.lost_commits = 0

    def __call__(self) -> UnitOfWork:
        """A new unit of work: the store itself is a ``UnitOfWorkFactory``."""
        return FakeUnitOfWork(self)


class FakeUnitOfWork:
    """One transaction at a time: a second one waits, as if everything were locked. Nesting two is a mistake."""

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

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def __enter__(self) -> Self:
        if self._store.down:
            raise StoreUnavailable("the store is down")
        if not self._store.lock.acquire(timeout=WAIT_SECONDS):
            raise StoreUnavailable("another transaction never ended (are two nested?)")
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.lock.release()

    def commit(self) -> None:
        if self._store.down or self._store.lost_commits > 0:
            self._store.lost_commits = max(0, self._store.lost_commits - 1)
            self._begin()
            raise StoreUnavailable("the commit was lost")
        self._store.state = self._state
        self._begin()

    def _begin(self) -> None:
        state = self._state = self._store.state.copy()
        self.venues = FakeVenues(state)
        self.events = FakeEvents(state)
        self.stock = FakeStock(state)
        self.orders = FakeOrders(state)
        self.payments = FakePayments(state)
        self.tickets = FakeTickets(state)
        self.refunds = FakeRefunds(state)
        self.refund_requests = FakeRefundRequests(state)
        self.order_links = FakeOrderLinks(state)
        self.readings = FakeReadings(state)
        self.ledger = FakeLedger(state)
        self.refund_batches = FakeRefundBatches(state)
        self.postponements = FakePostponements(state)
        self.assessments = FakeAssessments(state)
        self.messages = FakeMessages(state)
        self.disputes = FakeDisputes(state)
        self.fraud_warnings = FakeFraudWarnings(state)
        self.notices = FakeNotices(state)
        self.audit = FakeAudit(state)
        self.staff = FakeStaff(state)
        self.outbox = FakeOutbox(state)
        self.idempotency = FakeIdempotencyKeys(state)
        self.webhooks = FakeWebhooks(state)
