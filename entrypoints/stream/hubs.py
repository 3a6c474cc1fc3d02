"""Fan-out in memory: one hub an event, one reader of the feed for all, and no queue for anybody.

Changes are gathered for a moment and told together, encoded once: a flash sale makes thousands of changes a second,
and nobody sees more than a few. Everything is told in absolute values, so a browser that comes, one that comes back and
one that fell behind are the same case: they are told, in one piece, what differs from the moment they have seen.
Nothing waits in memory for the slow ones but the one piece that is on its way to them.
"""

from collections import deque
from collections.abc import Iterable
from itertools import takewhile
from threading import Event as Signal
from threading import Lock, Thread
from time import monotonic
from typing import Protocol

import structlog

from application.queries.availability import Availability, Counts
from domain.errors import NotFound, Unavailable
from domain.events import EventId
from domain.ports.feed import AvailabilityFeed, Change, Subscription
from domain.seat_maps import SeatIndex
from entrypoints import availability_wire
from entrypoints.stream.frames import Frame, Moment, frame
from entrypoints.stream.picture import Picture

TICK_SECONDS = 0.1
"""At least so long from one telling to the next. What happens in a quiet moment is told at once."""

QUIET_SECONDS_MAX = 0.5
"""How often hubs that hear nothing are looked after: heartbeats, comparing, closing."""

HEARTBEAT_SECONDS = 15.0
RESYNC_SECONDS = 30.0
"""The feed may fall silent without a word; so the picture is compared with the inventory now and then."""

LINGER_SECONDS = 30.0
"""How long a hub that nobody listens to is kept, for those who come back."""

STEPS_REMEMBERED_MAX = 4_000
"""Tellings that can be resumed from: minutes of them. A new hub reads as many changes back from the feed."""

SEATS_REMEMBERED_MAX = 20_000
"""Changes of seats in all those steps, less than 1 MB. Who missed more is better served by the whole picture."""

BYTES_PER_SEAT_TOLD = 12
"""About what ``[12345,"h"],`` takes, where a whole picture takes one byte a seat."""

ANSWERS_KEPT_MAX = 64
"""Between two tellings. Anybody may ask for any moment, and an answer may be a whole picture."""

CHANGES_GATHERED_MAX = 50_000
NEVER = float("-inf")

log = structlog.get_logger("stream")


class Source(Protocol):
    """Where availability comes from."""

    def availability(self, event: str, /) -> Availability: ...

    def feed(self) -> AvailabilityFeed: ...


class Line(Protocol):
    """The way to one browser."""

    def send(self, told: Frame) -> bool:
        """Send without waiting. False when not all of it went: the line sees to the rest, and whoever opened it is
        to ask ``Viewer.catch_up`` afterwards. Nothing may be sent until then."""
        ...

    def drop(self) -> None:
        """Cut the browser off; it comes back by itself. Idempotent."""
        ...


class Viewer:
    """One browser's place at a hub: the moment it has seen, and the way to tell it more."""

    def __init__(self, hub: "Hub", since: Moment | None) -> None:
        self._hub = hub
        self._seen = since
        self._line: Line | None = None
        self._is_behind = True

    def open(self, line: Line) -> None:
        """From now on the browser can be told: first of all what it has not seen."""
        self._line = line
        self.catch_up()

    def tell(self, told: Frame) -> None:
        """Pass it on; or, while the browser is still busy with something earlier, leave it for ``catch_up``."""
        if not self._is_behind:
            self._is_behind = not self._send(told)

    def catch_up(self) -> None:
        """The line is free: tell everything that was left out meanwhile, in one piece."""
        while missed := self._hub.missed(self._seen):
            if not self._send(missed):
                return
        self._is_behind = False

    def drop(self) -> None:
        """Cut the browser off."""
        if self._line is not None:
            self._line.drop()

    def leave(self) -> None:
        """Stop listening. Idempotent."""
        self._hub.leave(self)

    def _send(self, told: Frame) -> bool:
        assert self._line is not None, "nobody is told anything before the line is open"
        self._seen = told.moment
        return self._line.send(told)


