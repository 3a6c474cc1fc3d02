"""Claims and allocations: whose the places are.

Every statement works on a set, so their number does not grow with the number of seats. Pools are locked first, in
the order of their keys, and claims are written after: two transactions never wait for each other. The arithmetic itself
is done by triggers and CHECKs (see ``migrations``); what is looked at before is only who to name.
"""

from collections.abc import Mapping

from sqlalchemy import ARRAY, Integer, Uuid, bindparam, text

from adapters.postgres.repositories import stock_blocks
from adapters.postgres.repositories.sale_gate import pass_alone, pass_together
from adapters.postgres.repositories.stock_levels import read_levels, read_pools
from adapters.postgres.transaction import Transaction
from domain.capacities import PoolCounts
from domain.errors import InvariantBroken, StockConflict
from domain.events import EventId
from domain.orders import Order, OrderId
from domain.ports.inventory import StockLevels
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tickets import Ticket
from domain.tiers import TierId

_CLAIM = text("""
    SELECT gone_seat, short_pool
    FROM claim_stock(:event_id, :order_id, :line_ids, :tier_ids, :quantities, :seat_line_ids, :seats)
""").bindparams(
    bindparam("line_ids", type_=ARRAY(Uuid)),
    bindparam("tier_ids", type_=ARRAY(Uuid)),
    bindparam("quantities", type_=ARRAY(Integer)),
    bindparam("seat_line_ids", type_=ARRAY(Uuid)),
    bindparam("seats", type_=ARRAY(Integer)),
)
_LOCK_POOLS_OF_ORDERS = text("""
    SELECT lock_pools(event_id, keys)
    FROM (SELECT event_id, array_agg(pool) AS keys FROM claims
          WHERE order_id = ANY(:order_ids) AND state <> 'released' GROUP BY event_id ORDER BY event_id) AS wanted
""")
_ALLOCATE = text("UPDATE claims SET state = 'allocated' WHERE order_id = :order_id AND state = 'claimed'")
_IS_WHOLE = text("""
    SELECT coalesce(bool_and(state = 'allocated' AND returned = 0), false) AS whole
    FROM claims WHERE order_id = :order_id AND state <> 'released'
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
_TIER_UNITS = text("""
    SELECT coalesce(sum(claims.quantity - claims.returned), 0) AS units
    FROM order_lines JOIN claims ON claims.order_line_id = order_lines.id
    WHERE order_lines.event_id = :event_id AND order_lines.tier_id = :tier_id
        AND claims.state <> 'released' AND claims.pool LIKE 'z:%'
""")
_RAISE_EPOCH = text("UPDATE sales SET epoch = :epoch WHERE event_id = :event_id")


class PostgresStock:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def epoch(self, event_id: EventId) -> int:
        return int(pass_together(self._transaction, event_id)["epoch"])

    def claim(self, order: Order) -> None:
        chosen = [(line.id, seat) for line in order.lines for seat in line.seats]
        self._transaction.let_go_early()
        gone = self._transaction.rows(
            _CLAIM,
            {
                "event_id": order.event_id,
                "order_id": order.id,
                "line_ids": [line.id for line in order.lines],
                "tier_ids": [line.tier_id for line in order.lines],
                "quantities": [line.quantity for line in order.lines],
                "seat_line_ids": [line_id for line_id, _ in chosen],
                "seats": [seat for _, seat in chosen],
            },
        )
        if gone:
            raise StockConflict(
                seats=tuple(sorted(row["gone_seat"] for row in gone if row["gone_seat"] is not None)),
                pools=tuple(sorted(row["short_pool"] for row in gone if row["short_pool"] is not None)),
            )

    def allocate(self, order: Order) -> None:
        self._lock_pools_of(order.id)
        self._transaction.run(_ALLOCATE, {"order_id": order.id})
        found = self._transaction.first(_IS_WHOLE, {"order_id": order.id})
        if found is None or not found["whole"]:
            raise InvariantBroken(f"order {order.id} has no claims to allocate")

    def release(self, order: Order) -> None:
        self._lock_pools_of(order.id)
        self._transaction.run(_RELEASE, {"order_id": order.id})
        self._transaction.run(_RETURN_ALL_PLACES, {"order_id": order.id})

    def release_tickets(self, tickets: tuple[Ticket, ...]) -> None:
        ids = {"ticket_ids": [ticket.id for ticket in tickets]}
        returned = self._transaction.rows(_RETURN_PLACES, ids)
        if not returned:
            return
        self._lock_pools_of(*{ticket.order_id for ticket in tickets})
        columns = {"line_ids": [row["line_id"] for row in returned], "seats": [row["seat"] for row in returned]}
        self._transaction.run(_GIVE_BACK, columns)

    def raise_epoch(self, event_id: EventId, *, above: int) -> int | None:
        if pass_alone(self._transaction, event_id)["epoch"] > above:
            return None
        self._transaction.run(_RAISE_EPOCH, {"event_id": event_id, "epoch": above + 1})
        return above + 1

    def levels(self, event_id: EventId, *, with_buyers: bool = True) -> StockLevels:
        return read_levels(self._transaction, event_id, with_buyers=with_buyers)

    def pools(self, event_id: EventId) -> Mapping[str, PoolCounts]:
        return read_pools(self._transaction, event_id)

    def tier_units(self, event_id: EventId, tier_id: TierId) -> int:
        found = self._transaction.first(_TIER_UNITS, {"event_id": event_id, "tier_id": tier_id})
        return int(found["units"]) if found else 0

    def block(self, block: StockBlock) -> None:
        stock_blocks.block(self._transaction, block)

    def unblock(self, block: StockBlock, part: BlockedStock) -> None:
        stock_blocks.unblock(self._transaction, block, part)

    def find_block(self, block_id: StockBlockId, *, lock: bool = False) -> StockBlock | None:
        return stock_blocks.find(self._transaction, block_id, lock=lock)

    def was_blocked(self, block_id: StockBlockId) -> bool:
        return stock_blocks.is_known(self._transaction, block_id)

    def blocks(self, event_id: EventId) -> tuple[StockBlock, ...]:
        return stock_blocks.of_event(self._transaction, event_id)

    def _lock_pools_of(self, *order_ids: OrderId) -> None:
        self._transaction.let_go_early()
        self._transaction.run(_LOCK_POOLS_OF_ORDERS, {"order_ids": sorted(order_ids)})
