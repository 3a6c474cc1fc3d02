"""Tickets."""

from sqlalchemy import insert, select

from adapters.postgres.rows import orders as rows
from adapters.postgres.statements import WANTED, lockable, saving
from adapters.postgres.tables import tickets
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.orders import OrderId
from domain.tickets import Ticket, TicketId

_ONE = lockable(select(tickets).where(tickets.c.id == WANTED))
_OF_ORDER = lockable(select(tickets).where(tickets.c.order_id == WANTED).order_by(tickets.c.position))
_SAVE = saving(tickets)


class PostgresTickets:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, tickets_: tuple[Ticket, ...]) -> None:
        if tickets_:
            self._transaction.run(insert(tickets).values([rows.ticket_to_row(ticket) for ticket in tickets_]))

    def get(self, ticket_id: TicketId, *, lock: bool = False) -> Ticket:
        row = self._transaction.first(_ONE.with_lock(lock), {"wanted": ticket_id})
        if row is None:
            raise NotFound("ticket")
        return rows.ticket_from_row(row)

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Ticket, ...]:
        found = self._transaction.rows(_OF_ORDER.with_lock(lock), {"wanted": order_id})
        return tuple(rows.ticket_from_row(row) for row in found)

    def save(self, ticket: Ticket) -> None:
        if not self._transaction.changed(_SAVE, {"wanted": ticket.id, **rows.ticket_changes(ticket)}):
            raise NotFound("ticket")
