"""Drawing seat maps: pure builders for straight blocks, curved rows, bowls and standing areas.

A plan is drawn zone by zone with real numbers and becomes a :class:`~domain.seat_maps.SeatMap` once, in
:func:`assemble`, where seats get their numbering, their ids and whole map units.

Lengths are map units: ten make the distance between two neighbouring seats.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import asin, degrees

from domain.seat_geometry import Arc, Spot, rectangle
from domain.seat_maps import Area, Row, Seat, SeatFeature, SeatMap, SeatMapId, Zone, ZoneKind
from domain.venues import VenueId

SEAT_PITCH = 10.0
"""Between the middles of two neighbouring seats."""
ROW_PITCH = 12.0
"""Between two rows: a little more than between seats, so that rows read as rows."""
AISLE_WIDTH = 14.0
"""Clear space between the seats on both sides of an aisle."""
PADDING = 7.0
"""From the middle of an outermost seat to its zone's outline."""
SEATS_PER_ROW_MAX = 1_000

ROW_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""As houses letter their rows: without I and O, which read as digits."""


@dataclass(frozen=True, slots=True)
class DrawnSeat:
    spot: Spot
    features: frozenset[SeatFeature] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRow:
    """A printed row: runs of neighbouring seats from left to right, with an aisle between two runs."""

    label: str
    runs: tuple[tuple[DrawnSeat, ...], ...]

    @property
    def count(self) -> int:
        return sum(len(run) for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnZone:
    """A zone on the drawing: rows of seats, or none and room for ``standing`` people."""

    key: str
    name: str
    outline: tuple[Spot, ...]
    rows: tuple[DrawnRow, ...] = ()
    standing: int = 0

    @property
    def seats(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """Every seat as its row's label and its number in the row, from 1."""
        return tuple((row.label, number) for row in self.rows for number in range(1, row.count + 1))

    def marked(self, feature: SeatFeature, seats: Iterable[tuple[str, int]]) -> "DrawnZone":
        """The same zone with ``feature`` on these seats, given as in :attr:`places`. Raises ValueError."""
        wanted = set(seats)
        if unknown := sorted(wanted - set(self.places)):
            raise ValueError(f"zone {self.key} has no seat {unknown[0][0]}-{unknown[0][1]}")
        rows = tuple(
            _row_marked(row, feature, {number for label, number in wanted if label == row.label}) for row in self.rows
        )
        return replace(self, rows=rows)


