"""One transaction on Postgres, the place of truth. Commits only when told; holds no network call inside."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from domain.accounts import StaffId, StaffMember
from domain.audit import AuditEntry
from domain.capacities import PoolCounts
from domain.disputes import Dispute, DisputeId
from domain.errors import Rejection
from domain.events import Event, EventId
from domain.fraud import Assessment
from domain.fraud_warnings import FraudWarning, FraudWarningId
from domain.holds import HoldId
from domain.ledger import Journal
from domain.order_links import OrderLink, OrderLinkId
from domain.orders import Order, OrderId
from domain.payments import Payment, PaymentId
from domain.ports.inventory import StockLevels
from domain.ports.messages import Message, MessageId
from domain.ports.outbox import Outbox
from domain.ports.outgoing_webhooks import Webhooks
from domain.ports.postponements import Postponements
from domain.ports.refund_batches import RefundBatches
from domain.provider_books import ProviderEntry, Reading, ReadingId
from domain.refund_policies import RefundPolicy
from domain.refund_requests import RefundRequest, RefundRequestId
from domain.refunds import Refund, RefundId
from domain.seat_maps import SeatMap, SeatMapId
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tickets import Ticket, TicketId
from domain.tiers import TierId
from domain.venues import Venue, VenueId


class Venues(Protocol):
    def add(self, venue: Venue) -> None: ...

    def get(self, venue_id: VenueId, *, lock: bool = False) -> Venue:
        """Raises NotFound. ``lock``: nobody else changes it until the end of this transaction."""
        ...

    def save_taxes(self, venue: Venue) -> None:
        """Store what taxes the place asks from now on. Its events learn of it when they are saved again."""
        ...

    def find(self, *, slug: str) -> Venue | None: ...

    def add_map(self, seat_map: SeatMap) -> None:
        """Store one version of a seat map with its zones and seats. Immutable from then on."""
        ...

    def get_map(self, seat_map_id: SeatMapId) -> SeatMap:
        """Raises NotFound."""
        ...


class Events(Protocol):
    def add(self, event: Event, *, policy: RefundPolicy) -> None:
        """Store an event with its tiers and stock pools (all free) and its first refund policy."""
        ...

    def get(self, event_id: EventId, *, lock: bool = False) -> Event:
        """Raises NotFound. ``lock``: nobody else changes it until the end of this transaction."""
        ...

    def find(self, *, slug: str) -> Event | None: ...

    def save(self, event: Event, *, capacities: Mapping[str, int] | None = None) -> int:
        """Store changed facts and tiers and answer the event's new sale version.

        ``capacities``: places that zones of general admission have for this event from now on, by zone key; zones
        that are not named keep what they have. Raises StockConflict when a capacity falls below what is taken.
        """
        ...

    def at_venue(self, venue_id: VenueId) -> tuple[EventId, ...]:
        """Events that are not cancelled, in the order of their ids: lock them in it."""
        ...

    def policy(self, event_id: EventId) -> RefundPolicy:
        """The refund policy in force now, with its version."""
        ...

    def replace_policy(self, event_id: EventId, policy: RefundPolicy) -> int:
        """Put a policy in force and answer its version. Orders keep the version that they were sold under.

        The caller has locked the event, so that versions are given one at a time.
        """
        ...


class Stock(Protocol):
    """Claims and allocations. Constraints in Postgres make overselling impossible, not this code."""

    def epoch(self, event_id: EventId) -> int:
        """The sale's epoch, kept from rising until the end of this transaction (a shared lock). Raises NotFound.

        Ask after locking an order and before claiming, allocating or releasing: one order of locks for everybody.
        """
        ...

    def claim(self, order: Order) -> None:
        """Take every place of the order, or raise StockConflict naming what is gone. Locks in one fixed order."""
        ...

    def allocate(self, order: Order) -> None:
        """The order's claims are its own for good."""
        ...

    def release(self, order: Order) -> None:
        """Give back all that the order has. Idempotent."""
        ...

    def release_tickets(self, tickets: tuple[Ticket, ...]) -> None:
        """Give back the places of these tickets of an allocated order. Idempotent."""
        ...

    def raise_epoch(self, event_id: EventId, *, above: int) -> int | None:
        """Start a new epoch and answer it. None when the epoch is above ``above`` already (somebody else rebuilt).

        Either way the sale is this transaction's alone until its end: no order of it moves meanwhile.
        """
        ...

    def levels(self, event_id: EventId, *, with_buyers: bool = True) -> StockLevels:
        """Everything an inventory needs to start from, as of this transaction.

        To compare with one, ``with_buyers`` is not needed; counting them takes longest.
        """
        ...

    def pools(self, event_id: EventId) -> Mapping[str, PoolCounts]:
        """Every pool of the event by its key. Raises NotFound."""
        ...

    def tier_units(self, event_id: EventId, tier_id: TierId) -> int:
        """Places that orders have taken through this tier, whether or not it has a limit of its own."""
        ...

    def block(self, block: StockBlock) -> None:
        """Keep all of it out of sale, or raise StockConflict naming seats or the pool that is short.

        Locks as ``claim`` does: ask for the epoch first. Raises InvariantBroken for stock that the event does not
        sell.
        """
        ...

    def unblock(self, block: StockBlock, part: BlockedStock) -> None:
        """Give back what ``block.part`` answered. Raises InvariantBroken when the block does not keep it any more."""
        ...

    def find_block(self, block_id: StockBlockId, *, lock: bool = False) -> StockBlock | None:
        """The block with what it still keeps; None when that is nothing, or when there never was such a block.

        ``lock``: nobody else gives back places of it until the end of this transaction.
        """
        ...

    def was_blocked(self, block_id: StockBlockId) -> bool:
        """Whether there ever was such a block."""
        ...

    def blocks(self, event_id: EventId) -> tuple[StockBlock, ...]:
        """Every block of the event that keeps something, oldest first."""
        ...


