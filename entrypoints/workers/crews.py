"""Crews: so many threads that do the same work piece by piece, wait when there is none, and come when called.

One crew for each lane of the outbox. A thread leases one row at a time, so a worker that is killed holds as many rows
as it has threads and no more, for one short lease; while a thread works for longer, its lease is renewed.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event, Lock, Thread
from uuid import UUID

from domain.ports.outbox import Lane, OutboxRow

LOOK_SECONDS = 0.5
"""How often an idle crew looks by itself: hints may be lost."""
HEARTBEAT_SECONDS = 5.0
"""A third of a lease, so that one lost heartbeat loses nothing."""
TROUBLE_SECONDS = 1.0
"""The pause of a thread whose look at the outbox failed."""

DELIVERIES_WELL, DELIVERIES_FAILING = 8, 2
"""Threads for webhooks: receivers that fail have a crew of their own, so they take no time from the others."""

THREADS: dict[Lane, int] = {Lane.LIVE: 8, Lane.SETTLING: 4, Lane.BULK: 8, Lane.TELLING: 2}
"""25 calls a second that take 200 ms each keep five threads busy; the others are for answers that take longer."""

log = logging.getLogger(__name__)


class Bell:
    """Whoever rings it calls everybody who listens. A ring while nobody listens is lost, which does no harm."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def listen(self, call: Callable[[], None]) -> None:
        self._listeners.append(call)

    def ring(self) -> None:
        for call in self._listeners:
            call()


class Crew:
    """``work`` does one piece and answers how many it found: 0 sends the thread to wait."""

    def __init__(self, name: str, *, size: int, work: Callable[[], int], look_seconds: float = LOOK_SECONDS) -> None:
        self._name = name
        self._size = size
        self._work = work
        self._look_seconds = look_seconds
        self._called = Condition()

    def start(self, *, stop: Event) -> tuple[Thread, ...]:
        threads = tuple(
            Thread(target=self._run, args=(stop, place), name=f"{self._name}-{place}", daemon=True)
            for place in range(self._size)
        )
        for thread in threads:
            thread.start()
        return threads

    def call(self) -> None:
        """There is work: everybody look."""
        with self._called:
            self._called.notify_all()

    def _run(self, stop: Event, place: int) -> None:
        # One looks out for the others, who come when it has found something.
        look_seconds = self._look_seconds if place == 0 else self._look_seconds * self._size
        while not stop.is_set():
            try:
                found = self._work()
            except Exception:
                log.exception("%s failed; it is tried again", self._name)
                stop.wait(TROUBLE_SECONDS)
                continue
            with self._called:
                if found:
                    self._called.notify()
                elif not stop.is_set():
                    self._called.wait(look_seconds)


class RowsInHand:
    """What this process works on right now: kept while it goes on, handed back when it must stop."""

    def __init__(
        self, *, keep: Callable[[tuple[OutboxRow, ...]], int], hand_back: Callable[[tuple[OutboxRow, ...]], int]
    ) -> None:
        self._keep = keep
        self._hand_back = hand_back
        self._rows: dict[UUID, OutboxRow] = {}
        self._lock = Lock()

    @contextmanager
    def holding(self, row: OutboxRow) -> Iterator[None]:
        with self._lock:
            self._rows[row.id] = row
        try:
            yield
        finally:
            with self._lock:
                self._rows.pop(row.id, None)

    def heartbeat(self) -> int:
        """Renew every lease. Answers how many were lost (their work is done twice, which is harmless)."""
        rows = self._now()
        lost = len(rows) - self._keep(rows) if rows else 0
        if lost > 0:
            log.warning("%d leases were lost while their work went on", lost)
        return lost

    def return_all(self) -> int:
        """Whoever is still at work will not end: others may begin at once."""
        rows = self._now()
        return self._hand_back(rows) if rows else 0

    def _now(self) -> tuple[OutboxRow, ...]:
        with self._lock:
            return tuple(self._rows.values())


def outbox_crews(drain: Callable[..., int], in_hand: RowsInHand) -> tuple[Crew, ...]:
    """A crew for each lane, one row a piece."""

    def piece(lane: Lane) -> Callable[[], int]:
        return lambda: drain(lanes=(lane,), at_most=1, holding=in_hand.holding)

    return tuple(Crew(f"outbox-{lane.value}", size=size, work=piece(lane)) for lane, size in THREADS.items())


def delivery_crews(deliver: Callable[..., int]) -> tuple[Crew, ...]:
    """One for receivers that fare well, and one for those that fail."""
    sizes = ((False, DELIVERIES_WELL), (True, DELIVERIES_FAILING))

    def piece(*, failing: bool) -> Callable[[], int]:
        return lambda: deliver(failing=failing, at_most=1)

    return tuple(
        Crew(f"webhooks-{'failing' if failing else 'well'}", size=size, work=piece(failing=failing))
        for failing, size in sizes
    )
