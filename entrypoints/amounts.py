"""Money as pages show it, for buyers and managers alike."""

import re

from babel.numbers import format_currency

from domain.money import Money

_LOCALE = "en_US"
"""``$45.00`` and ``€45.00``; the British locale would write ``US$45.00``."""

_LETTERS_BEFORE_DIGITS = re.compile(r"(?<=[A-Z])(?=[0-9])")
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def shown(amount: Money) -> str:
    """With as many decimals as we count: ``$1,234.50``, ``¥4,500``, ``KWD 1.250``.

    Browsers write the same, so that a running total never changes its looks; Babel leaves out the space after letters.
    """
    decimals = f".{'0' * amount.exponent}" if amount.exponent else ""
    written = format_currency(
        amount.decimal,
        amount.currency,
        format=f"\N{CURRENCY SIGN}#,##0{decimals}",
        locale=_LOCALE,
        currency_digits=False,
    )
    return _LETTERS_BEFORE_DIGITS.sub(_NO_BREAK_SPACE, written)
