"""Postponements, and how far their buyers were told."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update

from adapters.postgres.tables import orders, postponements
from adapters.postgres.transaction import Row, Transaction
from domain.errors import NotFound
from domain.events import EventId
from domain.orders import PAID, OrderId
from domain.postponements import Postponement, PostponementId

_FACTS = ("at", "actor", "was_at", "starts_at", "refunds_until", "note", "told_at")


class PostgresPostponements:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, postponement: Postponement) -> None:
        facts = {name: getattr(postponement, name) for name in _FACTS}
        named = {"id": postponement.id, "event_id": postponement.event_id, "told_up_to": postponement.told_up_to}
        self._transaction.run(insert(postponements), {**named, **facts})

    def newest(self, event_id: EventId) -> Postponement | None:
        own = select(postponements).where(postponements.c.event_id == event_id)
        return self._first(own.order_by(postponements.c.at.desc(), postponements.c.id.desc()))

    def untold(self) -> Postponement | None:
        waiting = select(postponements).where(postponements.c.told_at.is_(None))
        return self._first(waiting.order_by(postponements.c.at).with_for_update(skip_locked=True))

    def save(self, postponement: Postponement) -> None:
        told = {"told_up_to": postponement.told_up_to, "told_at": postponement.told_at}
        same = postponements.c.id == postponement.id
        if not self._transaction.changed(update(postponements).where(same).values(told)):
            raise NotFound("postponement")

    def orders_to_tell(
        self, event_id: EventId, *, placed_by: datetime, after: OrderId | None, at_most: int
    ) -> tuple[OrderId, ...]:
        wanted = select(orders.c.id).where(
            orders.c.event_id == event_id,
            orders.c.state.in_(sorted(state.value for state in PAID)),
            orders.c.placed_at <= placed_by,
        )
        if after is not None:
            wanted = wanted.where(orders.c.id > after)
        found = self._transaction.rows(wanted.order_by(orders.c.id).limit(at_most))
        return tuple(OrderId(row["id"]) for row in found)

    def _first(self, wanted: "Select[Any]") -> Postponement | None:
        row = self._transaction.first(wanted.limit(1))
        return _from_row(row) if row else None


def _from_row(row: Row) -> Postponement:
    return Postponement(
        id=PostponementId(row["id"]),
        event_id=EventId(row["event_id"]),
        told_up_to=OrderId(row["told_up_to"]) if row["told_up_to"] else None,
        **{name: row[name] for name in _FACTS},
    )
