"""Checking out: from a hold to an order and the page where it is paid."""

from typing import Any

from flask import Response, request

from application.commands.start_checkout import StartCheckout
from domain.errors import NotFound, Rejection
from domain.holds import HoldId
from domain.orders import Exchange, OrderId
from domain.tickets import TicketId
from entrypoints.http import idempotency, limits, tokens
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.api.hold_desk import with_seat_names
from entrypoints.http.openapi import IDEMPOTENCY_KEY, answers, operation
from entrypoints.http.representations import orders as present
from entrypoints.http.schemas.orders import CheckoutRequestSchema, CheckoutSchema
from entrypoints.http.schemas.parsing import load_json
from entrypoints.http.services import current

checkouts = blueprint("checkout", "From a hold to an order.")

_BODY = CheckoutRequestSchema()


@checkouts.route("/holds/<hold:hold>/checkout", methods=["POST"])
@operation(
    "Check out",
    success={201: answers("The order, and where to pay it.", CheckoutSchema)},
    problems=(401, 402, 403, 404, 409, 413, 415, 422, 429, 503),
    body=CheckoutRequestSchema,
    parameters=(IDEMPOTENCY_KEY,),
    security="holdToken",
    description=(
        "Idempotent by hold: a repeated call answers with the same order. After a 503 the tickets are kept and the "
        "same call goes on where it stopped. With `exchange`, tickets of an older order are given back in the moment "
        "in which this one is confirmed: until then they stay valid, and if they cannot be given back by then, nothing "
        "is taken."
    ),
)
def start_checkout(hold: str) -> Response:
    """The tickets are the order's until its payment deadline."""
    hold_id = HoldId.parse(hold)
    if hold_id is None:
        raise NotFound("reservation")
    tokens.require_hold(hold_id)
    word = idempotency.key(request.environ)
    asked = load_json(_BODY)
    buyer, exchanging = asked["buyer"], _exchange(asked["exchange"])
    limits.enforce(limits.CHECKOUTS_PER_HOLD, hold_id)
    services = current()
    started = services.start_checkout(StartCheckout(hold_id=hold_id, buyer=buyer, exchanging=exchanging))
    if isinstance(started, Rejection):
        return refuse(with_seat_names(started, services.catalogue().on_sale(event=str(hold_id.event_id)).seat_map))
    if started.order.exchanges != exchanging or (word is not None and started.order.buyer != buyer):
        # An order is unique per hold, so the first call with this key, or with another one, was for somebody else.
        return refuse(idempotency.other_request())
    order_id = started.order.id
    order = present.order(services.order_details(order_id), token=services.access().for_order(order_id))
    checkout_url = started.payment.checkout_url if started.payment else None
    return ok({"order": order, "checkout_url": checkout_url}, 201)


def _exchange(asked: dict[str, Any] | None) -> Exchange | None:
    """What shall be exchanged. Raises Problem 403 unless the token opens the older order."""
    if asked is None:
        return None
    order_id = OrderId(asked["order"])
    tokens.check_order(order_id, asked["token"])
    return Exchange(order_id=order_id, tickets=tuple(TicketId(each) for each in asked["tickets"]))
