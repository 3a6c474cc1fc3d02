"""Seat maps: numbering, neighbours, preference, and everything that makes a plan unusable."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.seat_maps import Point, Row, SeatMap, ZoneKind
from tests.fakes.sales import big_reserved_sale, mixed_sale, reserved_sale


def test_seats_are_found_by_index_and_by_id() -> None:
    """The index is the place in the numbering; ids are unique in the map; labels are for tickets."""
    seat_map = reserved_sale().seat_map

    assert [seat.index for seat in seat_map.seats] == list(range(46))
    assert all(seat_map.by_id[seat.id] is seat for seat in seat_map.seats)
    assert seat_map.seats[13].label == "Row 2, seat 4"


def test_capacity_counts_seats_and_places() -> None:
    """General admission and seats together."""
    assert mixed_sale().seat_map.capacity == 12 + 10 + 6


def test_zones_are_found_by_key() -> None:
    """A key that is not in the map is an error of the caller."""
    seat_map = mixed_sale().seat_map
    assert seat_map.zone("floor").kind is ZoneKind.GENERAL_ADMISSION
    with pytest.raises(KeyError):
        seat_map.zone("moon")


def test_rows_nearer_to_the_stage_come_first() -> None:
    """Preference is the distance of a row's middle from the focal point."""
    seat_map = reserved_sale().seat_map
    assert [row.first for row in seat_map.preference("stalls")] == [0, 10, 20]

    behind = replace(seat_map, focal=Point(50, 1_000))
    assert [row.first for row in behind.preference("stalls")] == [20, 10, 0]


@given(x=st.integers(-500, 500), y=st.integers(-500, 500))
def test_preference_keeps_every_row_once(x: int, y: int) -> None:
    """Wherever people look, no row is lost, and equally good rows keep their order."""
    seat_map = replace(big_reserved_sale(rows=6, per_row=5).seat_map, focal=Point(x, y))
    rows = seat_map.preference("house")
    assert sorted(rows, key=lambda row: row.first) == list(seat_map.zone("house").rows)


def _without_zones(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, zones=())


def _with_twin_keys(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, zones=(seat_map.zones[0], replace(seat_map.zones[1], key=seat_map.zones[0].key)))


def _with_gap_in_numbering(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, seats=seat_map.seats[1:])


def _with_twin_ids(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, seats=(*seat_map.seats[:-1], replace(seat_map.seats[-1], id=seat_map.seats[0].id)))


def _with_rows_on_the_floor(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, zones=(replace(seat_map.zones[0], kind=ZoneKind.GENERAL_ADMISSION), *seat_map.zones[1:]))


def _with_wrong_capacity(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, zones=(replace(seat_map.zones[0], capacity=31), *seat_map.zones[1:]))


def _with_foreign_seats_in_a_row(seat_map: SeatMap) -> SeatMap:
    stalls = replace(seat_map.zones[0], rows=(Row(first=20, count=20), Row(first=0, count=10)))
    return replace(seat_map, zones=(stalls, seat_map.zones[1]))


def _with_a_row_beyond_the_map(seat_map: SeatMap) -> SeatMap:
    return replace(seat_map, zones=(seat_map.zones[0], replace(seat_map.zones[1], rows=(Row(first=40, count=16),))))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_without_zones, "1 to 500 zones"),
        (_with_twin_keys, "share a key"),
        (_with_gap_in_numbering, "not numbered"),
        (_with_twin_ids, "share an id"),
        (_with_rows_on_the_floor, "general admission and yet has rows"),
        (_with_wrong_capacity, "says capacity 31 and has 30"),
        (_with_foreign_seats_in_a_row, "seats of another zone"),
        (_with_a_row_beyond_the_map, "seats of another zone"),
    ],
)
def test_an_unusable_plan_says_what_is_wrong(spoil: Callable[[SeatMap], SeatMap], complaint: str) -> None:
    """A plan cannot exist in a state in which a seat could be sold twice or not at all."""
    with pytest.raises(ValueError, match=complaint):
        spoil(reserved_sale().seat_map)


def test_all_that_is_wrong_is_said_at_once() -> None:
    """An editor shows every problem, not the first."""
    seat_map = reserved_sale().seat_map
    zones = (replace(seat_map.zones[0], capacity=31), replace(seat_map.zones[1], key="stalls"))
    with pytest.raises(ValueError, match=r"share a key.*says capacity 31"):
        replace(seat_map, zones=zones)
