"""Capacities: what a pool holds, who has taken how much of it, and how low it may be set.

``capacity = free + held + claimed + allocated + blocked``. Postgres counts the last three; what is merely held is known
to the inventory alone, which says how much of a pool it could still give.
"""

from dataclasses import dataclass

from domain.errors import Rejection, RejectionCode
from domain.seat_maps import ZONE_CAPACITY_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCounts:
    """One pool as Postgres counts it, in units."""

    capacity: int
    claimed: int = 0
    allocated: int = 0
    blocked: int = 0

    @property
    def taken(self) -> int:
        return self.claimed + self.allocated + self.blocked

    @property
    def untaken(self) -> int:
        """Free or held."""
        return self.capacity - self.taken

    def held(self, *, free: int | None) -> int:
        """How much of it is in baskets, when the inventory has ``free`` left. None: it has nothing loaded."""
        return 0 if free is None else max(0, self.untaken - free)

    def lowest(self, *, free: int | None) -> int:
        """The least capacity that takes nothing away from anybody."""
        return self.taken + self.held(free=free)


def capacity_out_of_bounds(capacity: int) -> Rejection | None:
    """A capacity that no pool can have."""
    if 0 <= capacity <= ZONE_CAPACITY_MAX:
        return None
    return Rejection(
        code=RejectionCode.INVALID_REQUEST,
        message=f"A capacity is a number from 0 to {ZONE_CAPACITY_MAX:,}.",
        details={"minimum": 0, "maximum": ZONE_CAPACITY_MAX},
    )


def refuses_capacity(name: str, counts: PoolCounts, *, wanted: int, free: int | None) -> Rejection | None:
    """Why ``name`` cannot have so few places, and how many it can. ``free``: what the inventory has left of it."""
    lowest = counts.lowest(free=free)
    if wanted >= lowest:
        return None
    taken = {
        "sold": counts.claimed + counts.allocated,
        "kept back": counts.blocked,
        "in baskets": counts.held(free=free),
    }
    reasons = ", ".join(f"{units:,} {what}" for what, units in taken.items() if units)
    return Rejection(
        code=RejectionCode.WRONG_STATE,
        message=f"{name} cannot have {wanted:,} places: {lowest:,} are taken ({reasons}), so {lowest:,} is the least.",
        details={
            "lowest": lowest,
            "sold": taken["sold"],
            "blocked": taken["kept back"],
            "held": taken["in baskets"],
        },
    )
