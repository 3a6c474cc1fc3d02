"""Orders with their lines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, insert, select, text, update

from adapters.postgres.rows import events as event_rows
from adapters.postgres.rows import orders as rows
from adapters.postgres.statements import WANTED, Lockable, lockable, saving
from adapters.postgres.tables import order_lines, orders, refund_policies
from adapters.postgres.transaction import Row, Transaction
from domain.errors import InvariantBroken, NotFound
from domain.events import EventId
from domain.holds import HoldId
from domain.orders import Order, OrderId
from domain.refund_policies import RefundPolicy

# A statement of its own: the count below must begin after the wait, or it would not see whom it waited for.
# Several keys are locked in the order of their numbers, as everybody does.
_ALONE_WITH_BUYER = text("""
    SELECT pg_advisory_xact_lock(number)
    FROM (SELECT DISTINCT hashtextextended('buyer:' || :event_id || ':' || key, 0) AS number
          FROM unnest(CAST(:keys AS text[])) AS wanted (key) ORDER BY number) AS keys
""")
_UNITS_BOUGHT = text("""
    SELECT key, sum(bought.quantity - voided.tickets) AS units
    FROM orders
    CROSS JOIN LATERAL unnest(buyer_keys) AS counted (key)
    CROSS JOIN LATERAL (SELECT sum(quantity) AS quantity FROM order_lines WHERE order_id = orders.id) AS bought
    CROSS JOIN LATERAL (SELECT count(*) AS tickets FROM tickets
                        WHERE order_id = orders.id AND state = 'void') AS voided
    WHERE event_id = :event_id AND buyer_keys && CAST(:keys AS text[]) AND key = ANY(CAST(:keys AS text[]))
        AND state IN ('awaiting_payment', 'in_review', 'confirmed', 'partially_refunded')
    GROUP BY key
""")
_DUE = text("""
    SELECT id FROM orders
    WHERE state = 'awaiting_payment'
        AND (stock = 'claimed' AND deadline_at <= :now OR stock IN ('releasing', 'released'))
    ORDER BY deadline_at, id LIMIT :at_most
""")
_CALL_OFF = text("""
    UPDATE orders SET deadline_at = :now
    WHERE event_id = :event_id AND state = 'awaiting_payment' AND deadline_at > :now
""")

_ONE = lockable(select(orders).where(orders.c.id == WANTED))
_OF_HOLD = lockable(
    select(orders).where(orders.c.event_id == bindparam("wanted_event"), orders.c.hold_nonce == bindparam("nonce"))
)
_LINES = select(order_lines).where(order_lines.c.order_id == WANTED).order_by(order_lines.c.position)
_SAVE = saving(orders)
_POLICY = (
    select(refund_policies)
    .join(
        orders,
        (refund_policies.c.event_id == orders.c.event_id) & (refund_policies.c.version == orders.c.policy_version),
    )
    .where(orders.c.id == WANTED)
)


class PostgresOrders:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, order: Order, *, policy: RefundPolicy) -> None:
        version = self._policy_version(order.event_id, policy)
        self._transaction.run(insert(orders), {**rows.to_row(order), "policy_version": version})
        self._transaction.run(insert(order_lines), rows.line_rows(order))

    def get(self, order_id: OrderId, *, lock: bool = False) -> Order:
        order = self._find(_ONE, {"wanted": order_id}, lock=lock)
        if order is None:
            raise NotFound("order")
        return order

    def of_hold(self, hold_id: HoldId, *, lock: bool = False) -> Order | None:
        return self._find(_OF_HOLD, {"wanted_event": hold_id.event_id, "nonce": hold_id.nonce}, lock=lock)

    def save(self, order: Order) -> None:
        if not self._transaction.changed(_SAVE, {"wanted": order.id, **rows.changes(order)}):
            raise NotFound("order")

    def reseat(self, order: Order) -> None:
        self._transaction.run(update(orders).where(orders.c.id == order.id).values(pools=dict(order.pools)))
        for line in order.lines:
            changed = (order_lines.c.id == line.id) & (order_lines.c.seats != list(line.seats))
            self._transaction.run(update(order_lines).where(changed).values(seats=list(line.seats)))

    def call_off(self, event_id: EventId, *, now: datetime) -> int:
        return self._transaction.changed(_CALL_OFF, {"event_id": event_id, "now": now})

    def policy(self, order_id: OrderId) -> RefundPolicy:
        row = self._transaction.first(_POLICY, {"wanted": order_id})
        if row is None:
            raise NotFound("order")
        return event_rows.policy_from_row(row)

    def units_bought(self, *, event_id: EventId, keys: tuple[str, ...]) -> dict[str, int]:
        buyer = {"event_id": event_id, "keys": list(keys)}
        self._transaction.run(_ALONE_WITH_BUYER, buyer)
        return {row["key"]: int(row["units"]) for row in self._transaction.rows(_UNITS_BOUGHT, buyer)}

    def exchanging(self, order_id: OrderId) -> tuple[Order, ...]:
        wanted = select(orders).where(orders.c.exchanged_order_id == order_id).order_by(orders.c.placed_at, orders.c.id)
        found = self._transaction.rows(wanted)
        return tuple(rows.from_row(row, self._lines(row["id"])) for row in found)

    def due(self, *, now: datetime, at_most: int) -> tuple[OrderId, ...]:
        found = self._transaction.rows(_DUE, {"now": now, "at_most": at_most})
        return tuple(OrderId(row["id"]) for row in found)

    def _find(self, which: Lockable, named: Mapping[str, object], *, lock: bool) -> Order | None:
        row = self._transaction.first(which.with_lock(lock), named)
        if row is None:
            return None
        return rows.from_row(row, self._lines(row["id"]))

    def _lines(self, order_id: UUID) -> Sequence[Row]:
        return self._transaction.rows(_LINES, {"wanted": order_id})

    def _policy_version(self, event_id: EventId, policy: RefundPolicy) -> int:
        wanted = event_rows.policy_to_row(policy)["rules"]
        same = (refund_policies.c.event_id == event_id) & (refund_policies.c.rules == wanted)
        newest = select(refund_policies.c.version).where(same).order_by(refund_policies.c.version.desc()).limit(1)
        row = self._transaction.first(newest)
        if row is None:
            raise InvariantBroken("an order is sold under a policy of its event")
        return int(row["version"])
