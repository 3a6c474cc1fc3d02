"""An inventory in memory: the model that the Valkey scripts are held against."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import RLock
from typing import Any
from uuid import UUID

from domain.errors import Rejection
from domain.events import EventId, Sale
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, Demand, HeldLine, HoldId
from domain.ports.feed import Change, Listener
from domain.ports.inventory import (
    SEAT_FREE,
    SEAT_HELD,
    SEAT_SOLD,
    Outcome,
    SaleDoubt,
    Settlement,
    Snapshot,
    StockLevels,
)
from domain.refusals import (
    buyer_limit_reached,
    checkout_in_progress,
    hold_id_reused,
    hold_lapsed,
    not_together,
    sale_ended,
    sale_not_started,
    seats_taken,
    sold_out,
    too_many_holds,
)
from domain.seat_maps import Row, SeatIndex
from domain.tiers import zone_pool
from tests.fakes.best_seats import best_seats

REAPED_PER_HOLD = 8
NOT_KNOWN = "-"
"""The fingerprint of a claim that was loaded from Postgres."""


@dataclass(kw_only=True)
class _Record:
    """A hold or claim that owns stock."""

    hold_id: HoldId
    epoch: int
    fingerprint: str
    lines: tuple[HeldLine, ...]
    pools: Mapping[str, int]
    seats: tuple[SeatIndex, ...]
    buyer: BuyerFingerprint
    deadline: datetime
    claimed: bool = False

    @property
    def units(self) -> int:
        return units_in(self.pools)


@dataclass(kw_only=True)
class _Stock:
    """Everything known about one sale."""

    epoch: int
    version: int
    free: dict[str, int]
    seats: list[str]
    rows: Mapping[str, tuple[Row, ...]]
    buyers: dict[str, int]
    records: dict[UUID, _Record] = field(default_factory=dict)
    owners: dict[SeatIndex, UUID] = field(default_factory=dict)
    ended: dict[UUID, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    tell: Callable[[Change], None]

    def live_holds(self, device: str) -> int:
        return sum(not record.claimed and record.buyer.device == device for record in self.records.values())

    def change(self, pools: Mapping[str, int], seats: Mapping[SeatIndex, str]) -> None:
        """Add ``pools`` to what is free, set ``seats``, and tell the feed in absolute values, if anything differs."""
        if not pools and not seats:
            return
        for pool, units in pools.items():
            self.free[pool] += units
        for index, state in seats.items():
            self.seats[index] = state
        change = Change(
            epoch=self.epoch,
            version=self.changes[-1].version + 1,
            free={pool: max(0, self.free[pool]) for pool in pools},
            seats=tuple(sorted(seats.items())),
        )
        self.changes.append(change)
        self.tell(change)

    def disown(self, seats: Iterable[SeatIndex], owner: UUID) -> list[SeatIndex]:
        """End ownership; answers those seats that ``owner`` did own."""
        owned = [index for index in seats if self.owners.get(index) == owner]
        for index in owned:
            del self.owners[index]
        return owned

    def give_back(self, record: _Record) -> None:
        """Return everything a record owns to sale, and remember that it is over."""
        nonce = record.hold_id.nonce
        owned = self.disown(record.seats, nonce)
        self.end(record)
        self.count(record.buyer.device, -record.units)
        self.change(record.pools, dict.fromkeys(owned, SEAT_FREE))

    def count(self, device: str, units: int) -> None:
        self.buyers[device] = max(0, self.buyers.get(device, 0) + units)

    def end(self, record: _Record) -> None:
        del self.records[record.hold_id.nonce]
        self.ended[record.hold_id.nonce] = record.fingerprint

    def reap(self, now: datetime, at_most: int) -> int:
        lapsed = sorted(
            (record for record in self.records.values() if record.deadline <= now),
            key=lambda record: (record.deadline, record.hold_id.nonce.hex),
        )[:at_most]
        for record in lapsed:
            self.give_back(record)
        return len(lapsed)


class FakeInventory:
    """The port in memory, one lock around each step. ``clock`` plays the server's clock.

    ``listeners`` are told every change at once, by event: a feed in memory hangs on here.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.listeners: dict[EventId, list[Listener]] = {}
        self._clock = clock
        self._lock = RLock()
        self._stocks: dict[EventId, _Stock] = {}

    def hold(
        self,
        *,
        hold_id: HoldId,
        sale: Sale,
        demand: Demand,
        lines: tuple[HeldLine, ...],
        fingerprint: str,
        buyer: BuyerFingerprint,
    ) -> ActiveHold | Rejection | SaleDoubt:
        with self._lock:
            now = self._now()
            stock = self._stocks.get(sale.event_id)
            if stock is None or stock.epoch < sale.epoch:
                return SaleDoubt.REBUILD
            if stock.epoch > sale.epoch or stock.version > sale.version:
                return SaleDoubt.STALE
            if not _pools_named(demand) <= stock.free.keys():
                return SaleDoubt.REBUILD
            stock.version = sale.version
            if earlier := _earlier(stock, hold_id, fingerprint, now):
                return earlier
            stock.reap(now, REAPED_PER_HOLD)
            if refused := _refused(stock, sale, demand, lines, buyer, now):
                return refused
            seats = dict(demand.seats)
            pools = dict(demand.pools)
            taken = set(demand_seats(demand))
            for wish in demand.best:
                view = [SEAT_HELD if index in taken else state for index, state in enumerate(stock.seats)]
                for zone in map(zone_pool, wish.zones):
                    left = stock.free[zone] - pools.get(zone, 0)
                    picked = best_seats(view, stock.rows[zone], wish.quantity) if left >= wish.quantity else None
                    if picked:
                        seats[wish.line] = picked
                        pools[zone] = pools.get(zone, 0) + wish.quantity
                        taken.update(picked)
                        break
                else:
                    return not_together(sale, lines[wish.line])
            record = _Record(
                hold_id=hold_id,
                epoch=stock.epoch,
                fingerprint=fingerprint,
                lines=tuple(replace(line, seats=seats.get(place, ())) for place, line in enumerate(lines)),
                pools=pools,
                seats=tuple(sorted(taken)),
                buyer=buyer,
                deadline=now + timedelta(seconds=sale.terms.hold_seconds),
            )
            stock.records[hold_id.nonce] = record
            stock.owners.update(dict.fromkeys(record.seats, hold_id.nonce))
            stock.count(buyer.device, record.units)
            stock.change({pool: -units for pool, units in pools.items()}, dict.fromkeys(record.seats, SEAT_HELD))
            return _active(record)

    def find(self, *, hold_id: HoldId) -> ActiveHold | ClaimedHold | None:
        with self._lock:
            record = self._live(hold_id)
            if record is None or not record.lines:
                return None
            return _claimed(record) if record.claimed else _active(record)

    def release(self, *, hold_id: HoldId) -> bool:
        with self._lock:
            record = self._live(hold_id)
            if record is None or record.claimed:
                return False
            self._stocks[hold_id.event_id].give_back(record)
            return True

    def begin_claim(self, *, hold_id: HoldId, until: datetime) -> ClaimedHold | Rejection:
        with self._lock:
            record = self._live(hold_id)
            if record is None:
                return hold_lapsed()
            until = _whole_milliseconds(until)
            record.deadline = max(record.deadline, until) if record.claimed else until
            record.claimed = True
            return _claimed(record)

    def settle(self, *, settlement: Settlement) -> bool | SaleDoubt:
        with self._lock:
            stock = self._stocks.get(settlement.event_id)
            if stock is None or stock.epoch < settlement.epoch:
                return SaleDoubt.REBUILD
            if stock.epoch > settlement.epoch or settlement.key in stock.settled:
                return False
            stock.settled.add(settlement.key)
            record = stock.records.get(settlement.hold_id.nonce) if settlement.hold_id else None
            if settlement.outcome is Outcome.SOLD:
                _sell(stock, settlement, record)
            elif record is not None:
                stock.give_back(record)
            elif settlement.hold_id is None:
                _take_back(stock, settlement)
            return True

    def load(self, *, sale: Sale, stock: StockLevels) -> bool:
        with self._lock:
            known = self._stocks.get(sale.event_id)
            if known is not None and known.epoch >= sale.epoch:
                return False
            loaded = _Stock(
                epoch=sale.epoch,
                version=sale.version,
                free=dict(stock.free),
                seats=list(stock.seats),
                rows={zone_pool(zone.key): sale.seat_map.preference(zone.key) for zone in sale.seat_map.zones},
                buyers=dict(stock.buyers),
                changes=[Change(epoch=sale.epoch, version=0, free={}, seats=())],
                tell=partial(self._tell, sale.event_id),
            )
            for claim in stock.claimed:
                nonce = claim.hold_id.nonce
                loaded.records[nonce] = _Record(
                    hold_id=claim.hold_id,
                    epoch=sale.epoch,
                    fingerprint=NOT_KNOWN,
                    lines=(),
                    pools=claim.pools,
                    seats=claim.seats,
                    buyer=claim.buyer,
                    deadline=_whole_milliseconds(claim.until),
                    claimed=True,
                )
                loaded.owners.update(dict.fromkeys(claim.seats, nonce))
            self._stocks[sale.event_id] = loaded
            loaded.tell(loaded.changes[0])
            return True

    def renew_terms(self, *, sale: Sale) -> bool:
        with self._lock:
            stock = self._stocks.get(sale.event_id)
            if stock is None or stock.epoch != sale.epoch or stock.version >= sale.version:
                return False
            stock.version = sale.version
            return True

    def sweep(self, *, event_id: EventId, at_most: int) -> int:
        with self._lock:
            stock = self._stocks.get(event_id)
            return stock.reap(self._now(), at_most) if stock else 0

    def snapshot(self, *, event_id: EventId) -> Snapshot | None:
        with self._lock:
            stock = self._stocks.get(event_id)
            if stock is None:
                return None
            return Snapshot(
                event_id=event_id,
                epoch=stock.epoch,
                version=stock.changes[-1].version,
                free={pool: max(0, units) for pool, units in stock.free.items()},
                seats="".join(stock.seats),
            )

    def changes(self, event_id: EventId) -> tuple[Change, ...]:
        """Everything that happened since the last load: what a feed would tell."""
        with self._lock:
            stock = self._stocks.get(event_id)
            return tuple(stock.changes) if stock else ()

    def forget(self, event_id: EventId) -> None:
        """Lose everything, as an emptied Valkey does."""
        with self._lock:
            self._stocks.pop(event_id, None)

    def _tell(self, event_id: EventId, change: Change) -> None:
        for listener in tuple(self.listeners.get(event_id, ())):
            listener(change)

    def _now(self) -> datetime:
        return _whole_milliseconds(self._clock())

    def _live(self, hold_id: HoldId) -> _Record | None:
        stock = self._stocks.get(hold_id.event_id)
        record = stock.records.get(hold_id.nonce) if stock else None
        return record if record is not None and record.deadline > self._now() else None


