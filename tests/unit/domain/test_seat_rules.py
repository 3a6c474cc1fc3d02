"""Which choices of seats leave somebody's seat alone without need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.seat_rules import stranded

rows = st.text("fhsb", min_size=1, max_size=14)


@pytest.mark.parametrize(
    ("row", "chosen", "alone"),
    [
        ("ffffff", (0, 1), ()),
        ("ffffff", (1, 2), (0,)),
        ("ffffff", (1, 4), (0, 5)),
        ("fff", (1,), (0, 2)),
        ("fff", (0, 2), ()),
        ("fff", (0, 1), ()),
        ("f", (0,), ()),
        ("fsffff", (3, 4, 5), ()),
        ("fsffff", (3, 4), (2, 5)),
        ("afff", (1,), ()),
    ],
)
def test_seats_left_alone_are_named(row: str, chosen: tuple[int, ...], alone: tuple[int, ...]) -> None:
    """Ends of rows, sold seats and seats kept for others all end a run; what was alone before is not blamed."""
    assert stranded(row, chosen) == alone


@given(rows, st.data())
def test_every_run_can_be_bought_from_its_end(row: str, data: st.DataObject) -> None:
    """Whatever the row: as many neighbours as one likes, from either end of a free run, strand nobody."""
    runs = [
        (start, end) for start in range(len(row)) for end in range(start + 1, len(row) + 1) if _is_run(row, start, end)
    ]
    for start, end in runs:
        count = data.draw(st.integers(1, end - start))
        assert stranded(row, range(start, start + count)) == ()
        assert stranded(row, range(end - count, end)) == ()


@given(rows, st.data())
def test_only_free_seats_that_nobody_chose_are_named(row: str, data: st.DataObject) -> None:
    """A refusal never names a seat that was asked for or taken."""
    free = [place for place, letter in enumerate(row) if letter == "f"]
    chosen = data.draw(st.sets(st.sampled_from(free))) if free else set()

    assert set(stranded(row, chosen)) <= set(free) - chosen


def _is_run(row: str, start: int, end: int) -> bool:
    before, after = row[start - 1 : start] if start else "", row[end : end + 1]
    return set(row[start:end]) == {"f"} and before != "f" and after != "f"
