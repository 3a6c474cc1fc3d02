"""Venues: where events happen, and in which time zone their clocks run."""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

VenueId = NewType("VenueId", UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A place with an address. ``timezone`` is an IANA name; ``country`` an ISO 3166 two-letter code."""

    id: VenueId
    slug: str
    name: str
    address: str
    city: str
    country: str
    timezone: str
    description: str = ""
    accessibility: str = ""
