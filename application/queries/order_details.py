"""An order with everything its page shows."""

from dataclasses import dataclass

from domain.events import Event
from domain.fraud import Assessment
from domain.orders import Order, OrderId
from domain.payments import Payment, standing
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.seat_maps import SeatMap
from domain.tickets import Ticket
from domain.venues import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetails:
    """``payment`` is the attempt that the order stands on."""

    order: Order
    payment: Payment | None
    tickets: tuple[Ticket, ...]
    refunds: tuple[Refund, ...]
    refund_requests: tuple[RefundRequest, ...]
    assessments: tuple[Assessment, ...]
    event: Event
    venue: Venue
    seat_map: SeatMap


def order_details(order_id: OrderId, *, unit_of_work: UnitOfWorkFactory) -> OrderDetails:
    """One transaction, a constant number of reads. Raises NotFound."""
    with unit_of_work() as uow:
        order = uow.orders.get(order_id)
        event = uow.events.get(order.event_id)
        return OrderDetails(
            order=order,
            payment=standing(uow.payments.of_order(order_id)),
            tickets=uow.tickets.of_order(order_id),
            refunds=uow.refunds.of_order(order_id),
            refund_requests=uow.refund_requests.of_order(order_id),
            assessments=uow.assessments.of_order(order_id),
            event=event,
            venue=uow.venues.get(event.venue_id),
            seat_map=uow.venues.get_map(event.seat_map_id),
        )
