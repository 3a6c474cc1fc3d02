"""Venues: where events happen, and in which time zone their clocks run."""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

from domain.taxes import NO_TAXES, TaxRule

VenueId = NewType("VenueId", UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A place with an address. ``timezone`` is an IANA name; ``country`` an ISO 3166 two-letter code.

    ``taxes`` are those of its jurisdiction, asked of every ticket that is sold from now on.
    """

    id: VenueId
    slug: str
    name: str
    address: str
    city: str
    country: str
    timezone: str
    description: str = ""
    accessibility: str = ""
    taxes: TaxRule = NO_TAXES