class Orders(Protocol):
    def add(self, order: Order, *, policy: RefundPolicy) -> None:
        """Store a new order with its lines and the refund policy it is sold under.

        Raises TransactionConflict when its hold has become an order already: look again.
        """
        ...

    def get(self, order_id: OrderId, *, lock: bool = False) -> Order:
        """Raises NotFound. ``lock``: FOR UPDATE."""
        ...

    def of_hold(self, hold_id: HoldId, *, lock: bool = False) -> Order | None:
        """The one order a hold became, if any (unique)."""
        ...

    def save(self, order: Order) -> None:
        """Store state, stock, times and refunded amount."""
        ...

    def reseat(self, order: Order) -> None:
        """Store the order's lines with other seats, and its pools. Raises InvariantBroken while it has any places."""
        ...

    def call_off(self, event_id: EventId, *, now: datetime) -> int:
        """The time to pay is over now, for every order of the event that still waits. Answers how many."""
        ...

    def policy(self, order_id: OrderId) -> RefundPolicy:
        """The refund policy this order was sold under."""
        ...

    def units_bought(self, *, event_id: EventId, keys: tuple[str, ...]) -> Mapping[str, int]:
        """Tickets in live or paid orders for the event, by each of the buyer's keys that has any.

        Whoever asks has the buyer to itself until the end of this transaction, so that two orders placed at the
        same moment cannot both pass the limit.
        """
        ...

    def exchanging(self, order_id: OrderId) -> tuple[Order, ...]:
        """Orders that were placed to exchange tickets of this one, in whatever state, the first one first."""
        ...

    def due(self, *, now: datetime, at_most: int) -> tuple[OrderId, ...]:
        """Orders whose payment deadline has passed, and those whose end nobody has told yet; oldest first."""
        ...


class Payments(Protocol):
    def add(self, payment: Payment) -> None: ...

    def get(self, payment_id: PaymentId, *, lock: bool = False) -> Payment:
        """Raises NotFound."""
        ...

    def latest(self, order_id: OrderId, *, lock: bool = False) -> Payment | None:
        """The newest attempt for an order."""
        ...

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Payment, ...]:
        """Every attempt for an order, the first one first."""
        ...

    def of_intent(self, intent_id: str) -> Payment | None: ...

    def of_session(self, session_id: str) -> Payment | None: ...

    def save(self, payment: Payment) -> None: ...

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Payment, ...]:
        """Open payments whose ``next_check_at`` has passed: the poller's work when webhooks stay away."""
        ...

    def to_decide(self, *, lapsing_before: datetime, at_most: int) -> tuple[Payment, ...]:
        """Authorised payments of orders in review that cannot wait for a person: the soonest to lapse first.

        Their money is gone before that time, or their event was cancelled.
        """
        ...


