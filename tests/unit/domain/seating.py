"""Looking at a drawn seat map as a surveyor would: how near seats are, and whether they lie in their zones."""

from collections import defaultdict
from math import hypot

from domain.seat_maps import Point, Seat, SeatMap

CELL = 20
"""Side of a square of the grid in which neighbours are sought; the distance found is exact below it."""


def closest_pair(seat_map: SeatMap) -> float:
    """The distance between the two seats that are nearest to each other, at most ``CELL``."""
    cells: dict[tuple[int, int], list[Seat]] = defaultdict(list)
    nearest = float(CELL)
    for seat in seat_map.seats:
        column, line = seat.x // CELL, seat.y // CELL
        for other in (
            other for dx in (-1, 0, 1) for dy in (-1, 0, 1) for other in cells.get((column + dx, line + dy), ())
        ):
            nearest = min(nearest, hypot(seat.x - other.x, seat.y - other.y))
        cells[column, line].append(seat)
    return nearest


def strays(seat_map: SeatMap) -> list[str]:
    """Seats that lie outside their zone's outline, by id."""
    outlines = {zone.key: zone.outline for zone in seat_map.zones}
    return [seat.id for seat in seat_map.seats if not inside(seat.x, seat.y, outlines[seat.zone])]


def inside(x: float, y: float, outline: tuple[Point, ...]) -> bool:
    """Whether a spot is inside a polygon: a ray to the right crosses its edges an odd number of times."""
    crossings = 0
    for one, other in zip(outline, (*outline[1:], outline[0]), strict=True):
        if (one.y > y) != (other.y > y):
            crossings += x < one.x + (y - one.y) / (other.y - one.y) * (other.x - one.x)
    return bool(crossings % 2)
