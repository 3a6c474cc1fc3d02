"""Tickets."""

from sqlalchemy import insert, select, update

from adapters.postgres.rows import orders as rows
from adapters.postgres.tables import tickets
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.orders import OrderId
from domain.tickets import Ticket, TicketId


class PostgresTickets:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, tickets_: tuple[Ticket, ...]) -> None:
        if tickets_:
            self._transaction.run(insert(tickets).values([rows.ticket_to_row(ticket) for ticket in tickets_]))

    def get(self, ticket_id: TicketId, *, lock: bool = False) -> Ticket:
        wanted = select(tickets).where(tickets.c.id == ticket_id)
        row = self._transaction.first(wanted.with_for_update(key_share=True) if lock else wanted)
        if row is None:
            raise NotFound("ticket")
        return rows.ticket_from_row(row)

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Ticket, ...]:
        wanted = select(tickets).where(tickets.c.order_id == order_id).order_by(tickets.c.position)
        found = self._transaction.rows(wanted.with_for_update(key_share=True) if lock else wanted)
        return tuple(rows.ticket_from_row(row) for row in found)

    def save(self, ticket: Ticket) -> None:
        changes = rows.ticket_changes(ticket)
        if not self._transaction.changed(update(tickets).where(tickets.c.id == ticket.id).values(changes)):
            raise NotFound("ticket")
