"""Words and forms: how money, times, names and numbers are written and read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from werkzeug.datastructures import MultiDict

from domain.money import CurrencyCode, Money
from entrypoints.http.storefront import details_form, wording

MOMENT = datetime(2027, 3, 13, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [(4500, "USD", "$45.00"), (4500, "EUR", "€45.00"), (4500, "JPY", "¥4,500"), (0, "USD", "Free")],
)
def test_money_is_written_with_as_many_digits_as_its_currency_has(amount: int, currency: str, written: str) -> None:
    """Minor units are never mistaken for whole ones."""
    assert wording.price(Money(amount, CurrencyCode(currency))) == written


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("America/New_York", "Fri 12 March 2027, 20:00"),
        ("Europe/London", "Sat 13 March 2027, 01:00"),
        ("Asia/Kolkata", "Sat 13 March 2027, 06:30"),
    ],
)
def test_a_moment_is_written_on_the_venues_calendar(zone: str, written: str) -> None:
    """The same moment is another day elsewhere."""
    assert wording.day_and_clock(MOMENT, zone) == written


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("America/New_York", "New York time (UTC-5)"),
        ("Asia/Kolkata", "Kolkata time (UTC+5:30)"),
        ("Europe/London", "London time (UTC)"),
    ],
)
def test_the_clock_that_is_meant_is_named(zone: str, written: str) -> None:
    """Nobody has to know what EST is."""
    assert wording.zone_name(MOMENT, zone) == written


def read(**typed: str) -> details_form.DetailsForm:
    return details_form.read(MultiDict({"name": "Ada", "email": "ada@example.com", **typed}), country="US")


@pytest.mark.parametrize("phone", ["(212) 555-0142", "+1 212 555 0142", "212.555.0142"])
def test_a_phone_number_is_understood_as_people_write_it(phone: str) -> None:
    """All of these are one number, in E.164."""
    buyer = read(phone=phone).buyer
    assert buyer is not None
    assert buyer.phone == "+12125550142"


def test_the_phone_is_optional_and_the_address_is_kept_in_lower_case() -> None:
    """An empty field is no number, not an error."""
    buyer = read(email=" Ada@Example.COM ", phone=" ").buyer
    assert buyer is not None
    assert (buyer.email, buyer.phone) == ("ada@example.com", None)


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b.c" * 100])
def test_what_cannot_be_an_address_is_refused(email: str) -> None:
    """…and what was typed is still there."""
    form = read(email=email)
    assert form.buyer is None
    assert set(form.errors) == {"email"}
    assert form.email == email


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "Ada\x00"])
def test_a_name_is_needed_and_has_bounds(name: str) -> None:
    """Blanks are no name; control characters never reach a ticket."""
    assert set(read(name=name).errors) == {"name"}