def units_in(pools: Mapping[str, int]) -> int:
    """Tickets in a bag of pools: each takes exactly one place of one zone."""
    return sum(units for pool, units in pools.items() if pool.startswith(zone_pool("")))


def demand_seats(demand: Demand) -> tuple[SeatIndex, ...]:
    """All chosen seats of all lines."""
    return tuple(index for seats in demand.seats.values() for index in seats)


def _pools_named(demand: Demand) -> set[str]:
    return {*demand.pools, *(zone_pool(zone) for wish in demand.best for zone in wish.zones)}


def _earlier(stock: _Stock, hold_id: HoldId, fingerprint: str, now: datetime) -> ActiveHold | Rejection | None:
    """What an earlier call with this hold id has led to."""
    record = stock.records.get(hold_id.nonce)
    known = record.fingerprint if record else stock.ended.get(hold_id.nonce)
    if known is None:
        return None
    if known not in {fingerprint, NOT_KNOWN}:
        return hold_id_reused()
    if record is None or record.deadline <= now:
        return hold_lapsed()
    return checkout_in_progress() if record.claimed else _active(record)


def _refused(
    stock: _Stock,
    sale: Sale,
    demand: Demand,
    lines: tuple[HeldLine, ...],
    buyer: BuyerFingerprint,
    now: datetime,
) -> Rejection | None:
    terms = sale.terms
    if now < demand.opens_at:
        return sale_not_started(demand.opens_at)
    if now >= demand.closes_at:
        return sale_ended(demand.closes_at)
    if stock.live_holds(buyer.device) >= terms.live_holds_per_buyer:
        return too_many_holds(maximum=terms.live_holds_per_buyer)
    taken = stock.buyers.get(buyer.device, 0)
    if taken + demand.units > terms.per_buyer_max:
        return buyer_limit_reached(maximum=terms.per_buyer_max, taken=taken)
    if gone := [index for index in demand_seats(demand) if stock.seats[index] != SEAT_FREE]:
        return seats_taken(gone)
    if short := [pool for pool, units in demand.pools.items() if stock.free[pool] < units]:
        return sold_out(sale, lines, short)
    return None


