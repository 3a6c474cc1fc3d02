"""Fan-out in memory: one hub an event, one reader of the feed for all, a short queue for each browser.

Changes are gathered for a tenth of a second and told together: a flash sale makes thousands of changes a second, and
nobody sees more than a few. A browser that does not keep up is let go; it comes back by itself and is told the rest.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from queue import Empty, Full, Queue
from threading import Event as Signal
from threading import Lock, Thread
from time import monotonic
from typing import Protocol

import structlog

from application.queries.availability import Availability
from domain.errors import NotFound, Unavailable
from domain.events import EventId
from domain.ports.feed import AvailabilityFeed, Change, Subscription
from domain.seat_maps import SeatIndex
from domain.tiers import TierId
from entrypoints import availability_wire
from entrypoints.stream.frames import HEARTBEAT, OPENING, frame
from entrypoints.stream.picture import Picture

TICK_SECONDS = 0.1
HEARTBEAT_SECONDS = 15.0
RESYNC_SECONDS = 30.0
"""The feed may fall silent without a word; so the picture is compared with the inventory now and then."""

LINGER_SECONDS = 30.0
"""How long a hub that nobody listens to is kept, for those who come back."""

FRAMES_QUEUED_MAX = 50
"""Five seconds of changes. A browser further behind than that is let go."""

FRAMES_REMEMBERED_MAX = 300
FRAMES_RESUMED_MAX = 40
"""Somebody who missed more than that gets the whole picture, which is shorter."""

CHANGES_GATHERED_MAX = 50_000
NEVER = float("-inf")

log = structlog.get_logger("stream")


class Source(Protocol):
    """Where availability comes from."""

    def availability(self, event: str, /) -> Availability: ...

    def feed(self) -> AvailabilityFeed: ...


class Listener:
    """One browser's place at a hub."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._queue: Queue[bytes] = Queue(FRAMES_QUEUED_MAX)
        self.lost = False

    def tell(self, words: bytes) -> None:
        """Queue a frame; or, when too many wait already, let this browser go."""
        try:
            self._queue.put_nowait(words)
        except Full:
            self.lost = True

    @property
    def waiting(self) -> int:
        """Frames that are queued for this browser."""
        return self._queue.qsize()

    def frames(self) -> Iterator[bytes]:
        """Everything this browser is told, with heartbeats in between, until it is let go or leaves."""
        try:
            yield OPENING
            while not self.lost:
                try:
                    yield self._queue.get(timeout=HEARTBEAT_SECONDS)
                except Empty:
                    yield HEARTBEAT
        finally:
            self.leave()

    def leave(self) -> None:
        """Stop listening. Idempotent."""
        self._hub.leave(self)


