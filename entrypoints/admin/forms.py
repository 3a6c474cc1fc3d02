"""Reading what was typed: each function answers a value or raises Mistyped with the field and what is wrong."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from domain.money import AMOUNT_MINOR_MAX, BASIS_POINTS, CurrencyCode, Money, charge_step, zero
from domain.orders import EMAIL_LENGTH_MAX
from domain.ports.backoffice import SEARCH_LENGTH_MAX

TEXT_LENGTH_MAX = 500

YES = "yes"
"""What a ticked box says."""

_MINUTES = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?", re.ASCII)
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")

Form = MultiDict[str, str]
Word = TypeVar("Word")
Member = TypeVar("Member", bound=StrEnum)


class Mistyped(ValueError):
    """One field cannot be used; the message is for the person who typed it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def text(form: Form, name: str, *, at_most: int = TEXT_LENGTH_MAX, required: str | None = None) -> str:
    """Without surrounding blanks. ``required`` is what to say when there is nothing."""
    value = form.get(name, "").strip()
    if required and not value:
        raise Mistyped(name, required)
    if len(value) > at_most:
        raise Mistyped(name, f"At most {at_most} characters.")
    if "\x00" in value:
        raise Mistyped(name, "Something here is not a character.")
    return value


def email(form: Form, name: str) -> str:
    """Something that looks like an e-mail address."""
    value = text(form, name, at_most=EMAIL_LENGTH_MAX, required="Their e-mail address.")
    if not _EMAIL.fullmatch(value):
        raise Mistyped(name, "This is not an e-mail address.")
    return value


def search(form: Form, name: str) -> str | None:
    """What somebody looks for, or None; overlong ones are cut, not refused."""
    return form.get(name, "").strip()[:SEARCH_LENGTH_MAX] or None


def whole(form: Form, name: str, *, least: int, most: int) -> int:
    """A whole number in bounds."""
    value = form.get(name, "").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
        raise Mistyped(name, f"A whole number from {least:,} to {most:,}.")
    return int(value)


def seconds(form: Form, name: str, *, least: int, most: int) -> int:
    """A duration that is typed in minutes, with a decimal point if it must be, to the second."""
    value = form.get(name, "").strip().replace(",", ".")
    if _MINUTES.fullmatch(value) and least <= (typed := round(Decimal(value) * 60)) <= most:
        return typed
    raise Mistyped(name, f"Minutes, from {least / 60:g} to {most / 60:g}.")


def amount(form: Form, name: str, *, currency: CurrencyCode, least: int = 0) -> Money:
    """An amount of money with as many decimals as its currency has, at most."""
    exponent, value = zero(currency).exponent, form.get(name, "").strip().replace(",", ".")
    shape = rf"[0-9]{{1,9}}(\.[0-9]{{1,{exponent}}})?" if exponent else r"[0-9]{1,9}"
    if re.fullmatch(shape, value, re.ASCII):
        minor = int(Decimal(value).scaleb(exponent))
        if least <= minor <= AMOUNT_MINOR_MAX and minor % charge_step(currency) == 0:
            return Money(minor, currency)
    decimals = f"with at most {exponent} decimals" if exponent else "without decimals"
    zeros = ", the last of them 0" if charge_step(currency) > 1 else ""
    raise Mistyped(name, f"An amount in {currency} {decimals}{zeros}{', more than nothing' if least else ''}.")


def percent(form: Form, name: str, *, least: int = 0, most: int = BASIS_POINTS) -> int:
    """A share in percent with two decimals at most, as basis points."""
    value = form.get(name, "").strip().replace(",", ".")
    if _PERCENT.fullmatch(value) and least <= (typed := int(Decimal(value) * 100)) <= most:
        return typed
    raise Mistyped(name, f"Percent, from {least / 100:g} to {most / 100:g}, with two decimals at most.")


def switch(form: Form, name: str) -> bool:
    """A checkbox or a choice of yes and no."""
    return form.get(name) == YES


def several(form: Form, name: str, *, of: frozenset[Member]) -> frozenset[Member]:
    """What was ticked of these members of an enumeration, by their values."""
    ticked = set(form.getlist(name))
    if not ticked <= {member.value for member in of}:
        raise Mistyped(name, "Something here is not one of the choices.")
    return frozenset(member for member in of if member.value in ticked)


def moment(form: Form, name: str, *, timezone: str) -> datetime:
    """A date and time of day as the venue's clock shows it."""
    value = form.get(name, "").strip()
    try:
        local = datetime.fromisoformat(value)
    except ValueError as error:
        raise Mistyped(name, "A date and a time, such as 2027-03-14 20:00.") from error
    if local.tzinfo is not None:
        raise Mistyped(name, "A local time, without a time zone.")
    return local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def one_of(form: Form, name: str, words: type[Word], *, required: str) -> Word:
    """A member of an enumeration, by its value."""
    try:
        return words(form.get(name, ""))  # type: ignore[call-arg]  # an enumeration is called with a value
    except ValueError as error:
        raise Mistyped(name, required) from error


def uuids(form: Form, name: str) -> tuple[UUID, ...]:
    """All values of a field as ids, each once."""
    try:
        return tuple(dict.fromkeys(UUID(value) for value in form.getlist(name)))
    except ValueError as error:
        raise Mistyped(name, "Something here is not an id.") from error
