"""The change feed: what happened to a sale's free stock, in order, for everybody who is looking at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.events import EventId
from domain.seat_maps import SeatIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a sale's stock, told in absolute values: applying it twice does no harm.

    ``free`` has only the pools that changed, ``seats`` only the seats that changed, as (index, state
    character). ``version`` follows the one before by one; a gap, or another ``epoch``, means that a new
    snapshot must be taken. A change of version 0 says just that: the stock was loaded anew.
    """

    epoch: int
    version: int
    free: Mapping[str, int]
    seats: tuple[tuple[SeatIndex, str], ...]

    @property
    def reloaded(self) -> bool:
        """Everything may differ: look at a snapshot, not at what was known before."""
        return self.version == 0


Listener = Callable[[Change], None]
"""Told every change from one reader thread: it must return at once. One that raises is told nothing more."""


class Subscription(Protocol):
    """A listener's place in the feed."""

    def close(self) -> None:
        """Stop being told. Idempotent; a change already on its way may still arrive."""
        ...


class AvailabilityFeed(Protocol):
    """Ordered changes of every sale. Best effort: it may fall silent, it never tells a lie or an older story."""

    def watch(self, *, event_id: EventId, listener: Listener) -> Subscription:
        """Tell ``listener`` every change made after this call, in order, each at least once.

        Take a snapshot *after* this call and drop changes up to its version: nothing is missed. When the
        server goes away later, changes arrive once it is back. Raises InventoryUnavailable when it is away now.
        """
        ...

    def changes_since(self, *, event_id: EventId, epoch: int, version: int) -> tuple[Change, ...] | None:
        """All changes after that one, oldest first, or None when they are no longer known: take a snapshot.

        Raises InventoryUnavailable when the server cannot answer.
        """
        ...
