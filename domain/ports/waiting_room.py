"""The waiting room as the use cases see it."""

from typing import Protocol

from domain.events import EventId
from domain.waiting_room import Admission, DoorPolicy, QueuePlace


class WaitingRoom(Protocol):
    """Fails closed: raises InventoryUnavailable when the server cannot answer.

    ``visitor`` is an opaque key of whoever waits. The door moves by the server's clock, without any traffic;
    the policy given with each call counts, so its pace may be tuned at any time.
    """

    def join(self, *, event_id: EventId, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission:
        """Stand at the end of the queue, or learn one's place when already in it (idempotent).

        Whose admission has expired starts again at the end.
        """
        ...

    def position(self, *, event_id: EventId, visitor: str, policy: DoorPolicy) -> QueuePlace | Admission | None:
        """Where the visitor stands now; an admission begins when its owner first hears of it.

        None for somebody who never joined, left, or whose admission has expired.
        """
        ...

    def leave(self, *, event_id: EventId, visitor: str) -> bool:
        """Give up one's place or admission. False when there was none. Idempotent; nobody behind is moved back."""
        ...
