"""Money as whole minor units of one currency. No floats, and every rounding rule has a name."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NewType

CurrencyCode = NewType("CurrencyCode", str)
"""An ISO 4217 alphabetic code, upper case."""

# Digits after the decimal point where they are not two (ISO 4217). A currency without minor units that were missing
# here would be charged a hundredfold: banks count it whole. The ariary's fifths are counted by nobody.
EXPONENTS = {
    "BIF": 0,
    "DJF": 0,
    "GNF": 0,
    "KMF": 0,
    "MGA": 0,
    "PYG": 0,
    "RWF": 0,
    "UGX": 0,
    "VUV": 0,
    "XAF": 0,
    "XPF": 0,
    "JPY": 0,
    "KRW": 0,
    "CLP": 0,
    "VND": 0,
    "ISK": 0,
    "XOF": 0,
    "BHD": 3,
    "KWD": 3,
    "JOD": 3,
    "OMR": 3,
    "TND": 3,
}
EXPONENT_DEFAULT = 2

SIGNS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "CA$",
    "HKD": "HK$",
    "MXN": "MX$",
    "NZD": "NZ$",
}
"""What people write before an amount, where that names one currency and every telephone can show it: any other letter
doubles the price of a text message (GSM 03.38)."""

AMOUNT_MINOR_MAX = 99_999_999
"""Stripe accepts at most eight digits of minor units in one charge."""

BASIS_POINTS = 10_000

CHARGE_STEP_THREE_DECIMALS = 10
"""Card networks settle dinars in hundredths although their books keep thousandths: what is charged ends in 0."""


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met. There is no rate here, so there is no answer."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """``amount`` minor units (cents, yen, fils) of ``currency``. May be negative in ledgers, never in prices."""

    amount: int
    currency: CurrencyCode

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.amount * times, self.currency)

    def percent(self, basis_points: int) -> "Money":
        """A share in hundredths of a percent, rounded half up (away from zero at the half)."""
        return self.share(basis_points, BASIS_POINTS)

    def share(self, numerator: int, denominator: int, *, step: int = 1) -> "Money":
        """So many ``denominator``-ths, rounded half up (away from zero at the half) to a multiple of ``step``."""
        product, whole = self.amount * numerator, denominator * step
        sign = -1 if product < 0 else 1
        return Money(sign * ((abs(product) * 2 + whole) // (whole * 2)) * step, self.currency)

    def split(self, weights: tuple[int, ...]) -> tuple["Money", ...]:
        """Divide by weights so that the parts sum exactly to the whole (largest remainder, earlier part first).

        Raises ValueError for no weights, a negative weight or weights that are all zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("split needs weights that are not negative and not all zero")
        shares = [self.amount * weight // total for weight in weights]
        remainders = [self.amount * weight % total for weight in weights]
        left = self.amount - sum(shares)
        for position in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:left]:
            shares[position] += 1
        return tuple(Money(share, self.currency) for share in shares)

    @property
    def exponent(self) -> int:
        """Digits after the decimal point when written for people."""
        return EXPONENTS.get(self.currency, EXPONENT_DEFAULT)

    @property
    def decimal(self) -> Decimal:
        """In whole units, exact, with as many decimals as the currency has."""
        return Decimal(self.amount).scaleb(-self.exponent)

    def _same_currency(self, other: "Money") -> None:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up")


def charge_step(currency: CurrencyCode) -> int:
    """What anybody is charged is a multiple of so many minor units."""
    return CHARGE_STEP_THREE_DECIMALS if EXPONENTS.get(currency) == 3 else 1


def zero(currency: CurrencyCode) -> Money:
    """Nothing, of one currency: where sums start."""
    return Money(0, currency)


def in_words(amount: Money) -> str:
    """As buyers read it: ``$1,234.50``, ``¥4,500``, ``KWD 1.250``."""
    minus = "-" if amount.amount < 0 else ""
    return f"{minus}{SIGNS.get(amount.currency, f'{amount.currency} ')}{abs(amount.decimal):,f}"


def with_code(amount: Money) -> str:
    """As books and banks read it: ``1234.50 USD``."""
    return f"{amount.decimal:f} {amount.currency}"
