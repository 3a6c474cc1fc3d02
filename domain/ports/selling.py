"""Where what is sold is kept: venues, events, their stock, orders and tickets. Parts of a unit of work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from domain.capacities import PoolCounts
from domain.events import Event, EventId
from domain.holds import HoldId
from domain.orders import Order, OrderId
from domain.ports.inventory import StockLevels
from domain.refund_policies import RefundPolicy
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


class Tickets(Protocol):
    def add(self, tickets: tuple[Ticket, ...]) -> None: ...

    def get(self, ticket_id: TicketId, *, lock: bool = False) -> Ticket:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Ticket, ...]:
        """In the order they were issued."""
        ...

    def save(self, ticket: Ticket) -> None: ...
