"""The waiting room on Valkey: one script moves the door and answers; nothing runs in between."""

from adapters.redis_locks import keys
from adapters.redis_locks.records import from_ms
from adapters.redis_locks.scripts import WAITING_ROOM, Client
from domain.events import EventId
from domain.waiting_room import Admission, DoorPolicy, QueuePlace

_JOIN, _LOOK, _LEAVE = "join", "look", "leave"
_SHUT = DoorPolicy(admitted_per_second=0)


class ValkeyWaitingRoom:
    """Implements ``domain.ports.waiting_room.WaitingRoom``. ``shift_ms`` moves time in tests."""

    def __init__(self, client: Client, *, shift_ms: int = 0) -> None:
        self._client = client
        self._shift_ms = shift_ms

    def join(self, *, event_id: EventId, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission:
        place = _place(self._ask(event_id, visitor, _JOIN, policy), policy)
        assert place is not None, "who joins has a place"
        return place

    def position(self, *, event_id: EventId, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission | None:
        return _place(self._ask(event_id, visitor, _LOOK, policy), policy)

    def leave(self, *, event_id: EventId, visitor: str) -> bool:
        return self._ask(event_id, visitor, _LEAVE, _SHUT)[0] == b"LEFT"

    def _ask(self, event_id: EventId, visitor: str, action: str, policy: DoorPolicy) -> list[object]:
        return WAITING_ROOM.run(
            self._client,
            keys.waiting_room(event_id),
            self._shift_ms,
            visitor,
            action,
            policy.admitted_per_second,
            policy.admission_seconds * 1_000,
        )


def _place(reply: list[object], policy: DoorPolicy) -> QueuePlace | Admission | None:
    match reply:
        case [b"WAITING", int(ahead)]:
            return QueuePlace(ahead=ahead, wait_seconds=policy.wait_seconds(ahead))
        case [b"ADMITTED", int(until_ms)]:
            return Admission(until=from_ms(until_ms))
        case _:
            return None
