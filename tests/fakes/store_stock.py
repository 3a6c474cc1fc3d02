"""Claims and allocations in memory: the same arithmetic as the constraints in Postgres."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from domain.errors import InvariantBroken, NotFound, StockConflict
from domain.events import EventId
from domain.limits import counted_under
from domain.orders import ENDED, Order, OrderLine, OrderState, StockState
from domain.ports.inventory import SEAT_FREE, SEAT_SOLD, StandingClaim, StockLevels
from domain.tickets import Ticket, TicketState
from domain.tiers import zone_pool
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
        self._refuse_taken(order, wanted)
        for claim in wanted:
            self._state.add_claim(claim)

    def allocate(self, order: Order) -> None:
        claims = self._state.claims_of(order.id)
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

    def levels(self, event_id: EventId) -> StockLevels:
        if event_id not in self._state.events:
            raise NotFound("event")
        seat_map = self._state.seat_maps[self._state.events[event_id].seat_map_id]
        taken = self._state.taken(event_id)
        seats = [SEAT_FREE] * len(seat_map.seats)
        for claim in self._state.claims.values():
            if claim.event_id == event_id and claim.seat is not None and claim.live:
                seats[claim.seat] = SEAT_SOLD
        orders = [order for order in self._state.orders.values() if order.event_id == event_id]
        return StockLevels(
            free={
                pool: capacity - taken.get(pool, 0)
                for (owner, pool), capacity in self._state.capacities.items()
                if owner == event_id
            },
            seats="".join(seats),
            claimed=tuple(filter(None, (self._standing(order) for order in orders))),
            buyers=self._buyers(orders),
        )

    def _wanted(self, order: Order, line: OrderLine) -> Iterable[ClaimRow]:
        event = self._state.events[order.event_id]
        tier = next((tier for tier in event.tiers if tier.id == line.tier_id), None)
        if tier is None:
            raise InvariantBroken("an order line has a tier of its own event")
        seats = self._state.seat_maps[event.seat_map_id].seats
        for pool in tier.pools:
            yield _row(order, line, pool, quantity=line.quantity)
        for index in line.seats:
            if not 0 <= index < len(seats):
                raise InvariantBroken("a seat belongs to its event's map")
            yield _row(order, line, zone_pool(seats[index].zone), seat=index)

    def _refuse_taken(self, order: Order, wanted: list[ClaimRow]) -> None:
        taken_seats = {
            claim.seat
            for claim in self._state.claims.values()
            if claim.event_id == order.event_id and claim.live and claim.seat is not None
        }
        gone = tuple(sorted(c.seat for c in wanted if c.seat is not None and c.seat in taken_seats))
        taken = self._state.taken(order.event_id)
        asked: dict[str, int] = {}
        for claim in wanted:
            asked[claim.pool] = asked.get(claim.pool, 0) + claim.quantity
        short = tuple(
            sorted(
                pool
                for pool, units in asked.items()
                if self._state.capacities.get((order.event_id, pool), 0) - taken.get(pool, 0) < units
            )
        )
        if gone or short:
            raise StockConflict(seats=gone, pools=short)
        unique(len({c.seat for c in wanted if c.seat is not None}) == len(order.seats), "a seat is named twice")

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
