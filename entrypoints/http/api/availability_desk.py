"""What is free right now, for thousands who ask at once: each process asks the inventory at most every 50 ms."""

import gzip
from dataclasses import dataclass
from threading import Lock
from time import monotonic

import orjson

from entrypoints.availability_wire import whole
from entrypoints.http.answer import Answer
from entrypoints.http.api.answers import shared
from entrypoints.http.front import Environ
from entrypoints.http.services import Services

SNAPSHOT_SECONDS_MAX = 0.05
SNAPSHOTS_KEPT_MAX = 512
CACHE_CONTROL = "no-cache"

_GZIP_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot as it is sent. ``at`` is when it was asked for, on the monotonic clock."""

    at: float
    moment: tuple[int, int, int]
    plain: bytes
    gzipped: bytes
    tag: str


class Snapshots:
    """The latest snapshot of each event, at most ``SNAPSHOT_SECONDS_MAX`` old. One request fetches, the others wait.

    One instance belongs to one process and one application.
    """

    def __init__(self) -> None:
        self._taken: dict[str, Taken] = {}
        self._locks: dict[str, Lock] = {}

    def get(self, event: str, services: Services) -> Taken:
        """By the word in the address, id or slug. Raises NotFound and InventoryUnavailable."""
        taken = self._taken.get(event)
        if taken is not None and monotonic() - taken.at < SNAPSHOT_SECONDS_MAX:
            return taken
        with self._locks.setdefault(event, Lock()):
            latest = self._taken.get(event)
            if latest is not None and monotonic() - latest.at < SNAPSHOT_SECONDS_MAX:
                return latest
            return self._fetch(event, latest, services)

    def _fetch(self, event: str, before: Taken | None, services: Services) -> Taken:
        asked_at = monotonic()
        try:
            found = services.availability(event)
        except BaseException:
            if before is None:
                self._locks.pop(event, None)
            raise
        moment = (found.snapshot.epoch, found.snapshot.version, found.sale.version)
        if before is not None and before.moment == moment:
            taken = Taken(asked_at, moment, before.plain, before.gzipped, before.tag)
        else:
            plain = orjson.dumps(whole(found))
            tag = ".".join(map(str, moment))
            taken = Taken(asked_at, moment, plain, gzip.compress(plain, _GZIP_LEVEL, mtime=0), tag)
        while len(self._taken) >= SNAPSHOTS_KEPT_MAX and event not in self._taken:
            oldest = next(iter(list(self._taken)))
            self._taken.pop(oldest, None)
            self._locks.pop(oldest, None)
        self._taken[event] = taken
        return taken


class AvailabilityDesk:
    """Answers for what is free, with or without Flask around it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._snapshots = Snapshots()

    def __call__(self, environ: Environ, event: str) -> Answer:
        """Raises NotFound and InventoryUnavailable."""
        taken = self._snapshots.get(event, self._services)
        return shared(environ, taken.plain, taken.gzipped, tag=taken.tag, cache_control=CACHE_CONTROL)
