"""Webhooks: whether Stripe signed them, and what they are about. Their content is not believed."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import stripe

from domain.orders import OrderId
from domain.ports.payments import Notice, NoticeKind, SignatureInvalid

TOLERANCE_SECONDS = 300
"""How old a signature may be; the same as the SDK's default."""

_KINDS = (
    ("checkout.session.", NoticeKind.PAYMENT),
    ("payment_intent.", NoticeKind.PAYMENT),
    ("review.", NoticeKind.PAYMENT),
    ("charge.dispute.", NoticeKind.DISPUTE),
    ("charge.refund.", NoticeKind.REFUND),
    ("refund.", NoticeKind.REFUND),
    ("radar.early_fraud_warning.", NoticeKind.FRAUD_WARNING),
)
"""By the start of the event's type. ``charge.*`` says nothing that its payment's or refund's own event does not say."""


AFTER_SALES_TYPES = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "refund.failed",
)
"""What may happen long after a sale, when nobody polls it any more: looked for in Stripe's log as well."""


def read_notice(*, payload: bytes, signature: str, secret: str) -> Notice:
    """Check the signature over the raw body and name what the event is about. Raises SignatureInvalid."""
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        event = json.loads(payload)
        return notice_of(event)
    except stripe.SignatureVerificationError as error:
        raise SignatureInvalid(str(error.user_message)) from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        # Bytes that are no text, a signature that is not ASCII, or signed content that is no event at all.
        raise SignatureInvalid("the body is not an event of Stripe") from error


def order_id_in(metadata: object) -> OrderId | None:
    """The order that we wrote into an object's metadata, if it is one of ours."""
    written = metadata.get("order_id") if isinstance(metadata, Mapping) else None
    try:
        return OrderId(UUID(written)) if isinstance(written, str) else None
    except ValueError:
        # Somebody else's metadata in a shared Stripe account.
        return None


def notice_of(event: Mapping[str, Any]) -> Notice:
    """An event of Stripe's, wherever it came from. Raises KeyError for what is none."""
    type_: str = event["type"]
    about: Mapping[str, Any] = event["data"]["object"]
    object_type = about.get("object")
    return Notice(
        id=event["id"],
        kind=next((kind for start, kind in _KINDS if type_.startswith(start)), NoticeKind.OTHER),
        type=type_,
        order_id=order_id_in(about.get("metadata")),
        session_id=about["id"] if object_type == "checkout.session" else None,
        intent_id=about["id"] if object_type == "payment_intent" else _id(about.get("payment_intent")),
        refund_id=about["id"] if object_type == "refund" else None,
        dispute_id=about["id"] if object_type == "dispute" else None,
        warning_id=about["id"] if object_type == "radar.early_fraud_warning" else None,
    )


def _id(reference: object) -> str | None:
    """A reference is an id or, in some API versions, the object itself."""
    if isinstance(reference, Mapping):
        return str(reference["id"])
    return str(reference) if reference else None
