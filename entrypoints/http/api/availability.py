"""What is free right now. Thousands ask at once, so each process asks the inventory at most every 50 ms."""

import gzip
from dataclasses import dataclass
from threading import Lock
from time import monotonic

import orjson
from flask import Flask, Response, current_app

from entrypoints.availability_wire import whole
from entrypoints.http.api import PREFIX, blueprint
from entrypoints.http.api.answers import cached
from entrypoints.http.openapi import answers, operation
from entrypoints.http.problems import Problem
from entrypoints.http.schemas.events import AvailabilitySchema
from entrypoints.http.services import Services, current

SNAPSHOT_SECONDS_MAX = 0.05
SNAPSHOTS_KEPT_MAX = 512
CACHE_CONTROL = "no-cache"

_GZIP_LEVEL = 4
_LOCATION = {"Location": {"description": "Where the stream is.", "schema": {"type": "string", "format": "uri"}}}

availability = blueprint("availability", "What is free right now.")


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
            oldest = next(iter(self._taken))
            self._taken.pop(oldest, None)
            self._locks.pop(oldest, None)
        self._taken[event] = taken
        return taken


_EXTENSION = "tessera.snapshots"


def install(app: Flask) -> None:
    """Give the application its own snapshots."""
    app.extensions[_EXTENSION] = Snapshots()


@availability.route("/events/<event:event>/availability")
@operation(
    "Get what is free",
    success={
        200: answers("A snapshot. `epoch` and `version` name its moment; it is at most 50 ms old.", AvailabilitySchema),
        304: answers("Nothing has changed (`If-None-Match`)."),
    },
    problems=(404, 503),
)
def show_availability(event: str) -> Response:
    """Ask often: an unchanged answer costs nobody anything."""
    snapshots: Snapshots = current_app.extensions[_EXTENSION]
    taken = snapshots.get(event, current())
    return cached(taken.plain, taken.gzipped, tag=taken.tag, cache_control=CACHE_CONTROL)


@availability.route("/events/<event:event>/availability/stream")
@operation(
    "Follow what is free",
    success={307: answers("The stream is served by a process of its own.", headers=_LOCATION)},
    problems=(503,),
    description=(
        "A `text/event-stream`: one `snapshot`, then `change` after `change` in absolute values, with ids to resume "
        "from (`Last-Event-ID`); `rebuilt` means that a new snapshot follows."
    ),
)
def follow_availability(event: str) -> Response:
    """Streams would occupy the threads that sell tickets, so they live elsewhere."""
    stream_url = current().settings().stream_url
    if not stream_url:
        raise Problem(503, "stream_unavailable", "There is no stream here. Ask for /availability instead.")
    return Response(status=307, headers={"Location": f"{stream_url}{PREFIX}/events/{event}/availability/stream"})
