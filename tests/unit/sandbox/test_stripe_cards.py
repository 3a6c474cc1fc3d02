"""The card form's own checks, before any bank is asked."""

from __future__ import annotations

import pytest

from adapters.stripe.sandbox.balance import processing_fee
from adapters.stripe.sandbox.cards import (
    TEST_CARDS,
    CardEntry,
    CardProblem,
    brand_of,
    passes_luhn,
    read_card,
    shown_cards,
)


def read(
    number: str = "4242 4242-4242 4242", month: str = "11", year: str = "26", cvc: str = "123"
) -> CardEntry | CardProblem:
    """A card entered in November 2026."""
    return read_card(number=number, exp_month=month, exp_year=year, cvc=cvc, year=2026, month=11)


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.number)
def test_every_listed_card_is_well_formed(card: object) -> None:
    """The check digit is right and the brand follows from the number, where the number decides it."""
    from adapters.stripe.sandbox.cards import TestCard

    assert isinstance(card, TestCard)
    assert passes_luhn(card.number)
    assert brand_of(card.number) in {card.brand, "unknown"}


def test_every_single_digit_typo_is_found() -> None:
    """Luhn's promise: no number stays valid when one digit changes."""
    number = "4242424242424242"
    for position in range(16):
        for digit in "0123456789":
            changed = number[:position] + digit + number[position + 1 :]
            assert passes_luhn(changed) == (changed == number)


def test_a_card_is_good_until_the_end_of_its_month() -> None:
    """This month passes, last month does not; two and four digits mean the same year."""
    assert isinstance(read(), CardEntry)
    assert isinstance(read(year="2026"), CardEntry)
    assert isinstance(read(month="10"), CardProblem)
    assert isinstance(read(year="2077"), CardProblem)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "4242424242424241"}, "card_number"),
        ({"number": "٤٢٤٢"}, "card_number"),
        ({"month": "1" * 500}, "exp_month"),
        ({"month": "00"}, "exp_month"),
        ({"year": "1"}, "exp_year"),
        ({"cvc": "12a"}, "cvc"),
        ({"cvc": ""}, "cvc"),
    ],
)
def test_problems_name_their_field(change: dict[str, str], field: str) -> None:
    """So that the page can mark the input to correct."""
    problem = read(**change)
    assert isinstance(problem, CardProblem)
    assert problem.field == field


def test_the_page_lists_cards_that_exist() -> None:
    """Each one once."""
    assert len({card.number for card in shown_cards()}) == len(shown_cards())


@pytest.mark.parametrize(("amount", "fee"), [(9000, 291), (1099, 62), (50, 31), (100, 33)])
def test_the_fee_is_rounded_half_up(amount: int, fee: int) -> None:
    """2.9 % and thirty cents, as Stripe's price list has it."""
    assert processing_fee(amount) == fee
