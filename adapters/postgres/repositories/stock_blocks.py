"""Blocks: stock that the house keeps out of sale. One row says why; what it still keeps are its claims."""

from collections.abc import Sequence

from sqlalchemy import ARRAY, Integer, Text, bindparam, insert, select, text

from adapters.postgres.tables import stock_blocks
from adapters.postgres.transaction import Row, Transaction
from domain.errors import InvariantBroken, StockConflict
from domain.events import EventId
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tiers import zone_pool

_POOLS_OF_SEATS = text("""
    SELECT seats.index, seats.zone_key
    FROM events JOIN seats ON seats.seat_map_id = events.seat_map_id
    WHERE events.id = :event_id AND seats.index = ANY(:seats) ORDER BY seats.zone_key, seats.index
""").bindparams(bindparam("seats", type_=ARRAY(Integer)))
_LOCK = text("SELECT lock_pools(:event_id, :pools)").bindparams(bindparam("pools", type_=ARRAY(Text)))
_GONE = text("""
    SELECT seat, NULL AS pool FROM claims
    WHERE event_id = :event_id AND seat = ANY(:seats) AND state <> 'released'
    UNION ALL
    SELECT NULL, key FROM pools
    WHERE event_id = :event_id AND key = :pool AND capacity - claimed - allocated - blocked < :quantity
    ORDER BY seat, pool
""").bindparams(bindparam("seats", type_=ARRAY(Integer)), bindparam("pool", type_=Text))
_KEEP = text("""
    INSERT INTO claims (event_id, seat_map_id, pool, zone_key, seat, block_id, quantity, state)
    SELECT events.id, events.seat_map_id, wanted.pool, wanted.zone_key, wanted.seat, :block_id, wanted.quantity,
           'blocked'
    FROM events, unnest(:pools, :zone_keys, :seats, :quantities) AS wanted (pool, zone_key, seat, quantity)
    WHERE events.id = :event_id
""").bindparams(
    bindparam("pools", type_=ARRAY(Text)),
    bindparam("zone_keys", type_=ARRAY(Text)),
    bindparam("seats", type_=ARRAY(Integer)),
    bindparam("quantities", type_=ARRAY(Integer)),
)
_LOCK_POOLS_OF_BLOCK = text("""
    SELECT lock_pools(:event_id, (SELECT array_agg(pool) FROM claims
                                       WHERE block_id = :block_id AND state = 'blocked'))
""")
_GIVE_BACK = text("""
    UPDATE claims
    SET returned = returned + CASE WHEN seat IS NULL THEN :quantity ELSE 1 END,
        state = CASE WHEN seat IS NOT NULL OR returned + :quantity = quantity THEN 'released' ELSE state END
    WHERE block_id = :block_id AND state = 'blocked'
        AND CASE WHEN seat IS NULL THEN :quantity BETWEEN 1 AND quantity - returned ELSE seat = ANY(:seats) END
    RETURNING seat
""").bindparams(bindparam("seats", type_=ARRAY(Integer)), bindparam("quantity", type_=Integer))
_KEPT = """
    SELECT block.*, kept.seats, kept.zone, kept.quantity
    FROM stock_blocks AS block
    CROSS JOIN LATERAL (
        SELECT array_agg(seat ORDER BY seat) FILTER (WHERE seat IS NOT NULL) AS seats,
               max(substr(pool, 3)) FILTER (WHERE seat IS NULL) AS zone,
               coalesce(sum(quantity - returned) FILTER (WHERE seat IS NULL), 0) AS quantity,
               count(*) AS claims
        FROM claims WHERE claims.block_id = block.id AND claims.state = 'blocked'
    ) AS kept
"""
_FIND = text(f"{_KEPT} WHERE block.id = :block_id AND kept.claims > 0")
_OF_EVENT = text(f"{_KEPT} WHERE block.event_id = :event_id AND kept.claims > 0 ORDER BY block.at, block.id")


def block(transaction: Transaction, block: StockBlock) -> None:
    """Keep all of it, or raise StockConflict. The caller has passed the sale's gate."""
    wanted = _wanted(transaction, block)
    here = {"event_id": block.event_id}
    pools = [pool for pool, _, _, _ in wanted]
    transaction.run(_LOCK, {**here, "pools": pools})
    stock = block.stock
    asked = {"seats": list(stock.seats), "pool": zone_pool(stock.zone) if stock.zone else None}
    if gone := transaction.rows(_GONE, {**here, **asked, "quantity": stock.quantity}):
        raise StockConflict(
            seats=tuple(row["seat"] for row in gone if row["seat"] is not None),
            pools=tuple(row["pool"] for row in gone if row["pool"] is not None),
        )
    facts = {name: getattr(block, name) for name in ("id", "event_id", "label", "reason", "actor", "at")}
    transaction.run(insert(stock_blocks), facts)
    _, zone_keys, seats, quantities = (list(column) for column in zip(*wanted, strict=True))
    columns = {"pools": pools, "zone_keys": zone_keys, "seats": seats, "quantities": quantities}
    transaction.run(_KEEP, {**here, "block_id": block.id, **columns})


def unblock(transaction: Transaction, block: StockBlock, part: BlockedStock) -> None:
    """Give back ``part``, all or nothing."""
    transaction.run(_LOCK_POOLS_OF_BLOCK, {"event_id": block.event_id, "block_id": block.id})
    asked = {"block_id": block.id, "seats": list(part.seats), "quantity": part.quantity}
    given = transaction.rows(_GIVE_BACK, asked)
    if len(given) != len(part.seats) + bool(part.quantity):
        raise InvariantBroken(f"block {block.id} does not keep what was to be given back")


def find(transaction: Transaction, block_id: StockBlockId, *, lock: bool) -> StockBlock | None:
    if lock:
        transaction.run(select(stock_blocks.c.id).where(stock_blocks.c.id == block_id).with_for_update(key_share=True))
    row = transaction.first(_FIND, {"block_id": block_id})
    return None if row is None else _from_row(row)


def of_event(transaction: Transaction, event_id: EventId) -> tuple[StockBlock, ...]:
    return tuple(_from_row(row) for row in transaction.rows(_OF_EVENT, {"event_id": event_id}))


def _wanted(transaction: Transaction, block: StockBlock) -> Sequence[tuple[str, str | None, int | None, int]]:
    """Pool, zone key, seat and units of each claim to be written: one a seat, or one for a quantity."""
    stock = block.stock
    if stock.zone is not None:
        return ((zone_pool(stock.zone), None, None, stock.quantity),)
    found = transaction.rows(_POOLS_OF_SEATS, {"event_id": block.event_id, "seats": list(stock.seats)})
    if len(found) != len(stock.seats) or not found:
        raise InvariantBroken("a block keeps seats of its event's map, each once")
    return [(zone_pool(row["zone_key"]), row["zone_key"], row["index"], 1) for row in found]


def _from_row(row: Row) -> StockBlock:
    return StockBlock(
        id=StockBlockId(row["id"]),
        event_id=EventId(row["event_id"]),
        label=row["label"],
        reason=row["reason"],
        actor=row["actor"],
        at=row["at"],
        stock=BlockedStock(seats=tuple(row["seats"] or ()), zone=row["zone"], quantity=row["quantity"]),
    )


def is_known(transaction: Transaction, block_id: StockBlockId) -> bool:
    return transaction.first(select(stock_blocks.c.id).where(stock_blocks.c.id == block_id)) is not None
