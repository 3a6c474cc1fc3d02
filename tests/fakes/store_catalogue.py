"""Venues, seat maps and events in memory."""

from collections.abc import Mapping
from dataclasses import replace

from domain.errors import NotFound, StockConflict
from domain.events import Event, EventId, EventState
from domain.orders import OrderLineId
from domain.promotions import promotion_pool
from domain.refund_policies import RefundPolicy
from domain.seat_maps import SeatMap, SeatMapId, ZoneKind
from domain.tiers import tier_pool, zone_pool
from domain.venues import Venue, VenueId
from tests.fakes.store_state import ClaimRow, SaleRow, State, holds, unique


class FakeVenues:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, venue: Venue) -> None:
        unique(venue.id not in self._state.venues and self.find(slug=venue.slug) is None, f"venue {venue.slug}")
        self._state.venues[venue.id] = venue

    def save_taxes(self, venue: Venue) -> None:
        self._state.venues[venue.id] = replace(self.get(venue.id), taxes=venue.taxes)

    def get(self, venue_id: VenueId, *, lock: bool = False) -> Venue:
        if venue_id not in self._state.venues:
            raise NotFound("venue")
        return self._state.venues[venue_id]

    def find(self, *, slug: str) -> Venue | None:
        return next((venue for venue in self._state.venues.values() if venue.slug == slug), None)

    def add_map(self, seat_map: SeatMap) -> None:
        others = self._state.seat_maps.values()
        holds(seat_map.venue_id in self._state.venues, "a seat map needs its venue")
        unique(seat_map.id not in self._state.seat_maps, f"seat map {seat_map.id}")
        unique(all(other.code != seat_map.code for other in others), f"seat map code {seat_map.code}")
        self._state.seat_maps[seat_map.id] = seat_map

    def get_map(self, seat_map_id: SeatMapId) -> SeatMap:
        if seat_map_id not in self._state.seat_maps:
            raise NotFound("seat map")
        return self._state.seat_maps[seat_map_id]


