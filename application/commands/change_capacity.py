"""Give a zone of general admission, or a tier, more or fewer places while it is on sale."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from application import trail
from application.commands.rebuild_sale import rebuild_sale
from application.transactions import retrying
from domain.capacities import PoolCounts, capacity_out_of_bounds, refuses_capacity
from domain.errors import Rejection, RejectionCode, StockConflict
from domain.events import Event, EventId, EventState
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, Snapshot
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.seat_maps import ZoneKind
from domain.tiers import Tier, TierId, tier_pool, zone_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeZoneCapacity:
    """So many places in a zone of general admission, for this event only: its seat map stays as it is."""

    event_id: EventId
    zone: str
    capacity: int
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTierLimit:
    """So many tickets of one tier; None: as many as its zones hold."""

    event_id: EventId
    tier_id: TierId
    limit: int | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityChanged:
    """``epoch``: the one in which it was changed; ``version``: that of the sale from then on."""

    epoch: int
    version: int


def change_capacity(
    command: ChangeZoneCapacity | ChangeTierLimit,
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> CapacityChanged | Rejection:
    """Refused below what is sold, kept back or in baskets, with the least value that is possible.

    Several people who change it at the same moment take turns, each seeing what the one before left. A basket that is
    filled between the look at the inventory and our commit is decided by Postgres at its checkout. Idempotent. Raises
    NotFound, and InventoryUnavailable (the same call again tells the inventory).
    """
    wanted = command.capacity if isinstance(command, ChangeZoneCapacity) else command.limit
    if wanted is not None and (rejection := capacity_out_of_bounds(wanted)):
        return rejection
    snapshot = inventory.snapshot(event_id=command.event_id)
    answer = _change(command, snapshot, unit_of_work=unit_of_work, clock=clock, ids=ids)
    if isinstance(answer, CapacityChanged):
        rebuild_sale(
            command.event_id,
            above=answer.epoch,
            catalogue=catalogue,
            inventory=inventory,
            unit_of_work=unit_of_work,
        )
    return answer


@retrying
def _change(
    command: ChangeZoneCapacity | ChangeTierLimit,
    snapshot: Snapshot | None,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> CapacityChanged | Rejection:
    with unit_of_work() as uow:
        event = uow.events.get(command.event_id, lock=True)
        if event.state is EventState.CANCELLED:
            return Rejection(code=RejectionCode.EVENT_CANCELLED, message="This event is cancelled.")
        before = uow.stock.pools(event.id)
        if isinstance(command, ChangeZoneCapacity):
            version = _resize_zone(command, event, uow=uow, snapshot=snapshot)
        else:
            version = _limit_tier(command, event, uow=uow, snapshot=snapshot)
        if isinstance(version, Rejection):
            return version
        uow.audit.add(
            trail.entry(
                command.actor, "event.capacity_changed", kind="event", subject=event.id, ids=ids, now=clock.now(),
                **_told(before, uow.stock.pools(event.id)),
            )
        )  # fmt: skip
        epoch = uow.stock.epoch(event.id)
        uow.commit()
    return CapacityChanged(epoch=epoch, version=version)


def _resize_zone(
    command: ChangeZoneCapacity, event: Event, *, uow: UnitOfWork, snapshot: Snapshot | None
) -> int | Rejection:
    """The sale's new version. Raises nothing for what was sold meanwhile: that is a refusal with a number too."""
    zones = {zone.key: zone for zone in uow.venues.get_map(event.seat_map_id).zones}
    zone, pool = zones.get(command.zone), zone_pool(command.zone)
    counts = uow.stock.pools(event.id).get(pool)
    if zone is None or counts is None:
        return _invalid("No ticket of this event is sold for this zone.", field="zone")
    if zone.kind is ZoneKind.RESERVED:
        return _invalid(f"{zone.name} has as many places as it has seats. Block seats to sell fewer.", field="zone")
    free = snapshot.free.get(pool) if snapshot else None
    if rejection := refuses_capacity(zone.name, counts, wanted=command.capacity, free=free):
        return rejection
    try:
        return uow.events.save(event, capacities={zone.key: command.capacity})
    except StockConflict:
        return _sold_meanwhile(zone.name, uow.stock.pools(event.id)[pool], wanted=command.capacity)


def _limit_tier(
    command: ChangeTierLimit, event: Event, *, uow: UnitOfWork, snapshot: Snapshot | None
) -> int | Rejection:
    tier = next((tier for tier in event.tiers if tier.id == command.tier_id), None)
    if tier is None:
        return Rejection(code=RejectionCode.UNKNOWN_TIER, message="This event has no such tier.")
    changed = replace(tier, capacity=command.limit)
    tiers = tuple(changed if each is tier else each for each in event.tiers)
    if command.limit is None:
        return uow.events.save(replace(event, tiers=tiers))
    # Without a limit so far, nobody counts this tier's baskets: those that become orders are counted then.
    free = snapshot.free.get(tier_pool(tier.key)) if snapshot and tier.capacity is not None else None
    if rejection := refuses_capacity(tier.name, _taken_through(tier, uow, event), wanted=command.limit, free=free):
        return rejection
    try:
        return uow.events.save(replace(event, tiers=tiers))
    except StockConflict:
        return _sold_meanwhile(tier.name, _taken_through(tier, uow, event), wanted=command.limit)


def _taken_through(tier: Tier, uow: UnitOfWork, event: Event) -> PoolCounts:
    """What a tier has sold, counted by its own pool or, without one, by its orders."""
    if tier.capacity is not None:
        return uow.stock.pools(event.id)[tier_pool(tier.key)]
    units = uow.stock.tier_units(event.id, tier.id)
    return PoolCounts(capacity=units, allocated=units)


def _sold_meanwhile(name: str, counts: PoolCounts, *, wanted: int) -> Rejection:
    """Asked when the sale is ours alone, so that these counts stand still."""
    rejection = refuses_capacity(name, counts, wanted=wanted, free=None)
    assert rejection is not None, "Postgres refused this capacity for what these counts say"
    return rejection


def _told(before: Mapping[str, PoolCounts], after: Mapping[str, PoolCounts]) -> dict[str, object]:
    """Which pools have another capacity now, as an audit entry tells it."""
    capacities = {
        key: (before[key].capacity if key in before else None, after[key].capacity if key in after else None)
        for key in sorted(before.keys() | after.keys())
    }
    changed = {key: pair for key, pair in capacities.items() if pair[0] != pair[1]}
    return {
        "before": {key: was for key, (was, _) in changed.items()},
        "after": {key: now for key, (_, now) in changed.items()},
    }


def _invalid(message: str, **details: object) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details=details)
