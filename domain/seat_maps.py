"""Seat maps: one abstract plan that serves every venue.

A map has zones. A zone is *general admission* (a capacity) or *reserved* (rows of seats). Seats are
numbered 0, 1, 2, … through the whole map in reading order (zone by zone, row by row, left to right), so
that a seat is one small integer in Valkey, in the availability string and in Postgres, and neighbours
in a row are neighbours in that numbering.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.venues import VenueId

SeatMapId = NewType("SeatMapId", UUID)
"""Names one immutable *version* of a seat map."""

SeatIndex = int
"""Position of a seat in its map's numbering, from 0."""

SEATS_PER_MAP_MAX = 120_000
ZONES_PER_MAP_MAX = 500
ZONE_CAPACITY_MAX = 500_000


class ZoneKind(StrEnum):
    GENERAL_ADMISSION = "general_admission"
    RESERVED = "reserved"


class SeatFeature(StrEnum):
    """What a buyer must know about a seat before choosing it."""

    ACCESSIBLE = "accessible"
    COMPANION = "companion"
    RESTRICTED_VIEW = "restricted_view"


ASKED_FOR = frozenset({SeatFeature.ACCESSIBLE, SeatFeature.COMPANION})


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the map, in map units (a tenth of the distance between two neighbouring seats)."""

    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One seat. ``id`` is unique among all maps, so a seat of another event is never mistaken for one of this."""

    index: SeatIndex
    id: str
    zone: str
    row: str
    number: str
    x: int
    y: int
    features: frozenset[SeatFeature] = frozenset()

    @property
    def label(self) -> str:
        """As printed on a ticket, without the zone: ``Row C, seat 14``."""
        return f"Row {self.row}, seat {self.number}"

    @property
    def asked_for(self) -> bool:
        """Whether it is kept for those who ask for an accessible seat."""
        return not self.features.isdisjoint(ASKED_FOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A run of neighbouring seats: ``first`` is the index of its leftmost, ``count`` how many follow without a gap.

    An aisle or a gap ends a run, so a printed row may be several of these: that is what adjacency means here.
    """

    first: SeatIndex
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of the house. ``key`` is unique in the map; ``outline`` is drawn when seats are too small to see."""

    key: str
    name: str
    kind: ZoneKind
    capacity: int
    outline: tuple[Point, ...]
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Something drawn that is not sold: the stage, a bar, an entrance."""

    label: str
    kind: str
    outline: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatMap:
    """One version of a plan; immutable once an event that uses it is on sale.

    ``code`` is a short unique word that starts every seat's id. ``focal`` is what people come to look at:
    best-available seats are those nearest to it. ``rows`` are those of all zones in the order of their seats, and
    ``special`` the seats kept for people who ask for an accessible one, and for who comes with them.
    """

    id: SeatMapId
    venue_id: VenueId
    name: str
    version: int
    code: str
    width: int
    height: int
    focal: Point
    zones: tuple[Zone, ...]
    seats: tuple[Seat, ...]
    areas: tuple[Area, ...] = ()
    by_id: Mapping[str, Seat] = field(init=False, repr=False, compare=False)
    rows: tuple[Row, ...] = field(init=False, repr=False, compare=False)
    special: tuple[SeatIndex, ...] = field(init=False, repr=False, compare=False)
    _nearest: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))
        object.__setattr__(self, "by_id", {seat.id: seat for seat in self.seats})
        rows = (row for zone in self.zones for row in zone.rows)
        object.__setattr__(self, "rows", tuple(sorted(rows, key=_first_seat)))
        nearest = {zone.key: min(map(self._distance, zone.rows), default=0) for zone in self.zones}
        object.__setattr__(self, "_nearest", nearest)
        object.__setattr__(self, "special", tuple(seat.index for seat in self.seats if seat.asked_for))

    def zone(self, key: str) -> Zone:
        """The zone with this key. Raises KeyError."""
        for zone in self.zones:
            if zone.key == key:
                return zone
        raise KeyError(key)

    @property
    def capacity(self) -> int:
        """Places in the whole house."""
        return sum(zone.capacity for zone in self.zones)

    def row_of(self, index: SeatIndex) -> Row:
        """The row that a seat is in."""
        return self.rows[bisect_right(self.rows, index, key=_first_seat) - 1]

    def preference(self, *zone_keys: str) -> tuple[Row, ...]:
        """All rows of these zones, best first: by squared distance of their middle from the focal point."""
        rows = [row for key in zone_keys for row in self.zone(key).rows]
        return tuple(sorted(rows, key=lambda row: (self._distance(row), row.first)))

    def nearest(self, *zone_keys: str) -> int:
        """How near the best row of these zones is: squared distance of its middle from the focal point."""
        return min(self._nearest[key] for key in zone_keys)

    def _distance(self, row: Row) -> int:
        middle = self.seats[row.first + row.count // 2]
        return (middle.x - self.focal.x) ** 2 + (middle.y - self.focal.y) ** 2


def _first_seat(row: Row) -> SeatIndex:
    return row.first


def _problems(seat_map: SeatMap) -> list[str]:
    """Everything that makes a plan unusable, so that an editor can show all of it at once."""
    problems = []
    keys = [zone.key for zone in seat_map.zones]
    if not keys or len(keys) > ZONES_PER_MAP_MAX:
        problems.append(f"a seat map has 1 to {ZONES_PER_MAP_MAX} zones")
    if len(set(keys)) != len(keys):
        problems.append("two zones share a key")
    if len(seat_map.seats) > SEATS_PER_MAP_MAX:
        problems.append(f"a seat map has at most {SEATS_PER_MAP_MAX} seats")
    if [seat.index for seat in seat_map.seats] != list(range(len(seat_map.seats))):
        problems.append("seats are not numbered 0, 1, 2, … in order")
    if len({seat.id for seat in seat_map.seats}) != len(seat_map.seats):
        problems.append("two seats share an id")
    for zone in seat_map.zones:
        in_rows = [index for row in zone.rows for index in range(row.first, row.first + row.count)]
        if zone.kind is ZoneKind.GENERAL_ADMISSION and in_rows:
            problems.append(f"zone {zone.key} is general admission and yet has rows")
        if zone.kind is ZoneKind.RESERVED and zone.capacity != len(in_rows):
            problems.append(f"zone {zone.key} says capacity {zone.capacity} and has {len(in_rows)} seats")
        if not 1 <= zone.capacity <= ZONE_CAPACITY_MAX:
            problems.append(f"zone {zone.key} needs a capacity from 1 to {ZONE_CAPACITY_MAX}")
        if any(index >= len(seat_map.seats) or seat_map.seats[index].zone != zone.key for index in in_rows):
            problems.append(f"zone {zone.key} has a row with seats of another zone")
    in_rows = [
        index for zone in seat_map.zones for row in zone.rows for index in range(row.first, row.first + row.count)
    ]
    if sorted(in_rows) != list(range(len(seat_map.seats))):
        problems.append("a seat is in no row, or in two")
    return problems
