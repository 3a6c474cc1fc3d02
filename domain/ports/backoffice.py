"""What people who run a house look at. These views decide nothing; every change goes through a use case.

Lists are paged by cursor, newest first unless said otherwise. Each method makes a constant number of queries. Raises
ValueError for a cursor that this port did not write.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.accounts import StaffMember
from domain.audit import AuditEntry
from domain.events import EventId, EventState
from domain.fraud import Assessment, RiskLevel
from domain.money import Money
from domain.orders import Order, OrderId, OrderState
from domain.payments import Payment
from domain.ports.messages import Message
from domain.ports.outbox import Effect, OutboxRow
from domain.refunds import Refund
from domain.seat_maps import SeatIndex
from domain.tickets import Ticket

PAGE_LIMIT = 50
DASHBOARD_EVENTS_MAX = 12
REPAIRED = "inventory.repaired"
"""What the audit trail calls a repair of an inventory."""
SEARCH_LENGTH_MAX = 120

_ORDER_NUMBER = re.compile(r"[2-9A-HJKMNP-TV-Z]{4}-?[2-9A-HJKMNP-TV-Z]{4}")
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-]{4,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFigures:
    """Places as Postgres counts them; what is merely held is known to the inventory alone."""

    capacity: int
    claimed: int
    allocated: int
    blocked: int

    @property
    def unclaimed(self) -> int:
        """Free or held."""
        return self.capacity - self.claimed - self.allocated - self.blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFigures:
    """One event and how its sale goes. ``stock`` sums its zones; money is that of confirmed orders, refunds included.

    ``recent_orders`` and ``recent_gross`` count those confirmed since the moment that was asked for.
    """

    id: EventId
    slug: str
    name: str
    venue_name: str
    city: str
    timezone: str
    state: EventState
    starts_at: datetime
    sale_opens_at: datetime
    sale_closes_at: datetime
    stock: StockFigures
    recent_orders: int
    recent_gross: Money
    gross: Money
    refunded: Money
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """How often an inventory had to be put right, as the audit trail has it.

    ``recent`` counts those since the moment that was asked for; ``last_at`` is the last there ever was.
    """

    recent: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What may need a person. ``oldest_due_at``: since when the oldest due effect has been waiting.

    Failures are those since the moment that was asked for; everything else is as of now. ``repairs`` are those of all
    sales together.
    """

    effects_waiting: int
    effects_parked: int
    oldest_due_at: datetime | None
    reviews_waiting: int
    refunds_under_way: int
    refunds_failed: int
    payments_unsettled: int
    messages_failed: int
    repairs: Repairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The few figures that a monitor reads again and again. ``repairs`` counts all there ever were.

    ``books_differences``: what the last comparison with the provider found; None before the first.
    """

    repairs: int
    effects_waiting: int
    effects_parked: int
    books_differences: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """``events``: published ones that are not over, those on sale first, then by when their sale opens."""

    events: tuple[EventFigures, ...]
    health: Health
    recent_orders: int
    recent_gross: tuple[Money, ...]
    """One amount a currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsFilter:
    """The soonest start first; ``past`` turns to those that are over, the latest first."""

    text: str | None = None
    state: EventState | None = None
    past: bool = False
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPage:
    items: tuple[EventFigures, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """Stock of one zone, or of one tier that has a limit of its own. ``key`` as in ``Sale.capacities``."""

    key: str
    name: str
    stock: StockFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStock:
    """``sold`` counts valid and used tickets by tier key; ``repairs`` are those of this sale's inventory."""

    figures: EventFigures
    pools: tuple[PoolFigures, ...]
    sold: Mapping[str, int]
    repairs: Repairs


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order in a list."""

    id: OrderId
    number: str
    state: OrderState
    event_id: EventId
    event_name: str
    buyer_name: str
    buyer_email: str
    buyer_phone: str | None
    units: int
    total: Money
    refunded: Money
    placed_at: datetime
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersFilter:
    """``text`` is looked for as :func:`fields_of` says."""

    text: str | None = None
    states: frozenset[OrderState] = field(default_factory=frozenset)
    event_id: EventId | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersPage:
    items: tuple[OrderRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    at: datetime
    assessment: Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """Everything about one order. ``places`` names its seats, also before there are tickets; all lists oldest first."""

    order: Order
    event_name: str
    event_slug: str
    event_state: EventState
    event_starts_at: datetime
    venue_name: str
    timezone: str
    places: Mapping[SeatIndex, str]
    payments: tuple[Payment, ...]
    assessments: tuple[Assessed, ...]
    tickets: tuple[Ticket, ...]
    refunds: tuple[Refund, ...]
    messages: tuple[Message, ...]
    opted_out: bool
    """Whether the buyer's number has said STOP."""
    trail: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """An order that waits for a person, with why and how risky the provider finds it."""

    order: OrderRow
    risk: RiskLevel
    card: str | None
    """``visa 4242``"""
    assessed: Assessed | None
    capture_before: datetime | None
    """When the bank lets the money go."""


class EffectState(StrEnum):
    PARKED = "parked"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One row of the outbox. ``order_id`` when it can be told from what it is about."""

    row: OutboxRow
    order_id: OrderId | None
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsPage:
    """Oldest first. ``parked`` and ``waiting`` count all there are; ``kinds`` those in the state asked for, by kind."""

    items: tuple[EffectRow, ...]
    parked: int
    waiting: int
    next_cursor: str | None
    kinds: Mapping[Effect, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailFilter:
    """``action`` may be a whole ``noun.verb`` or only the noun; ``subject`` is an id."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailPage:
    items: tuple[AuditEntry, ...]
    next_cursor: str | None


class Backoffice(Protocol):
    def pulse(self) -> Pulse:
        """One cheap question, however long the trail and the outbox have become."""
        ...

    def dashboard(self, *, now: datetime, since: datetime) -> Dashboard:
        """How sales go and what needs a person. ``since``: where "recent" begins."""
        ...

    def events(self, *, wanted: EventsFilter, now: datetime, since: datetime) -> EventsPage:
        """All events, drafts too. ``text`` is any part of the event's name, its venue's or its city."""
        ...

    def event(self, event_id: EventId, *, since: datetime) -> EventStock:
        """Raises NotFound."""
        ...

    def orders(self, *, wanted: OrdersFilter) -> OrdersPage:
        """By when they were placed."""
        ...

    def order(self, order_id: OrderId) -> OrderFile:
        """Raises NotFound."""
        ...

    def reviews(self) -> tuple[ReviewRow, ...]:
        """Orders in review that nobody has decided about, the longest waiting first, at most PAGE_LIMIT."""
        ...

    def effects(self, *, state: EffectState, cursor: str | None, effect: Effect | None = None) -> EffectsPage:
        """Effects that are not done; of one kind only, if asked for."""
        ...

    def trail(self, *, wanted: TrailFilter) -> TrailPage:
        """Who did what."""
        ...

    def staff(self) -> tuple[StaffMember, ...]:
        """By name."""
        ...


class SearchField(StrEnum):
    NUMBER = "number"
    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"


def fields_of(text: str) -> Mapping[SearchField, str]:
    """Where a search for orders looks, and for what.

    An order number is whole, with or without its hyphen; an e-mail address is the start of one; a telephone number is
    the end of one (people leave country codes out); a name is any part of it, in any case.
    """
    wanted = " ".join(text.split())[:SEARCH_LENGTH_MAX]
    if "@" in wanted:
        return {SearchField.EMAIL: wanted.lower()}
    if _PHONE.fullmatch(wanted):
        fields = {SearchField.PHONE: re.sub(r"[^0-9]", "", wanted).lstrip("0")}
    else:
        fields = {SearchField.NAME: wanted.lower(), SearchField.EMAIL: wanted.lower()}
    # A number may look like a telephone number, or like a name: then both are looked for.
    if _ORDER_NUMBER.fullmatch(wanted.upper()):
        plain = wanted.upper().replace("-", "")
        fields[SearchField.NUMBER] = f"{plain[:4]}-{plain[4:]}"
    return fields
