"""The inventory on Valkey: every method is one script, one round trip, one atomic step."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.redis_locks.keys import SaleKeys, sale_keys
from adapters.redis_locks.records import (
    Pick,
    granted,
    open_body,
    read_active,
    read_claimed,
    standing_body,
    to_ms,
    units_in,
)
from adapters.redis_locks.scripts import (
    BEGIN_CLAIM,
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
from domain.errors import InvariantBroken, Rejection
from domain.events import EventId, Sale
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, Demand, HeldLine, HoldId
from domain.ports.inventory import SaleDoubt, Settlement, Snapshot, StockLevels
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
from domain.seat_maps import SeatIndex, ZoneKind
from domain.tiers import zone_pool

SWEPT_AT_ONCE_MAX = 1_000
"""Longer sweeps would keep everybody else waiting for longer than a few milliseconds."""
SALES_REMEMBERED_MAX = 1_000
"""How many sales' prepared commands are kept in memory, about 2 KB each."""


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
        arguments = (
            hold_id.nonce.hex,
            fingerprint,
            buyer.device,
            demand.units,
            open_body(demand, lines, buyer),
            *_wanted(demand),
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
            )
        return _not_held(reply, hold_id, sale, demand, lines)

    def find(self, *, hold_id: HoldId) -> ActiveHold | ClaimedHold | None:
        keys = sale_keys(hold_id.event_id)
        match FIND.run(self._client, (keys.state,), self._shift_ms, hold_id.nonce.hex):
            case [b"HELD", int(deadline_ms), bytes(body)]:
                return read_active(hold_id, deadline_ms, body)
            case [b"CLAIMED", int(deadline_ms), bytes(body)]:
                claimed = read_claimed(hold_id, deadline_ms, body)
                return claimed if claimed.lines else None
            case _:
                return None

    def release(self, *, hold_id: HoldId) -> bool:
        keys = sale_keys(hold_id.event_id)
        return RELEASE.run(self._client, keys.stock, self._shift_ms, hold_id.nonce.hex)[0] == b"RELEASED"

    def begin_claim(self, *, hold_id: HoldId, until: datetime) -> ClaimedHold | Rejection:
        keys = sale_keys(hold_id.event_id)
        reply = BEGIN_CLAIM.run(self._client, keys.stock, self._shift_ms, hold_id.nonce.hex, to_ms(until))
        match reply:
            case [b"CLAIMED", int(deadline_ms), bytes(body)]:
                return read_claimed(hold_id, deadline_ms, body)
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
            settlement.buyer_device,
            units_in(settlement.pools),
            len(settlement.pools),
            *_flat(settlement.pools.items()),
            *settlement.seats,
        )
        return SaleDoubt.REBUILD if reply[0] == b"REBUILD" else reply[0] == b"SETTLED"

    def load(self, *, sale: Sale, stock: StockLevels) -> bool:
        keys = sale_keys(sale.event_id)
        plans = tuple(_plans(sale))
        reply = LOAD.run(
            self._client,
            (*keys.stock, keys.rows, keys.settled),
            sale.epoch,
            sale.version,
            stock.seats,
            len(stock.free),
            len(plans),
            len(stock.claimed),
            *_flat(stock.free.items()),
            *_flat(plans),
            *_flat(
                (claim.hold_id.nonce.hex, to_ms(claim.until), standing_body(claim, sale.epoch))
                for claim in stock.claimed
            ),
            *_flat(stock.buyers.items()),
        )
        return reply[0] == b"LOADED"

    def renew_terms(self, *, sale: Sale) -> bool:
        keys = sale_keys(sale.event_id)
        return RENEW_TERMS.run(self._client, (keys.state,), sale.epoch, sale.version)[0] == b"RENEWED"

    def sweep(self, *, event_id: EventId, at_most: int) -> int:
        keys = sale_keys(event_id)
        return _number(SWEEP.run(self._client, keys.stock, self._shift_ms, min(at_most, SWEPT_AT_ONCE_MAX))[1])

    def snapshot(self, *, event_id: EventId) -> Snapshot | None:
        keys = sale_keys(event_id)
        match SNAPSHOT.run(self._client, (keys.state, keys.seats)):
            case [b"STOCK", int(epoch), int(change), bytes(seats), list(pools), list(free)]:
                return Snapshot(
                    event_id=event_id,
                    epoch=epoch,
                    version=change,
                    free={pool.decode(): max(0, int(units)) for pool, units in zip(pools, free, strict=True)},
                    seats=seats.decode("ascii"),
                )
            case _:
                return None

    def _prepare(self, sale: Sale) -> _Prepared:
        if len(self._prepared) >= SALES_REMEMBERED_MAX:
            self._prepared.clear()
        head = self._head(sale, sale.terms.opens_at, sale.terms.closes_at)
        prepared = self._prepared[sale.event_id] = _Prepared(sale, head)
        return prepared

    def _head(self, sale: Sale, opens_at: datetime, closes_at: datetime) -> tuple[Argument, ...]:
        keys: SaleKeys = sale_keys(sale.event_id)
        terms = sale.terms
        return (
            *HOLD.head((*keys.stock, keys.rows)),
            self._shift_ms,
            sale.epoch,
            sale.version,
            to_ms(opens_at),
            to_ms(closes_at),
            terms.hold_seconds * 1_000,
            terms.per_buyer_max,
            terms.live_holds_per_buyer,
        )


