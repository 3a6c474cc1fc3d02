"""An inventory in memory: the model that the Valkey scripts are held against."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import RLock
from typing import Any
from uuid import UUID

from domain.demands import BestAvailable, Demand
from domain.errors import Rejection
from domain.events import EventId, Sale, SaleTerms
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, HeldLine, HoldId
from domain.limits import Limit, counted_under, limits
from domain.ports.feed import Change, Listener
from domain.ports.inventory import (
    SEAT_ACCESSIBLE,
    SEAT_COMPANION,
    SEAT_FREE,
    SEAT_HELD,
    SEAT_SOLD,
    SEATS_TO_BE_HAD,
    Account,
    Loaded,
    Outcome,
    SaleDoubt,
    Settlement,
    Snapshot,
    StockLevels,
)
from domain.prices import NO_TERMS, PriceTerms
from domain.refusals import (
    buyer_limit_reached,
    checkout_in_progress,
    cooling_down,
    extensions_used_up,
    hold_id_reused,
    hold_lapsed,
    not_together,
    sale_ended,
    seat_stranded,
    seats_taken,
    sold_out,
    too_early,
    too_many_holds,
)
from domain.seat_maps import Row, SeatFeature, SeatIndex
from domain.seat_rules import stranded
from domain.tiers import zone_pool
from tests.fakes.best_seats import best_seats

REAPED_PER_HOLD = 8
NOT_KNOWN = "-"
"""The fingerprint of a claim that was loaded from Postgres."""
RELEASE_FORGIVEN = timedelta(seconds=60)
LAPSES_KEPT = timedelta(hours=1)
ENDED_KEPT = timedelta(hours=1)
UNKNOWN_CLAIM_KEPT = timedelta(minutes=1)
KNOWN_CLAIM_KEPT = timedelta(minutes=10)
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(kw_only=True)
class _Record:
    """A hold or claim that owns stock."""

    hold_id: HoldId
    fingerprint: str
    lines: tuple[HeldLine, ...]
    pools: Mapping[str, int]
    seats: tuple[SeatIndex, ...]
    buyer: BuyerFingerprint
    keys: tuple[str, ...]
    made: datetime
    deadline: datetime
    claimed: bool = False
    extensions: int = 0
    price_terms: PriceTerms = NO_TERMS

    @property
    def units(self) -> int:
        return units_in(self.pools)


@dataclass(kw_only=True)
class _Count:
    """What is counted under one of a buyer's keys."""

    units: int = 0
    live: int = 0
    lapses: int = 0
    last_lapse: datetime = _LONG_AGO


