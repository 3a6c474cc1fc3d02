"""What is free now, per zone and per tier."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.errors import InventoryUnavailable
from domain.events import EventId, Sale
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, Snapshot
from domain.tiers import Tier, TierId, tier_pool, zone_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """One consistent moment of a sale. Counts are tickets that could be held right now."""

    sale: Sale
    snapshot: Snapshot
    zones: Mapping[str, int]
    tiers: Mapping[TierId, int]


class Rebuild(Protocol):
    def __call__(self, event_id: EventId, *, above: int) -> Sale: ...


def availability(event: str, *, catalogue: Catalogue, inventory: Inventory, rebuild: Rebuild) -> Availability:
    """One read of the inventory and no SQL. An emptied inventory is rebuilt first: it never reads as "all free".

    Raises NotFound and InventoryUnavailable.
    """
    sale = catalogue.on_sale(event=event)
    snapshot = inventory.snapshot(event_id=sale.event_id)
    if snapshot is None or snapshot.epoch < sale.epoch:
        sale = rebuild(sale.event_id, above=sale.epoch)
        snapshot = inventory.snapshot(event_id=sale.event_id)
    if snapshot is None:
        raise InventoryUnavailable("the sale is being rebuilt")
    return Availability(
        sale=sale,
        snapshot=snapshot,
        zones={key[2:]: free for key, free in snapshot.free.items() if key.startswith("z:")},
        tiers={tier.id: free_of(tier, snapshot.free) for tier in sale.tiers},
    )


def free_of(tier: Tier, free: Mapping[str, int]) -> int:
    """Tickets of a tier that its zones and its own capacity still allow."""
    in_zones = sum(max(free.get(zone_pool(key), 0), 0) for key in tier.zones)
    own = free.get(tier_pool(tier.key), 0) if tier.capacity is not None else in_zones
    return min(in_zones, max(own, 0))


def sold_out(sale: Sale, free: Mapping[str, int]) -> bool:
    """Whether nothing of any tier is left."""
    return not any(free_of(tier, free) for tier in sale.tiers)
