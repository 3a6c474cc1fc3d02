"""What a refund would give back now, and why."""

from application.commands.request_refund import chosen_tickets
from domain.errors import Rejection
from domain.orders import OrderId
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock
from domain.refund_policies import RefundReason
from domain.refunds import Quote, quote
from domain.tickets import TicketId


def refund_quote(
    order_id: OrderId,
    tickets: tuple[TicketId, ...] | None,
    reason: RefundReason,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
) -> Quote | Rejection:
    """The same function that decides a refund says here what it would decide. Raises NotFound."""
    with unit_of_work() as uow:
        order = uow.orders.get(order_id)
        chosen = chosen_tickets(uow.tickets.of_order(order_id), tickets)
        if isinstance(chosen, Rejection):
            return chosen
        return quote(
            order,
            chosen,
            policy=uow.orders.policy(order_id),
            reason=reason,
            starts_at=uow.events.get(order.event_id).starts_at,
            now=clock.now(),
        )