@dataclass(kw_only=True)
class _Stock:
    """Everything known about one sale."""

    epoch: int
    version: int
    free: dict[str, int]
    seats: list[str]
    natures: Mapping[SeatIndex, str]
    rows: Mapping[str, tuple[tuple[Row, str], ...]]
    counts: dict[str, _Count]
    records: dict[UUID, _Record] = field(default_factory=dict)
    ended: dict[UUID, tuple[str, datetime]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    tell: Callable[[Change], None]

    def count(self, keys: tuple[str, ...], units: int, live: int, network_live: int) -> None:
        """A network keeps its hold until the checkout is over."""
        for key in keys:
            count = self.counts.setdefault(key, _Count())
            growth = network_live if key.startswith("i:") else live
            count.units, count.live = max(0, count.units + units), max(0, count.live + growth)

    def change(self, pools: Mapping[str, int], seats: Mapping[SeatIndex, str]) -> None:
        """Add ``pools`` to what is free, set ``seats``, and tell the feed in absolute values, if anything differs."""
        pools = {pool: units for pool, units in pools.items() if units and pool in self.free}
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

    def freed(self, seats: Iterator[SeatIndex] | tuple[SeatIndex, ...]) -> dict[SeatIndex, str]:
        return {index: self.natures.get(index, SEAT_FREE) for index in seats}

    def give_back(self, record: _Record, now: datetime) -> None:
        """Return everything a record owns to sale, and remember that it is over."""
        self.end(record, now)
        self.count(record.keys, -record.units, 0 if record.claimed else -1, -1)
        self.change(record.pools, self.freed(record.seats))

    def note_lapse(self, record: _Record, now: datetime) -> None:
        count = self.counts.setdefault(record.keys[0], _Count())
        count.lapses, count.last_lapse = count.lapses + 1, now

    def end(self, record: _Record, now: datetime) -> None:
        del self.records[record.hold_id.nonce]
        self.ended[record.hold_id.nonce] = (record.fingerprint, now + ENDED_KEPT)

    def reap(self, now: datetime, at_most: int) -> int:
        """Give back what lapsed, oldest first."""
        lapsed = sorted(
            (record for record in self.records.values() if record.deadline <= now),
            key=lambda record: (record.deadline, record.hold_id.nonce.hex),
        )[:at_most]
        for record in lapsed:
            self.give_back(record, now)
            if not record.claimed:
                self.note_lapse(record, now)
        return len(lapsed)

    def forget(self, now: datetime) -> None:
        """What need not be remembered any more."""
        self.ended = {nonce: ending for nonce, ending in self.ended.items() if ending[1] > now}
        for count in self.counts.values():
            if count.last_lapse + LAPSES_KEPT <= now:
                count.lapses = 0


class FakeInventory:
    """The port in memory, one lock around each step. ``clock`` plays the server's clock.

    ``listeners`` are told every change at once, by event: a feed in memory hangs on here.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.listeners: dict[EventId, list[Listener]] = {}
        self.server = "memory"
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
            limited = limits(sale.terms, buyer, promotion=sale.promotion_with(buyer.promotion))
            if refused := _refused(stock, sale, demand, lines, limited, now):
                return refused
            taken = _Taking(stock, demand, lines)
            for wish in demand.best:
                if refused := taken.serve(wish, sale):
                    return refused
            record = _Record(
                hold_id=hold_id,
                fingerprint=fingerprint,
                lines=tuple(taken.lines),
                pools=taken.pools,
                seats=tuple(sorted(taken.seats)),
                buyer=buyer,
                keys=tuple(limit.key for limit in limited),
                made=now.replace(microsecond=0),
                deadline=now + timedelta(seconds=sale.terms.hold_seconds),
                price_terms=sale.price_terms(buyer.promotion),
            )
            stock.records[hold_id.nonce] = record
            stock.count(record.keys, record.units, 1, 1)
            stock.change({pool: -units for pool, units in record.pools.items()}, dict.fromkeys(record.seats, SEAT_HELD))
            return _active(record, stock)

    def find(self, *, hold_id: HoldId) -> ActiveHold | ClaimedHold | None:
        with self._lock:
            record = self._live(hold_id)
            if record is None or not record.lines:
                return None
            stock = self._stocks[hold_id.event_id]
            return _claimed(record, stock) if record.claimed else _active(record, stock)

    def release(self, *, hold_id: HoldId) -> bool:
        with self._lock:
            record = self._live(hold_id)
            if record is None or record.claimed:
                return False
            stock, now = self._stocks[hold_id.event_id], self._now()
            stock.give_back(record, now)
            if now - record.made > RELEASE_FORGIVEN:
                stock.note_lapse(record, now)
            return True

    def extend(self, *, hold_id: HoldId, number: int, terms: SaleTerms) -> ActiveHold | Rejection:
        with self._lock:
            record = self._live(hold_id)
            if record is None:
                return hold_lapsed()
            if record.claimed:
                return checkout_in_progress()
            if number > record.extensions:
                later = min(
                    record.deadline + timedelta(seconds=terms.hold_seconds),
                    record.made + timedelta(seconds=terms.hold_seconds_cap),
                )
                skipped = number > record.extensions + 1
                if skipped or record.extensions >= terms.extensions_max or later <= record.deadline:
                    return extensions_used_up(record.deadline)
                record.extensions, record.deadline = record.extensions + 1, later
            return _active(record, self._stocks[hold_id.event_id])

    def begin_claim(
        self, *, hold_id: HoldId, until: datetime, joining: tuple[Limit, ...] = ()
    ) -> ClaimedHold | Rejection:
        with self._lock:
            record = self._live(hold_id)
            if record is None:
                return hold_lapsed()
            stock = self._stocks[hold_id.event_id]
            new = [limit for limit in joining if limit.key not in record.keys]
            for limit in new:
                taken = stock.counts.get(limit.key, _Count()).units
                if taken + record.units > limit.units_max:
                    return buyer_limit_reached(limit, taken=taken)
            until = _whole_milliseconds(until)
            if not record.claimed:
                stock.count(record.keys, 0, -1, 0)
            record.deadline = max(record.deadline, until) if record.claimed else until
            record.claimed = True
            keys = tuple(limit.key for limit in new)
            stock.count(keys, record.units, 0, 0)
            record.keys = (*record.keys, *keys)
            return _claimed(record, stock)

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
                _sell(stock, settlement, record, self._now())
            elif record is not None:
                stock.give_back(record, self._now())
            elif settlement.hold_id is None:
                _take_back(stock, settlement)
            return True

    def load(self, *, sale: Sale, stock: StockLevels) -> Loaded | None:
        with self._lock:
            known = self._stocks.get(sale.event_id)
            if known is not None and known.epoch >= sale.epoch:
                return None
            natures = _natures(sale)
            loaded = _Stock(
                epoch=sale.epoch,
                version=sale.version,
                free=dict(stock.free),
                seats=[
                    natures.get(i, letter) if letter == SEAT_FREE else letter for i, letter in enumerate(stock.seats)
                ],
                natures=natures,
                rows=_rows(sale),
                counts={key: _Count(units=units) for key, units in stock.buyers.items()},
                changes=[Change(epoch=sale.epoch, version=0, free={}, seats=())],
                tell=partial(self._tell, sale.event_id),
            )
            for claim in stock.claimed:
                loaded.records[claim.hold_id.nonce] = _Record(
                    hold_id=claim.hold_id,
                    fingerprint=NOT_KNOWN,
                    lines=(),
                    pools=claim.pools,
                    seats=claim.seats,
                    buyer=claim.buyer,
                    keys=counted_under(claim.buyer),
                    made=datetime.fromtimestamp(0, UTC),
                    deadline=max(_whole_milliseconds(claim.until), self._now() + KNOWN_CLAIM_KEPT),
                    claimed=True,
                )
            kept, dropped = _keep(loaded, known, self._now())
            self._stocks[sale.event_id] = loaded
            loaded.tell(loaded.changes[0])
            return Loaded(kept=kept, dropped=dropped)

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
            if stock is None:
                return 0
            returned = stock.reap(self._now(), at_most)
            stock.forget(self._now())
            return returned

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

    def account(self, *, event_id: EventId) -> Account | None:
        with self._lock:
            stock = self._stocks.get(event_id)
            if stock is None:
                return None
            held = dict.fromkeys(stock.free, 0)
            for record in stock.records.values():
                for pool in held:
                    held[pool] += 0 if record.claimed else record.pools.get(pool, 0)
            owned = {seat for record in stock.records.values() for seat in record.seats}
            return Account(
                epoch=stock.epoch,
                version=stock.changes[-1].version,
                free=dict(stock.free),
                seats="".join(stock.seats),
                held=held,
                claims={nonce: dict(record.pools) for nonce, record in stock.records.items() if record.claimed},
                strays=tuple(i for i, letter in enumerate(stock.seats) if letter == SEAT_HELD and i not in owned),
            )

    def serving(self, *, event_ids: tuple[EventId, ...]) -> Mapping[EventId, str]:
        return dict.fromkeys(event_ids, self.server)

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


class _Taking:
    """What one hold takes, best-available seats joining one line after the other."""

    def __init__(self, stock: _Stock, demand: Demand, lines: tuple[HeldLine, ...]) -> None:
        self._stock = stock
        self.seats = set(demand_seats(demand))
        self.pools = dict(demand.pools)
        self.lines = [replace(line, seats=demand.seats.get(place, ())) for place, line in enumerate(lines)]

    def serve(self, wish: BestAvailable, sale: Sale) -> Rejection | None:
        """Grant the wish from the first choice that can, or say why none does."""
        line = self.lines[wish.line]
        empty: list[str] = []
        any_would_do = False
        for place, choice in enumerate(wish.choices):
            zones = list(map(zone_pool, choice.zones))
            empty += zones
            if sum(max(0, self._left(zone)) for zone in zones) < wish.quantity:
                continue
            if choice.own_pool and self._left(choice.own_pool) < wish.quantity:
                empty.append(choice.own_pool)
                continue
            any_would_do = True
            if parts := self._together(self._stock.rows[choice.tier_key], wish):
                if choice.own_pool:
                    self.pools[choice.own_pool] = self.pools.get(choice.own_pool, 0) + wish.quantity
                for pool, seats in parts:
                    self._take(pool, seats)
                chosen = (line, *line.or_else)[place]
                self.lines[wish.line] = replace(
                    chosen, or_else=(), seats=tuple(seat for _, seats in parts for seat in seats)
                )
                return None
        return not_together(sale, line) if any_would_do else sold_out(sale, self.lines, empty)

    def _together(
        self, rows: tuple[tuple[Row, str], ...], wish: BestAvailable
    ) -> list[tuple[str, tuple[SeatIndex, ...]]] | None:
        for parts in range(1, (wish.quantity if wish.split else 1) + 1):
            view = [SEAT_HELD if index in self.seats else state for index, state in enumerate(self._stock.seats)]
            found: list[tuple[str, tuple[SeatIndex, ...]]] = []
            remaining = wish.quantity
            for part in range(parts):
                size = -(-remaining // (parts - part))
                for row, pool in rows:
                    left = self._left(pool) - sum(len(seats) for other, seats in found if other == pool)
                    picked = best_seats(view, (row,), size, accessible=wish.accessible and part == 0)
                    if picked and left >= size:
                        found.append((pool, picked))
                        for index in picked:
                            view[index] = SEAT_HELD
                        remaining -= size
                        break
                else:
                    break
            if remaining == 0:
                return found
        return None

    def _take(self, pool: str, seats: tuple[SeatIndex, ...]) -> None:
        self.pools[pool] = self.pools.get(pool, 0) + len(seats)
        self.seats.update(seats)

    def _left(self, pool: str) -> int:
        return self._stock.free[pool] - self.pools.get(pool, 0)


def units_in(pools: Mapping[str, int]) -> int:
    """Tickets in a bag of pools: each takes exactly one place of one zone."""
    return sum(units for pool, units in pools.items() if pool.startswith(zone_pool("")))


def demand_seats(demand: Demand) -> tuple[SeatIndex, ...]:
    """All chosen seats of all lines."""
    return tuple(index for seats in demand.seats.values() for index in seats)


def _pools_named(demand: Demand) -> set[str]:
    choices = [choice for wish in demand.best for choice in wish.choices]
    return {
        *demand.pools,
        *(zone_pool(zone) for choice in choices for zone in choice.zones),
        *(choice.own_pool for choice in choices if choice.own_pool),
    }


def _natures(sale: Sale) -> dict[SeatIndex, str]:
    """The letter that seats kept for those who ask have when they are free."""
    if sale.terms.accessible_released:
        return {}
    seats = sale.seat_map.seats
    return {
        index: SEAT_ACCESSIBLE if SeatFeature.ACCESSIBLE in seats[index].features else SEAT_COMPANION
        for index in sale.seat_map.special
    }


def _rows(sale: Sale) -> dict[str, tuple[tuple[Row, str], ...]]:
    """The rows that each tier may use, best first, with their pools."""
    return {
        tier.key: tuple(
            (row, zone_pool(sale.seat_map.seats[row.first].zone)) for row in sale.seat_map.preference(*tier.zones)
        )
        for tier in sale.tiers
    }


def _earlier(stock: _Stock, hold_id: HoldId, fingerprint: str, now: datetime) -> ActiveHold | Rejection | None:
    """What an earlier call with this hold id has led to."""
    record = stock.records.get(hold_id.nonce)
    known = record.fingerprint if record else stock.ended.get(hold_id.nonce, (None,))[0]
    if known is None:
        return None
    if known not in {fingerprint, NOT_KNOWN}:
        return hold_id_reused()
    if record is None or record.deadline <= now:
        return hold_lapsed()
    return checkout_in_progress() if record.claimed else _active(record, stock)


def _refused(
    stock: _Stock,
    sale: Sale,
    demand: Demand,
    lines: tuple[HeldLine, ...],
    limited: tuple[Limit, ...],
    now: datetime,
) -> Rejection | None:
    terms = sale.terms
    if now < demand.opens_at:
        return too_early(demand)
    if now >= demand.closes_at:
        return sale_ended(demand.closes_at)
    for place, limit in enumerate(limited):
        count = stock.counts.get(limit.key, _Count())
        until = _whole_milliseconds(count.last_lapse + timedelta(seconds=terms.cooldown_seconds))
        if place == 0 and count.lapses >= terms.lapses_max and now < until:
            return cooling_down(until)
        if count.live >= limit.live_max:
            return too_many_holds(limit)
        if count.units + demand.units > limit.units_max:
            return buyer_limit_reached(limit, taken=count.units)
    chosen = sorted(demand_seats(demand))
    if gone := [index for index in chosen if stock.seats[index] not in SEATS_TO_BE_HAD]:
        return seats_taken(gone)
    if not terms.may_strand_seats and (alone := _stranded(stock, sale, chosen)):
        return seat_stranded(alone)
    if short := [pool for pool, units in demand.pools.items() if stock.free[pool] < units]:
        return sold_out(sale, lines, short)
    return None


def _stranded(stock: _Stock, sale: Sale, chosen: list[SeatIndex]) -> list[SeatIndex]:
    alone = []
    for row in sorted({sale.seat_map.row_of(index) for index in chosen}, key=lambda row: row.first):
        letters = "".join(stock.seats[row.first : row.first + row.count])
        offsets = [index - row.first for index in chosen if row.first <= index < row.first + row.count]
        alone += [row.first + offset for offset in stranded(letters, offsets)]
    return alone


def _keep(loaded: _Stock, known: _Stock | None, now: datetime) -> tuple[int, int]:
    """Move live holds whose stock is still there to the new epoch; answers how many were kept, and how many not."""
    kept = dropped = 0
    records = known.records.values() if known else ()
    for record in sorted(records, key=lambda record: (record.deadline, record.hold_id.nonce.hex)):
        if record.deadline <= now or record.hold_id.nonce in loaded.records:
            continue
        zones = {pool for pool in record.pools if pool.startswith(zone_pool(""))}
        if zones <= loaded.free.keys() and all(loaded.seats[seat] in SEATS_TO_BE_HAD for seat in record.seats):
            if record.claimed:
                record = replace(record, deadline=min(record.deadline, now + UNKNOWN_CLAIM_KEPT))  # noqa: PLW2901
            for pool, units in record.pools.items():
                if pool in loaded.free:
                    loaded.free[pool] -= units
            for seat in record.seats:
                loaded.seats[seat] = SEAT_HELD
            loaded.records[record.hold_id.nonce] = record
            loaded.count(record.keys, record.units, 0 if record.claimed else 1, 1)
            kept += 1
        else:
            loaded.ended[record.hold_id.nonce] = (record.fingerprint, now + ENDED_KEPT)
            dropped += 1
    if known:
        loaded.ended = {**known.ended, **loaded.ended}
        for key, count in known.counts.items():
            if count.lapses:
                remembered = loaded.counts.setdefault(key, _Count())
                remembered.lapses, remembered.last_lapse = count.lapses, count.last_lapse
    return kept, dropped


def _sell(stock: _Stock, settlement: Settlement, record: _Record | None, now: datetime) -> None:
    """The settlement's stock is sold; whatever the hold had beyond it comes back, whatever it lacked is taken."""
    had = record.pools if record else {}
    mine = record.seats if record else ()
    if record is not None:
        stock.end(record, now)
        stock.count(record.keys, -record.units, 0 if record.claimed else -1, -1)
    for index in settlement.seats:
        if index not in mine and stock.seats[index] == SEAT_HELD:
            owner = next(other for other in stock.records.values() if index in other.seats)
            stock.give_back(owner, now)
    stock.count(settlement.buyers, units_in(settlement.pools), 0, 0)
    for key in settlement.buyers:
        stock.counts[key].lapses = 0
    seats = stock.freed(tuple(index for index in mine if index not in settlement.seats))
    seats |= {index: SEAT_SOLD for index in settlement.seats if stock.seats[index] != SEAT_SOLD}
    pools = {pool: had.get(pool, 0) - settlement.pools.get(pool, 0) for pool in {**had, **settlement.pools}}
    stock.change(pools, seats)


def _take_back(stock: _Stock, settlement: Settlement) -> None:
    """Sold stock returns to sale: its seats, and the pools' units."""
    seats = tuple(index for index in settlement.seats if stock.seats[index] == SEAT_SOLD)
    stock.count(settlement.buyers, -units_in(settlement.pools), 0, 0)
    stock.change(settlement.pools, stock.freed(seats))


def _active(record: _Record, stock: _Stock) -> ActiveHold:
    return ActiveHold(**_face(record, stock), extensions=record.extensions)


def _claimed(record: _Record, stock: _Stock) -> ClaimedHold:
    return ClaimedHold(**_face(record, stock))


def _face(record: _Record, stock: _Stock) -> dict[str, Any]:
    return {
        "id": record.hold_id,
        "epoch": stock.epoch,
        "lines": record.lines,
        "pools": record.pools,
        "expires_at": record.deadline,
        "buyer": record.buyer,
        "price_terms": record.price_terms,
    }


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