def _wanted(demand: Demand) -> tuple[Argument, ...]:
    """Pools, runs and wishes as hold.lua reads them, after their counts."""
    pools = demand.pools
    if demand.best:
        zones = (zone_pool(zone) for wish in demand.best for zone in wish.zones)
        pools = {**dict.fromkeys(zones, 0), **pools}
    if not demand.seats and not demand.best:
        return (len(pools), 0, 0, *pools, *pools.values())
    runs = tuple(_runs(sorted(index for seats in demand.seats.values() for index in seats)))
    wishes: list[Argument] = []
    for wish in demand.best:
        wishes += (wish.line, wish.quantity, len(wish.zones), *map(zone_pool, wish.zones))
    return (len(pools), len(runs), len(demand.best), *pools, *pools.values(), *_flat(runs), *wishes)


def _runs(seats: list[SeatIndex]) -> Iterator[tuple[SeatIndex, int]]:
    """Neighbours together: (first, how many)."""
    start = 0
    for place in range(1, len(seats) + 1):
        if place == len(seats) or seats[place] != seats[place - 1] + 1:
            yield seats[start], place - start
            start = place


def _plans(sale: Sale) -> Iterator[tuple[str, str]]:
    """The rows of each reserved zone, best first, as load.lua keeps them."""
    for zone in sale.seat_map.zones:
        if zone.kind is ZoneKind.RESERVED:
            low = min(row.first for row in zone.rows)
            high = max(row.first + row.count for row in zone.rows) - 1
            rows = " ".join(f"{row.first},{row.count}" for row in sale.seat_map.preference(zone.key))
            yield zone_pool(zone.key), f"{low} {high} {rows}"


def _not_held(
    reply: list[object], hold_id: HoldId, sale: Sale, demand: Demand, lines: tuple[HeldLine, ...]
) -> ActiveHold | Rejection | SaleDoubt:
    match reply:
        case [b"FOUND", int(deadline_ms), bytes(body)]:
            return read_active(hold_id, deadline_ms, body)
        case [b"REBUILD"]:
            return SaleDoubt.REBUILD
        case [b"STALE"]:
            return SaleDoubt.STALE
        case _:
            return _refusal(reply, sale, demand, lines)


def _refusal(reply: list[object], sale: Sale, demand: Demand, lines: tuple[HeldLine, ...]) -> Rejection:
    word, *rest = reply
    terms = sale.terms
    match word:
        case b"TAKEN":
            return seats_taken(map(_number, rest))
        case b"SHORT":
            return sold_out(sale, lines, [pool.decode() for pool in rest if isinstance(pool, bytes)])
        case b"APART":
            return not_together(sale, lines[_number(rest[0])])
        case b"LIMIT":
            return buyer_limit_reached(maximum=terms.per_buyer_max, taken=_number(rest[0]))
        case b"CLAIMED":
            return checkout_in_progress()
        case b"MISMATCH":
            return hold_id_reused()
        case b"EARLY":
            return sale_not_started(demand.opens_at)
        case b"LATE":
            return sale_ended(demand.closes_at)
        case b"TOO_MANY":
            return too_many_holds(maximum=terms.live_holds_per_buyer)
        case b"OVER":
            return hold_lapsed()
        case _:
            raise InvariantBroken(f"hold.lua answered {word!r}")


def _flat(groups: Any) -> Iterator[Argument]:
    return (item for group in groups for item in group)


def _number(item: object) -> int:
    assert isinstance(item, int), "scripts answer whole numbers"
    return item


def _pick(item: object) -> Pick:
    assert isinstance(item, list)
    line, pool, first, count = item
    return line, pool.decode(), first, count
