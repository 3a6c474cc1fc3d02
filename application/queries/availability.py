"""What is free now, per zone and per tier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import InventoryUnavailable
from domain.events import EventId, Sale
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import SEAT_ACCESSIBLE, SEAT_COMPANION, Inventory, Snapshot
from domain.tiers import Tier, TierId, tier_pool, zone_pool

_ZONE = zone_pool("")
_KEPT = (SEAT_ACCESSIBLE, SEAT_COMPANION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many tickets could be had at one moment.

    ``zones`` are places that anybody may take. ``accessible`` are seats for those who ask for an accessible one; it
    names every zone on sale in which seats are kept, and none once the sale has released them. Companions' seats go
    with those and are in neither. ``tiers`` are tickets: of an accessible tier kept seats too, of any other tier places
    that anybody may take.
    """

    zones: Mapping[str, int]
    accessible: Mapping[str, int]
    tiers: Mapping[TierId, int]

    def since(self, earlier: "Counts") -> "Counts":
        """What differs from an earlier moment."""
        return Counts(
            zones={key: free for key, free in self.zones.items() if earlier.zones.get(key) != free},
            accessible={key: free for key, free in self.accessible.items() if earlier.accessible.get(key) != free},
            tiers={tier: free for tier, free in self.tiers.items() if earlier.tiers.get(tier) != free},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability(Counts):
    """One consistent moment of a sale."""

    sale: Sale
    snapshot: Snapshot


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
    counts = counted(sale, free=snapshot.free, seats=snapshot.seats)
    return Availability(
        sale=sale, snapshot=snapshot, zones=counts.zones, accessible=counts.accessible, tiers=counts.tiers
    )


def counted(sale: Sale, *, free: Mapping[str, int], seats: Sequence[str]) -> Counts:
    """What these pools and letters mean for who reads them.

    A zone's pool counts seats that not everybody may take. Those are few and known (``SeatMap.special``), so telling
    them apart costs the same for a house of any size.
    """
    in_zones = {pool.removeprefix(_ZONE): max(0, units) for pool, units in free.items() if pool.startswith(_ZONE)}
    kept: dict[str, int] = {}
    accessible: dict[str, int] = {}
    for index in () if sale.terms.accessible_released else sale.seat_map.special:
        zone, letter = sale.seat_map.seats[index].zone, seats[index]
        kept[zone] = kept.get(zone, 0) + (letter in _KEPT)
        accessible[zone] = accessible.get(zone, 0) + (letter == SEAT_ACCESSIBLE)
    open_to_all = {zone: max(0, units - kept.get(zone, 0)) for zone, units in in_zones.items()}
    return Counts(
        zones=open_to_all,
        accessible={zone: units for zone, units in accessible.items() if zone in in_zones},
        tiers={
            tier.id: _free_of(tier, in_zones if tier.accessible else open_to_all, own=free.get(tier_pool(tier.key), 0))
            for tier in sale.tiers
        },
    )


def _free_of(tier: Tier, zones: Mapping[str, int], *, own: int) -> int:
    """Tickets of a tier that its zones and its own capacity still allow."""
    in_zones = sum(zones.get(key, 0) for key in tier.zones)
    return in_zones if tier.capacity is None else min(in_zones, max(own, 0))
