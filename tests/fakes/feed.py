"""The change feed in memory: tells what happens to a :class:`FakeInventory` the moment it happens."""

import logging

from domain.events import EventId
from domain.ports.feed import Change, Listener
from tests.fakes.inventory import FakeInventory

_log = logging.getLogger(__name__)


class FakeFeed:
    """Implements AvailabilityFeed."""

    def __init__(self, inventory: FakeInventory) -> None:
        self._inventory = inventory

    def watch(self, *, event_id: EventId, listener: Listener) -> "FakeSubscription":
        return FakeSubscription(self._inventory.listeners.setdefault(event_id, []), listener)

    def changes_since(self, *, event_id: EventId, epoch: int, version: int) -> tuple[Change, ...] | None:
        changes = self._inventory.changes(event_id)
        if not changes or changes[-1].epoch != epoch or changes[-1].version < version:
            return None
        return tuple(change for change in changes if change.version > version)


class FakeSubscription:
    """A listener's place; one that raises is told nothing more."""

    def __init__(self, listeners: list[Listener], listener: Listener) -> None:
        self._listeners = listeners
        self._listener = listener
        listeners.append(self._tell)

    def close(self) -> None:
        if self._tell in self._listeners:
            self._listeners.remove(self._tell)

    def _tell(self, change: Change) -> None:
        try:
            self._listener(change)
        except Exception:  # noqa: BLE001 -- what the real feed does with a listener that fails
            _log.exception("a listener failed and is told nothing more")
            self.close()
