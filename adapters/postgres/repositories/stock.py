"""Claims and allocations: whose the places are.

Every statement works on a set, so their number does not grow with the number of seats. Pools are locked first, in
the order of their keys, and claims are written after: two transactions never wait for each other. The arithmetic
itself is done by triggers and CHECKs (see ``migrations``); what is checked here first is only who to name.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from adapters.postgres.repositories.sale_gate import pass_alone, pass_together
from adapters.postgres.repositories.stock_levels import read_levels
from adapters.postgres.transaction import Row, Transaction
from domain.errors import InvariantBroken, StockConflict
from domain.events import EventId
from domain.orders import Order
from domain.ports.inventory import StockLevels
from domain.tickets import Ticket

_PLAN = text("""
    WITH line AS (
        SELECT wanted.line_id, wanted.quantity, tiers.id AS tier_id, tiers.key, tiers.kind
        FROM unnest(CAST(:line_ids AS uuid[]), CAST(:tier_ids AS uuid[]), CAST(:quantities AS int[]))
             AS wanted (line_id, tier_id, quantity)
        JOIN tiers ON tiers.event_id = :event_id AND tiers.id = wanted.tier_id
    )
    SELECT line.line_id, pools.key AS pool, CAST(NULL AS text) AS zone_key, CAST(NULL AS int) AS seat, line.quantity
    FROM line JOIN pools ON pools.event_id = :event_id AND pools.key = 't:' || line.key
    UNION ALL
    SELECT line.line_id, tier_zones.pool, NULL, NULL, line.quantity
    FROM line JOIN tier_zones ON tier_zones.tier_id = line.tier_id
    WHERE line.kind = 'general_admission'
    UNION ALL
    SELECT chosen.line_id, 'z:' || seats.zone_key, seats.zone_key, seats.index, 1
    FROM unnest(CAST(:seat_line_ids AS uuid[]), CAST(:seats AS int[])) AS chosen (line_id, seat)
    JOIN events ON events.id = :event_id
    JOIN seats ON seats.seat_map_id = events.seat_map_id AND seats.index = chosen.seat
    ORDER BY pool, seat
""")
_LOCK = text("""
    SELECT key, capacity - claimed - allocated - blocked AS free FROM pools
    WHERE event_id = :event_id AND key = ANY(:keys) ORDER BY key FOR NO KEY UPDATE
""")
_TAKEN_SEATS = text("""
    SELECT seat FROM claims
    WHERE event_id = :event_id AND seat = ANY(:seats) AND state <> 'released' ORDER BY seat
""")
_CLAIM = text("""
    INSERT INTO claims (event_id, seat_map_id, pool, zone_key, seat, order_id, order_line_id, quantity, state)
    SELECT events.id, events.seat_map_id, wanted.pool, wanted.zone_key, wanted.seat, :order_id, wanted.line_id,
           wanted.quantity, 'claimed'
    FROM events, unnest(CAST(:pools AS text[]), CAST(:zone_keys AS text[]), CAST(:seats AS int[]),
                        CAST(:line_ids AS uuid[]), CAST(:quantities AS int[]))
                 AS wanted (pool, zone_key, seat, line_id, quantity)
    WHERE events.id = :event_id
""")
_LOCK_POOLS_OF_ORDERS = text("""
    SELECT FROM pools
    WHERE (event_id, key) IN (SELECT event_id, pool FROM claims
                              WHERE order_id = ANY(:order_ids) AND state <> 'released')
    ORDER BY event_id, key FOR NO KEY UPDATE
""")
_ALLOCATE = text("UPDATE claims SET state = 'allocated' WHERE order_id = :order_id AND state = 'claimed'")
_IS_WHOLE = text("""
    SELECT coalesce(bool_and(state = 'allocated' AND returned = 0), false) AS whole
    FROM claims WHERE order_id = :order_id
""")
_RELEASE = text("""
    UPDATE claims SET state = 'released', returned = quantity WHERE order_id = :order_id AND state <> 'released'
""")
_RETURN_ALL_PLACES = text("UPDATE tickets SET place_returned = true WHERE order_id = :order_id AND NOT place_returned")
_RETURN_PLACES = text("""
    UPDATE tickets SET place_returned = true WHERE id = ANY(:ticket_ids) AND NOT place_returned
    RETURNING order_line_id AS line_id, seat
