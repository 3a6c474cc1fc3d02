"""Giving tickets back: what would be returned, and asking for it."""

from uuid import UUID

import structlog
from flask import Response

from application.commands.request_refund import RequestRefund
from application.queries.buyers_reason import buyers_reason
from domain.audit import BUYER
from domain.errors import Rejection
from domain.orders import OrderId
from domain.refund_policies import RefundReason
from domain.refund_requests import RefundRequest, RequestState
from domain.refunds import Refund
from domain.tickets import TicketId
from entrypoints.http import idempotency, limits, tokens
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.openapi import IDEMPOTENCY_KEY, answers, operation
from entrypoints.http.representations import orders as present
from entrypoints.http.schemas.orders import (
    QuoteQuerySchema,
    QuoteSchema,
    RefundRequestSchema,
    RefundSchema,
    RefundsSchema,
)
from entrypoints.http.schemas.parsing import load_json, load_query
from entrypoints.http.services import current

refunds = blueprint("refunds", "Giving tickets back.")

_QUERY = QuoteQuerySchema()
_BODY = RefundRequestSchema()


@refunds.route("/orders/<uuid:order>/refund-quote")
@operation(
    "Quote a refund",
    success={200: answers("What would come back now, ticket by ticket, and why.", QuoteSchema)},
    problems=(401, 403, 404, 409, 422, 503),
    query=QuoteQuerySchema,
    security="orderToken",
)
def quote_refund(order: UUID) -> Response:
    """The same rules decide the refund itself."""
    order_id = OrderId(order)
    tokens.require_order(order_id)
    tickets = _tickets(load_query(_QUERY).get("ticket"))
    quote = current().refund_quote(order_id, tickets, _reason(order_id))
    return refuse(quote) if isinstance(quote, Rejection) else ok(present.quote(quote))


@refunds.route("/orders/<uuid:order>/refunds")
@operation(
    "Follow an order's refunds",
    success={200: answers("Every refund, and every request for one, oldest first.", RefundsSchema)},
    problems=(401, 403, 404, 503),
    security="orderToken",
)
def list_refunds(order: UUID) -> Response:
    """A request that was approved is shown as the refund that it became."""
    order_id = OrderId(order)
    tokens.require_order(order_id)
    details = current().order_details(order_id)
    requests = (each for each in details.refund_requests if each.state is not RequestState.APPROVED)
    every: list[Refund | RefundRequest] = [*details.refunds, *requests]
    every.sort(key=lambda each: (each.requested_at, each.id))
    return ok({"items": [present.asked_refund(each) for each in every]})


@refunds.route("/orders/<uuid:order>/refunds", methods=["POST"])
@operation(
    "Ask for a refund",
    success={
        201: answers("Decided. The tickets are void; the money is on its way.", RefundSchema),
        202: answers("It waits for a second person. The tickets stay valid until then.", RefundSchema),
    },
    problems=(401, 403, 404, 409, 413, 415, 422, 429, 503),
    body=RefundRequestSchema,
    parameters=(IDEMPOTENCY_KEY,),
    security="orderToken",
)
def request_refund(order: UUID) -> Response:
    """All of these tickets or none."""
    order_id = OrderId(order)
    tokens.require_order(order_id)
    wanted = load_json(_BODY)
    limits.enforce(limits.REFUNDS_PER_ORDER, order_id)

    def act() -> Response:
        command = RequestRefund(
            order_id=order_id,
            tickets=_tickets(wanted["tickets"]),
            reason=_reason(order_id),
            actor=BUYER,
            quote_digest=wanted["quote"],
        )
        refund = current().request_refund(command)
        if isinstance(refund, Rejection):
            return refuse(refund)
        structlog.get_logger().info("refund_requested", refund=str(refund.id), in_the_buyers_words=wanted["reason"])
        return ok(present.asked_refund(refund), 201 if isinstance(refund, Refund) else 202)

    return idempotency.once(f"refunds:{order_id}", wanted, act)


def _reason(order_id: OrderId) -> RefundReason:
    """Decided by what happened to the event, not by what a client says: the reason decides how much comes back."""
    with current().unit_of_work() as uow:
        return buyers_reason(uow.orders.get(order_id), uow=uow, now=current().clock().now())


def _tickets(wanted: list[UUID] | None) -> tuple[TicketId, ...] | None:
    return tuple(TicketId(each) for each in wanted) if wanted else None
