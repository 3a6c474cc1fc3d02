"""Checking out: from a hold to an order and the page where it is paid."""

from flask import Response, request

from application.commands.start_checkout import StartCheckout
from domain.errors import NotFound, Rejection
from domain.holds import HoldId
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
        "same call goes on where it stopped."
    ),
)
def start_checkout(hold: str) -> Response:
    """The tickets are the order's until its payment deadline."""
    hold_id = HoldId.parse(hold)
    if hold_id is None:
        raise NotFound("reservation")
    tokens.require_hold(hold_id)
    word = idempotency.key(request.environ)
    buyer = load_json(_BODY)["buyer"]
    limits.enforce(limits.CHECKOUTS_PER_HOLD, hold_id)
    services = current()
    started = services.start_checkout(StartCheckout(hold_id=hold_id, buyer=buyer))
    if isinstance(started, Rejection):
        return refuse(with_seat_names(started, services.catalogue().on_sale(event=str(hold_id.event_id)).seat_map))
    if word is not None and started.order.buyer != buyer:
        # An order is unique per hold, so the first call with this key, or with another one, was for somebody else.
        return refuse(idempotency.other_request())
    order_id = started.order.id
    order = present.order(services.order_details(order_id), token=services.access().for_order(order_id))
    checkout_url = started.payment.checkout_url if started.payment else None
    return ok({"order": order, "checkout_url": checkout_url}, 201)
