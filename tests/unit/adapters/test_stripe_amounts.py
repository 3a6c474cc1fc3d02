"""Amounts on Stripe's wire: nobody is charged a hundredth or a hundredfold of what the page says."""

import pytest

from adapters.stripe.amounts import from_stripe, to_stripe
from domain.money import CurrencyCode, Money, zero

WITHOUT_DECIMALS = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
]  # fmt: skip
"""Stripe's list of currencies that it counts whole (https://docs.stripe.com/currencies#zero-decimal)."""
IN_HUNDREDTHS_ALL_THE_SAME = ["ISK", "UGX"]
WITH_THREE_DECIMALS = ["BHD", "JOD", "KWD", "OMR", "TND"]


@pytest.mark.parametrize(
    ("codes", "exponent", "of_fifty"),
    [
        (WITHOUT_DECIMALS, 0, 50),
        (IN_HUNDREDTHS_ALL_THE_SAME, 0, 5_000),
        (["USD", "EUR", "GBP"], 2, 5_000),
        (WITH_THREE_DECIMALS, 3, 50_000),
    ],
)
def test_fifty_is_fifty(codes: list[str], exponent: int, of_fifty: int) -> None:
    """Fifty of each currency, shown and charged: in the units that Stripe counts in, and back again."""
    for code in map(CurrencyCode, codes):
        fifty = Money(50 * 10**exponent, code)
        assert zero(code).exponent == exponent, code
        assert to_stripe(fifty) == of_fifty, code
        assert from_stripe(of_fifty, code.lower()) == fifty, code
