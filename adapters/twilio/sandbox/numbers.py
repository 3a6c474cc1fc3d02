"""Phone numbers: which are refused, and which fail on the way.

The +1500555000x numbers are those of Twilio's own test credentials. Twilio has none for failures after acceptance, so
the sandbox adds +1500555 followed by the error code: a message to +15005553006 ends as ``undelivered`` with 30006.
"""

from __future__ import annotations

import re

from adapters.twilio.sandbox.errors import TwilioApiError

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DECORATION = re.compile(r"[ ().\-\u00a0]")
_SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")

POOL_NUMBER = "+15005550006"
"""What a messaging service sends from."""

FAILURES: dict[str, tuple[str, int, str]] = {
    "+15005553001": ("failed", 30001, "Queue overflow"),
    "+15005553002": ("failed", 30002, "Account suspended"),
    "+15005553003": ("undelivered", 30003, "Unreachable destination handset"),
    "+15005553004": ("undelivered", 30004, "Message blocked"),
    "+15005553005": ("undelivered", 30005, "Unknown destination handset"),
    "+15005553006": ("undelivered", 30006, "Landline or unreachable carrier"),
    "+15005553007": ("undelivered", 30007, "Message filtered"),
    "+15005553008": ("undelivered", 30008, "Unknown error"),
}
SILENT_NUMBER = "+15005553099"
"""Stays at ``sent``: a carrier that never confirms."""


def normalised(number: str) -> str | None:
    """The number in E.164 without decoration, or None when it is none."""
    plain = _DECORATION.sub("", number)
    return plain if _E164.fullmatch(plain) else None


def recipient(number: str) -> str:
    """A recipient that Twilio accepts, or its refusal."""
    plain = normalised(number)
    if plain is None or plain == "+15005550001":
        raise TwilioApiError(21211, f"Invalid 'To' Phone Number: {number}")
    if plain == "+15005550002":
        raise TwilioApiError(
            21612, f"Message cannot be sent with the current combination of 'To' ({plain}) and 'From' parameters"
        )
    if plain == "+15005550003":
        message = f"Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {plain}"
        raise TwilioApiError(21408, message)
    if plain == "+15005550004":
        raise TwilioApiError(21610, "Attempt to send to unsubscribed recipient")
    if plain == "+15005550009":
        raise TwilioApiError(21614, f"'To' number: {plain}, is not a valid mobile number")
    return plain


def sender(number: str) -> str:
    """A sender's number or name, or Twilio's refusal."""
    plain = normalised(number)
    if plain == "+15005550001" or (plain is None and not _SENDER_NAME.fullmatch(number)):
        raise TwilioApiError(21212, f"Invalid From Number (caller ID): {number}")
    if plain == "+15005550007":
        message = f"The 'From' phone number provided ({plain}) is not a valid message-capable Twilio phone number"
        raise TwilioApiError(21606, message)
    if plain == "+15005550008":
        raise TwilioApiError(21611, "This 'From' number has exceeded the maximum number of queued messages")
    return plain or number
