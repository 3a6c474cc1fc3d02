"""What every waiting room promises."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.redis_locks.waiting_room import ValkeyWaitingRoom
from domain.events import EventId
from domain.ports.waiting_room import WaitingRoom
from domain.waiting_room import Admission, DoorPolicy, QueuePlace
from tests.contract.clocked import KINDS, Clocked, Opening, clocked
from tests.fakes.waiting_room import FakeWaitingRoom

SHUT = DoorPolicy(admitted_per_second=0)
TWO_A_SECOND = DoorPolicy(admitted_per_second=2, admission_seconds=300)
EVENT = EventId(uuid4())
SLACK = timedelta(seconds=5)


@pytest.fixture(params=KINDS)
def room(request: pytest.FixtureRequest) -> Iterator[Clocked[WaitingRoom]]:
    opening: Opening[WaitingRoom] = clocked(request.param, request, FakeWaitingRoom, ValkeyWaitingRoom)
    with opening as made:
        yield made


def queue_up(room: Clocked[WaitingRoom], count: int) -> None:
    """So many visitors, named by their number, in front of a shut door."""
    for number in range(count):
        room.port.join(event_id=EVENT, visitor=str(number), policy=SHUT)


def inside(room: Clocked[WaitingRoom], count: int) -> list[bool]:
    """Who of the first ``count`` visitors is in."""
    seen = [room.port.position(event_id=EVENT, visitor=str(n), policy=TWO_A_SECOND) for n in range(count)]
    return [isinstance(place, Admission) for place in seen]


def test_first_come_first_served_at_the_doors_pace(room: Clocked[WaitingRoom]) -> None:
    """Two a second, in the order in which they came."""
    queue_up(room, 10)
    assert inside(room, 10) == [False] * 10

    room.advance(seconds=1.1)
    assert inside(room, 10) == [True] * 2 + [False] * 8
    room.advance(seconds=2)
    assert inside(room, 10) == [True] * 6 + [False] * 4


def test_a_place_says_how_many_are_ahead_and_about_how_long(room: Clocked[WaitingRoom]) -> None:
    """Joining again keeps one's place; behind a shut door nobody knows how long."""
    queue_up(room, 5)

    assert room.port.join(event_id=EVENT, visitor="4", policy=SHUT) == QueuePlace(ahead=4, wait_seconds=None)
    assert room.port.position(event_id=EVENT, visitor="4", policy=TWO_A_SECOND) == QueuePlace(ahead=4, wait_seconds=3)
    assert room.port.position(event_id=EVENT, visitor="stranger", policy=SHUT) is None


def test_an_empty_room_lets_newcomers_in_at_once_up_to_a_seconds_worth(room: Clocked[WaitingRoom]) -> None:
    """A quiet hour does not save up for a stampede."""
    room.port.join(event_id=EVENT, visitor="first", policy=TWO_A_SECOND)
    room.advance(hours=1)

    answers = [room.port.join(event_id=EVENT, visitor=str(n), policy=TWO_A_SECOND) for n in range(4)]

    assert [isinstance(answer, Admission) for answer in answers] == [True, True, False, False]


def test_an_admission_expires(room: Clocked[WaitingRoom]) -> None:
    """It lasts as long as the policy says, is not prolonged by asking, and then one queues again."""
    admission = room.port.join(event_id=EVENT, visitor="ada", policy=TWO_A_SECOND)
    assert isinstance(admission, Admission)
    assert abs(admission.until - room.now() - timedelta(seconds=300)) < SLACK

    room.advance(seconds=200)
    assert room.port.join(event_id=EVENT, visitor="ada", policy=TWO_A_SECOND) == admission
    room.advance(seconds=101)

    assert room.port.position(event_id=EVENT, visitor="ada", policy=TWO_A_SECOND) is None
    assert room.port.join(event_id=EVENT, visitor="ada", policy=SHUT) == QueuePlace(ahead=0, wait_seconds=None)


def test_who_leaves_is_gone(room: Clocked[WaitingRoom]) -> None:
    """Leaving twice is no news; coming back means the end of the queue."""
    queue_up(room, 3)

    assert room.port.leave(event_id=EVENT, visitor="0") is True
    assert room.port.leave(event_id=EVENT, visitor="0") is False
    assert room.port.position(event_id=EVENT, visitor="0", policy=SHUT) is None
    assert room.port.join(event_id=EVENT, visitor="0", policy=SHUT) == QueuePlace(ahead=3, wait_seconds=None)


def test_a_door_that_was_shut_does_not_open_with_a_rush(room: Clocked[WaitingRoom]) -> None:
    """Time that passed while the door was shut lets nobody in."""
    queue_up(room, 10)
    room.advance(minutes=10)
    room.port.position(event_id=EVENT, visitor="0", policy=SHUT)

    assert inside(room, 10) == [False] * 10