class Tickets(Protocol):
    def add(self, tickets: tuple[Ticket, ...]) -> None: ...

    def get(self, ticket_id: TicketId, *, lock: bool = False) -> Ticket:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Ticket, ...]:
        """In the order they were issued."""
        ...

    def save(self, ticket: Ticket) -> None: ...


class Refunds(Protocol):
    def add(self, refund: Refund) -> None:
        """Store a refund and reserve its amount. Raises StockConflict never; InvariantBroken when more than was
        captured would be given back (a constraint, not a check)."""
        ...

    def get(self, refund_id: RefundId, *, lock: bool = False) -> Refund:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId) -> tuple[Refund, ...]: ...

    def of_provider(self, provider_id: str) -> Refund | None: ...

    def save(self, refund: Refund) -> None: ...

    def to_check(self, *, before: datetime, at_most: int) -> tuple[Refund, ...]:
        """Refunds that are pending at the provider since before that time."""
        ...


class Ledger(Protocol):
    """Journals, written in the transaction of the fact that they tell. Append-only."""

    def post(self, *journals: Journal | None) -> int:
        """Write journals and answer how many were new. A key that is there already is left as it is; None is nothing.

        Raises InvariantBroken for a journal of an order that is not there.
        """
        ...

    def of_order(self, order_id: OrderId) -> tuple[Journal, ...]:
        """In the order they were written."""
        ...


class RefundRequests(Protocol):
    def add(self, request: RefundRequest) -> None:
        """Store a request. One an order may wait at a time (a constraint)."""
        ...

    def get(self, request_id: RefundRequestId, *, lock: bool = False) -> RefundRequest:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId) -> tuple[RefundRequest, ...]:
        """Oldest first."""
        ...

    def waiting_of(self, order_id: OrderId) -> RefundRequest | None:
        """The one of this order that waits."""
        ...

    def waiting(self, *, at_most: int) -> tuple[RefundRequest, ...]:
        """Everything that waits for somebody, oldest first."""
        ...

    def save(self, request: RefundRequest) -> None: ...


class OrderLinks(Protocol):
    def order_numbered(self, number: str) -> OrderId | None:
        """The order with this number, as printed on everything that its buyer was sent."""
        ...

    def add(self, link: OrderLink) -> None: ...

    def get(self, link_id: OrderLinkId, *, lock: bool = False) -> OrderLink:
        """Raises NotFound."""
        ...

    def save(self, link: OrderLink) -> None:
        """Raises InvariantBroken for a link that was used before."""
        ...


class Readings(Protocol):
    """Readings of the provider's books, and what they have read so far."""

    def add(self, reading: Reading) -> None: ...

    def save(self, reading: Reading) -> None:
        """Store how far it has come. Raises NotFound."""
        ...

    def latest(self, *, actor: str | None = None, finished: bool | None = None) -> Reading | None:
        """The one that began last, of those somebody asked for, or of those that are finished or are not."""
        ...

    def take_turn(self, reading_id: ReadingId, *, now: datetime, until: datetime) -> bool:
        """Have a reading to oneself for a while. False while somebody else has it."""
        ...

    def end_turn(self, reading_id: ReadingId, *, now: datetime) -> None:
        """Let others have it from now on."""
        ...

    def keep(self, entries: tuple[ProviderEntry, ...], *, at: datetime) -> None:
        """What the provider says of these from now on."""
        ...

    def fees_to_tell(self, entries: tuple[ProviderEntry, ...]) -> tuple[Journal, ...]:
        """Fees of these entries that belong to payments of ours, as journals; those told before are among them."""
        ...


