"""All stock of a sale, to load into an inventory: one statement, so that it is one moment's picture."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from adapters.postgres.transaction import Transaction
from domain.capacities import PoolCounts
from domain.errors import NotFound
from domain.events import EventId
from domain.holds import HoldId
from domain.limits import recognised
from domain.orders import StockState
from domain.ports.inventory import SEAT_BLOCKED, SEAT_FREE, SEAT_SOLD, StandingClaim, StockLevels

CLAIM_GRACE = timedelta(minutes=10)
"""How long after its payment deadline an inventory keeps a claim that Postgres never spoke of again."""

AUTHORISED_GRACE = timedelta(days=7)
"""Likewise for an order that is authorised or in review: that is how long a card's authorisation lasts."""

_LEVELS = text("""
    SELECT
        seat_maps.seat_count,
        (SELECT jsonb_object_agg(key, capacity - claimed - allocated - blocked)
         FROM pools WHERE event_id = events.id
             AND (kind <> 'tier' OR key IN (SELECT 't:' || tiers.key FROM tiers
                                                  WHERE tiers.event_id = events.id AND capacity IS NOT NULL))) AS free,
        (SELECT array_agg(seat) FROM claims
         WHERE event_id = events.id AND seat IS NOT NULL AND state IN ('claimed', 'allocated')) AS sold,
        (SELECT array_agg(seat) FROM claims
         WHERE event_id = events.id AND seat IS NOT NULL AND state = 'blocked') AS blocked,
        CASE WHEN :with_buyers THEN (SELECT jsonb_object_agg(key, units)
         FROM (SELECT key, sum(bought.quantity - voided.tickets) AS units
               FROM orders
               CROSS JOIN LATERAL unnest(buyer_keys) AS counted (key)
               CROSS JOIN LATERAL (SELECT sum(quantity) AS quantity FROM order_lines
                                   WHERE order_id = orders.id) AS bought
               CROSS JOIN LATERAL (SELECT count(*) AS tickets FROM tickets
                                   WHERE order_id = orders.id AND state = 'void') AS voided
               WHERE orders.event_id = events.id
                   AND orders.state IN ('awaiting_payment', 'in_review', 'confirmed', 'partially_refunded')
               GROUP BY key) AS by_key) END AS buyers,
        (SELECT jsonb_agg(jsonb_build_object(
                    'nonce', orders.hold_nonce, 'buyer_keys', orders.buyer_keys, 'address', orders.address,
                    'stock', orders.stock, 'deadline_at', orders.deadline_at, 'pools', taken.pools,
                    'seats', taken.seats) ORDER BY orders.placed_at, orders.id)
         FROM orders
         CROSS JOIN LATERAL (
             SELECT jsonb_object_agg(pool, units) AS pools,
                    (SELECT coalesce(jsonb_agg(seat ORDER BY seat), '[]') FROM claims
                     WHERE order_id = orders.id AND state <> 'released' AND seat IS NOT NULL) AS seats
             FROM (SELECT pool, sum(quantity - returned) AS units FROM claims
                   WHERE order_id = orders.id AND state <> 'released' GROUP BY pool) AS by_pool
         ) AS taken
         WHERE orders.event_id = events.id AND orders.state IN ('awaiting_payment', 'in_review')
             AND taken.pools IS NOT NULL) AS standing
    FROM events JOIN seat_maps ON seat_maps.id = events.seat_map_id
    WHERE events.id = :event_id
""")

_POOLS = text("""
    SELECT pools.key, pools.capacity, pools.claimed, pools.allocated, pools.blocked
    FROM events LEFT JOIN pools ON pools.event_id = events.id
    WHERE events.id = :event_id ORDER BY pools.key
""")


def read_pools(transaction: Transaction, event_id: EventId) -> dict[str, PoolCounts]:
    """Raises NotFound."""
    rows = transaction.rows(_POOLS, {"event_id": event_id})
    if not rows:
        raise NotFound("event")
    return {
        row["key"]: PoolCounts(
            capacity=row["capacity"], claimed=row["claimed"], allocated=row["allocated"], blocked=row["blocked"]
        )
        for row in rows
        if row["key"] is not None
    }


def read_levels(transaction: Transaction, event_id: EventId, *, with_buyers: bool) -> StockLevels:
    """Raises NotFound."""
    row = transaction.first(_LEVELS, {"event_id": event_id, "with_buyers": with_buyers})
    if row is None:
        raise NotFound("event")
    seats = [SEAT_FREE] * row["seat_count"]
    for seat in row["sold"] or ():
        seats[seat] = SEAT_SOLD
    for seat in row["blocked"] or ():
        seats[seat] = SEAT_BLOCKED
    return StockLevels(
        free=row["free"] or {},
        seats="".join(seats),
        claimed=tuple(_standing(event_id, claim) for claim in row["standing"] or ()),
        buyers=row["buyers"] or {},
    )


def _standing(event_id: EventId, claim: Mapping[str, Any]) -> StandingClaim:
    grace = AUTHORISED_GRACE if claim["stock"] == StockState.ALLOCATED.value else CLAIM_GRACE
    return StandingClaim(
        hold_id=HoldId(event_id, UUID(claim["nonce"])),
        pools=claim["pools"],
        seats=tuple(claim["seats"]),
        buyer=recognised(counted=claim["buyer_keys"], address=claim["address"]),
        until=datetime.fromisoformat(claim["deadline_at"]) + grace,
    )
