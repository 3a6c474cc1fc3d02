"""Where somebody can be reached: what an e-mail address and a phone number must look like, wherever they are said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers
from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from domain.orders import EMAIL_LENGTH_MAX
from entrypoints.http.schemas import Strict

PHONE_LENGTH_MAX = 32

_LOCAL_PART_LENGTH_MAX = 64
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f\"(),:;<>\[\\\]]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")


def _deliverable(address: str) -> None:
    """Shaped like an address that a mail server would take; only a message proves more."""
    address = address.strip()
    local = address.partition("@")[0]
    if not _EMAIL.fullmatch(address) or len(local) > _LOCAL_PART_LENGTH_MAX or ".." in address or local[-1:] == ".":
        raise ValidationError("Not a valid e-mail address.")


def e164(number: str) -> str:
    """A phone number as ``+15551234567``. Raises ValidationError unless it is international and possible."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException as error:
        raise ValidationError("Give the number with its country code, such as +1 555 0100 123.") from error
    if not phonenumbers.is_possible_number(parsed):
        raise ValidationError("There is no such phone number.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def email_field(**options: Any) -> fields.String:
    """An address that tickets can be sent to."""
    return fields.String(
        validate=[validate.Length(3, EMAIL_LENGTH_MAX), _deliverable],
        metadata={"format": "email", "examples": ["ada@example.com"]},
        **options,
    )


def phone_field(description: str) -> fields.String:
    """A number, checked by :func:`phone_of` once the whole is loaded."""
    return fields.String(
        allow_none=True,
        load_default=None,
        validate=validate.Length(max=PHONE_LENGTH_MAX),
        metadata={"description": description, "examples": ["+15005550006"]},
    )


def phone_of(data: Mapping[str, Any]) -> str | None:
    """The number among loaded fields, in E.164, or None for none. Raises ValidationError that names the field."""
    phone = (data["phone"] or "").strip()
    try:
        return e164(phone) if phone else None
    except ValidationError as error:
        raise ValidationError(error.messages, "phone") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where a buyer says to be reached. ``phone`` is in E.164."""

    email: str | None
    phone: str | None


class ContactSchema(Strict):
    """Loads into a :class:`Contact`: one of the two, or both."""

    email = email_field(allow_none=True, load_default=None)
    phone = phone_field("International.")

    @validates_schema
    def somewhere(self, data: dict[str, Any], **_: object) -> None:
        """Whoever sends an empty block has forgotten something."""
        if not data.get("email") and not (data.get("phone") or "").strip():
            raise ValidationError("Give an e-mail address or a phone number.", "email")

    @post_load
    def as_contact(self, data: dict[str, Any], **_: object) -> Contact:
        return Contact(email=data["email"], phone=phone_of(data))