class Hub:
    """One sale: its picture, what was told of late, and who listens."""

    def __init__(self, event_id: EventId, source: Source, stirred: Signal) -> None:
        self.event_id = event_id
        self._source = source
        self._stirred = stirred
        self._lock = Lock()
        self._gathered: deque[Change] = deque(maxlen=CHANGES_GATHERED_MAX)
        self._viewers: set[Viewer] = set()
        self._empty_since = self._spoke_at = monotonic()
        self._synced_at = NEVER
        self._picture: Picture
        self._untold: set[SeatIndex] = set()
        self._steps: deque[tuple[int, tuple[SeatIndex, ...]]] = deque()
        self._steps_from = self._steps_seats = 0
        self._told: Moment
        self._told_counts: Counts
        self._answers: dict[Moment | None, Frame] = {}
        # Watch first and look afterwards: what happens in between is heard twice and not missed.
        self._subscription: Subscription = self._watch()
        try:
            self._begin(self._look())
            self._reach_back()
        except BaseException:
            self._subscription.close()
            raise

    def join(self, since: Moment | None) -> Viewer:
        """A browser comes, or comes back having seen ``since``. It is told nothing before its line is open."""
        viewer = Viewer(self, since)
        with self._lock:
            self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Somebody stops listening. Idempotent."""
        with self._lock:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._empty_since = monotonic()

    def is_idle(self) -> bool:
        """Whether nobody has listened for a while."""
        return not self._viewers and monotonic() - self._empty_since > LINGER_SECONDS

    def close(self) -> None:
        """Stop watching, and let everybody go."""
        self._subscription.close()
        for viewer in tuple(self._viewers):
            viewer.drop()

    def missed(self, since: Moment | None) -> Frame | None:
        """What somebody who has seen ``since`` has not seen, in one piece; None when there is nothing.

        Made once for all who have seen the same. What has been gathered and not told yet follows with the next tick,
        to everybody.
        """
        with self._lock:
            if since is not None and since > self._told:
                # It was told by another process, or by the web's snapshot, that heard of it a little earlier.
                self._take_in()
                return None if since <= self._picture.moment else self._whole()
            if since == self._told:
                return None
            if since not in self._answers:
                if len(self._answers) >= ANSWERS_KEPT_MAX:
                    self._answers.clear()
                self._answers[since] = self._differences_since(since) or self._whole()
            return self._answers[since]

    def tick(self) -> None:
        """Tell what has happened since the last tick. Raises Unavailable when the inventory cannot be asked."""
        with self._lock:
            if not self._take_in() or monotonic() - self._synced_at > RESYNC_SECONDS:
                self._resync()
            if self._picture.moment != self._told or self._untold:
                self._tell_everybody(self._news())
            elif monotonic() - self._spoke_at > HEARTBEAT_SECONDS:
                # An event and not a comment: pages cannot see comments, and would not notice a stream that died.
                epoch, version = self._told
                self._tell_everybody(frame("still", {"epoch": epoch, "version": version}, self._told))

    def _watch(self) -> Subscription:
        return self._source.feed().watch(event_id=self.event_id, listener=self._hear)

    def _hear(self, change: Change) -> None:
        self._gathered.append(change)
        self._stirred.set()

    def _take_in(self) -> bool:
        """Apply what was gathered. False when something is missing in between: the inventory must be asked."""
        while self._gathered:
            change = self._gathered.popleft()
            if self._picture.knows(change):
                continue
            if not self._picture.follows(change):
                self._synced_at = NEVER
                return False
            self._picture.apply(change)
            self._untold.update(index for index, _ in change.seats)
        return self._synced_at != NEVER

    def _resync(self) -> None:
        """Look again. A newer moment of the same story is told as differences, anything else as a new picture."""
        before, now = self._picture, self._look()
        if now.continues(before):
            self._picture = now
            self._untold |= now.differing(before)
            return
        if now.moment < before.moment:
            # A server that lost its last writes tells the same versions again, with another content; a reader that
            # stands behind them would not hear it.
            self._subscription.close()
            self._subscription = self._watch()
            now = self._look()
        self._begin(now)
        self._tell_everybody(self._whole())

    def _look(self) -> Picture:
        """The inventory's word, now."""
        picture = Picture(self._source.availability(str(self.event_id)))
        self._synced_at = monotonic()
        return picture

    def _begin(self, picture: Picture) -> None:
        """Start over with this picture: what was told before belongs to another story."""
        self._picture = picture
        self._untold.clear()
        self._steps.clear()
        self._steps_from, self._steps_seats = picture.version, 0
        self._remember_what_is_told()

    def _reach_back(self) -> None:
        """Read the last changes from the feed, so that those who saw them elsewhere need not be told everything."""
        epoch, version = self._told
        since = max(0, version - STEPS_REMEMBERED_MAX)
        known = self._source.feed().changes_since(event_id=self.event_id, epoch=epoch, version=since)
        if known is None:
            return
        self._steps_from = since
        for change in known:
            if change.version <= version:
                self._remember_step(change.version, tuple(index for index, _ in change.seats))

    def _remember_step(self, version: int, touched: tuple[SeatIndex, ...]) -> None:
        self._steps.append((version, touched))
        self._steps_seats += len(touched)
        while len(self._steps) > STEPS_REMEMBERED_MAX or self._steps_seats > SEATS_REMEMBERED_MAX:
            self._steps_from, forgotten = self._steps.popleft()
            self._steps_seats -= len(forgotten)

    def _remember_what_is_told(self) -> None:
        self._told = self._picture.moment
        self._told_counts = self._picture.counts()
        self._answers.clear()

    def _news(self) -> Frame:
        """The differences between the picture and what was told; from now on they are told."""
        earlier = self._told_counts
        touched = tuple(self._untold)
        self._untold.clear()
        self._remember_step(self._picture.version, touched)
        self._remember_what_is_told()
        return self._change(touched, self._told_counts.since(earlier))

    def _tell_everybody(self, told: Frame) -> None:
        self._spoke_at = monotonic()
        for viewer in tuple(self._viewers):
            viewer.tell(told)

    def _differences_since(self, since: Moment | None) -> Frame | None:
        """One change for many, or None when it would be longer than the whole or is not remembered."""
        picture = self._picture
        if since is None or since[0] != picture.epoch or since[1] < self._steps_from:
            return None
        steps = takewhile(lambda step: step[0] > since[1], reversed(self._steps))
        touched = self._untold.union(*(seats for _, seats in steps))
        if len(touched) * BYTES_PER_SEAT_TOLD > len(picture.seats) + BYTES_PER_SEAT_TOLD:
            return None
        return self._change(touched, picture.counts())

    def _change(self, touched: Iterable[SeatIndex], counts: Counts) -> Frame:
        picture = self._picture
        body = availability_wire.change(
            epoch=picture.epoch,
            version=picture.version,
            counts=counts,
            seats={index: picture.seats[index] for index in sorted(touched)},
        )
        return frame("change", body, picture.moment)

    def _whole(self) -> Frame:
        return frame("snapshot", self._picture.snapshot(), self._picture.moment)