def _sell(stock: _Stock, settlement: Settlement, record: _Record | None) -> None:
    """The settlement's stock is sold; whatever the hold had beyond it comes back, whatever it lacked is taken."""
    had = record.pools if record else {}
    pools = {pool: had.get(pool, 0) - settlement.pools.get(pool, 0) for pool in {**had, **settlement.pools}}
    seats: dict[SeatIndex, str] = {}
    if record is not None:
        owned = stock.disown(record.seats, record.hold_id.nonce)
        seats = dict.fromkeys(owned, SEAT_FREE)
        stock.end(record)
        stock.count(record.buyer.device, -record.units)
    for index in settlement.seats:
        stock.owners.pop(index, None)
        seats[index] = SEAT_SOLD
    stock.count(settlement.buyer_device, units_in(settlement.pools))
    stock.change(
        {pool: units for pool, units in pools.items() if units},
        {index: state for index, state in seats.items() if stock.seats[index] != state},
    )


def _take_back(stock: _Stock, settlement: Settlement) -> None:
    """Sold stock returns to sale: seats that nobody owns, and the pools' units."""
    seats = [index for index in settlement.seats if stock.seats[index] == SEAT_SOLD and index not in stock.owners]
    stock.count(settlement.buyer_device, -units_in(settlement.pools))
    stock.change(settlement.pools, dict.fromkeys(seats, SEAT_FREE))


def _active(record: _Record) -> ActiveHold:
    return ActiveHold(**_face(record))


def _claimed(record: _Record) -> ClaimedHold:
    return ClaimedHold(**_face(record))


def _face(record: _Record) -> dict[str, Any]:
    return {
        "id": record.hold_id,
        "epoch": record.epoch,
        "lines": record.lines,
        "pools": record.pools,
        "expires_at": record.deadline,
        "buyer": record.buyer,
    }


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
