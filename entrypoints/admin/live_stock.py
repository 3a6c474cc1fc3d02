"""What is held right now: known to the inventory alone, and worth showing only while it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import InventoryUnavailable
from domain.events import EventId
from domain.ports.backoffice import StockFigures
from domain.tiers import zone_pool
from entrypoints.admin.services import current

_ZONES = zone_pool("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """A stock as a person reads it. ``held`` is None when the inventory cannot say."""

    capacity: int
    sold: int
    paying: int
    blocked: int
    held: int | None
    free: int

    def percent(self, units: int | None) -> float:
        """Of the capacity, for drawing."""
        return round(100 * (units or 0) / self.capacity, 2) if self.capacity else 0.0


def free_now(event_id: EventId) -> Mapping[str, int] | None:
    """Free units by pool as the inventory knows them, or None when it knows nothing or does not answer."""
    try:
        snapshot = current().inventory().snapshot(event_id=event_id)
    except InventoryUnavailable:
        return None
    return snapshot.free if snapshot else None


def held_now(event_id: EventId, stock: StockFigures) -> Shares:
    """The stock of a whole event, zones summed."""
    free = free_now(event_id)
    in_zones = None if free is None else sum(units for key, units in free.items() if key.startswith(_ZONES))
    return shares(stock, in_zones)


def shares(stock: StockFigures, free: int | None) -> Shares:
    """What Postgres has not given away and Valkey does not offer is held.

    The two are asked one after the other, so a sale in full swing may differ by a few: never show less than nothing.
    """
    held = None if free is None else max(0, stock.unclaimed - free)
    return Shares(
        capacity=stock.capacity,
        sold=stock.allocated,
        paying=stock.claimed,
        blocked=stock.blocked,
        held=held,
        free=stock.unclaimed - (held or 0),
    )
