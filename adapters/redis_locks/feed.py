"""The change feed on Valkey: one reader a process, however many are looking, and fan-out in memory.

A change's id in the stream is ``<epoch>-<version>``: ids rise through rebuilds too, and a viewer's last change is
itself the place to resume from.
"""

import logging
import re
import time
from collections.abc import Iterator
from threading import Lock, Thread
from typing import Any

from redis import RedisCluster, RedisError

from adapters.redis_locks.keys import feed_key
from domain.errors import InventoryUnavailable
from domain.events import EventId
from domain.ports.feed import Change, Listener

BLOCK_MS = 100
"""How long a newly watched sale may wait until the reader listens to it; nothing is missed meanwhile."""
CLUSTER_POLL_SECONDS = 0.05
"""On a Cluster sales live on several nodes, so they are asked in turn instead of waited for."""
RECONNECT_SECONDS = 0.5
CHANGES_PER_READ_MAX = 500
REPLAYED_MAX = 5_000
"""Longer absences are cured by a snapshot, which is smaller by then."""
_SEATS = b"seats"
_LOADED = b"loaded"
_RUN = re.compile(rb"(\d+)([a-z])(\d+)")
_log = logging.getLogger(__name__)


class ValkeyFeed:
    """Implements ``domain.ports.feed.AvailabilityFeed``. Works with threads and, monkey-patched, with greenlets.

    ``client`` is Redis, RedisCluster or fakeredis with ``decode_responses`` off.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()
        self._listeners: dict[EventId, list[_Place]] = {}
        self._positions: dict[EventId, bytes] = {}
        self._reader: Thread | None = None

    def watch(self, *, event_id: EventId, listener: Listener) -> "_Place":
        place = _Place(self, event_id, listener)
        newest = self._newest(event_id)
        with self._lock:
            self._listeners.setdefault(event_id, []).append(place)
            self._positions.setdefault(event_id, newest)
            if self._reader is None:
                self._reader = Thread(target=self._read_for_ever, name="availability-feed", daemon=True)
                self._reader.start()
        return place

    def changes_since(self, *, event_id: EventId, epoch: int, version: int) -> tuple[Change, ...] | None:
        try:
            entries = self._client.xrange(feed_key(event_id), min=f"{epoch}-{version}", max="+", count=REPLAYED_MAX + 2)
        except RedisError as error:
            raise InventoryUnavailable("Valkey did not answer what has changed") from error
        changes = [_change(entry) for entry in entries]
        if not changes or len(changes) > REPLAYED_MAX or changes[-1].epoch != epoch:
            return None
        if changes[0].version == version:
            return tuple(changes[1:])
        return tuple(changes) if changes[0].version == version + 1 else None

    def _newest(self, event_id: EventId) -> bytes:
        try:
            entries = self._client.xrevrange(feed_key(event_id), count=1)
        except RedisError as error:
            raise InventoryUnavailable("Valkey did not answer where the feed is") from error
        return entries[0][0] if entries else b"0-0"

    def _forget(self, place: "_Place") -> None:
        with self._lock:
            places = self._listeners.get(place.event_id, [])
            if place in places:
                places.remove(place)
            if not places:
                self._listeners.pop(place.event_id, None)
                self._positions.pop(place.event_id, None)

    def _read_for_ever(self) -> None:
        """The reader: ends when nobody is watching any more, and for no other reason."""
        is_lost = False
        while positions := self._watched():
            try:
                if is_lost:
                    self._doubt(positions)
                    is_lost = False
                    continue
                for event_id, entries in self._read(positions):
                    self._tell(event_id, entries)
            except Exception:  # noqa: BLE001 -- whatever it was, every viewer of this process depends on this thread
                _log.warning("the change feed lost Valkey: trying again", exc_info=True)
                time.sleep(RECONNECT_SECONDS)
                is_lost = True

    def _watched(self) -> dict[EventId, bytes]:
        """Which sales are watched and how far each was read. None: the reader has ended, the next watch starts one."""
        with self._lock:
            if not self._positions:
                self._reader = None
            return dict(self._positions)

    def _read(self, positions: dict[EventId, bytes]) -> Iterator[tuple[EventId, list[Any]]]:
        streams = {feed_key(event_id).encode(): event_id for event_id in positions}
        wanted = {feed_key(event_id): position for event_id, position in positions.items()}
        answers: list[Any]
        if isinstance(self._client, RedisCluster):
            time.sleep(CLUSTER_POLL_SECONDS)
            answers = [self._client.xread({key: wanted[key]}, count=CHANGES_PER_READ_MAX) for key in wanted]
        else:
            answers = [self._client.xread(wanted, count=CHANGES_PER_READ_MAX, block=BLOCK_MS)]
        for answer in answers:
            for stream, entries in answer or ():
                yield streams[stream], entries

    def _doubt(self, positions: dict[EventId, bytes]) -> None:
        """A server that lost its last writes tells the same ids again, of another story: go back to where it is."""
        for event_id, position in positions.items():
            newest = self._newest(event_id)
            epoch, version = _moment(newest)
            if (epoch, version) < _moment(position):
                self._tell(event_id, [(b"%d-0" % epoch, {})], position=newest)

    def _tell(self, event_id: EventId, entries: list[Any], *, position: bytes | None = None) -> None:
        with self._lock:
            places = tuple(self._listeners.get(event_id, ()))
            if event_id in self._positions:
                self._positions[event_id] = position or entries[-1][0]
        for entry in entries:
            change = _change(entry)
            for place in places:
                place.tell(change)


class _Place:
    """One listener's place in the feed."""

    def __init__(self, feed: ValkeyFeed, event_id: EventId, listener: Listener) -> None:
        self.event_id = event_id
        self._feed = feed
        self._listener: Listener | None = listener

    def close(self) -> None:
        self._listener = None
        self._feed._forget(self)  # noqa: SLF001 -- the two are one thing, seen from two sides

    def tell(self, change: Change) -> None:
        listener = self._listener
        if listener is None:
            return
        try:
            listener(change)
        except Exception:  # noqa: BLE001 -- one viewer's defect must not silence all others
            _log.exception("a listener of the change feed failed and is told nothing more")
            self.close()


def _moment(identity: bytes) -> tuple[int, int]:
    """Epoch and version."""
    epoch, version = identity.split(b"-")
    return int(epoch), int(version)


def _change(entry: tuple[bytes, dict[bytes, bytes]]) -> Change:
    identity, fields = entry
    epoch, version = _moment(identity)
    seats = tuple(
        (index, run[2].decode())
        for run in _RUN.finditer(fields.get(_SEATS, b""))
        for index in range(int(run[1]), int(run[1]) + int(run[3]))
    )
    free = {pool.decode(): max(0, int(units)) for pool, units in fields.items() if pool not in {_SEATS, _LOADED}}
    return Change(epoch=epoch, version=version, free=free, seats=seats)