class Hubs:
    """All hubs of a process, and the one thread that ticks them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hubs: dict[EventId, Hub] = {}
        self._words: dict[str, EventId] = {}
        self._lock = Lock()
        self._opening = Lock()
        self._stirred = Signal()
        self._stopped = Signal()
        self._ticker = Thread(target=self._tick_all, name="stream-ticker", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._ticker.start()

    def stop(self) -> None:
        """Let everybody go and stop."""
        self._stopped.set()
        self._stirred.set()
        with self._lock:
            for hub in self._hubs.values():
                hub.close()
            self._hubs.clear()
            self._words.clear()

    def join(self, event: str, since: Moment | None) -> Viewer:
        """Listen to an event, by id or slug. Raises NotFound and InventoryUnavailable."""
        return self._join_known(event, since) or self._join_new(event, since)

    def _join_known(self, event: str, since: Moment | None) -> Viewer | None:
        with self._lock:
            hub = self._hubs.get(self._words[event]) if event in self._words else None
            return hub.join(since) if hub else None

    def _join_new(self, event: str, since: Moment | None) -> Viewer:
        """Asking takes time, so only those wait for it whose event nobody listens to yet."""
        with self._opening:
            if viewer := self._join_known(event, since):
                return viewer
            event_id = self._source.availability(event).sale.event_id
            with self._lock:
                known = self._hubs.get(event_id)
            hub = known or Hub(event_id, self._source, self._stirred)
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
            self._stirred.wait(QUIET_SECONDS_MAX)
            self._stirred.clear()
            try:
                self.tick()
            except Exception:
                # One broken hub must not silence all others for good; the next tick tries again.
                log.exception("tick_failed")