def row_letters(count: int, *, after: int = 0) -> tuple[str, ...]:
    """``count`` row labels, A to Z without I and O and then AA, BB and so on, ``after`` rows that came before."""
    letters = len(ROW_LETTERS)
    return tuple(ROW_LETTERS[row % letters] * (1 + row // letters) for row in range(after, after + count))


def straight_block(
    *,
    key: str,
    name: str,
    front: Spot,
    labels: Sequence[str],
    runs: tuple[int, ...],
    row_pitch: float = ROW_PITCH,
    aisle_width: float = AISLE_WIDTH,
    staggered: bool = False,
    facing: float = 0.0,
) -> DrawnZone:
    """Parallel rows of ``runs`` seats with aisles between; ``front`` is the middle of the first row.

    Staggered: every second row is moved by half a seat, so that people look between the heads before them.
    ``facing`` turns the block about ``front``: 0 looks up the map, 90 to its left, -90 to its right.
    """
    _refuse_rows(key, labels, sum(runs), shortest=min(runs, default=0))
    width = (sum(runs) - len(runs)) * SEAT_PITCH + (len(runs) - 1) * (SEAT_PITCH + aisle_width)
    shift = SEAT_PITCH / 4 if staggered else 0.0
    rows = []
    for place, label in enumerate(labels):
        x = front.x - width / 2 + (shift if place % 2 else -shift)
        drawn: list[tuple[DrawnSeat, ...]] = []
        for count in runs:
            spots = (Spot(x + seat * SEAT_PITCH, front.y + place * row_pitch) for seat in range(count))
            drawn.append(tuple(DrawnSeat(spot.turned(facing, about=front)) for spot in spots))
            x += count * SEAT_PITCH + aisle_width
        rows.append(DrawnRow(label=label, runs=tuple(drawn)))
    half, depth = width / 2 + shift + PADDING, (len(labels) - 1) * row_pitch + PADDING
    corners = rectangle(left=front.x - half, top=front.y - PADDING, width=2 * half, height=depth + PADDING)
    outline = tuple(corner.turned(facing, about=front) for corner in corners)
    return DrawnZone(key=key, name=name, outline=outline, rows=tuple(rows))


def curved_block(
    *,
    key: str,
    name: str,
    arc: Arc,
    labels: Sequence[str],
    aisles: tuple[float, ...] = (),
    row_pitch: float = ROW_PITCH,
    aisle_width: float = AISLE_WIDTH,
    gap: float = 0.0,
) -> DrawnZone:
    """Rows on parallel arcs, the first on ``arc``: each holds as many seats as its length allows, centred.

    ``aisles`` are bearings, by rising order, of aisles that cut through all rows. ``gap`` keeps the zone clear
    of both ends of the arc by that length, so that two sections on neighbouring sectors have twice as much between.
    """
    edges = (arc.start, *aisles, arc.end)
    if sorted(set(edges)) != list(edges):
        raise ValueError(f"zone {key} needs aisles by rising bearing within its arc")
    rows = []
    for place, label in enumerate(labels):
        row_arc = arc.outward(place * row_pitch)
        runs = []
        for left, right in pairwise(edges):
            clear_left = gap + PADDING if left == arc.start else (aisle_width + SEAT_PITCH) / 2
            clear_right = gap + PADDING if right == arc.end else (aisle_width + SEAT_PITCH) / 2
            runs.append(_run(row_arc, left=left, right=right, clear_left=clear_left, clear_right=clear_right))
        rows.append(DrawnRow(label=label, runs=tuple(run for run in runs if run)))
    _refuse_rows(key, labels, max((row.count for row in rows), default=0), shortest=min(row.count for row in rows))
    inner, outer = arc.outward(-PADDING), arc.outward((len(labels) - 1) * row_pitch + PADDING)
    outline = (*inner.inset(gap).spots(), *reversed(outer.inset(gap).spots()))
    return DrawnZone(key=key, name=name, outline=outline, rows=tuple(rows))


def standing_area(*, key: str, name: str, capacity: int, outline: tuple[Spot, ...]) -> DrawnZone:
    """A general-admission zone: an outline and how many fit."""
    return DrawnZone(key=key, name=name, outline=outline, standing=capacity)


def fitted(zones: Sequence[DrawnZone], *, seats: int) -> tuple[DrawnZone, ...]:
    """The same zones with exactly so many ``seats`` in all.

    What is too much goes seat by seat from the ends of last rows, zone after zone, where a house loses its
    places to cameras and stairs. Raises ValueError when there are fewer to begin with.
    """
    surplus = sum(zone.seats for zone in zones) - seats
    if surplus < 0 or seats < 0:
        raise ValueError(f"these zones have {sum(zone.seats for zone in zones)} seats, not {seats}")
    fitting, turn = list(zones), 0
    while surplus:
        position = turn % len(fitting)
        if fitting[position].rows:
            from_left = bool(turn // len(fitting) % 2)
            fitting[position] = _without_one(fitting[position], from_left=from_left)
            surplus -= 1
        turn += 1
    return tuple(fitting)


def area(label: str, kind: str, outline: Iterable[Spot]) -> Area:
    """Something drawn that is not sold."""
    return Area(label=label, kind=kind, outline=tuple(spot.point for spot in outline))


def assemble(
    zones: Sequence[DrawnZone],
    *,
    seat_map_id: SeatMapId,
    venue_id: VenueId,
    name: str,
    version: int,
    code: str,
    width: int,
    height: int,
    focal: Spot,
    areas: tuple[Area, ...] = (),
) -> SeatMap:
    """Number the seats of these zones in reading order, name them and make the map. Raises ValueError.

    A seat's number runs from 1 through the whole printed row, aisles or not; its id is
    ``{code}-{zone}-{row}-{number}`` in lower case.
    """
    made: list[Zone] = []
    seats: list[Seat] = []
    for zone in zones:
        rows: list[Row] = []
        for row in zone.rows:
            number = 0
            prefix = f"{code}-{zone.key}-{row.label}-".lower()
            for run in row.runs:
                rows.append(Row(first=len(seats), count=len(run)))
                for seat in run:
                    number += 1
                    seats.append(
                        Seat(
                            index=len(seats),
                            id=f"{prefix}{number}",
                            zone=zone.key,
                            row=row.label,
                            number=str(number),
                            x=round(seat.spot.x),
                            y=round(seat.spot.y),
                            features=seat.features,
                        )
                    )
        made.append(
            Zone(
                key=zone.key,
                name=zone.name,
                kind=ZoneKind.RESERVED if rows else ZoneKind.GENERAL_ADMISSION,
                capacity=zone.seats or zone.standing,
                outline=tuple(spot.point for spot in zone.outline),
                rows=tuple(rows),
            )
        )
    return SeatMap(
        id=seat_map_id,
        venue_id=venue_id,
        name=name,
        version=version,
        code=code,
        width=width,
        height=height,
        focal=focal.point,
        zones=tuple(made),
        seats=tuple(seats),
        areas=areas,
    )


def _refuse_rows(key: str, labels: Sequence[str], longest: int, *, shortest: int) -> None:
    if not labels or len(set(labels)) != len(labels):
        raise ValueError(f"zone {key} needs rows, each with a label of its own")
    if shortest < 1 or longest > SEATS_PER_ROW_MAX:
        raise ValueError(f"zone {key} needs 1 to {SEATS_PER_ROW_MAX} seats in every row")


def _run(arc: Arc, *, left: float, right: float, clear_left: float, clear_right: float) -> tuple[DrawnSeat, ...]:
    """The seats of one row between two bearings, a chord of one seat pitch apart, in the middle of what is clear."""
    first = left + degrees(asin(min(1.0, clear_left / arc.radius)))
    last = right - degrees(asin(min(1.0, clear_right / arc.radius)))
    if last < first:
        return ()
    step = arc.angle(SEAT_PITCH)
    steps = int((last - first) / step)
    start = (first + last - steps * step) / 2
    return tuple(DrawnSeat(arc.at(start + seat * step)) for seat in range(steps + 1))


def _row_marked(row: DrawnRow, feature: SeatFeature, numbers: set[int]) -> DrawnRow:
    if not numbers:
        return row
    runs, number = [], 0
    for run in row.runs:
        seats = []
        for seat in run:
            number += 1
            seats.append(replace(seat, features=seat.features | {feature}) if number in numbers else seat)
        runs.append(tuple(seats))
    return replace(row, runs=tuple(runs))


def _without_one(zone: DrawnZone, *, from_left: bool) -> DrawnZone:
    *rows, last = zone.rows
    runs = list(last.runs)
    end = 0 if from_left else -1
    runs[end] = runs[end][1:] if from_left else runs[end][:-1]
    runs = [run for run in runs if run]
    kept = (*rows, replace(last, runs=tuple(runs))) if runs else tuple(rows)
    return replace(zone, rows=kept)
