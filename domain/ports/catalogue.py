"""Reading what is on offer. Views here decide nothing: they may come from a replica or a cache."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.events import Event, EventId, EventState, Sale
from domain.money import Money
from domain.prices import PriceRules
from domain.seat_maps import SeatMap
from domain.venues import Venue

PAGE_LIMIT_MAX = 100
PAGE_LIMIT_DEFAULT = 24


class Catalogue(Protocol):
    """What the hold path asks. Real ones keep sales in memory: a hold makes no SQL in the steady state."""

    def on_sale(self, *, event: str) -> Sale:
        """The sale of the event with this id or slug, as fresh as memory has it. Raises NotFound (drafts too)."""
        ...

    def fresh(self, *, event_id: EventId) -> Sale:
        """Read from the primary again, because an inventory said that our copy is old. Raises NotFound."""
        ...

    def running(self) -> tuple[EventId, ...]:
        """Published events that have not ended: whose holds must be swept. May be some seconds old."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCard:
    """One event in a list. ``cursor`` continues the list after it."""

    id: EventId
    slug: str
    name: str
    summary: str
    category: str
    artwork: str
    venue_slug: str
    venue_name: str
    city: str
    timezone: str
    state: EventState
    starts_at: datetime
    doors_at: datetime
    sale_opens_at: datetime
    sale_closes_at: datetime
    price_from: Money | None
    price_to: Money | None
    capacity: int
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What a visitor is looking for. ``text`` is searched as words in name, venue, city and description."""

    text: str | None = None
    city: str | None = None
    venue: str | None = None
    category: str | None = None
    starts_from: datetime | None = None
    starts_to: datetime | None = None
    cursor: str | None = None
    limit: int = PAGE_LIMIT_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    items: tuple[EventCard, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One event with everything its page shows. ``sale_version`` changes when any of it does."""

    event: Event
    venue: Venue
    seat_map: SeatMap
    sale_version: int
    refund_terms: str

    @property
    def prices(self) -> PriceRules:
        """What all tickets of the event have in common."""
        return PriceRules(fee=self.event.fee, taxes=self.venue.taxes)


class Listings(Protocol):
    """Pages of the shop. A constant number of queries each."""

    def events(self, *, wanted: EventFilter) -> EventPage:
        """Published events that have not ended, the soonest first. Raises ValueError for a broken cursor."""
        ...

    def event(self, *, event: str) -> EventView:
        """By id or slug, published or cancelled. Raises NotFound."""
        ...

    def facets(self) -> dict[str, tuple[str, ...]]:
        """Values worth filtering by: ``city``, ``venue`` (slugs), ``category``."""
        ...