class Hub:
    """One sale: its picture, what was told of late, and who listens."""

    def __init__(self, event_id: EventId, source: Source) -> None:
        self.event_id = event_id
        self._source = source
        self._lock = Lock()
        self._gathered: deque[Change] = deque(maxlen=CHANGES_GATHERED_MAX)
        self._told: deque[tuple[int, bytes]] = deque(maxlen=FRAMES_REMEMBERED_MAX)
        self._listeners: set[Listener] = set()
        self._snapshot: tuple[int, int, bytes] | None = None
        self._empty_since = monotonic()
        self._synced_at = NEVER
        self._picture: Picture
        self._told_version = 0
        self._told_zones: Mapping[str, int] = {}
        self._told_tiers: Mapping[TierId, int] = {}
        self._told_seats: list[str] = []
        # Watch first and look afterwards: what happens in between is heard twice and not missed.
        self._subscription: Subscription = source.feed().watch(event_id=event_id, listener=self._gathered.append)
        try:
            self._show(self._look())
        except BaseException:
            self._subscription.close()
            raise

    def join(self, since: tuple[int, int] | None) -> Listener:
        """A browser comes, or comes back having seen ``since``: it is told the rest, or everything."""
        listener = Listener(self)
        with self._lock:
            for words in self._rest(since):
                listener.tell(words)
            self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Somebody stops listening. Idempotent."""
        with self._lock:
            self._listeners.discard(listener)
            if not self._listeners:
                self._empty_since = monotonic()

    def is_idle(self) -> bool:
        """Whether nobody has listened for a while."""
        return not self._listeners and monotonic() - self._empty_since > LINGER_SECONDS

    def close(self) -> None:
        """Stop watching, and let everybody go."""
        self._subscription.close()
        with self._lock:
            for listener in self._listeners:
                listener.lost = True

    def tick(self) -> None:
        """Tell what has happened since the last tick. Raises Unavailable when the inventory cannot be asked."""
        with self._lock:
            touched = self._take_in()
            if touched is None:
                self._synced_at = NEVER
            if touched is None or monotonic() - self._synced_at > RESYNC_SECONDS:
                self._resync()
            elif self._picture.version != self._told_version:
                self._tell_differences(touched)

    def _take_in(self) -> set[SeatIndex] | None:
        """Apply what was gathered. Answers the seats it touched, or None when something is missing in between."""
        touched: set[SeatIndex] = set()
        while self._gathered:
            change = self._gathered.popleft()
            if self._picture.knows(change):
                continue
            if not self._picture.follows(change):
                return None
            self._picture.apply(change)
            touched.update(index for index, _ in change.seats)
        return touched

    def _resync(self) -> None:
        """Look again. A newer moment of the same epoch is told as differences, anything else as a rebuilding."""
        before, now = self._told_seats, self._look()
        if now.epoch == self._picture.epoch and now.version >= self._told_version and len(before) == len(now.seats):
            self._picture = now
            self._tell_differences({index for index, state in enumerate(now.seats) if state != before[index]})
            return
        self._show(now)
        body = {"epoch": now.epoch, "version": now.version}
        for listener in self._listeners:
            listener.tell(frame("rebuilt", body, epoch=now.epoch, version=now.version))

    def _look(self) -> Picture:
        """The inventory's word, now."""
        picture = Picture(self._source.availability(str(self.event_id)))
        self._synced_at = monotonic()
        return picture

    def _show(self, picture: Picture) -> None:
        """Start over with this picture: what was told before belongs to another story."""
        self._picture = picture
        self._told.clear()
        self._remember_what_was_told()

    def _remember_what_was_told(self) -> None:
        self._told_version = self._picture.version
        self._told_zones = self._picture.zones()
        self._told_tiers = self._picture.tiers()
        self._told_seats = list(self._picture.seats)

    def _tell_differences(self, touched: set[SeatIndex]) -> None:
        picture = self._picture
        if picture.version == self._told_version and not touched:
            return
        zones, tiers = picture.zones(), picture.tiers()
        body = availability_wire.change(
            epoch=picture.epoch,
            version=picture.version,
            zones={key: free for key, free in zones.items() if self._told_zones.get(key) != free},
            tiers={tier: free for tier, free in tiers.items() if self._told_tiers.get(tier) != free},
            seats={index: picture.seats[index] for index in sorted(touched)},
        )
        words = frame("change", body, epoch=picture.epoch, version=picture.version)
        self._told.append((picture.version, words))
        self._remember_what_was_told()
        for listener in self._listeners:
            listener.tell(words)

    def _rest(self, since: tuple[int, int] | None) -> list[bytes]:
        """What somebody who has seen ``since`` has not seen: a few changes, or the whole picture.

        The differences between the picture and what was told follow with the next tick, to everybody.
        """
        if since is not None and since[0] == self._picture.epoch:
            missed = [words for version, words in self._told if version > since[1]]
            if since[1] >= self._told_version or (len(missed) <= FRAMES_RESUMED_MAX and len(missed) < len(self._told)):
                return missed
        return [self._whole()]

    def _whole(self) -> bytes:
        """The picture as it was told to everybody, encoded once however many come."""
        picture = self._picture
        moment = (picture.epoch, picture.version)
        if self._snapshot is None or self._snapshot[:2] != moment:
            words = frame("snapshot", picture.snapshot(), epoch=picture.epoch, version=picture.version)
            self._snapshot = (*moment, words)
        return self._snapshot[2]


class Hubs:
    """All hubs of a process, and the one thread that ticks them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hubs: dict[EventId, Hub] = {}
        self._words: dict[str, EventId] = {}
        self._lock = Lock()
        self._opening = Lock()
        self._stopped = Signal()
        self._ticker = Thread(target=self._tick_all, name="stream-ticker", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._ticker.start()

    def stop(self) -> None:
        """Let everybody go and stop."""
        self._stopped.set()
        with self._lock:
            for hub in self._hubs.values():
                hub.close()
            self._hubs.clear()
            self._words.clear()

    def join(self, event: str, since: tuple[int, int] | None) -> Listener:
        """Listen to an event, by id or slug. Raises NotFound and InventoryUnavailable."""
        return self._join_known(event, since) or self._join_new(event, since)

    def _join_known(self, event: str, since: tuple[int, int] | None) -> Listener | None:
        with self._lock:
            hub = self._hubs.get(self._words[event]) if event in self._words else None
            return hub.join(since) if hub else None

    def _join_new(self, event: str, since: tuple[int, int] | None) -> Listener:
        """Asking takes time, so only those wait for it whose event nobody listens to yet."""
        with self._opening:
            if listener := self._join_known(event, since):
                return listener
            event_id = self._source.availability(event).sale.event_id
            with self._lock:
                known = self._hubs.get(event_id)
            hub = known or Hub(event_id, self._source)
            with self._lock:
                self._hubs[event_id] = hub
                self._words[event] = event_id
                return hub.join(since)

    def tick(self) -> None:
        """Tick every hub once, and close those that nobody listens to."""
        with self._lock:
            idle = [event_id for event_id, hub in self._hubs.items() if hub.is_idle()]
            for event_id in idle:
                self._hubs.pop(event_id).close()
            self._words = {word: event_id for word, event_id in self._words.items() if event_id in self._hubs}
            hubs = tuple(self._hubs.values())
        for hub in hubs:
            try:
                hub.tick()
            except (Unavailable, NotFound) as trouble:
                log.warning("availability_unknown", event_id=str(hub.event_id), error=str(trouble))

    def _tick_all(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            try:
                self.tick()
            except Exception:
                # One broken hub must not silence all others for good; the next tick tries again.
                log.exception("tick_failed")
