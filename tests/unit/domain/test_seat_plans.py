"""Builders of seat maps: whatever is asked of them, seats keep apart, stay in their zone and are numbered in order."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.seat_geometry import Arc, Spot, oval, rectangle
from domain.seat_maps import SeatFeature, SeatMap, SeatMapId, ZoneKind
from domain.seat_plans import (
    SEATS_PER_ROW_MAX,
    DrawnZone,
    area,
    assemble,
    curved_block,
    fitted,
    row_letters,
    standing_area,
    straight_block,
)
from domain.venues import VenueId
from tests.unit.domain.seating import closest_pair, strays

CLOSEST = 8.0
"""Map units between the middles of two seats, after rounding to whole units."""

runs = st.lists(st.integers(min_value=1, max_value=20), min_size=1, max_size=4).map(tuple)
bearings = st.integers(min_value=-180, max_value=180)


def assembled(*zones: DrawnZone) -> SeatMap:
    """A map of these zones, wide enough for all of them."""
    return assemble(
        zones,
        seat_map_id=SeatMapId(UUID(int=1)),
        venue_id=VenueId(UUID(int=2)),
        name="Drawn",
        version=1,
        code="Try",
        width=4_000,
        height=4_000,
        focal=Spot(2_000, 0),
        areas=(area("Stage", "stage", rectangle(left=0, top=0, width=10, height=10)),),
    )


def curved(*, radius: float = 300, start: float = -30, end: float = 30, rows: int = 5, **more: object) -> DrawnZone:
    """Rows round a spot in the middle of the map."""
    arc = Arc(centre=Spot(2_000, 2_000), radius=radius, start=start, end=end)
    return curved_block(key="c", name="C", arc=arc, labels=row_letters(rows), **more)  # type: ignore[arg-type]  # any


@given(runs=runs, rows=st.integers(min_value=1, max_value=12), staggered=st.booleans(), facing=bearings)
def test_a_straight_block_has_the_seats_it_was_asked_for(
    runs: tuple[int, ...], rows: int, staggered: bool, facing: float
) -> None:
    """Every row has every run, an aisle ends a run, and turning the block changes none of it."""
    block = straight_block(
        key="s",
        name="S",
        front=Spot(2_000, 2_000),
        labels=row_letters(rows),
        runs=runs,
        staggered=staggered,
        facing=facing,
    )
    made = assembled(block)
    assert [row.count for row in made.zone("s").rows] == list(runs) * rows
    assert closest_pair(made) >= CLOSEST
    assert strays(made) == []


@given(
    radius=st.floats(min_value=100, max_value=1_500),
    start=st.floats(min_value=-180, max_value=170),
    width=st.floats(min_value=25, max_value=120),
    rows=st.integers(min_value=1, max_value=15),
    gap=st.floats(min_value=0, max_value=8),
)
def test_curved_rows_keep_apart_and_stay_in_their_outline(
    radius: float, start: float, width: float, rows: int, gap: float
) -> None:
    """At any radius and in any direction, for any depth."""
    made = assembled(curved(radius=radius, start=start, end=start + width, rows=rows, gap=gap))
    assert closest_pair(made) >= CLOSEST
    assert strays(made) == []


@given(aisle=st.floats(min_value=-15, max_value=15), rows=st.integers(min_value=1, max_value=10))
def test_an_aisle_cuts_every_curved_row_in_two(aisle: float, rows: int) -> None:
    """Neighbours in a run are neighbours in the house: nobody sits together across an aisle."""
    zone = curved(aisles=(aisle,), rows=rows)
    assert [len(row.runs) for row in zone.rows] == [2] * rows
    for row in zone.rows:
        left, right = row.runs[0][-1].spot, row.runs[1][0].spot
        assert (left.x - right.x) ** 2 + (left.y - right.y) ** 2 >= 20**2


@given(runs=runs, rows=st.integers(min_value=1, max_value=8))
def test_seats_are_numbered_in_reading_order(runs: tuple[int, ...], rows: int) -> None:
    """Index, printed number and run agree, through aisles, row by row and zone by zone."""
    zones = (
        straight_block(key="one", name="1", front=Spot(500, 500), labels=row_letters(rows), runs=runs),
        straight_block(key="two", name="2", front=Spot(500, 1_500), labels=row_letters(rows), runs=runs),
    )
    made = assembled(*zones)
    in_rows = [index for zone in made.zones for row in zone.rows for index in range(row.first, row.first + row.count)]
    assert in_rows == list(range(len(made.seats)))
    width = sum(runs)
    assert [seat.number for seat in made.seats[:width]] == [str(number) for number in range(1, width + 1)]
    assert made.seats[0].id == "try-one-a-1"


def test_a_rising_bearing_runs_from_left_to_right_for_those_who_face_the_centre() -> None:
    """Seat 1 is at the left hand of its row below the centre, and at the right hand of the map above it."""
    below, above = curved(), curved(start=150, end=210)
    assert below.rows[0].runs[0][0].spot.x < below.rows[0].runs[0][-1].spot.x
    assert above.rows[0].runs[0][0].spot.x > above.rows[0].runs[0][-1].spot.x


def test_a_block_that_faces_left_stands_at_the_right() -> None:
    """Its rows go away from the front to the right of the map, and its seat 1 is at the bottom."""
    block = straight_block(key="s", name="S", front=Spot(100, 100), labels=("A", "B"), runs=(3,), facing=90)
    assert block.rows[1].runs[0][0].spot.x > block.rows[0].runs[0][0].spot.x
    assert block.rows[0].runs[0][0].spot.y > block.rows[0].runs[0][-1].spot.y


@given(seats=st.integers(min_value=1, max_value=60))
def test_fitting_leaves_exactly_as_many_seats_as_asked(seats: int) -> None:
    """Seats are taken from last rows only, and what is left is still numbered without a hole."""
    zones = (
        straight_block(key="one", name="1", front=Spot(500, 500), labels=("A", "B", "C"), runs=(5, 5)),
        straight_block(key="two", name="2", front=Spot(500, 900), labels=("A", "B", "C"), runs=(10,)),
    )
    fitting = fitted(zones, seats=seats)
    assert sum(zone.seats for zone in fitting) == seats
    for before, after in zip(zones, fitting, strict=True):
        assert before.rows[: max(len(after.rows) - 1, 0)] == after.rows[:-1]


def test_seats_cannot_be_fitted_in_from_nowhere() -> None:
    """Asking for more than there are is a mistake in the drawing."""
    with pytest.raises(ValueError, match="have 4 seats, not 5"):
        fitted((straight_block(key="s", name="S", front=Spot(0, 0), labels=("A",), runs=(4,)),), seats=5)


@given(
    width=st.integers(min_value=720, max_value=800),
    side_radius=st.integers(min_value=1_150, max_value=1_250),
    end=st.integers(min_value=10, max_value=20),
)
def test_the_arcs_of_an_oval_join_without_a_corner(width: int, side_radius: int, end: int) -> None:
    """Each arc ends where the next begins, in the same direction, so rows round the oval are parallel."""
    shape = oval(
        centre=Spot(0, 0),
        width=width,
        height=1_080,
        side_radius=side_radius,
        side_half_angle=17,
        end_half_angle=end,
    )
    arcs = shape.outward(50).arcs
    for one, following in zip(arcs, (*arcs[1:], arcs[0]), strict=True):
        joint, same = one.at(one.end), following.at(following.start)
        assert (joint.x, joint.y) == pytest.approx((same.x, same.y), abs=1e-6)
        assert (one.end - following.start) % 360 == pytest.approx(0, abs=1e-9)
    assert shape.right.at(90).x == pytest.approx(width / 2)
    assert shape.foot.at(0).y == pytest.approx(540)


def test_an_impossible_oval_is_refused() -> None:
    """A side that is longer than the house leaves no room for corners."""
    with pytest.raises(ValueError, match="no oval"):
        oval(centre=Spot(0, 0), width=600, height=400, side_radius=1_200, side_half_angle=40, end_half_angle=15)


@given(count=st.integers(min_value=1, max_value=100), after=st.integers(min_value=0, max_value=50))
def test_row_letters_never_repeat_and_never_look_like_digits(count: int, after: int) -> None:
    """A to Z without I and O, then AA, BB and so on; continued ``after`` rows they follow on."""
    letters = row_letters(count, after=after)
    assert len(set(letters)) == count
    assert not set("IO") & set("".join(letters))
    assert row_letters(after + count)[after:] == letters


def test_features_are_marked_on_the_named_seats_only() -> None:
    """Numbers count through aisles, as printed."""
    block = straight_block(key="s", name="S", front=Spot(500, 500), labels=("A", "B"), runs=(2, 2))
    made = assembled(block.marked(SeatFeature.ACCESSIBLE, [("B", 3)]).marked(SeatFeature.RESTRICTED_VIEW, [("B", 3)]))
    assert made.by_id["try-s-b-3"].features == {SeatFeature.ACCESSIBLE, SeatFeature.RESTRICTED_VIEW}
    assert sum(bool(seat.features) for seat in made.seats) == 1


def test_marking_a_seat_that_is_not_there_is_refused() -> None:
    """A feature must not vanish because the drawing changed."""
    block = straight_block(key="s", name="S", front=Spot(500, 500), labels=("A",), runs=(2,))
    with pytest.raises(ValueError, match="no seat A-3"):
        block.marked(SeatFeature.COMPANION, [("A", 3)])


def test_a_standing_area_becomes_general_admission() -> None:
    """A capacity, an outline and no seats."""
    made = assembled(
        standing_area(key="pit", name="Pit", capacity=80, outline=rectangle(left=0, top=0, width=99, height=99))
    )
    assert (made.zone("pit").kind, made.zone("pit").capacity, made.seats) == (ZoneKind.GENERAL_ADMISSION, 80, ())


@pytest.mark.parametrize(
    ("labels", "seats"), [((), 4), (("A", "A"), 4), (("A",), 0), (("A",), SEATS_PER_ROW_MAX + 1)], ids=str
)
def test_rows_that_cannot_be_are_refused(labels: tuple[str, ...], seats: int) -> None:
    """No rows, two rows of one name, an empty row and an endless row."""
    with pytest.raises(ValueError, match="zone s needs"):
        straight_block(key="s", name="S", front=Spot(0, 0), labels=labels, runs=(seats,))


@pytest.mark.parametrize(("start", "end", "radius"), [(10, 10, 5), (20, 10, 5), (0, 400, 5), (0, 10, 0)])
def test_an_arc_that_cannot_be_is_refused(start: float, end: float, radius: float) -> None:
    """Nothing, backwards, more than round, and a point."""
    with pytest.raises(ValueError, match="an arc needs"):
        Arc(centre=Spot(0, 0), radius=radius, start=start, end=end)


@pytest.mark.parametrize("aisles", [(40.0,), (-40.0,), (5.0, -5.0), (5.0, 5.0)], ids=str)
def test_aisles_lie_in_their_arc_from_left_to_right(aisles: tuple[float, ...]) -> None:
    """An aisle outside the block, or two in the wrong order, is a mistake in the drawing."""
    with pytest.raises(ValueError, match="aisles by rising bearing"):
        curved(aisles=aisles)


def test_a_curved_row_without_room_for_a_seat_is_refused() -> None:
    """A sliver of an arc is not a section."""
    with pytest.raises(ValueError, match="zone c needs 1 to"):
        curved(radius=100, start=0, end=2)


def test_an_oval_is_made_of_eight_arcs() -> None:
    """From the foot by rising bearing, once round."""
    shape = oval(centre=Spot(0, 0), width=760, height=1_080, side_radius=1_200, side_half_angle=17, end_half_angle=15)
    assert sum(arc.end - arc.start for arc in shape.arcs) == pytest.approx(360)
    assert len(shape.spots()) >= 8 * 4
