"""The door of a waiting room: how long somebody waits, and which policies make no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.waiting_room import ADMITTED_PER_SECOND_MAX, DoorPolicy


@given(pace=st.integers(1, ADMITTED_PER_SECOND_MAX), ahead=st.integers(0, 1_000_000))
def test_the_wait_is_rounded_up_and_never_flatters(pace: int, ahead: int) -> None:
    """Within so many seconds the door lets in everybody ahead and this one too, and a second less would not do."""
    wait = DoorPolicy(admitted_per_second=pace).wait_seconds(ahead)
    assert wait is not None
    assert wait * pace >= ahead + 1 > (wait - 1) * pace


def test_nobody_knows_how_long_a_shut_door_stays_shut() -> None:
    """No number is better than a wrong one."""
    assert DoorPolicy(admitted_per_second=0).wait_seconds(3) is None


@pytest.mark.parametrize(
    ("pace", "stay"), [(-1, 600), (ADMITTED_PER_SECOND_MAX + 1, 600), (10, 0)], ids=["negative", "flood", "no stay"]
)
def test_senseless_policies_are_refused(pace: int, stay: int) -> None:
    """A policy is validated once, when it is made."""
    with pytest.raises(ValueError, match=r"door|admission"):
        DoorPolicy(admitted_per_second=pace, admission_seconds=stay)
