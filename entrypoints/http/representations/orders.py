"""Orders, their tickets and refunds, as their buyer sees them. Nothing of fraud checks or of the provider's ids."""

from application.queries.order_details import OrderDetails
from domain.orders import Order, OrderState
from domain.payments import Payment, PaymentState
from domain.quotes import Quote
from domain.refund_requests import RefundRequest, RequestState
from domain.refunds import Refund
from domain.tickets import Ticket
from entrypoints.http.representations import Json, moment, money
from entrypoints.http.representations.events import event_of_order
from entrypoints.http.representations.holds import line
from entrypoints.http.representations.prices import tax_lines

_PAYMENT_STATES = {
    PaymentState.STARTING: "starting",
    PaymentState.OPEN: "open",
    PaymentState.AUTHORISED: "authorised",
    PaymentState.CAPTURE_REQUESTED: "authorised",
    PaymentState.CAPTURED: "paid",
    PaymentState.VOID_REQUESTED: "cancelled",
    PaymentState.VOIDED: "cancelled",
    PaymentState.LOST: "expired",
    PaymentState.EXPIRED: "expired",
    PaymentState.FAILED: "failed",
}
"""Our book-keeping has more states than a buyer has questions."""

_REQUEST_STATES = {
    RequestState.WAITING: "awaiting_approval",
    RequestState.APPROVED: "approved",
    RequestState.DECLINED: "declined",
    RequestState.LAPSED: "lapsed",
}


def order(details: OrderDetails, *, token: str | None = None) -> Json:
    """``token`` only in the answer that places the order."""
    placed, paid = details.order, details.payment
    shown: Json = {
        "id": str(placed.id),
        "number": placed.number,
        "state": placed.state.value,
        "event": event_of_order(details.event, details.venue),
        "placed_at": moment(placed.placed_at),
        "payment_deadline_at": moment(placed.deadline_at),
        "confirmed_at": moment(placed.confirmed_at) if placed.confirmed_at else None,
        "buyer": {"name": placed.buyer.name, "email": placed.buyer.email, "phone": placed.buyer.phone},
        "lines": [line(each, details.seat_map, placed.price_terms.taxes) for each in placed.lines],
        "promotion": placed.price_terms.promotion,
        "taxes": tax_lines(placed.taxes),
        "total": money(placed.total),
        "refunded": money(placed.refunded),
        "payment": _payment(paid, placed) if paid else None,
        "exchanges": _exchange(details),
        "ended_because": placed.ended_because,
    }
    if token is not None:
        shown["token"] = token
    return shown


def _exchange(details: OrderDetails) -> Json | None:
    facts, wanted = details.exchanges, details.order.exchanges
    if facts is None or wanted is None:
        return None
    return {
        "order": str(wanted.order_id),
        "tickets": [str(each) for each in wanted.tickets],
        "returned": money(facts.returned) if facts.returned else None,
    }


def _payment(paid: Payment, placed: Order) -> Json:
    payable = placed.state is OrderState.AWAITING_PAYMENT and paid.state is PaymentState.OPEN
    return {
        "state": _PAYMENT_STATES[paid.state],
        "checkout_url": paid.checkout_url if payable else None,
        "failure": paid.failure,
        "card": {"brand": paid.card.brand, "last4": paid.card.last4} if paid.card else None,
    }


def ticket(issued: Ticket) -> Json:
    """One admission. ``code`` is what the QR shows: whoever has it may go in."""
    return {
        "id": str(issued.id),
        "code": issued.code,
        "state": issued.state.value,
        "tier": str(issued.tier_id),
        "tier_name": issued.tier_name,
        "zone": issued.zone,
        "place": issued.place,
        "price": money(issued.price.total),
        "issued_at": moment(issued.issued_at),
        "used_at": moment(issued.used_at) if issued.used_at else None,
        "pdf": f"/api/v1/tickets/{issued.id}.pdf",
        "svg": f"/api/v1/tickets/{issued.id}.svg",
    }


def quote(offered: Quote) -> Json:
    """What would come back, ticket by ticket, and why."""
    return {
        "total": money(offered.total),
        "lines": [
            {
                "ticket": str(each.ticket_id),
                "amount": money(each.amount),
                "kept": money(each.kept),
                "why": each.why,
                "steps": [{"what": step.what, "amount": money(step.amount), "why": step.why} for step in each.items],
                "until": moment(each.until) if each.until else None,
            }
            for each in offered.lines
        ],
        "needs_approval": offered.needs_approval,
        "policy_version": offered.policy_version,
        "quote": offered.digest,
    }


def asked_refund(asked: Refund | RefundRequest) -> Json:
    """What became of asking: money on its way, or a request that waits for a second person."""
    return refund(asked) if isinstance(asked, Refund) else refund_request(asked)


def refund_request(asked: RefundRequest) -> Json:
    """Nothing has gone back yet, and the tickets are still valid."""
    state = _REQUEST_STATES[asked.state]
    return {
        "id": str(asked.id),
        "order": str(asked.order_id),
        "state": state,
        "amount": money(asked.amount),
        "tickets": [str(each) for each in asked.tickets],
        "requested_at": moment(asked.requested_at),
        "completed_at": None,
        "note": asked.note,
    }


def refund(asked: Refund) -> Json:
    """Money on its way back. ``requested`` and ``pending`` both mean: decided, not there yet."""
    return {
        "id": str(asked.id),
        "order": str(asked.order_id),
        "state": asked.state.value,
        "amount": money(asked.amount),
        "tickets": [str(each) for each in asked.tickets],
        "requested_at": moment(asked.requested_at),
        "completed_at": moment(asked.completed_at) if asked.completed_at else None,
        "note": None,
    }
