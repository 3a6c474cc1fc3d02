"""A waiting room in memory, over an injected clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from domain.events import EventId
from domain.waiting_room import Admission, DoorPolicy, QueuePlace

PAUSE_KEPT = timedelta(seconds=1)


@dataclass
class _Room:
    at: datetime
    issued: int = 0
    released: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    admitted: dict[str, datetime] = field(default_factory=dict)

    def move_door(self, now: datetime, policy: DoorPolicy) -> None:
        if policy.admitted_per_second == 0:
            self.at = now
            return
        pace = timedelta(seconds=1) / policy.admitted_per_second
        due = min((now - self.at) // pace, self.issued - self.released)
        self.released += due
        self.at += due * pace


class FakeWaitingRoom:
    """Implements WaitingRoom."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._rooms: dict[EventId, _Room] = {}

    def join(self, *, event_id: EventId, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission:
        with self._lock:
            room, now = self._room(event_id, visitor)
            if room.issued == room.released:
                room.at = max(room.at, now - PAUSE_KEPT)
            if visitor not in room.numbers:
                room.issued += 1
                room.numbers[visitor] = room.issued
            return _place(room, now, visitor, policy)

    def position(self, *, event_id: EventId, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission | None:
        with self._lock:
            room, now = self._room(event_id, visitor)
            return _place(room, now, visitor, policy) if visitor in room.numbers else None

    def leave(self, *, event_id: EventId, visitor: str) -> bool:
        with self._lock:
            room, _ = self._room(event_id, visitor)
            room.admitted.pop(visitor, None)
            return room.numbers.pop(visitor, None) is not None

    def _room(self, event_id: EventId, visitor: str) -> tuple[_Room, datetime]:
        """The room, with this visitor's expired admission taken away."""
        now = self._clock()
        room = self._rooms.setdefault(event_id, _Room(at=now - PAUSE_KEPT))
        until = room.admitted.get(visitor)
        if until is not None and until <= now:
            del room.admitted[visitor], room.numbers[visitor]
        return room, now


def _place(room: _Room, now: datetime, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission:
    room.move_door(now, policy)
    ahead = room.numbers[visitor] - room.released - 1
    if ahead >= 0:
        return QueuePlace(ahead=ahead, wait_seconds=policy.wait_seconds(ahead))
    until = room.admitted.setdefault(visitor, now + timedelta(seconds=policy.admission_seconds))
    return Admission(until=until)
