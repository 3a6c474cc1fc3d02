"""Links that open an order once."""

from sqlalchemy import insert, select, update

from adapters.postgres.rows import self_service as rows
from adapters.postgres.tables import order_links, orders
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.order_links import OrderLink, OrderLinkId
from domain.orders import OrderId


class PostgresOrderLinks:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def order_numbered(self, number: str) -> OrderId | None:
        row = self._transaction.first(select(orders.c.id).where(orders.c.number == number))
        return OrderId(row["id"]) if row else None

    def add(self, link: OrderLink) -> None:
        self._transaction.run(insert(order_links), rows.link_to_row(link))

    def get(self, link_id: OrderLinkId, *, lock: bool = False) -> OrderLink:
        wanted = select(order_links).where(order_links.c.id == link_id)
        row = self._transaction.first(wanted.with_for_update() if lock else wanted)
        if row is None:
            raise NotFound("link")
        return rows.link_from_row(row)

    def save(self, link: OrderLink) -> None:
        statement = update(order_links).where(order_links.c.id == link.id).values(used_at=link.used_at)
        if not self._transaction.changed(statement):
            raise NotFound("link")
