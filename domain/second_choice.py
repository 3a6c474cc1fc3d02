"""Places for a buyer whose payment was in time and whose places were not kept: the same, or as good.

As good means: of the same tiers, as many, and side by side if the first ones were. Nothing that somebody else holds at
the moment, and no accessible seat for who had not asked for one (nor the other way round).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from domain.orders import Order, OrderLine
from domain.ports.inventory import SEATS_TO_BE_HAD
from domain.seat_maps import SeatIndex, SeatMap
from domain.tiers import Tier, TierId, zone_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondChoice:
    """An order's lines and pools as they would be. ``same``: nothing is different for the buyer."""

    lines: tuple[OrderLine, ...]
    pools: Mapping[str, int]
    same: bool


def second_choice(
    order: Order, *, tiers: Iterable[Tier], seat_map: SeatMap, seats: str, free: Mapping[str, int]
) -> SecondChoice | None:
    """What may be taken instead, or None. ``seats`` and ``free`` are what is free now, as an inventory writes it.

    The nearest seats of the tier are taken. Whether they are still free when they are claimed is decided by Postgres.
    """
    by_id = {tier.id: tier for tier in tiers}
    open_seats = {index for index, letter in enumerate(seats) if letter in SEATS_TO_BE_HAD}
    lines = []
    for line in order.lines:
        chosen = _seats_for(line, by_id, seat_map, open_seats)
        if chosen is None:
            return None
        open_seats -= set(chosen)
        lines.append(replace(line, seats=chosen))
    pools = _pools(order, lines, seat_map)
    if any(free.get(pool, units) < units for pool, units in pools.items()):
        return None
    return SecondChoice(lines=tuple(lines), pools=pools, same=tuple(lines) == order.lines)


def _seats_for(
    line: OrderLine, tiers: Mapping[TierId, Tier], seat_map: SeatMap, open_seats: set[SeatIndex]
) -> tuple[SeatIndex, ...] | None:
    if open_seats.issuperset(line.seats):
        return line.seats
    if line.tier_id not in tiers or any(seat_map.seats[seat].asked_for for seat in line.seats):
        return None
    plain = {index for index in open_seats if not seat_map.seats[index].asked_for}
    zones = tiers[line.tier_id].zones
    together = _side_by_side(line.seats, seat_map)
    groups = _runs(len(line.seats), zones, seat_map, plain) if together else _single_seats(line, zones, seat_map, plain)
    return min(groups, key=lambda group: _distance(group, line.seats, seat_map), default=None)


def _runs(
    count: int, zones: tuple[str, ...], seat_map: SeatMap, plain: set[SeatIndex]
) -> Iterator[tuple[SeatIndex, ...]]:
    """Every run of so many free seats side by side."""
    for row in seat_map.preference(*zones):
        for first in range(row.first, row.first + row.count - count + 1):
            run = tuple(range(first, first + count))
            if plain.issuperset(run):
                yield run


def _single_seats(
    line: OrderLine, zones: tuple[str, ...], seat_map: SeatMap, plain: set[SeatIndex]
) -> Iterator[tuple[SeatIndex, ...]]:
    """Those of the first seats that are still free, and for each of the others the nearest free one."""
    mine = [seat for row in seat_map.preference(*zones) for seat in range(row.first, row.first + row.count)]
    left = {seat for seat in mine if seat in plain}
    kept = {seat for seat in line.seats if seat in left}
    left -= kept
    chosen = sorted(kept)
    for seat in line.seats:
        if seat not in kept:
            nearest = min(left, key=lambda other: (_between(seat, other, seat_map), other), default=None)
            if nearest is None:
                return
            left.discard(nearest)
            chosen.append(nearest)
    yield tuple(sorted(chosen))


def _side_by_side(seats: tuple[SeatIndex, ...], seat_map: SeatMap) -> bool:
    first, last = min(seats), max(seats)
    return last - first == len(seats) - 1 and seat_map.row_of(first) == seat_map.row_of(last)


def _distance(group: tuple[SeatIndex, ...], wanted: tuple[SeatIndex, ...], seat_map: SeatMap) -> tuple[int, int]:
    return sum(map(lambda one, other: _between(one, other, seat_map), sorted(group), sorted(wanted))), group[0]


def _between(one: SeatIndex, other: SeatIndex, seat_map: SeatMap) -> int:
    """Squared distance, in map units."""
    here, there = seat_map.seats[one], seat_map.seats[other]
    return (here.x - there.x) ** 2 + (here.y - there.y) ** 2


def _pools(order: Order, lines: Iterable[OrderLine], seat_map: SeatMap) -> dict[str, int]:
    pools = dict(order.pools)
    for before, after in zip(order.lines, lines, strict=True):
        for seat in before.seats:
            pools[zone_pool(seat_map.seats[seat].zone)] -= 1
        for seat in after.seats:
            pool = zone_pool(seat_map.seats[seat].zone)
            pools[pool] = pools.get(pool, 0) + 1
    return {pool: units for pool, units in pools.items() if units}
