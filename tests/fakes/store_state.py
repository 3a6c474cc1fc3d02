"""Everything the in-memory store remembers, and the constraints that Postgres would enforce on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.accounts import StaffId, StaffMember
from domain.audit import AuditEntry
from domain.disputes import Dispute, DisputeId
from domain.errors import InvariantBroken
from domain.events import Event, EventId
from domain.fraud import Assessment
from domain.fraud_warnings import FraudWarning, FraudWarningId
from domain.ledger import Journal
from domain.order_links import OrderLink, OrderLinkId
from domain.orders import Order, OrderId, OrderLineId
from domain.outgoing_webhooks import Attempt, Delivery, DeliveryId, Endpoint, EndpointId
from domain.payments import Payment, PaymentId
from domain.ports.messages import Message, MessageId
from domain.ports.outbox import OutboxRow
from domain.ports.refund_batches import BatchLine
from domain.postponements import Postponement, PostponementId
from domain.provider_books import ProviderEntry, Reading, ReadingId
from domain.refund_batches import BatchId, BatchOrder, RefundBatch
from domain.refund_policies import RefundPolicy
from domain.refund_requests import RefundRequest, RefundRequestId
from domain.refunds import Refund, RefundId
from domain.seat_maps import SeatIndex, SeatMap, SeatMapId
from domain.stock_blocks import StockBlock, StockBlockId
from domain.tickets import Ticket, TicketId
from domain.venues import Venue, VenueId


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRow:
    epoch: int = 1
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """So many units of one pool for one order line or one block; a seat is one unit of its zone's pool."""

    order_id: OrderId | None
    line_id: OrderLineId | None
    event_id: EventId
    pool: str
    seat: SeatIndex | None
    quantity: int
    returned: int = 0
    allocated: bool = False
    block_id: StockBlockId | None = None

    @property
    def live(self) -> int:
        return self.quantity - self.returned

    def give_back(self, units: int) -> "ClaimRow":
        return replace(self, returned=min(self.quantity, self.returned + units))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A row with what its lease needs. ``row.not_before`` is the end of a lease while there is one."""

    row: OutboxRow
    done: bool = False
    parked: bool = False
    done_at: datetime | None = None
    discarded_because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    request_digest: str
    begun_at: datetime
    answer: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRow:
    order_id: OrderId
    at: datetime
    assessment: Assessment


@dataclass(slots=True, kw_only=True)
class State:
    """One consistent picture. All values are immutable, so a copy of each dictionary is a deep copy."""

    venues: dict[VenueId, Venue] = field(default_factory=dict)
    seat_maps: dict[SeatMapId, SeatMap] = field(default_factory=dict)
    events: dict[EventId, Event] = field(default_factory=dict)
    policies: dict[EventId, tuple[RefundPolicy, ...]] = field(default_factory=dict)
    sales: dict[EventId, SaleRow] = field(default_factory=dict)
    capacities: dict[tuple[EventId, str], int] = field(default_factory=dict)
    claims: dict[int, ClaimRow] = field(default_factory=dict)
    blocks: dict[StockBlockId, StockBlock] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)
    order_policies: dict[OrderId, RefundPolicy] = field(default_factory=dict)
    payments: dict[PaymentId, Payment] = field(default_factory=dict)
    tickets: dict[TicketId, Ticket] = field(default_factory=dict)
    places_returned: dict[TicketId, bool] = field(default_factory=dict)
    refunds: dict[RefundId, Refund] = field(default_factory=dict)
    refund_requests: dict[RefundRequestId, RefundRequest] = field(default_factory=dict)
    order_links: dict[OrderLinkId, OrderLink] = field(default_factory=dict)
    journals: dict[str, Journal] = field(default_factory=dict)
    postponements: dict[PostponementId, Postponement] = field(default_factory=dict)
    batches: dict[BatchId, RefundBatch] = field(default_factory=dict)
    batch_orders: dict[tuple[BatchId, OrderId], BatchOrder] = field(default_factory=dict)
    batch_lines: dict[tuple[BatchId, OrderId], tuple[BatchLine, ...]] = field(default_factory=dict)
    readings: dict[ReadingId, Reading] = field(default_factory=dict)
    reading_turns: dict[ReadingId, datetime] = field(default_factory=dict)
    provider_entries: dict[str, ProviderEntry] = field(default_factory=dict)
    entries_read: dict[str, datetime] = field(default_factory=dict)
    assessments: dict[UUID, AssessmentRow] = field(default_factory=dict)
    messages: dict[MessageId, Message] = field(default_factory=dict)
    opted_out: dict[str, datetime] = field(default_factory=dict)
    disputes: dict[DisputeId, Dispute] = field(default_factory=dict)
    fraud_warnings: dict[FraudWarningId, FraudWarning] = field(default_factory=dict)
    logs_read: dict[str, datetime] = field(default_factory=dict)
    notices: dict[tuple[str, str], datetime] = field(default_factory=dict)
    audit: dict[UUID, AuditEntry] = field(default_factory=dict)
    staff: dict[StaffId, StaffMember] = field(default_factory=dict)
    outbox: dict[UUID, OutboxEntry] = field(default_factory=dict)
    hook_endpoints: dict[EndpointId, Endpoint] = field(default_factory=dict)
    hook_deliveries: dict[DeliveryId, Delivery] = field(default_factory=dict)
    hook_leases: dict[DeliveryId, datetime] = field(default_factory=dict)
    hook_tries: dict[DeliveryId, tuple[Attempt, ...]] = field(default_factory=dict)
    hook_sales: dict[EventId, bool] = field(default_factory=dict)
    answers: dict[tuple[str, str], AnswerRow] = field(default_factory=dict)

    def copy(self) -> Self:
        return type(self)(**{each.name: dict(getattr(self, each.name)) for each in fields(self)})

    def taken(self, event_id: EventId) -> dict[str, int]:
        """Live units by pool key."""
        taken: dict[str, int] = {}
        for claim in self.claims.values():
            if claim.event_id == event_id:
                taken[claim.pool] = taken.get(claim.pool, 0) + claim.live
        return taken

    def add_claim(self, claim: ClaimRow) -> None:
        self.claims[max(self.claims, default=0) + 1] = claim

    def claims_of(self, order_id: OrderId) -> dict[int, ClaimRow]:
        return {key: claim for key, claim in self.claims.items() if claim.order_id == order_id}


def unique(condition: bool, what: str) -> None:
    """What a unique constraint would say."""
    if not condition:
        raise InvariantBroken(f"there is one already: {what}")


def holds(condition: bool, what: str) -> None:
    """What a CHECK or a trigger would say."""
    if not condition:
        raise InvariantBroken(what)
