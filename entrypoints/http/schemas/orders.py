"""Checking out, orders, tickets and refunds."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from domain.orders import BUYER_NAME_LENGTH_MAX, Buyer, OrderState
from domain.quotes import DIGEST_LENGTH
from domain.refunds import RefundState
from domain.tickets import TicketState
from entrypoints.http.schemas import MoneySchema, Strict, TaxLineSchema
from entrypoints.http.schemas.contacts import email_field, phone_field, phone_of
from entrypoints.http.schemas.events import EventOfOrderSchema
from entrypoints.http.schemas.holds import HeldItemSchema

REASON_LENGTH_MAX = 500
TICKETS_PER_REFUND_MAX = 200
QUOTE_PATTERN = rf"^[0-9a-f]{{{DIGEST_LENGTH}}}$"
TOKEN_LENGTH_MAX = 200
_REQUEST_STATES = ("awaiting_approval", "approved", "declined", "lapsed")
"""A refund that waits for a second person is not one yet, but a client follows it in the same place."""


def _one_line(text: str) -> None:
    if not text.strip() or not text.isprintable():
        raise ValidationError("Give a name on one line.")


def _each_once(ids: list[object]) -> None:
    if len(set(ids)) != len(ids):
        raise ValidationError("Name each ticket once.")


class BuyerSchema(Strict):
    """Loads into a domain.orders.Buyer."""

    name = fields.String(required=True, validate=[validate.Length(1, BUYER_NAME_LENGTH_MAX), _one_line])
    email = email_field(required=True)
    phone = phone_field("International. The confirmation is sent there.")

    @post_load
    def as_buyer(self, data: dict[str, Any], **_: object) -> Buyer:
        return Buyer(name=" ".join(data["name"].split()), email=data["email"].strip().lower(), phone=phone_of(data))


class ExchangeRequestSchema(Strict):
    """Tickets of an older order, which go back when this one is confirmed."""

    order = fields.UUID(required=True, metadata={"description": "The older order."})
    token = fields.String(
        required=True,
        validate=validate.Length(1, TOKEN_LENGTH_MAX),
        metadata={"description": "Opens the older order: only whoever has its tickets may exchange them."},
    )
    tickets = fields.List(
        fields.UUID(),
        required=True,
        validate=[validate.Length(1, TICKETS_PER_REFUND_MAX), _each_once],
        metadata={"description": "Which of its tickets are given back.", "uniqueItems": True},
    )


class CheckoutRequestSchema(Strict):
    buyer = fields.Nested(BuyerSchema, required=True)
    exchange = fields.Nested(ExchangeRequestSchema, load_default=None, allow_none=True)


class ShownBuyerSchema(Strict):
    name = fields.String(required=True)
    email = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)


class CardSchema(Strict):
    brand = fields.String(required=True)
    last4 = fields.String(required=True)


class PaymentSchema(Strict):
    state = fields.String(
        required=True,
        validate=validate.OneOf(["starting", "open", "authorised", "paid", "cancelled", "expired", "failed"]),
    )
    checkout_url = fields.String(
        required=True, allow_none=True, metadata={"description": "Where to pay, while that is possible."}
    )
    failure = fields.String(required=True, allow_none=True, metadata={"description": "Why the last try failed."})
    card = fields.Nested(CardSchema, required=True, allow_none=True)


class ExchangeSchema(Strict):
    order = fields.UUID(required=True, metadata={"description": "The older order whose tickets are exchanged."})
    tickets = fields.List(fields.UUID(), required=True)
    returned = fields.Nested(
        MoneySchema,
        required=True,
        allow_none=True,
        metadata={"description": "What goes back when this order is confirmed, or went. null: nothing can any more."},
    )


class OrderSchema(Strict):
    id = fields.UUID(required=True)
    number = fields.String(required=True, metadata={"examples": ["K7Q2-MX4D"]})
    state = fields.Enum(OrderState, by_value=True, required=True)
    event = fields.Nested(EventOfOrderSchema, required=True)
    placed_at = fields.AwareDateTime(required=True)
    payment_deadline_at = fields.AwareDateTime(required=True)
    confirmed_at = fields.AwareDateTime(required=True, allow_none=True)
    buyer = fields.Nested(ShownBuyerSchema, required=True)
    lines = fields.List(fields.Nested(HeldItemSchema), required=True)
    promotion = fields.String(
        required=True, allow_none=True, metadata={"description": "What its organiser calls the code that was used."}
    )
    taxes = fields.List(
        fields.Nested(TaxLineSchema),
        required=True,
        metadata={"description": "Every tax of the whole order, at the rates it was sold under."},
    )
    total = fields.Nested(MoneySchema, required=True)
    refunded = fields.Nested(MoneySchema, required=True)
    payment = fields.Nested(PaymentSchema, required=True, allow_none=True)
    exchanges = fields.Nested(ExchangeSchema, required=True, allow_none=True)
    ended_because = fields.String(required=True, allow_none=True)


class NewOrderSchema(OrderSchema):
    token = fields.String(required=True, metadata={"description": "Opens this order. Keep it."})


class CheckoutSchema(Strict):
    order = fields.Nested(NewOrderSchema, required=True)
    checkout_url = fields.String(
        required=True, allow_none=True, metadata={"description": "Send the buyer there; null when nothing is owed."}
    )


class TicketSchema(Strict):
    id = fields.UUID(required=True)
    code = fields.String(required=True, metadata={"description": "The secret in the QR code."})
    state = fields.Enum(TicketState, by_value=True, required=True)
    tier = fields.UUID(required=True)
    tier_name = fields.String(required=True)
    zone = fields.String(required=True)
    place = fields.String(required=True)
    price = fields.Nested(MoneySchema, required=True)
    issued_at = fields.AwareDateTime(required=True)
    used_at = fields.AwareDateTime(required=True, allow_none=True)
    pdf = fields.String(required=True)
    svg = fields.String(required=True)


class TicketsSchema(Strict):
    items = fields.List(fields.Nested(TicketSchema), required=True)


class QuoteStepSchema(Strict):
    what = fields.String(required=True, metadata={"examples": ["Ticket", "Fee", "Tax", "Handling"]})
    amount = fields.Nested(
        MoneySchema, required=True, metadata={"description": "What it adds; negative: what it takes off."}
    )
    why = fields.String(required=True)


class QuoteLineSchema(Strict):
    ticket = fields.UUID(required=True)
    amount = fields.Nested(MoneySchema, required=True)
    kept = fields.Nested(MoneySchema, required=True)
    why = fields.String(required=True)
    steps = fields.List(
        fields.Nested(QuoteStepSchema), required=True, metadata={"description": "They add up to the amount."}
    )
    until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "When this offer ends, where the policy says so."}
    )


class QuoteSchema(Strict):
    total = fields.Nested(MoneySchema, required=True)
    lines = fields.List(fields.Nested(QuoteLineSchema), required=True)
    needs_approval = fields.Boolean(required=True, metadata={"description": "It will wait for a second person's yes."})
    policy_version = fields.Integer(
        required=True, metadata={"description": "Version of the event's refund policy that the order was sold under."}
    )
    quote = fields.String(
        required=True, metadata={"description": "Names this offer. Send it with the refund: nothing else is done."}
    )


def _ticket_ids(**options: Any) -> fields.List[Any]:
    return fields.List(fields.UUID(), validate=validate.Length(1, TICKETS_PER_REFUND_MAX), **options)


class QuoteQuerySchema(Strict):
    ticket = _ticket_ids(metadata={"description": "Repeat it for several. None: all that are valid."})


class RefundRequestSchema(Strict):
    tickets = _ticket_ids(required=True, allow_none=True, metadata={"description": "null: all that are valid."})
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=REASON_LENGTH_MAX),
        metadata={"description": "In the buyer's words. It does not change what comes back; the policy decides."},
    )
    quote = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(QUOTE_PATTERN, error="This is not the name of a quote."),
        metadata={"description": "The quote that was shown. If another would be done by now: 409 quote_changed."},
    )


class RefundSchema(Strict):
    id = fields.UUID(required=True)
    order = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf([*RefundState, *_REQUEST_STATES]))
    amount = fields.Nested(MoneySchema, required=True)
    tickets = fields.List(fields.UUID(), required=True)
    requested_at = fields.AwareDateTime(required=True)
    completed_at = fields.AwareDateTime(required=True, allow_none=True)
    note = fields.String(
        required=True, allow_none=True, metadata={"description": "What whoever decided about it said."}
    )


class RefundsSchema(Strict):
    items = fields.List(fields.Nested(RefundSchema), required=True)
