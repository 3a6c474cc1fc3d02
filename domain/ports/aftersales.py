"""What the desk looks at after a sale: disputes, fraud warnings, refunds that hang, and who else a buyer is.

These views decide nothing; every change goes through a use case. Lists are bounded, refunds are paged by cursor. Raises
ValueError for a cursor that this port did not write.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.disputes import Dispute, DisputeId
from domain.fraud_warnings import FraudWarning
from domain.money import Money
from domain.orders import OrderId, OrderState
from domain.refunds import Refund

DISPUTES_MAX = 200
WARNINGS_MAX = 200
RELATED_ORDERS_MAX = 50
PRESSING_DISPUTES_MAX = 5
REFUND_LATE = timedelta(days=7)
"""A bank that has not answered by then is worth a telephone call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutOrder:
    """The order that something is about, as a list shows it."""

    id: OrderId
    number: str
    state: OrderState
    frozen: bool
    buyer_name: str
    event_name: str
    event_starts_at: datetime
    tickets_valid: int
    tickets_used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRow:
    dispute: Dispute
    order: AboutOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRow:
    warning: FraudWarning
    order: AboutOrder


class RefundQueue(StrEnum):
    OWED = "owed"
    """Failed and not made good: the buyer has neither ticket nor money."""
    LATE = "late"
    """Pending at the bank for longer than REFUND_LATE."""
    PENDING = "pending"
    REQUESTED = "requested"
    """Not sent to the provider yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    refund: Refund
    order: AboutOrder
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundsPage:
    """The longest waiting first."""

    items: tuple[RefundRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressing:
    """What waits for a person. ``disputes`` are the first that are due, of ``disputes_to_answer`` in all."""

    disputes: tuple[DisputeRow, ...]
    disputes_to_answer: int
    warnings_waiting: int
    refunds_owed: int
    refunds_late: int


class Bond(StrEnum):
    """What another order has in common with this one."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedOrder:
    """An order of perhaps the same buyer, and why it might have made us careful."""

    id: OrderId
    number: str
    state: OrderState
    event_name: str
    buyer_name: str
    total: Money
    placed_at: datetime
    bonds: frozenset[Bond]
    disputed: bool
    warned: bool


class Aftersales(Protocol):
    def pressing(self, *, now: datetime) -> Pressing:
        """Counts, and the disputes whose time is running out."""
        ...

    def disputes(self, *, ended: bool) -> tuple[DisputeRow, ...]:
        """Open ones by when evidence is due; ended ones newest first. At most DISPUTES_MAX."""
        ...

    def dispute(self, dispute_id: DisputeId) -> DisputeRow:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId) -> tuple[tuple[Dispute, ...], tuple[FraudWarning, ...]]:
        """What banks said about one order, oldest first."""
        ...

    def warnings(self, *, waiting: bool) -> tuple[WarningRow, ...]:
        """Those that wait for a person, the oldest first; or those that were decided, newest first."""
        ...

    def refunds(self, *, queue: RefundQueue, now: datetime, cursor: str | None) -> RefundsPage: ...

    def related_orders(self, order_id: OrderId) -> tuple[RelatedOrder, ...]:
        """Other orders by the same e-mail, telephone, card or device, newest first."""
        ...
