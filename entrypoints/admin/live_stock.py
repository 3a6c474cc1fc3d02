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
    """A stock as a person reads it. ``held`` is None when the inventory does not answer."""

    capacity: int
    sold: int
    paying: int
    blocked: int
    held: int | None
    free: int

    def percent(self, units: int | None) -> float:
        """Of the capacity, for drawing."""
        return round(100 * (units or 0) / self.capacity, 2) if self.capacity else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStock:
    """Free units by pool as the inventory has them; empty when it has loaded nothing, so that nothing is held.

    ``seats``: one character a seat, likewise empty.
    """

    answers: bool
    free: Mapping[str, int]
    seats: str = ""

    def of_pool(self, key: str, stock: StockFigures) -> Shares:
        return self._shares(stock, self.free.get(key))

    def of_all_zones(self, stock: StockFigures) -> Shares:
        """``stock``: that of the whole event, its zones summed."""
        zones = [units for key, units in self.free.items() if key.startswith(_ZONES)]
        return self._shares(stock, sum(zones) if zones else None)

    def _shares(self, stock: StockFigures, free: int | None) -> Shares:
        """What Postgres has not given away and the inventory does not offer is held.

        The two are asked one after the other, so in full swing they may differ by a few: never less than nothing.
        """
        held = 0 if free is None else max(0, stock.unclaimed - free)
        return Shares(
            capacity=stock.capacity,
            sold=stock.allocated,
            paying=stock.claimed,
            blocked=stock.blocked,
            held=held if self.answers else None,
            free=stock.unclaimed - held,
        )


def live_stock(event_id: EventId) -> LiveStock:
    """Ask the inventory, once."""
    try:
        snapshot = current().inventory().snapshot(event_id=event_id)
    except InventoryUnavailable:
        return LiveStock(answers=False, free={})
    if snapshot is None:
        return LiveStock(answers=True, free={})
    return LiveStock(answers=True, free=snapshot.free, seats=snapshot.seats)
