"""Venues as rows."""

from dataclasses import asdict
from typing import Any

from adapters.postgres.rows import prices
from adapters.postgres.transaction import Row
from domain.venues import Venue, VenueId


def to_row(venue: Venue) -> dict[str, Any]:
    return {**asdict(venue), "taxes": prices.taxes_to_row(venue.taxes)}


def from_row(row: Row) -> Venue:
    return Venue(
        id=VenueId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        address=row["address"],
        city=row["city"],
        country=row["country"],
        timezone=row["timezone"],
        description=row["description"],
        accessibility=row["accessibility"],
        taxes=prices.taxes_from_row(row["taxes"]),
    )
