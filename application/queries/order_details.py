"""An order with everything its page shows."""

from dataclasses import dataclass

from application.commands.request_refund import chosen_tickets
from application.exchanging import exchange_offer
from domain.errors import Rejection
from domain.events import Event
from domain.exchanges import UNDER_WAY
from domain.fraud import Assessment
from domain.money import Money
from domain.orders import Order, OrderId
from domain.payments import Payment, standing
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.seat_maps import SeatMap
from domain.tickets import Ticket
from domain.venues import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangedTickets:
    """What an order exchanges: so many tickets of an older one, and what they give back, or gave.

    ``returned`` None: they cannot be exchanged any more, or the order ended without.
    """

    order: Order
    tickets: int
    returned: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetails:
    """``payment`` is the attempt that the order stands on. ``exchanged_by``: newer orders that exchange its tickets, or
    did.
    """

    order: Order
    payment: Payment | None
    tickets: tuple[Ticket, ...]
    refunds: tuple[Refund, ...]
    refund_requests: tuple[RefundRequest, ...]
    assessments: tuple[Assessment, ...]
    event: Event
    venue: Venue
    seat_map: SeatMap
    exchanges: ExchangedTickets | None = None
    exchanged_by: tuple[Order, ...] = ()


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
            exchanges=_exchanged(order, uow),
            exchanged_by=tuple(
                other for other in uow.orders.exchanging(order_id) if other.state in UNDER_WAY or other.confirmed_at
            ),
        )


def _exchanged(order: Order, uow: UnitOfWork) -> ExchangedTickets | None:
    if order.exchanges is None:
        return None
    wanted = order.exchanges
    old = uow.orders.get(wanted.order_id)
    return ExchangedTickets(order=old, tickets=len(wanted.tickets), returned=_returned(order, old, uow))


def _returned(order: Order, old: Order, uow: UnitOfWork) -> Money | None:
    assert order.exchanges is not None, "only exchanges give anything back"
    wanted = order.exchanges.tickets
    if order.confirmed_at is not None:
        made = (each for each in uow.refunds.of_order(old.id) if set(each.tickets) == set(wanted))
        return next((each.amount for each in made), None)
    tickets = chosen_tickets(uow.tickets.of_order(old.id), wanted)
    if order.state not in UNDER_WAY or isinstance(tickets, Rejection):
        return None
    offer = exchange_offer(old, tickets, uow=uow, now=order.placed_at)
    return None if isinstance(offer, Rejection) else offer.total
