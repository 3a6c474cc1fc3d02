"""Money: sums, splits and shares without a lost or invented cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    BASIS_POINTS,
    EXPONENTS,
    SIGNS,
    CurrencyCode,
    CurrencyMismatch,
    Money,
    in_words,
    with_code,
    zero,
)

USD, EUR, JPY, KWD = (CurrencyCode(code) for code in ("USD", "EUR", "JPY", "KWD"))

amounts = st.integers(min_value=-(10**12), max_value=10**12)
weights = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=20).filter(any)


@given(amounts, weights)
def test_a_split_sums_exactly_to_the_whole(amount: int, parts: list[int]) -> None:
    """Whatever the weights, nothing is lost and nothing is made."""
    split = Money(amount, USD).split(tuple(parts))
    assert sum(split, zero(USD)) == Money(amount, USD)


@given(amounts, weights)
def test_a_part_of_a_split_is_less_than_one_unit_from_its_exact_share(amount: int, parts: list[int]) -> None:
    """Fair to the cent: each part is its exact share, rounded down or up."""
    total = sum(parts)
    for part, weight in zip(Money(amount, USD).split(tuple(parts)), parts, strict=True):
        assert abs(part.amount * total - amount * weight) < total


@given(amounts, weights)
def test_nothing_is_given_to_a_weight_of_zero(amount: int, parts: list[int]) -> None:
    """A line that costs nothing bears no part of a discount or fee."""
    for part, weight in zip(Money(amount, USD).split(tuple(parts)), parts, strict=True):
        assert weight or part.amount == 0


def test_what_is_left_over_goes_to_the_largest_remainder_and_then_to_the_earlier_part() -> None:
    """The rule is fixed, so two servers split alike."""
    assert [part.amount for part in Money(100, USD).split((1, 1, 1))] == [34, 33, 33]
    assert [part.amount for part in Money(10, USD).split((1, 5))] == [2, 8]
    assert [part.amount for part in Money(5, JPY).split((2, 3, 2))] == [2, 2, 1]


@pytest.mark.parametrize("parts", [(), (0, 0), (3, -1), (-1,)])
def test_weights_that_divide_nothing_are_refused(parts: tuple[int, ...]) -> None:
    """No weights, none above zero or one below zero is a mistake, not a division."""
    with pytest.raises(ValueError, match="weights"):
        Money(100, USD).split(parts)


@given(amounts, st.integers(min_value=0, max_value=BASIS_POINTS))
def test_a_percentage_is_the_exact_share_rounded_half_away_from_zero(amount: int, basis_points: int) -> None:
    """Within half a unit of the exact share, and at the very half the larger amount."""
    share = Money(amount, USD).percent(basis_points).amount
    error = share * BASIS_POINTS - amount * basis_points
    assert abs(error) * 2 <= BASIS_POINTS
    if abs(error) * 2 == BASIS_POINTS:
        assert (error > 0) == (amount > 0)


@given(amounts, st.integers(min_value=0, max_value=BASIS_POINTS))
def test_a_share_of_a_debt_mirrors_the_share_of_a_credit(amount: int, basis_points: int) -> None:
    """A ledger that turns every sign still balances."""
    assert Money(-amount, USD).percent(basis_points).amount == -Money(amount, USD).percent(basis_points).amount


@pytest.mark.parametrize(
    ("amount", "basis_points", "expected"),
    [(5, 1_000, 1), (4, 1_000, 0), (4_550, 5_000, 2_275), (1, 5_000, 1), (9, 0, 0)],
)
def test_halves_are_rounded_up(amount: int, basis_points: int, expected: int) -> None:
    """The named rule, in numbers."""
    assert Money(amount, USD).percent(basis_points) == Money(expected, USD)


@given(amounts, amounts)
def test_adding_and_taking_away_undo_each_other(one: int, other: int) -> None:
    """No drift."""
    assert Money(one, EUR) + Money(other, EUR) - Money(other, EUR) == Money(one, EUR)


@given(amounts, st.integers(min_value=0, max_value=100))
def test_so_many_times_is_so_many_added(amount: int, times: int) -> None:
    """A line's total is the sum of its tickets."""
    assert Money(amount, USD) * times == sum([Money(amount, USD)] * times, zero(USD))


def test_two_currencies_do_not_add_up() -> None:
    """There is no rate here, so there is no answer."""
    with pytest.raises(CurrencyMismatch):
        Money(1, USD) + Money(1, EUR)
    with pytest.raises(CurrencyMismatch):
        Money(1, USD) - Money(1, EUR)


@pytest.mark.parametrize(("currency", "digits"), [(USD, 2), (JPY, 0), (KWD, 3)])
def test_a_currency_knows_its_decimals(currency: CurrencyCode, digits: int) -> None:
    """Yen have none and dinars have three: writing and reading amounts must not assume two."""
    assert zero(currency).exponent == digits


@pytest.mark.parametrize(
    ("amount", "said", "noted"),
    [
        (Money(123_450, USD), "$1,234.50", "1234.50 USD"),
        (Money(5, EUR), "€0.05", "0.05 EUR"),
        (Money(0, USD), "$0.00", "0.00 USD"),
        (Money(-1_250, USD), "-$12.50", "-12.50 USD"),
        (Money(13_660, JPY), "¥13,660", "13660 JPY"),
        (Money(1_250, KWD), "KWD 1.250", "1.250 KWD"),
    ],
)
def test_amounts_are_written_for_people_and_for_books(amount: Money, said: str, noted: str) -> None:
    """With as many decimals as the currency has, none of them lost."""
    assert in_words(amount) == said
    assert with_code(amount) == noted


@given(amounts)
def test_a_text_message_can_say_any_amount(amount: int) -> None:
    """One letter outside of the telephones' own alphabet halves how much a message holds."""
    for currency in (*SIGNS, *EXPONENTS):
        assert set(in_words(Money(amount, CurrencyCode(currency)))) <= set(
            "$€£¥-,. 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        )
