"""Signed calls from the providers. Each is checked over its raw bytes, and one that comes twice is handled once.

A 2xx means "handled, or handled before": anything else makes the provider send it again.
"""

from flask import Response, request

from domain.ports.payments import SignatureInvalid
from entrypoints.http.api import answers
from entrypoints.http.openapi import ApiBlueprint, operation
from entrypoints.http.openapi import answers as document
from entrypoints.http.services import current

STRIPE_BODY_BYTES_MAX = 256 * 1024
"""Events carry whole objects, so they may be longer than what buyers send."""

NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
XML = "text/xml"

webhooks = ApiBlueprint("webhooks", __name__, url_prefix="/webhooks", description="Signed calls from the providers.")


@webhooks.route("/stripe", methods=["POST"])
@operation(
    "Receive a Stripe event",
    success={200: document("Handled, now or before.")},
    problems=(400, 413, 503),
    security="stripeSignature",
)
def stripe() -> Response:
    """The event is only a hint where to look: what it says of a payment is asked again."""
    request.max_content_length = STRIPE_BODY_BYTES_MAX
    signature = request.headers.get("Stripe-Signature")
    if not signature:
        raise SignatureInvalid("there is none")
    first_time = current().receive_notice(request.get_data(cache=False), signature)
    return answers.ok({"received": True, "first_time": first_time})


@webhooks.route("/twilio/status", methods=["POST"])
@operation(
    "Receive a message's delivery report",
    success={204: document("Noted.")},
    problems=(400, 413, 503),
    security="twilioSignature",
)
def twilio_status() -> Response:
    """Reports come in any order and more than once; a message's state only moves forward."""
    url, form, signature = _twilio_call()
    current().receive_delivery_report(url=url, form=form, signature=signature)
    return Response(status=204)


@webhooks.route("/twilio/inbound", methods=["POST"])
@operation(
    "Receive a message from a buyer",
    success={200: document("An empty TwiML reply.", media_type=XML)},
    problems=(400, 413, 503),
    security="twilioSignature",
)
def twilio_inbound() -> Response:
    """STOP and its synonyms are obeyed; nothing is replied (the carrier does)."""
    url, form, signature = _twilio_call()
    current().receive_inbound_message(url=url, form=form, signature=signature)
    return Response(NO_REPLY, content_type=XML)


def _twilio_call() -> tuple[str, dict[str, str], str]:
    """Twilio signs the address it was given, which is ours as the public sees it, whatever proxies made of it."""
    signature = request.headers.get("X-Twilio-Signature")
    if not signature:
        raise SignatureInvalid("there is none")
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    url = f"{current().settings().public_url}{request.path}{query}"
    return url, request.form.to_dict(), signature
