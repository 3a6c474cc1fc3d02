"""The guest checkout form: a name, an e-mail address, and a phone number for those who want a text message."""

import re
from dataclasses import dataclass, field

import phonenumbers
from werkzeug.datastructures import MultiDict

from domain.orders import BUYER_NAME_LENGTH_MAX, EMAIL_LENGTH_MAX, Buyer

PHONE_LENGTH_MAX = 30
_EMAIL = re.compile(r"[^@\s,;<>()\"]{1,64}@[^@\s,;<>()\"]+\.[^@\s.,;<>()\"]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsForm:
    """What was typed, as it was typed, and what is wrong with it by field name."""

    name: str = ""
    email: str = ""
    phone: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    buyer: Buyer | None = None


def typed(form: MultiDict[str, str]) -> DetailsForm:
    """What was typed so far, while nobody has said that it is finished: kept, and not judged."""
    return DetailsForm(
        name=form.get("name", "")[:BUYER_NAME_LENGTH_MAX],
        email=form.get("email", "")[:EMAIL_LENGTH_MAX],
        phone=form.get("phone", "")[:PHONE_LENGTH_MAX],
    )


def read(form: MultiDict[str, str], *, country: str) -> DetailsForm:
    """Check every field at once. ``country`` (ISO 3166) is where a number without ``+`` is dialled."""
    name = " ".join(form.get("name", "").split())
    email = form.get("email", "").strip()
    phone = form.get("phone", "").strip()[:PHONE_LENGTH_MAX]
    dialled = _dialled(phone, country)
    errors = {key: message for key, message in (("name", _name_error(name)), ("email", _email_error(email))) if message}
    if phone and dialled is None:
        errors["phone"] = (
            "This does not look like a phone number. Write it with its country code, such as +1 212 555 0142."
        )
    buyer = None if errors else Buyer(name=name, email=email.lower(), phone=dialled)
    return DetailsForm(name=name, email=email, phone=phone, errors=errors, buyer=buyer)


def _name_error(name: str) -> str | None:
    if not name:
        return "Please tell us your name."
    if len(name) > BUYER_NAME_LENGTH_MAX:
        return f"Please use {BUYER_NAME_LENGTH_MAX} characters at most."
    if not name.isprintable():
        return "Please use ordinary letters."
    return None


def _email_error(email: str) -> str | None:
    if not email:
        return "We need an e-mail address for your order."
    if len(email) > EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(email):
        return "This does not look like an e-mail address. It needs an @ and a domain, such as ada@example.com."
    return None


def _dialled(phone: str, country: str) -> str | None:
    """The number in E.164 (``+12125550142``), or None when nobody could be reached by it."""
    try:
        parsed = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
