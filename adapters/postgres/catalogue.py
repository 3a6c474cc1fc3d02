"""The catalogue of the hold path: sales in this process's memory, read from Postgres once and when told to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from threading import Lock

from sqlalchemy import Engine, func, select

from adapters.postgres.reading import event_named, picture
from adapters.postgres.repositories.events import with_tiers
from adapters.postgres.repositories.venues import read_map
from adapters.postgres.rows.events import sale as sale_of
from adapters.postgres.rows.prices import taxes_from_row
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.tables import events, sales, venues
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.events import Event, EventId, EventState, Sale
from domain.seat_maps import SeatMap

SALES_KEPT_MAX = 2_000
MISSES_KEPT_MAX = 4_096
MISS_SECONDS = 2
RUNNING_SECONDS = 5
READERS_MAX = 16
"""So many different sales are read from Postgres at once; further ones wait their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """``moment``: when its reading began, as a rising number. Whoever asked before that is served by it."""

    sale: Sale
    moment: int


class PostgresCatalogue:
    """The port on Postgres, for all threads of a process.

    A known sale is one look into a dictionary. An unknown one is read once, however many ask for it at the same
    time; a name that nothing has is remembered for MISS_SECONDS. Sales that were read first are forgotten first.
    """

    def __init__(
        self, engine: Engine, *, seat_maps: SeatMapCache, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._seat_maps = seat_maps
        self._monotonic = monotonic
        self._by_name: dict[str, Sale] = {}
        self._kept: dict[EventId, _Kept] = {}
        self._missing: dict[str, float] = {}
        self._running: tuple[float, tuple[EventId, ...]] | None = None
        self._moments = count()
        self._lock = Lock()
        self._running_lock = Lock()
        self._readers = tuple(Lock() for _ in range(READERS_MAX))

    def on_sale(self, *, event: str) -> Sale:
        return self._by_name.get(event) or self._looked_up(event)

    def fresh(self, *, event_id: EventId) -> Sale:
        asked = next(self._moments)
        with self._reader(event_id):
            kept = self._kept.get(event_id)
            if kept is not None and kept.moment > asked:
                return kept.sale  # Somebody else's reading began after we asked: it is as fresh as our own.
            return self._read(str(event_id))

    def running(self) -> tuple[EventId, ...]:
        with self._running_lock:
            now = self._monotonic()
            if self._running is None or now - self._running[0] > RUNNING_SECONDS:
                self._running = (now, self._read_running())
            return self._running[1]

    def _looked_up(self, event: str) -> Sale:
        with self._reader(event):
            known = self._by_name.get(event)
            if known is not None:
                return known
            if self._missing.get(event, 0.0) > self._monotonic():
                raise NotFound("event")
            return self._read(event)

    def _read(self, name: str) -> Sale:
        moment = next(self._moments)
        which = event_named(name)
        if which is None:
            raise NotFound("event")
        wanted = (
            select(events, sales.c.epoch, sales.c.version, venues.c.taxes)
            .join(sales, sales.c.event_id == events.c.id)
            .join(venues, venues.c.id == events.c.venue_id)
        )
        with picture(self._engine) as transaction:
            row = transaction.first(wanted.where(which & (events.c.state != EventState.DRAFT.value)))
            if row is None:
                self._miss(name)
                raise NotFound("event")
            event = with_tiers(transaction, row)
            seat_map = self._map(transaction, event)
        taxes = taxes_from_row(row["taxes"])
        read = sale_of(event, epoch=row["epoch"], version=row["version"], seat_map=seat_map, taxes=taxes)
        return self._keep(read, moment)

    def _map(self, transaction: Transaction, event: Event) -> SeatMap:
        kept = self._seat_maps.get(event.seat_map_id)
        if kept is None:
            kept = read_map(transaction, event.seat_map_id)
            self._seat_maps.keep(kept)
        return kept

    def _keep(self, sale: Sale, moment: int) -> Sale:
        with self._lock:
            known = self._kept.pop(sale.event_id, None)
            if known is not None and (known.sale.epoch > sale.epoch or known.sale.version > sale.version):
                self._kept[sale.event_id] = known
                return known.sale
            if known is not None:
                self._forget(known.sale)
            self._kept[sale.event_id] = _Kept(sale=sale, moment=moment)
            self._by_name[sale.slug] = self._by_name[str(sale.event_id)] = sale
            while len(self._kept) > SALES_KEPT_MAX:
                self._forget(self._kept.pop(next(iter(self._kept))).sale)
        return sale

    def _forget(self, sale: Sale) -> None:
        for name in (sale.slug, str(sale.event_id)):
            # A slug may belong to another event by now.
            if self._by_name.get(name) is sale:
                del self._by_name[name]

    def _miss(self, name: str) -> None:
        with self._lock:
            self._missing.pop(name, None)
            self._missing[name] = self._monotonic() + MISS_SECONDS
            while len(self._missing) > MISSES_KEPT_MAX:
                del self._missing[next(iter(self._missing))]

    def _read_running(self) -> tuple[EventId, ...]:
        unfinished = (events.c.state == EventState.PUBLISHED.value) & (events.c.ends_at > func.now())
        with picture(self._engine) as transaction:
            found = transaction.rows(select(events.c.id).where(unfinished).order_by(events.c.starts_at, events.c.id))
        return tuple(EventId(row["id"]) for row in found)

    def _reader(self, name: object) -> Lock:
        return self._readers[hash(name) % READERS_MAX]
