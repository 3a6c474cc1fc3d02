"""Seats in words and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.seat_maps import SeatMap
from entrypoints.admin.forms import Mistyped
from entrypoints.admin.seat_words import in_words, read, rows_of
from tests.fakes.sales import reserved_sale

MAP = reserved_sale().seat_map
"""Stalls: rows 1 to 3 of seats 1 to 10 (indexes 0-29)."""
ROWS = rows_of(MAP, "stalls")


def numbered(*numbers: str) -> SeatMap:
    """The same map, the first row of its stalls numbered otherwise."""
    seats = tuple(replace(seat, number=numbers[seat.index]) if seat.index < 10 else seat for seat in MAP.seats)
    return replace(MAP, seats=seats)


@pytest.mark.parametrize(
    ("typed", "seats"),
    [
        ("", []),
        ("1 4-6", [3, 4, 5]),
        ("1 6-4", [3, 4, 5]),
        ("1 4 \u2013 6, 9", [3, 4, 5, 8]),
        ("row 2, seats 1 to 3", [10, 11, 12]),
        ("2: 1; 3: 10", [10, 29]),
        ("1 1\r\n2 2\r\n", [0, 11]),
        ("3", list(range(20, 30))),
        ("1 1, 1, 1-2", [0, 1]),
    ],
)
def test_what_people_type_is_understood(typed: str, seats: list[int]) -> None:
    """A row a line; numbers, ranges in either direction, the words row and seats, a whole row."""
    assert sorted(read(typed, ROWS)) == seats


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Z 1-4", "no row “Z” here. Write a row a line, such as 1 1-10"),
        ("1-4", "no row “1-4”"),
        ("1 11", "Row 1 has no seat “11”"),
        ("1 4-11", "Row 1 has no seat “11”"),
        ("1 4-", "Row 1 has no seat “4-”"),
        ("1 four", "Row 1 has no seat “four”"),
    ],
)
def test_what_nobody_can_understand_is_named(typed: str, said: str) -> None:
    """The row or the number that is not there."""
    with pytest.raises(Mistyped, match=r"[Rr]ow") as wrong:
        read(typed, ROWS)

    assert said in str(wrong.value)
    assert wrong.value.field == "seats"


@given(some.sets(some.integers(0, 29)))
def test_words_can_be_typed_again(seats: set[int]) -> None:
    """What the list of blocks says, without the zone's name, means the same seats in the form."""
    lines = [line.removeprefix("Stalls, ") for line in in_words(seats, MAP)]

    assert read("\n".join(lines), ROWS) == seats


def test_numbers_count_as_they_are_printed() -> None:
    """Odd on one side and even on the other: 4 to 7 are four seats, whatever stands between them in the row."""
    house = numbered("9", "7", "5", "3", "1", "2", "4", "6", "8", "10")

    assert sorted(read("1 4-7", rows_of(house, "stalls"))) == [1, 2, 6, 7]
    assert in_words([1, 2, 6, 7], house) == ("Stalls, row 1: 4\u20137",)


def test_letters_behind_numbers_stay_in_order() -> None:
    """12A follows 12, and 9 comes before 10."""
    house = numbered("9", "10", "11", "12", "12A", "12B", "13", "14", "15", "16")

    assert sorted(read("1 12-13", rows_of(house, "stalls"))) == [3, 4, 5, 6]


def test_rows_of_several_zones_are_told_zone_by_zone() -> None:
    """In the order of the map."""
    assert in_words([31, 30, 2, 0], MAP) == ("Stalls, row 1: 1, 3", "Balcony, row 1: 1\u20132")
