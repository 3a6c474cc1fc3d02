"""At the door: one person goes in with one ticket, once."""

from dataclasses import dataclass

from application import telling, trail
from application.transactions import retrying
from domain.errors import Rejection
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.tickets import Ticket, TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    ticket_id: TicketId
    actor: str


@retrying
def check_in(command: CheckIn, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> Ticket | Rejection:
    """The order is locked first, so that a refund, a dispute and the door take turns. Raises NotFound.

    A ticket of a frozen order is refused with a word for the staff, and stays as it is.
    """
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(uow.tickets.get(command.ticket_id).order_id, lock=True)
        ticket = uow.tickets.get(command.ticket_id, lock=True)
        admitted = ticket.check_in(now=now, frozen_because=order.frozen_because)
        if isinstance(admitted, Rejection):
            return admitted
        uow.tickets.save(admitted)
        uow.audit.add(
            trail.entry(
                command.actor, "ticket.checked_in", kind="order", subject=order.id, ids=ids, now=now,
                ticket=str(ticket.id),
            )
        )  # fmt: skip
        telling.checked_in(admitted, uow=uow, ids=ids, now=now)
        uow.commit()
    return admitted
