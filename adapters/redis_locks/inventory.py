"""The inventory on Valkey: every method is one script, one round trip, one atomic step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from adapters.redis_locks.condition import serving
from adapters.redis_locks.keys import sale_keys
from adapters.redis_locks.records import (
    Pick,
    buyer_field,
    epoch_of,
    from_ms,
    granted,
    open_tail,
    read_active,
    read_claimed,
    standing_tail,
    to_ms,
    units_in,
)
from adapters.redis_locks.scripts import (
    ACCOUNT,
    BEGIN_CLAIM,
    EXTEND,
    FIND,
    HOLD,
    LOAD,
    RELEASE,
    RENEW_TERMS,
    SETTLE,
    SNAPSHOT,
    SWEEP,
    Argument,
    Client,
)
from domain.demands import Demand
from domain.errors import InvariantBroken, Rejection
from domain.events import EventId, Sale, SaleTerms
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, HeldLine, HoldId
from domain.limits import Limit, limits
from domain.ports.inventory import (
    SEAT_ACCESSIBLE,
    SEAT_COMPANION,
    SEAT_FREE,
    Account,
    Loaded,
    SaleDoubt,
    Settlement,
    Snapshot,
    StockLevels,
)
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
from domain.seat_maps import SeatFeature, SeatIndex, SeatMap, ZoneKind
from domain.tiers import zone_pool

SWEPT_AT_ONCE_MAX = 1_000
"""Longer sweeps would keep everybody else waiting for longer than a few milliseconds."""
LIVE_HOLDS_GONE_THROUGH_MAX = 1_000
"""Going through one takes about ten microseconds, and nobody else is served meanwhile."""
SALES_REMEMBERED_MAX = 1_000
"""How many sales' prepared commands are kept in memory, about 2 KB each."""
_SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What every hold of one sale starts with: made once, as long as the sale stays the same object."""

    sale: Sale
    head: tuple[Argument, ...]


class ValkeyInventory:
    """Implements ``domain.ports.inventory.Inventory``.

    ``client`` is Redis, RedisCluster or fakeredis with ``decode_responses`` off. ``shift_ms`` is added to the
    server's clock: tests move time with it, nobody else passes it.
    """

    def __init__(self, client: Client, *, shift_ms: int = 0) -> None:
        self._client = client
        self._shift_ms = shift_ms
        self._prepared: dict[EventId, _Prepared] = {}

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
        prepared = self._prepared.get(sale.event_id)
        if prepared is None or prepared.sale is not sale:
            prepared = self._prepare(sale)
        limited = limits(sale.terms, buyer, promotion=sale.promotion_with(buyer.promotion))
        price_terms = sale.price_terms(buyer.promotion)
        fields = [buyer_field(limit.key) for limit in limited]
        arguments = (
            hold_id.nonce.hex,
            demand.units,
            open_tail(demand, lines, fingerprint, buyer, fields, price_terms),
            *_wanted(sale.seat_map, demand, fields, limited),
        )
        head = prepared.head
        if demand.opens_at is not sale.terms.opens_at or demand.closes_at is not sale.terms.closes_at:
            head = self._head(sale, demand.opens_at, demand.closes_at)
        reply = HOLD.send(self._client, head, arguments)
        if reply[0] == b"HELD":
            return granted(
                hold_id=hold_id,
                epoch=sale.epoch,
                lines=lines,
                pools=demand.pools,
                picks=[_pick(item) for item in reply[2:]],
                deadline_ms=_number(reply[1]),
                buyer=buyer,
                price_terms=price_terms,
            )
        return _not_held(reply, hold_id, sale, demand, lines, limited)

    def find(self, *, hold_id: HoldId) -> ActiveHold | ClaimedHold | None:
        match FIND.run(self._client, sale_keys(hold_id.event_id).stock, self._shift_ms, hold_id.nonce.hex):
            case [b"HELD", int(deadline_ms), bytes(stamp), bytes(tail), int(extensions)]:
                return read_active(
                    hold_id, epoch=epoch_of(stamp), deadline_ms=deadline_ms, tail=tail, extensions=extensions
                )
            case [b"CLAIMED", int(deadline_ms), bytes(stamp), bytes(tail)]:
                claimed = read_claimed(hold_id, epoch=epoch_of(stamp), deadline_ms=deadline_ms, tail=tail)
                return claimed if claimed.lines else None
            case _:
                return None

    def release(self, *, hold_id: HoldId) -> bool:
        keys = sale_keys(hold_id.event_id)
        return RELEASE.run(self._client, keys.stock, self._shift_ms, hold_id.nonce.hex)[0] == b"RELEASED"

    def extend(self, *, hold_id: HoldId, number: int, terms: SaleTerms) -> ActiveHold | Rejection:
        reply = EXTEND.run(
            self._client,
            sale_keys(hold_id.event_id).stock,
            self._shift_ms,
            hold_id.nonce.hex,
            number,
            terms.hold_seconds * _SECOND_MS,
            terms.hold_seconds_cap * _SECOND_MS,
            terms.extensions_max,
        )
        match reply:
            case [b"EXTENDED", int(deadline_ms), bytes(stamp), bytes(tail), int(extensions)]:
                return read_active(
                    hold_id, epoch=epoch_of(stamp), deadline_ms=deadline_ms, tail=tail, extensions=extensions
                )
            case [b"NO_MORE", int(deadline_ms)]:
                return extensions_used_up(from_ms(deadline_ms))
            case [b"CLAIMED"]:
                return checkout_in_progress()
            case _:
                return hold_lapsed()

    def begin_claim(
        self, *, hold_id: HoldId, until: datetime, joining: tuple[Limit, ...] = ()
    ) -> ClaimedHold | Rejection:
        reply = BEGIN_CLAIM.run(
            self._client,
            sale_keys(hold_id.event_id).stock,
            self._shift_ms,
            hold_id.nonce.hex,
            to_ms(until),
            len(joining),
            *(buyer_field(limit.key) for limit in joining),
            *(limit.units_max for limit in joining),
        )
        match reply:
            case [b"CLAIMED", int(deadline_ms), bytes(stamp), bytes(tail)]:
                return read_claimed(hold_id, epoch=epoch_of(stamp), deadline_ms=deadline_ms, tail=tail)
            case [b"LIMIT", int(place), int(taken)]:
                return buyer_limit_reached(joining[place - 1], taken=taken)
            case _:
                return hold_lapsed()

    def settle(self, *, settlement: Settlement) -> bool | SaleDoubt:
        keys = sale_keys(settlement.event_id)
        reply = SETTLE.run(
            self._client,
            (*keys.stock, keys.settled),
            self._shift_ms,
            settlement.epoch,
            settlement.key,
            settlement.hold_id.nonce.hex if settlement.hold_id else "",
            settlement.outcome.value,
            " ".join(map(buyer_field, settlement.buyers)),
            units_in(settlement.pools),
            len(settlement.pools),
            *_flat(settlement.pools.items()),
            *settlement.seats,
        )
        return SaleDoubt.REBUILD if reply[0] == b"REBUILD" else reply[0] == b"SETTLED"

    def load(self, *, sale: Sale, stock: StockLevels) -> Loaded | None:
        keys = sale_keys(sale.event_id)
        plans = tuple(_plans(sale))
        special = () if sale.terms.accessible_released else tuple(_special(sale.seat_map))
        reply = LOAD.run(
            self._client,
            (*keys.stock, keys.settled),
            self._shift_ms,
            sale.epoch,
            sale.version,
            _lettered(stock.seats, special),
            len(stock.free),
            len(plans),
            len(special),
            len(stock.claimed),
            *_flat(stock.free.items()),
            *_flat(plans),
            *_flat(special),
            *_flat((claim.hold_id.nonce.hex, to_ms(claim.until), standing_tail(claim)) for claim in stock.claimed),
            *_flat((buyer_field(key), units) for key, units in stock.buyers.items()),
        )
        match reply:
            case [b"LOADED", int(kept), int(dropped)]:
                return Loaded(kept=kept, dropped=dropped)
            case _:
                return None

    def renew_terms(self, *, sale: Sale) -> bool:
        keys = sale_keys(sale.event_id)
        return RENEW_TERMS.run(self._client, (keys.state,), sale.epoch, sale.version)[0] == b"RENEWED"

    def sweep(self, *, event_id: EventId, at_most: int) -> int:
        keys = sale_keys(event_id)
        return _number(SWEEP.run(self._client, keys.stock, self._shift_ms, min(at_most, SWEPT_AT_ONCE_MAX))[1])

    def snapshot(self, *, event_id: EventId) -> Snapshot | None:
        keys = sale_keys(event_id)
        match SNAPSHOT.run(self._client, (keys.state, keys.seats, keys.feed)):
            case [b"STOCK", bytes(change_id), bytes(seats), list(pools), list(free)]:
                epoch, change = change_id.split(b"-")
                return Snapshot(
                    event_id=event_id,
                    epoch=int(epoch),
                    version=int(change),
                    free={pool.decode(): max(0, int(units)) for pool, units in zip(pools, free, strict=True)},
                    seats=seats.decode("ascii"),
                )
            case _:
                return None

    def account(self, *, event_id: EventId) -> Account | None:
        match ACCOUNT.run(self._client, sale_keys(event_id).stock, LIVE_HOLDS_GONE_THROUGH_MAX):
            case [b"ACCOUNT", bytes(change_id), bytes(seats), list(pools), list(free), list(held), claims, strays]:
                return _account(change_id, seats, pools, free, held=held, claims=claims, strays=strays)
            case [b"BUSY", bytes(change_id), bytes(seats), list(pools), list(free)]:
                return _account(change_id, seats, pools, free, held=None, claims=[], strays=[])
            case _:
                return None

    def serving(self, *, event_ids: tuple[EventId, ...]) -> Mapping[EventId, str]:
        return serving(self._client, event_ids)

    def _prepare(self, sale: Sale) -> _Prepared:
        if len(self._prepared) >= SALES_REMEMBERED_MAX:
            self._prepared.clear()
        head = self._head(sale, sale.terms.opens_at, sale.terms.closes_at)
        prepared = self._prepared[sale.event_id] = _Prepared(sale, head)
        return prepared

    def _head(self, sale: Sale, opens_at: datetime, closes_at: datetime) -> tuple[Argument, ...]:
        terms = sale.terms
        return (
            *HOLD.head(sale_keys(sale.event_id).stock),
            self._shift_ms,
            f"{sale.epoch}.{sale.version}",
            f"{sale.epoch}-*",
            to_ms(opens_at),
            to_ms(closes_at),
            terms.hold_seconds * _SECOND_MS,
            f"{terms.lapses_max} {terms.cooldown_seconds * _SECOND_MS} {int(terms.may_strand_seats)}",
        )


def _wanted(seat_map: SeatMap, demand: Demand, fields: list[str], limited: tuple[Limit, ...]) -> tuple[Argument, ...]:
    """Buyers, pools and, where there are any, rows and wishes as hold.lua reads them."""
    pools = demand.pools
    if demand.best:
        pools = {**dict.fromkeys(_drawn_upon(demand), 0), **pools}
    general = (
        len(fields),
        len(pools),
        *fields,
        *pools,
        *_flat((limit.units_max, limit.live_max) for limit in limited),
        *pools.values(),
    )
    if not demand.seats and not demand.best:
        return general
    rows = tuple(_rows(seat_map, demand))
    return (*general, len(rows), *_flat(rows), len(demand.best), *_flat(_wishes(demand)))


def _drawn_upon(demand: Demand) -> Iterator[str]:
    """Every pool that a best-available line may come to draw from."""
    for wish in demand.best:
        for choice in wish.choices:
            yield from map(zone_pool, choice.zones)
            if choice.own_pool:
                yield choice.own_pool


def _rows(seat_map: SeatMap, demand: Demand) -> Iterator[tuple[Argument, ...]]:
    """By row with chosen seats: its first seat, its length, and the runs of neighbours chosen in it."""
    seats = sorted(index for chosen in demand.seats.values() for index in chosen)
    for row, chosen in groupby(seats, key=seat_map.row_of):
        runs = tuple(_runs(list(chosen)))
        yield (row.first, row.count, len(runs), *_flat(runs))


def _runs(seats: list[SeatIndex]) -> Iterator[tuple[SeatIndex, int]]:
    """Neighbours together: (first, how many)."""
    start = 0
    for place in range(1, len(seats) + 1):
        if place == len(seats) or seats[place] != seats[place - 1] + 1:
            yield seats[start], place - start
            start = place


def _wishes(demand: Demand) -> Iterator[tuple[Argument, ...]]:
    for wish in demand.best:
        yield (wish.line, wish.quantity, int(wish.accessible), int(wish.split), len(wish.choices))
        for choice in wish.choices:
            yield (_plan(choice.tier_key), choice.own_pool or "", len(choice.zones), *map(zone_pool, choice.zones))


def _plan(tier_key: str) -> str:
    return f"r:{tier_key}"


def _plans(sale: Sale) -> Iterator[tuple[str, str]]:
    """The rows that each seated tier may use, best first, as load.lua keeps them."""
    for tier in sale.tiers:
        if tier.kind is not ZoneKind.RESERVED:
            continue
        zone_of = {row: place for place, key in enumerate(tier.zones, 1) for row in sale.seat_map.zone(key).rows}
        low = min(row.first for row in zone_of)
        high = max(row.first + row.count for row in zone_of) - 1
        preferred = sale.seat_map.preference(*tier.zones)
        rows = " ".join(f"{row.first},{row.count},{zone_of[row]}" for row in preferred)
        yield _plan(tier.key), f"{low} {high} {rows}"


def _special(seat_map: SeatMap) -> Iterator[tuple[SeatIndex, str]]:
    """Seats that are kept for who asks, with the letter that they have when they are free."""
    for index in seat_map.special:
        accessible = SeatFeature.ACCESSIBLE in seat_map.seats[index].features
        yield index, SEAT_ACCESSIBLE if accessible else SEAT_COMPANION


def _lettered(seats: str, special: tuple[tuple[SeatIndex, str], ...]) -> str:
    letters = list(seats)
    for index, letter in special:
        if letters[index] == SEAT_FREE:
            letters[index] = letter
    return "".join(letters)


def _not_held(
    reply: list[object],
    hold_id: HoldId,
    sale: Sale,
    demand: Demand,
    lines: tuple[HeldLine, ...],
    limited: tuple[Limit, ...],
) -> ActiveHold | Rejection | SaleDoubt:
    match reply:
        case [b"FOUND", int(deadline_ms), bytes(tail), int(extensions)]:
            return read_active(hold_id, epoch=sale.epoch, deadline_ms=deadline_ms, tail=tail, extensions=extensions)
        case [b"REBUILD"]:
            return SaleDoubt.REBUILD
        case [b"STALE"]:
            return SaleDoubt.STALE
        case [b"TOO_MANY", int(place)]:
            return too_many_holds(limited[place - 1])
        case [b"LIMIT", int(place), int(taken)]:
            return buyer_limit_reached(limited[place - 1], taken=taken)
        case _:
            return _refusal(reply, sale, demand, lines)


def _refusal(reply: list[object], sale: Sale, demand: Demand, lines: tuple[HeldLine, ...]) -> Rejection:
    word, *rest = reply
    match word:
        case b"TAKEN":
            return seats_taken(map(_number, rest))
        case b"STRANDED":
            return seat_stranded(map(_number, rest))
        case b"SHORT":
            return sold_out(sale, lines, [pool.decode() for pool in rest if isinstance(pool, bytes)])
        case b"APART":
            return not_together(sale, lines[_number(rest[0])])
        case b"COOLING":
            return cooling_down(from_ms(_number(rest[0])))
        case b"CLAIMED":
            return checkout_in_progress()
        case b"MISMATCH":
            return hold_id_reused()
        case b"EARLY":
            return too_early(demand)
        case b"LATE":
            return sale_ended(demand.closes_at)
        case b"OVER":
            return hold_lapsed()
        case _:
            raise InvariantBroken(f"hold.lua answered {word!r}")


def _account(
    change_id: bytes, seats: bytes, pools: list[bytes], free: list[bytes], *, held: Any, claims: Any, strays: Any
) -> Account:
    epoch, change = change_id.split(b"-")
    names = [pool.decode() for pool in pools]
    return Account(
        epoch=int(epoch),
        version=int(change),
        free=dict(zip(names, map(int, free), strict=True)),
        seats=seats.decode("ascii"),
        held=None if held is None else dict(zip(names, held, strict=True)),
        claims={UUID(nonce.decode()): dict(map(_units_of_pool, taken)) for nonce, *taken in claims},
        strays=tuple(strays),
    )


def _units_of_pool(written: bytes) -> tuple[str, int]:
    units, _, pool = written.partition(b" ")
    return pool.decode(), int(units)


def _flat(groups: Any) -> Iterator[Argument]:
    return (item for group in groups for item in group)


def _number(item: object) -> int:
    assert isinstance(item, int), "scripts answer whole numbers"
    return item


def _pick(item: object) -> Pick:
    assert isinstance(item, list)
    line, choice, first, count, pool = item
    return line, choice, first, count, pool.decode()
