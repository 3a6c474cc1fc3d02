"""What a refund would give back now, and why."""

from application.commands.request_refund import chosen_tickets, offer_for
from domain.errors import Rejection
from domain.money import Money
from domain.orders import OrderId
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock
from domain.quotes import Quote
from domain.refund_policies import RefundReason
from domain.tickets import Ticket, TicketId


def refund_quote(
    order_id: OrderId,
    tickets: tuple[TicketId, ...] | None,
    reason: RefundReason,
    *,
    amount: Money | None = None,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
) -> Quote | Rejection:
    """The same function that decides a refund says here what it would decide; ``amount``: money alone.

    Raises NotFound.
    """
    with unit_of_work() as uow:
        order = uow.orders.get(order_id)
        chosen: tuple[Ticket, ...] | Rejection = ()
        if amount is None:
            chosen = chosen_tickets(uow.tickets.of_order(order_id), tickets)
        if isinstance(chosen, Rejection):
            return chosen
        return offer_for(order, chosen, amount, reason=reason, uow=uow, now=clock.now())
