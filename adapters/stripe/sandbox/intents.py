"""PaymentIntents: the life of one payment, from the first card to captured, cancelled or expired."""

from __future__ import annotations

from adapters.stripe.sandbox import charges, reviews
from adapters.stripe.sandbox.errors import StripeApiError, unexpected_state
from adapters.stripe.sandbox.ledger import Ledger, random_text
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document

CANCELLABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
CANCELLATION_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def create_for_session(ledger: Ledger, session: Document, data: Document) -> Document:
    """The PaymentIntent that Checkout makes when a buyer first presses Pay.

    ``data`` is the session's ``payment_intent_data``, kept from its creation.
    """
    intent_id = ledger.new_id("payment_intent")
    intent = ledger.save(
        {
            "id": intent_id,
            "object": "payment_intent",
            "amount": session["amount_total"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": data.get("capture_method") or "automatic_async",
            "client_secret": f"{intent_id}_secret_{random_text(25)}",
            "confirmation_method": "automatic",
            "created": ledger.now(),
            "currency": session["currency"],
            "customer": session["customer"],
            "customer_account": None,
            "description": data.get("description"),
            "excluded_payment_method_types": None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "managed_payments": {"enabled": False},
            "metadata": data.get("metadata") or {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_details": {"customer_reference": None, "order_reference": session["id"]},
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_options": {
                "card": {
                    "installments": None,
                    "mandate_options": None,
                    "network": None,
                    "request_three_d_secure": "automatic",
                }
            },
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": data.get("receipt_email"),
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "source": None,
            "statement_descriptor": data.get("statement_descriptor"),
            "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": data.get("transfer_group"),
        }
    )
    ledger.emit("payment_intent.created", intent)
    return intent


def capture(ledger: Ledger, params: Params, *, intent_id: str) -> Document:
    """``POST /v1/payment_intents/{id}/capture``: all of it, or ``amount_to_capture`` once."""
    intent = ledger.get("payment_intent", intent_id, param="intent")
    amount = params.integer("amount_to_capture", least=1)
    metadata = params.metadata(intent["metadata"])
    if intent["status"] == "succeeded":
        message = "This PaymentIntent could not be captured because it has already been captured."
        raise unexpected_state(message, payment_intent=intent)
    if intent["status"] != "requires_capture":
        message = (
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a"
            " PaymentIntent with one of the following statuses may be captured: requires_capture."
        )
        raise unexpected_state(message, payment_intent=intent)
    if amount is not None and amount > intent["amount_capturable"]:
        raise StripeApiError(
            400,
            "The payment could not be captured because the requested capture amount is greater than the amount you"
            " can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
            remembered=True,
            payment_intent=intent,
        )
    captured = amount if amount is not None else intent["amount_capturable"]
    return settle(ledger, ledger.change(intent, metadata=metadata), amount=captured)


def settle(ledger: Ledger, intent: Document, *, amount: int) -> Document:
    """Move the money of an authorised intent, and let the card's consequences follow."""
    charge = charges.capture(ledger, ledger.get("charge", intent["latest_charge"]), amount=amount)
    ledger.change(intent, status="succeeded", amount_capturable=0, amount_received=amount)
    if intent["capture_method"] == "manual":
        ledger.emit("charge.captured", charge)
    ledger.emit("payment_intent.succeeded", intent)
    ledger.emit("charge.updated", charge, previous={"balance_transaction": None})
    ledger.schedule.later(ledger.tempo.dispute_opens, "stripe.card_consequences", {"charge": charge["id"]})
    return intent


def cancel(ledger: Ledger, params: Params, *, intent_id: str) -> Document:
    """``POST /v1/payment_intents/{id}/cancel``: reserved money is released."""
    intent = ledger.get("payment_intent", intent_id, param="intent")
    reason = params.choice("cancellation_reason", CANCELLATION_REASONS)
    if intent["status"] not in CANCELLABLE:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a"
            f" PaymentIntent with one of the following statuses may be canceled: {', '.join(CANCELLABLE)}."
        )
        raise unexpected_state(message, payment_intent=intent)
    if intent["status"] != "requires_capture":
        # Every intent here was made by Checkout, which keeps control until the card is authorised.
        message = (
            "You cannot cancel this PaymentIntent because it was created by Checkout. Expire the Checkout Session"
            " instead."
        )
        raise unexpected_state(message, payment_intent=intent)
    return void(ledger, intent, reason=reason)


def void(ledger: Ledger, intent: Document, *, reason: str | None) -> Document:
    """Cancel in any cancellable status, by whomever."""
    authorised = intent["status"] == "requires_capture"
    ledger.change(
        intent,
        status="canceled",
        canceled_at=ledger.now(),
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    if authorised:
        charge = ledger.get("charge", intent["latest_charge"])
        ledger.change(charge, refunded=True, amount_refunded=charge["amount"])
        ledger.emit("charge.expired" if reason == "automatic" else "charge.refunded", charge)
        reviews.close_for(ledger, charge, reason="canceled")
        intent = ledger.get("payment_intent", intent["id"])
    ledger.emit("payment_intent.canceled", intent)
    return intent


def lapse(ledger: Ledger, intent_id: str) -> None:
    """The bank's hold ran out with nobody capturing."""
    intent = ledger.get("payment_intent", intent_id)
    if intent["status"] == "requires_capture":
        void(ledger, intent, reason="automatic")


def update(ledger: Ledger, params: Params, *, intent_id: str) -> Document:
    """``POST /v1/payment_intents/{id}``: metadata and description; Checkout decides the rest."""
    intent = ledger.get("payment_intent", intent_id, param="intent")
    for name in params.raw():
        if name not in {"metadata", "description", "expand", "receipt_email"}:
            message = f"You cannot update {name} on a PaymentIntent that was created by Checkout."
            raise params.wrong(name, message)
    if "description" in params:
        intent["description"] = params.text("description")
    if "receipt_email" in params:
        intent["receipt_email"] = params.text("receipt_email")
    return ledger.change(intent, metadata=params.metadata(intent["metadata"]))
