"""Signed calls from Twilio: how a message fared, and what people write back.

The signature covers the exact public URL and the form's fields, and has no time in it: a repeated call is genuine. Who
handles these only ever moves a message forward.
"""

from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from twilio.request_validator import RequestValidator

from adapters.twilio.states import state_of
from domain.ports.messages import DeliveryReport, InboundMessage, MessageId
from domain.ports.payments import SignatureInvalid

MESSAGE = "message"
"""The field of a report's address in which our own name of the message comes back."""
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
"""What Twilio itself takes for opting out and in again, said as a whole message in any case."""


class TwilioCallbacks:
    """Implements SmsCallbacks. ``url`` is the address as the public sees it, not as a proxy rewrote it."""

    def __init__(self, *, auth_token: str) -> None:
        self._validator = RequestValidator(auth_token)

    def read_report(self, *, url: str, form: dict[str, str], signature: str) -> DeliveryReport:
        self._check(url, form, signature)
        error_code = form.get("ErrorCode")
        return DeliveryReport(
            provider_id=_field(form, "MessageSid"),
            state=state_of(_field(form, "MessageStatus")),
            failure=error_code if error_code and error_code != "0" else None,
            message_id=_own_name(url),
        )

    def read_inbound(self, *, url: str, form: dict[str, str], signature: str) -> InboundMessage:
        self._check(url, form, signature)
        body = form.get("Body", "")
        # A messaging service with Advanced Opt-Out says what it understood; a bare number leaves that to us.
        said = form.get("OptOutType") or _keyword(body)
        return InboundMessage(
            provider_id=_field(form, "MessageSid"),
            sender=_field(form, "From"),
            body=body,
            opt_out=said == "STOP",
            opt_in=said == "START",
        )

    def _check(self, url: str, form: dict[str, str], signature: str) -> None:
        if not self._validator.validate(url, form, signature):
            raise SignatureInvalid("the call is not signed by Twilio")


def _own_name(url: str) -> MessageId | None:
    """Ours for the message, if the address has it: it is signed, so nobody but us can have written it there."""
    named = dict(parse_qsl(urlsplit(url).query)).get(MESSAGE)
    try:
        return MessageId(UUID(named)) if named else None
    except ValueError as error:
        raise SignatureInvalid("the address names no message of ours") from error


def _keyword(body: str) -> str | None:
    word = body.strip().upper()
    if word in STOP_WORDS:
        return "STOP"
    return "START" if word in START_WORDS else None


def _field(form: dict[str, str], name: str) -> str:
    """Twilio signs what it likes, and a call without its own message is none that we can use."""
    if name not in form:
        raise SignatureInvalid(f"the call has no {name}")
    return form[name]
