"""Amounts as Stripe counts them: minor units, with a few currencies that keep an older exponent.

https://docs.stripe.com/currencies#special-cases
"""

from domain.money import CurrencyCode, Money

_STRIPE_UNITS_PER_MINOR_UNIT = {"ISK": 100, "UGX": 100}
"""The króna and the Ugandan shilling have no minor unit any more, and Stripe still counts them in hundredths."""


def to_stripe(money: Money) -> int:
    """The integer that Stripe expects for this amount."""
    return money.amount * _STRIPE_UNITS_PER_MINOR_UNIT.get(money.currency, 1)


def from_stripe(amount: int, currency: str) -> Money:
    """Money from Stripe's integer and lower-case currency code."""
    code = CurrencyCode(currency.upper())
    return Money(amount // _STRIPE_UNITS_PER_MINOR_UNIT.get(code, 1), code)
