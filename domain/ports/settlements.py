"""Settlements as finance looks at them. Nothing is decided here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.events import EventId
from domain.settlements import Basis, Settlement
from domain.venues import VenueId

SETTLEMENTS_MAX = 1_000
"""Events in one report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementsFilter:
    """Events of a venue and of a span of time, from its first moment up to and without its last."""

    venue_id: VenueId | None = None
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    basis: Basis = Basis.EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueName:
    id: VenueId
    name: str


class Settlements(Protocol):
    """Each method makes a constant number of queries, which all see one moment."""

    def of_event(self, event_id: EventId) -> Settlement:
        """All money of an event, ever. Raises NotFound."""
        ...

    def matching(self, *, wanted: SettlementsFilter) -> tuple[Settlement, ...]:
        """Events of which any money is told, the earliest first, at most SETTLEMENTS_MAX."""
        ...

    def venues(self) -> tuple[VenueName, ...]:
        """Every venue, by name."""
        ...