class Assessments(Protocol):
    def add(self, *, assessment_id: UUID, order_id: OrderId, assessment: Assessment, at: datetime) -> None: ...

    def of_order(self, order_id: OrderId) -> tuple[Assessment, ...]:
        """Oldest first."""
        ...

    def card_orders(self, *, fingerprint: str, since: datetime) -> int:
        """Payments with this card since then."""
        ...


class Disputes(Protocol):
    """Read and changed under the lock of their order: two webhooks about one dispute take turns there."""

    def add(self, dispute: Dispute) -> None: ...

    def get(self, dispute_id: DisputeId) -> Dispute:
        """Raises NotFound."""
        ...

    def of_provider(self, provider_id: str) -> Dispute | None: ...

    def of_order(self, order_id: OrderId) -> tuple[Dispute, ...]:
        """Oldest first."""
        ...

    def save(self, dispute: Dispute) -> None: ...

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Dispute, ...]:
        """Open disputes whose ``next_check_at`` has passed, the longest due first."""
        ...


class FraudWarnings(Protocol):
    """Read and changed under the lock of their order."""

    def add(self, warning: FraudWarning) -> None: ...

    def get(self, warning_id: FraudWarningId) -> FraudWarning:
        """Raises NotFound."""
        ...

    def of_provider(self, provider_id: str) -> FraudWarning | None: ...

    def of_order(self, order_id: OrderId) -> tuple[FraudWarning, ...]:
        """Oldest first."""
        ...

    def save(self, warning: FraudWarning) -> None: ...

    def troubled_orders(self, *, card: str | None, device: str) -> int:
        """Orders with this card (its fingerprint) or from this device that a bank warned of or disputed as fraud.

        Warnings that a person dismissed, and disputes that were won or withdrawn, do not count.
        """
        ...


class Messages(Protocol):
    def add(self, message: Message) -> None: ...

    def get(self, message_id: MessageId, *, lock: bool = False) -> Message:
        """Raises NotFound."""
        ...

    def of_provider(self, provider_id: str, *, lock: bool = False) -> Message | None: ...

    def of_order(self, order_id: OrderId) -> tuple[Message, ...]:
        """Oldest first."""
        ...

    def save(self, message: Message) -> None: ...

    def opted_out(self, phone: str) -> bool: ...

    def opt_out(self, phone: str, *, at: datetime) -> None: ...

    def opt_in(self, phone: str) -> None: ...


class Notices(Protocol):
    def first_time(self, *, provider: str, notice_id: str, type_: str, at: datetime) -> bool:
        """Remember a webhook. False when it was seen before."""
        ...

    def prune(self, *, before: datetime, at_most: int) -> int:
        """Forget those received before that: providers stop sending one again after days. Answers how many."""
        ...

    def read_until(self, *, provider: str) -> datetime | None:
        """Until when the provider's own log has been read, so that what no webhook brought is found there."""
        ...

    def have_read(self, *, provider: str, until: datetime) -> None:
        """Remember it. Never moves back."""
        ...


class Audit(Protocol):
    def add(self, entry: AuditEntry) -> None: ...


class Staff(Protocol):
    def add(self, member: StaffMember) -> None: ...

    def get(self, staff_id: StaffId) -> StaffMember:
        """Raises NotFound."""
        ...

    def find(self, *, email: str) -> StaffMember | None: ...


class IdempotencyKeys(Protocol):
    """Answers kept for 24 h under (scope, key), so that a repeated request is answered and not repeated."""

    def begin(
        self, *, scope: str, key: str, request_digest: str, now: datetime
    ) -> "Mapping[str, object] | Rejection | None":
        """None: go on, the key is now ours. A mapping: the answer given before. A rejection: the key was used for
        another request (IDEMPOTENCY_MISMATCH) or the first is still under way (CHECKOUT_IN_PROGRESS)."""
        ...

    def finish(self, *, scope: str, key: str, answer: Mapping[str, object]) -> None: ...

    def forget(self, *, scope: str, key: str) -> None:
        """The request failed: its key is free again. An answer that was given stays."""
        ...

    def prune(self, *, now: datetime, at_most: int) -> int:
        """Drop keys that are older than a day. Answers how many; fewer than ``at_most`` means that none is left."""
        ...


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
