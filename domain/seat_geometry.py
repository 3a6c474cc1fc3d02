"""Shapes that houses are drawn with: spots, arcs and ovals made of arcs. Pure, in map units, y growing downwards.

Directions are *bearings* in degrees round a centre: 0 points down the map, 90 to its right, so for people who face the
centre a rising bearing runs from left to right, wherever they sit.
"""

from dataclasses import dataclass, replace
from math import asin, ceil, cos, degrees, radians, sin

from domain.seat_maps import Point

ARC_STEP_DEGREES = 3.0
"""Outlines follow a curve by chords no longer than this…"""
ARC_CHORDS_MIN = 4
"""…and no fewer than these."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the drawing, before it is rounded to a :class:`~domain.seat_maps.Point`."""

    x: float
    y: float

    def turned(self, bearing: float, *, about: "Spot") -> "Spot":
        """Where this spot comes to lie when the drawing is turned about another."""
        sine, cosine = sin(radians(bearing)), cos(radians(bearing))
        dx, dy = self.x - about.x, self.y - about.y
        return Spot(about.x + dx * cosine + dy * sine, about.y - dx * sine + dy * cosine)

    @property
    def point(self) -> Point:
        """The nearest whole map units."""
        return Point(round(self.x), round(self.y))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """Part of a circle between two bearings, from ``start`` up to ``end``."""

    centre: Spot
    radius: float
    start: float
    end: float

    def __post_init__(self) -> None:
        if self.radius <= 0 or not 0 < self.end - self.start <= 360:
            raise ValueError("an arc needs a radius above 0 and an end at most 360 degrees after its start")

    def at(self, bearing: float) -> Spot:
        """The spot of the circle in this direction."""
        angle = radians(bearing)
        return Spot(self.centre.x + self.radius * sin(angle), self.centre.y + self.radius * cos(angle))

    def outward(self, distance: float) -> "Arc":
        """The parallel arc further out (or, with a negative distance, further in)."""
        return replace(self, radius=self.radius + distance)

    def sectors(self, count: int) -> tuple["Arc", ...]:
        """So many equal parts, by rising bearing."""
        width = (self.end - self.start) / count
        return tuple(
            replace(self, start=self.start + part * width, end=self.start + (part + 1) * width) for part in range(count)
        )

    def inset(self, length: float) -> "Arc":
        """Shorter by ``length`` at both ends, so that neighbours on all radii keep the same distance."""
        angle = degrees(asin(min(1.0, length / self.radius)))
        return replace(self, start=self.start + angle, end=self.end - angle)

    def angle(self, length: float) -> float:
        """The degrees that a chord of this length spans."""
        return degrees(2 * asin(min(1.0, length / (2 * self.radius))))

    def spots(self) -> tuple[Spot, ...]:
        """The arc as the corners of chords, both ends included."""
        chords = max(ARC_CHORDS_MIN, ceil((self.end - self.start) / ARC_STEP_DEGREES))
        width = (self.end - self.start) / chords
        return tuple(self.at(self.start + corner * width) for corner in range(chords + 1))


@dataclass(frozen=True, slots=True)
class Oval:
    """The arcs of an oval without a corner or a straight line, each a circle's, so that rows round it are parallel.

    Eight arcs, by rising bearing from the foot of the map: foot, right foot corner, right, right head corner, head,
    left head corner, left, left foot corner. At every joint the neighbours share their tangent.
    """

    foot: Arc
    right_foot: Arc
    right: Arc
    right_head: Arc
    head: Arc
    left_head: Arc
    left: Arc
    left_foot: Arc

    @property
    def arcs(self) -> tuple[Arc, ...]:
        """All eight, by rising bearing from the foot."""
        return (
            self.foot,
            self.right_foot,
            self.right,
            self.right_head,
            self.head,
            self.left_head,
            self.left,
            self.left_foot,
        )

    def outward(self, distance: float) -> "Oval":
        """The parallel oval further out (or, with a negative distance, further in)."""
        return Oval(*(arc.outward(distance) for arc in self.arcs))

    def spots(self) -> tuple[Spot, ...]:
        """The whole oval as the corners of chords."""
        return tuple(spot for arc in self.arcs for spot in arc.spots()[:-1])


def oval(
    *, centre: Spot, width: float, height: float, side_radius: float, side_half_angle: float, end_half_angle: float
) -> Oval:
    """The oval of this size whose long sides (right and left) are arcs of ``side_radius`` reaching
    ``side_half_angle`` degrees up and down, and whose ends reach ``end_half_angle`` to both sides.

    Raises ValueError when no such oval exists. The radii of ends and corners follow from two equations: a corner's
    centre lies on the last radius of the side and on the last radius of the end.
    """
    side, end = radians(side_half_angle), radians(end_half_angle)
    across = side_radius - width / 2 - side_radius * cos(side)
    along = height / 2 - side_radius * sin(side)
    a, b, c, d = sin(end) - cos(side), -sin(end), cos(end) - sin(side), 1 - cos(end)
    determinant = a * d - b * c
    if not determinant:
        raise ValueError("no oval has these angles")
    corner_radius = (across * d - b * along) / determinant
    end_radius = (a * along - c * across) / determinant
    if corner_radius <= 0 or end_radius <= 0:
        raise ValueError("no oval has this size and these angles")
    reach_x = width / 2 - side_radius + (side_radius - corner_radius) * cos(side)
    reach_y = (side_radius - corner_radius) * sin(side)

    def corner(right: int, down: int, start: float, stop: float) -> Arc:
        spot = Spot(centre.x + right * reach_x, centre.y + down * reach_y)
        return Arc(centre=spot, radius=corner_radius, start=start, end=stop)

    def at_side(right: int, middle: float) -> Arc:
        spot = Spot(centre.x + right * (width / 2 - side_radius), centre.y)
        return Arc(centre=spot, radius=side_radius, start=middle - side_half_angle, end=middle + side_half_angle)

    def at_end(down: int, middle: float) -> Arc:
        spot = Spot(centre.x, centre.y + down * (height / 2 - end_radius))
        return Arc(centre=spot, radius=end_radius, start=middle - end_half_angle, end=middle + end_half_angle)

    reach = 90 - side_half_angle
    return Oval(
        foot=at_end(1, 0),
        right_foot=corner(1, 1, end_half_angle, reach),
        right=at_side(1, 90),
        right_head=corner(1, -1, 180 - reach, 180 - end_half_angle),
        head=at_end(-1, 180),
        left_head=corner(-1, -1, 180 + end_half_angle, 180 + reach),
        left=at_side(-1, 270),
        left_foot=corner(-1, 1, 360 - reach, 360 - end_half_angle),
    )


def rectangle(*, left: float, top: float, width: float, height: float) -> tuple[Spot, ...]:
    """Four corners, clockwise from the top left."""
    right, bottom = left + width, top + height
    return Spot(left, top), Spot(right, top), Spot(right, bottom), Spot(left, bottom)
