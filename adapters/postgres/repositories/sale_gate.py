"""The sale's gate: orders pass it together, a rebuild or a change of terms passes it alone.

An advisory lock, because its queue is fair: a row locked FOR SHARE by a stream of orders would never be free for
the one who wants to raise its epoch. The row lock beside it makes the epoch stand still for everybody else too.
"""

from sqlalchemy import text

from adapters.postgres.transaction import Row, Transaction
from domain.errors import NotFound
from domain.events import EventId

_TOGETHER = text("""
    WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended('sale:' || :event_id, 0)))
    SELECT sales.epoch, sales.version FROM gate, sales WHERE event_id = :event_id FOR SHARE OF sales
""")
_ALONE = text("""
    WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('sale:' || :event_id, 0)))
    SELECT sales.epoch, sales.version FROM gate, sales WHERE event_id = :event_id FOR NO KEY UPDATE OF sales
""")


def pass_together(transaction: Transaction, event_id: EventId) -> Row:
    """``epoch`` and ``version``, which stay until the end of the transaction. Raises NotFound."""
    return _found(transaction.first(_TOGETHER, {"event_id": event_id}))


def pass_alone(transaction: Transaction, event_id: EventId) -> Row:
    """Likewise, when no order is being placed and none can be until the end of the transaction. Raises NotFound."""
    return _found(transaction.first(_ALONE, {"event_id": event_id}))


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound("event")
    return row