class FakeEvents:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, event: Event, *, policy: RefundPolicy) -> None:
        state = self._state
        unique(event.id not in state.events and self.find(slug=event.slug) is None, f"event {event.slug}")
        holds(event.venue_id in state.venues, "an event needs its venue")
        holds(
            event.seat_map_id in state.seat_maps and state.seat_maps[event.seat_map_id].venue_id == event.venue_id,
            "an event uses a seat map of its venue",
        )
        _check_tiers(event)
        state.events[event.id] = _in_order(event)
        state.policies[event.id] = (replace(policy, version=1),)
        state.sales[event.id] = SaleRow()
        for pool, capacity in self._wanted(event, {}).items():
            state.capacities[event.id, pool] = capacity

    def get(self, event_id: EventId, *, lock: bool = False) -> Event:
        if event_id not in self._state.events:
            raise NotFound("event")
        return self._state.events[event_id]

    def find(self, *, slug: str) -> Event | None:
        return next((event for event in self._state.events.values() if event.slug == slug), None)

    def save(self, event: Event, *, capacities: Mapping[str, int] | None = None) -> int:
        state = self._state
        before = self.get(event.id)
        holds(
            before.state is not EventState.CANCELLED or event.state is EventState.CANCELLED,
            "a cancelled event stays cancelled",
        )
        holds(
            (before.venue_id, before.seat_map_id, before.currency)
            == (event.venue_id, event.seat_map_id, event.currency),
            "an event keeps its venue, seat map and currency",
        )
        named = self.find(slug=event.slug)
        unique(named is None or named.id == event.id, f"event {event.slug}")
        _check_tiers(event)
        keys = {tier.id: tier.key for tier in before.tiers}
        holds(all(keys.get(tier.id, tier.key) == tier.key for tier in event.tiers), "a tier keeps its key")
        self._refuse_lost_tiers(before, event)
        wanted = self._wanted(event, capacities or {})
        new = [pool for pool in wanted if (event.id, pool) not in state.capacities]
        self._backfill(event, new)
        taken = state.taken(event.id)
        for pool in [pool for owner, pool in state.capacities if owner == event.id and pool not in wanted]:
            if any(claim.event_id == event.id and claim.pool == pool for claim in state.claims.values()):
                # A tier that lost its own limit keeps its pool, as wide as its zones: nothing taken is forgotten.
                wanted[pool] = self._unlimited(event, pool, wanted)
            else:
                del state.capacities[event.id, pool]
        short = tuple(sorted(pool for pool, capacity in wanted.items() if capacity < taken.get(pool, 0)))
        if short:
            for pool in new:
                self._forget(event.id, pool)
            raise StockConflict(pools=short)
        for pool, capacity in wanted.items():
            state.capacities[event.id, pool] = capacity
        state.events[event.id] = _in_order(event)
        sale = state.sales[event.id]
        state.sales[event.id] = replace(sale, version=sale.version + 1)
        return sale.version + 1

    def at_venue(self, venue_id: VenueId) -> tuple[EventId, ...]:
        events = self._state.events.values()
        going_on = (e for e in events if e.venue_id == venue_id and e.state is not EventState.CANCELLED)
        return tuple(sorted(event.id for event in going_on))

    def policy(self, event_id: EventId) -> RefundPolicy:
        self.get(event_id)
        return self._state.policies[event_id][-1]

    def replace_policy(self, event_id: EventId, policy: RefundPolicy) -> int:
        version = self.policy(event_id).version + 1
        self._state.policies[event_id] += (replace(policy, version=version),)
        return version

    def _wanted(self, event: Event, given: Mapping[str, int]) -> dict[str, int]:
        """Capacity of every pool the event's tiers draw from: ``given``, or as it was, or as the seat map has it."""
        seat_map = self._state.seat_maps[event.seat_map_id]
        wanted: dict[str, int] = {}
        for tier in event.tiers:
            for key in tier.zones:
                zone = seat_map.zone(key)
                was = self._state.capacities.get((event.id, zone_pool(key)), zone.capacity)
                wanted[zone_pool(key)] = given.get(key, was)
                fits = zone.kind is ZoneKind.GENERAL_ADMISSION or wanted[zone_pool(key)] == zone.capacity
                holds(fits, "a reserved zone has as many places as it has seats")
            if tier.capacity is not None:
                wanted[tier_pool(tier.key)] = tier.capacity
        wanted |= {promotion_pool(promotion.key): promotion.capacity for promotion in event.promotions}
        holds(all(zone_pool(key) in wanted for key in given), "a capacity is of a zone that a tier sells")
        return wanted

    def _unlimited(self, event: Event, pool: str, wanted: Mapping[str, int]) -> int:
        tier = next((tier for tier in event.tiers if tier_pool(tier.key) == pool), None)
        if tier is not None:
            return sum(wanted[zone_pool(zone)] for zone in tier.zones)
        return self._state.capacities[event.id, pool]

    def _refuse_lost_tiers(self, before: Event, after: Event) -> None:
        kept = {tier.id for tier in after.tiers}
        sold = {line.tier_id for order in self._state.orders.values() for line in order.lines}
        lost = [tier for tier in before.tiers if tier.id not in kept and tier.id in sold]
        if lost:
            raise StockConflict(pools=tuple(sorted({zone_pool(zone) for tier in lost for zone in tier.zones})))

    def _backfill(self, event: Event, new_pools: list[str]) -> None:
        """A tier that gets a limit of its own while it is sold: what it sold counts against the limit."""
        for tier in event.tiers:
            pool = tier_pool(tier.key)
            if pool not in new_pools:
                continue
            for order in self._state.orders.values():
                for line in order.lines:
                    if line.tier_id == tier.id:
                        self._copy_claims(line.id, pool)

    def _copy_claims(self, line_id: OrderLineId, pool: str) -> None:
        own = [c for c in self._state.claims.values() if c.line_id == line_id and c.pool.startswith("z:") and c.live]
        if own:
            first = own[0]
            live = sum(claim.live for claim in own)
            self._state.add_claim(
                ClaimRow(
                    order_id=first.order_id,
                    line_id=first.line_id,
                    event_id=first.event_id,
                    pool=pool,
                    seat=None,
                    quantity=live,
                    allocated=first.allocated,
                )
            )

    def _forget(self, event_id: EventId, pool: str) -> None:
        for key in [k for k, c in self._state.claims.items() if c.event_id == event_id and c.pool == pool]:
            del self._state.claims[key]


def _in_order(event: Event) -> Event:
    return replace(
        event,
        tiers=tuple(sorted(event.tiers, key=lambda tier: (tier.position, tier.key))),
        promotions=tuple(sorted(event.promotions, key=lambda promotion: promotion.id)),
    )


def _check_tiers(event: Event) -> None:
    unique(len({tier.key for tier in event.tiers}) == len(event.tiers), "two tiers of one event share a key")
    codes = [promotion.digest for promotion in event.promotions if promotion.active]
    unique(len(set(codes)) == len(codes), "two promotions of one event share a code")
    holds(all(tier.face.currency == event.currency for tier in event.tiers), "a tier has its event's currency")