""")
_GIVE_BACK = text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:line_ids AS uuid[]), CAST(:seats AS int[])) AS given (line_id, seat)
    ), wanted AS (
        SELECT line_id, CAST(NULL AS int) AS seat, count(*) AS units FROM given GROUP BY line_id
        UNION ALL
        SELECT line_id, seat, 1 FROM given WHERE seat IS NOT NULL
    )
    UPDATE claims
    SET returned = claims.returned + wanted.units,
        state = CASE WHEN claims.returned + wanted.units = claims.quantity THEN 'released' ELSE claims.state END
    FROM wanted
    WHERE claims.order_line_id = wanted.line_id AND claims.seat IS NOT DISTINCT FROM wanted.seat
        AND claims.state <> 'released'
""")
_RAISE_EPOCH = text("UPDATE sales SET epoch = :epoch WHERE event_id = :event_id")


class PostgresStock:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def epoch(self, event_id: EventId) -> int:
        return int(pass_together(self._transaction, event_id)["epoch"])

    def claim(self, order: Order) -> None:
        wanted = self._plan(order)
        self._refuse_taken(order, wanted)
        columns = {
            "pools": [row["pool"] for row in wanted],
            "zone_keys": [row["zone_key"] for row in wanted],
            "seats": [row["seat"] for row in wanted],
            "line_ids": [row["line_id"] for row in wanted],
            "quantities": [row["quantity"] for row in wanted],
        }
        self._transaction.run(_CLAIM, {"event_id": order.event_id, "order_id": order.id, **columns})

    def allocate(self, order: Order) -> None:
        self._lock_pools_of(order)
        self._transaction.run(_ALLOCATE, {"order_id": order.id})
        found = self._transaction.first(_IS_WHOLE, {"order_id": order.id})
        if found is None or not found["whole"]:
            raise InvariantBroken(f"order {order.id} has no claims to allocate")

    def release(self, order: Order) -> None:
        self._lock_pools_of(order)
        self._transaction.run(_RELEASE, {"order_id": order.id})
        self._transaction.run(_RETURN_ALL_PLACES, {"order_id": order.id})

    def release_tickets(self, tickets: tuple[Ticket, ...]) -> None:
        ids = {"ticket_ids": [ticket.id for ticket in tickets]}
        returned = self._transaction.rows(_RETURN_PLACES, ids)
        if not returned:
            return
        orders = sorted({ticket.order_id for ticket in tickets})
        self._transaction.run(_LOCK_POOLS_OF_ORDERS, {"order_ids": orders})
        columns = {"line_ids": [row["line_id"] for row in returned], "seats": [row["seat"] for row in returned]}
        self._transaction.run(_GIVE_BACK, columns)

    def raise_epoch(self, event_id: EventId, *, above: int) -> int | None:
        if pass_alone(self._transaction, event_id)["epoch"] > above:
            return None
        self._transaction.run(_RAISE_EPOCH, {"event_id": event_id, "epoch": above + 1})
        return above + 1

    def levels(self, event_id: EventId) -> StockLevels:
        return read_levels(self._transaction, event_id)

    def _plan(self, order: Order) -> Sequence[Row]:
        """What must be written: one row for each line and pool, one for each seat."""
        seats = [(line.id, seat) for line in order.lines for seat in line.seats]
        parameters: dict[str, Any] = {
            "event_id": order.event_id,
            "line_ids": [line.id for line in order.lines],
            "tier_ids": [line.tier_id for line in order.lines],
            "quantities": [line.quantity for line in order.lines],
            "seat_line_ids": [line_id for line_id, _ in seats],
            "seats": [seat for _, seat in seats],
        }
        wanted = self._transaction.rows(_PLAN, parameters)
        if sum(row["seat"] is not None for row in wanted) != len(seats):
            raise InvariantBroken("a seat belongs to its event's map")
        if {row["line_id"] for row in wanted} != {line.id for line in order.lines}:
            raise InvariantBroken("an order line has a tier of its own event")
        return wanted

    def _refuse_taken(self, order: Order, wanted: Sequence[Row]) -> None:
        asked: dict[str, int] = {}
        for row in wanted:
            asked[row["pool"]] = asked.get(row["pool"], 0) + row["quantity"]
        locked = self._transaction.rows(_LOCK, {"event_id": order.event_id, "keys": sorted(asked)})
        free = {row["key"]: row["free"] for row in locked}
        short = tuple(sorted(pool for pool, units in asked.items() if free.get(pool, 0) < units))
        gone: tuple[int, ...] = ()
        if order.seats:
            # Their zones' pools are locked: nobody is in the middle of taking or giving back one of these seats.
            taken = self._transaction.rows(_TAKEN_SEATS, {"event_id": order.event_id, "seats": list(order.seats)})
            gone = tuple(row["seat"] for row in taken)
        if gone or short:
            raise StockConflict(seats=gone, pools=short)

    def _lock_pools_of(self, order: Order) -> None:
        self._transaction.run(_LOCK_POOLS_OF_ORDERS, {"order_ids": [order.id]})
