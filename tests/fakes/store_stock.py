"""Claims and allocations in memory: the same arithmetic as the constraints in Postgres."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from domain.capacities import PoolCounts
from domain.errors import InvariantBroken, NotFound, StockConflict
from domain.events import EventId
from domain.limits import counted_under
from domain.orders import ENDED, Order, OrderLine, OrderState, StockState
from domain.ports.inventory import SEAT_BLOCKED, SEAT_FREE, SEAT_SOLD, StandingClaim, StockLevels
from domain.promotions import promotion_pool
from domain.seat_maps import SeatIndex, ZoneKind
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tickets import Ticket, TicketState
from domain.tiers import TierId, tier_pool, zone_pool
from tests.fakes.store_state import ClaimRow, State, holds, unique

CLAIM_GRACE = timedelta(minutes=10)
AUTHORISED_DAYS = timedelta(days=7)
"""How long an inventory keeps an unfinished order's stock by itself, after the deadline (as in Postgres' levels)."""


class FakeStock:
    def __init__(self, state: State) -> None:
        self._state = state

    def epoch(self, event_id: EventId) -> int:
        if event_id not in self._state.sales:
            raise NotFound("event")
        return self._state.sales[event_id].epoch

    def claim(self, order: Order) -> None:
        holds(order.id in self._state.orders, "a claim needs its order")
        unique(not any(c.live for c in self._state.claims_of(order.id).values()), "live claims of this order")
        wanted = [claim for line in order.lines for claim in self._wanted(order, line)]
        self._refuse_taken(order.event_id, wanted)
        for claim in wanted:
            self._state.add_claim(claim)

    def allocate(self, order: Order) -> None:
        claims = {key: claim for key, claim in self._state.claims_of(order.id).items() if claim.live}
        if not claims or any(claim.returned for claim in claims.values()):
            raise InvariantBroken(f"order {order.id} has no claims to allocate")
        for key, claim in claims.items():
            self._state.claims[key] = replace(claim, allocated=True)

    def release(self, order: Order) -> None:
        for key, claim in self._state.claims_of(order.id).items():
            self._state.claims[key] = claim.give_back(claim.quantity)
        for ticket in self._state.tickets.values():
            if ticket.order_id == order.id:
                self._state.places_returned[ticket.id] = True

    def release_tickets(self, tickets: tuple[Ticket, ...]) -> None:
        for ticket in tickets:
            if ticket.id not in self._state.tickets or self._state.places_returned.get(ticket.id):
                continue
            self._state.places_returned[ticket.id] = True
            for key, claim in self._state.claims_of(ticket.order_id).items():
                if claim.line_id == ticket.line_id and claim.seat in {None, ticket.seat}:
                    self._state.claims[key] = claim.give_back(1)

    def raise_epoch(self, event_id: EventId, *, above: int) -> int | None:
        epoch = self.epoch(event_id)
        if epoch > above:
            return None
        self._state.sales[event_id] = replace(self._state.sales[event_id], epoch=above + 1)
        return above + 1

    def levels(self, event_id: EventId, *, with_buyers: bool = True) -> StockLevels:
        if event_id not in self._state.events:
            raise NotFound("event")
        seat_map = self._state.seat_maps[self._state.events[event_id].seat_map_id]
        taken = self._state.taken(event_id)
        seats = [SEAT_FREE] * len(seat_map.seats)
        for claim in self._state.claims.values():
            if claim.event_id == event_id and claim.seat is not None and claim.live:
                seats[claim.seat] = SEAT_SOLD if claim.block_id is None else SEAT_BLOCKED
        orders = [order for order in self._state.orders.values() if order.event_id == event_id]
        tiers = self._state.events[event_id].tiers
        lifted = {tier_pool(tier.key) for tier in tiers if tier.capacity is None}
        return StockLevels(
            free={
                pool: capacity - taken.get(pool, 0)
                for (owner, pool), capacity in self._state.capacities.items()
                if owner == event_id and pool not in lifted
            },
            seats="".join(seats),
            claimed=tuple(filter(None, (self._standing(order) for order in orders))),
            buyers=self._buyers(orders) if with_buyers else {},
        )

    def pools(self, event_id: EventId) -> Mapping[str, PoolCounts]:
        if event_id not in self._state.events:
            raise NotFound("event")
        counts = {
            pool: PoolCounts(capacity=capacity)
            for (owner, pool), capacity in sorted(self._state.capacities.items())
            if owner == event_id
        }
        for claim in self._state.claims.values():
            if claim.event_id == event_id:
                state = "blocked" if claim.block_id else "allocated" if claim.allocated else "claimed"
                before = counts[claim.pool]
                counts[claim.pool] = replace(before, **{state: getattr(before, state) + claim.live})
        return counts

    def tier_units(self, event_id: EventId, tier_id: TierId) -> int:
        lines = {
            line.id
            for order in self._state.orders.values()
            for line in order.lines
            if order.event_id == event_id and line.tier_id == tier_id
        }
        claims = self._state.claims.values()
        return sum(claim.live for claim in claims if claim.line_id in lines and claim.pool.startswith("z:"))

    def block(self, block: StockBlock) -> None:
        wanted = list(self._kept_by(block))
        unique(block.id not in self._state.blocks, f"block {block.id}")
        self._refuse_taken(block.event_id, wanted)
        self._state.blocks[block.id] = block
        for claim in wanted:
            self._state.add_claim(claim)

    def unblock(self, block: StockBlock, part: BlockedStock) -> None:
        given = 0
        for key, claim in self._state.claims.items():
            if claim.block_id != block.id or not claim.live:
                continue
            if claim.seat is None and 1 <= part.quantity <= claim.live:
                self._state.claims[key] = claim.give_back(part.quantity)
                given += part.quantity
            elif claim.seat is not None and claim.seat in part.seats:
                self._state.claims[key] = claim.give_back(1)
                given += 1
        holds(given == part.units, f"block {block.id} does not keep what was to be given back")

    def find_block(self, block_id: StockBlockId, *, lock: bool = False) -> StockBlock | None:
        block = self._state.blocks.get(block_id)
        if block is None:
            return None
        claims = [claim for claim in self._state.claims.values() if claim.block_id == block_id and claim.live]
        quantity = sum(claim.live for claim in claims if claim.seat is None)
        kept = BlockedStock(
            seats=tuple(sorted(claim.seat for claim in claims if claim.seat is not None)),
            zone=block.stock.zone if quantity else None,
            quantity=quantity,
        )
        return replace(block, stock=kept) if kept.units else None

    def was_blocked(self, block_id: StockBlockId) -> bool:
        return block_id in self._state.blocks

    def blocks(self, event_id: EventId) -> tuple[StockBlock, ...]:
        kept = (self.find_block(block.id) for block in self._state.blocks.values() if block.event_id == event_id)
        return tuple(sorted(filter(None, kept), key=lambda block: (block.at, block.id)))

    def _kept_by(self, block: StockBlock) -> Iterable[ClaimRow]:
        holds(block.stock.units > 0, "a block keeps something")
        seat_map = self._state.seat_maps[self._state.events[block.event_id].seat_map_id]
        for index in block.stock.seats:
            holds(0 <= index < len(seat_map.seats), "a block keeps seats of its event's map")
            yield self._claim_of(block, zone_pool(seat_map.seats[index].zone), seat=index)
        if block.stock.zone is not None:
            kinds = {zone.key: zone.kind for zone in seat_map.zones}
            fits = block.stock.quantity > 0 and kinds.get(block.stock.zone) is ZoneKind.GENERAL_ADMISSION
            holds(fits, "a number is kept of general admission")
            yield self._claim_of(block, zone_pool(block.stock.zone), quantity=block.stock.quantity)

    def _claim_of(self, block: StockBlock, pool: str, *, seat: SeatIndex | None = None, quantity: int = 1) -> ClaimRow:
        holds((block.event_id, pool) in self._state.capacities, "a block keeps what its event sells")
        return ClaimRow(
            order_id=None,
            line_id=None,
            event_id=block.event_id,
            pool=pool,
            seat=seat,
            quantity=quantity,
            block_id=block.id,
        )

    def _wanted(self, order: Order, line: OrderLine) -> Iterable[ClaimRow]:
        event = self._state.events[order.event_id]
        tier = next((tier for tier in event.tiers if tier.id == line.tier_id), None)
        if tier is None:
            raise InvariantBroken("an order line has a tier of its own event")
        seats = self._state.seat_maps[event.seat_map_id].seats
        # A tier that lost its limit is counted on, so that the next limit knows what was sold.
        own = {tier_pool(tier.key)} & {pool for owner, pool in self._state.capacities if owner == order.event_id}
        used = {promotion_pool(line.promotion)} if line.promotion else set()
        for pool in sorted({*tier.pools, *own, *used}):
            yield _row(order, line, pool, quantity=line.quantity)
        for index in line.seats:
            if not 0 <= index < len(seats):
                raise InvariantBroken("a seat belongs to its event's map")
            yield _row(order, line, zone_pool(seats[index].zone), seat=index)

    def _refuse_taken(self, event_id: EventId, wanted: list[ClaimRow]) -> None:
        taken_seats = {
            claim.seat
            for claim in self._state.claims.values()
            if claim.event_id == event_id and claim.live and claim.seat is not None
        }
        asked_seats = [claim.seat for claim in wanted if claim.seat is not None]
        gone = tuple(sorted(seat for seat in asked_seats if seat in taken_seats))
        taken = self._state.taken(event_id)
        asked: dict[str, int] = {}
        for claim in wanted:
            asked[claim.pool] = asked.get(claim.pool, 0) + claim.quantity
        short = tuple(
            sorted(
                pool
                for pool, units in asked.items()
                if self._state.capacities.get((event_id, pool), 0) - taken.get(pool, 0) < units
            )
        )
        if gone or short:
            raise StockConflict(seats=gone, pools=short)
        unique(len(set(asked_seats)) == len(asked_seats), "a seat is named twice")

    def _standing(self, order: Order) -> StandingClaim | None:
        if order.state not in {OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW}:
            return None
        claims = [claim for claim in self._state.claims_of(order.id).values() if claim.live]
        if not claims:
            return None
        pools: dict[str, int] = {}
        for claim in claims:
            pools[claim.pool] = pools.get(claim.pool, 0) + claim.live
        grace = AUTHORISED_DAYS if order.stock is StockState.ALLOCATED else CLAIM_GRACE
        return StandingClaim(
            hold_id=order.hold_id,
            pools=pools,
            seats=tuple(sorted(claim.seat for claim in claims if claim.seat is not None)),
            buyer=order.fingerprint,
            until=order.deadline_at + grace,
        )

    def _buyers(self, orders: list[Order]) -> dict[str, int]:
        buyers: dict[str, int] = {}
        for order in orders:
            if order.state not in ENDED:
                units = order.units - void_tickets(self._state, order)
                for key in counted_under(order.fingerprint):
                    buyers[key] = buyers.get(key, 0) + units
        return buyers


def void_tickets(state: State, order: Order) -> int:
    """How many of the order's tickets were given back."""
    return sum(t.order_id == order.id and t.state is TicketState.VOID for t in state.tickets.values())


def _row(order: Order, line: OrderLine, pool: str, *, quantity: int = 1, seat: int | None = None) -> ClaimRow:
    return ClaimRow(
        order_id=order.id, line_id=line.id, event_id=order.event_id, pool=pool, seat=seat, quantity=quantity
    )
