"""What is free now, and how that is said."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.seat_maps import Zone

PLENTY = 100
"""Above this, an exact number helps nobody to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What is free now, by zone key and tier key, and the seats' availability string."""

    zones: Mapping[str, int]
    tiers: Mapping[str, int]
    seats: str

    def letters(self, zone: Zone) -> str:
        """The availability string of one zone's seats."""
        return "".join(self.seats[row.first : row.first + row.count] for row in zone.rows)


def left(free: int) -> str:
    """How much there is, in true words."""
    if free <= 0:
        return "Sold out"
    return "Available" if free > PLENTY else f"{free} left"
