"""Orders, their tickets, and the documents of a ticket."""

from uuid import UUID

from flask import Response

from application.queries.order_details import OrderDetails
from domain.errors import NotFound
from domain.orders import OrderId
from domain.tickets import Ticket, TicketId
from entrypoints.http import tokens
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import ok
from entrypoints.http.documents.qr import ticket_svg
from entrypoints.http.openapi import answers, operation
from entrypoints.http.representations import orders as present
from entrypoints.http.schemas.orders import OrderSchema, TicketsSchema
from entrypoints.http.services import current

orders = blueprint("orders", "What was bought.")

PDF = "application/pdf"
SVG = "image/svg+xml"


@orders.route("/orders/<uuid:order>")
@operation(
    "Show an order",
    success={200: answers("State, lines, payment and deadline.", OrderSchema)},
    problems=(401, 403, 404, 503),
    security="orderToken",
)
def show_order(order: UUID) -> Response:
    """Poll it while it is `awaiting_payment` or `in_review`."""
    order_id = OrderId(order)
    tokens.require_order(order_id)
    return ok(present.order(current().order_details(order_id)))


@orders.route("/orders/<uuid:order>/tickets")
@operation(
    "List an order's tickets",
    success={200: answers("With their codes. None before the order is confirmed.", TicketsSchema)},
    problems=(401, 403, 404, 503),
    security="orderToken",
)
def list_tickets(order: UUID) -> Response:
    """In the order in which they were issued."""
    order_id = OrderId(order)
    tokens.require_order(order_id)
    return ok({"items": [present.ticket(each) for each in current().order_details(order_id).tickets]})


@orders.route("/tickets/<uuid:ticket>.pdf")
@operation(
    "Get a ticket to print",
    success={200: answers("One page.", media_type=PDF)},
    problems=(401, 403, 404, 503),
    security="orderToken",
)
def show_ticket_pdf(ticket: UUID) -> Response:
    """With the token of the ticket's order."""
    from entrypoints.http.documents.ticket_pdf import ticket_pdf  # Its fonts take a third of a second to import.

    found, details = _own_ticket(TicketId(ticket))
    return _file(ticket_pdf(found, details), PDF, f"ticket-{details.order.number}-{found.id.hex[-6:]}.pdf")


@orders.route("/tickets/<uuid:ticket>.svg")
@operation(
    "Get a ticket's QR code",
    success={200: answers("A drawing.", media_type=SVG)},
    problems=(401, 403, 404, 503),
    security="orderToken",
)
def show_ticket_svg(ticket: UUID) -> Response:
    """With the token of the ticket's order. A ticket that is void shows no code."""
    found, _ = _own_ticket(TicketId(ticket))
    return _file(ticket_svg(found), SVG, None)


def _own_ticket(ticket_id: TicketId) -> tuple[Ticket, OrderDetails]:
    tokens.require_any_token()
    services = current()
    with services.unit_of_work() as uow:
        order_id = uow.tickets.get(ticket_id).order_id
    tokens.require_order(order_id)
    details = services.order_details(order_id)
    found = next((each for each in details.tickets if each.id == ticket_id), None)
    if found is None:
        raise NotFound("ticket")
    return found, details


def _file(body: bytes, content_type: str, name: str | None) -> Response:
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "private, no-store"
    if name is not None:
        response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response
