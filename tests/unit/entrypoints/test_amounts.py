"""Money on pages, and the sentences beside it."""

import pytest

from domain.money import EXPONENTS, SIGNS, CurrencyCode, Money, in_words
from entrypoints.amounts import shown


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (123_450, "USD", "$1,234.50"),
        (-5, "EUR", "-€0.05"),
        (4_500, "JPY", "¥4,500"),
        (1_250, "KWD", "KWD\N{NO-BREAK SPACE}1.250"),
        (1_250, "CHF", "CHF\N{NO-BREAK SPACE}12.50"),
        (1_250, "HUF", "HUF\N{NO-BREAK SPACE}12.50"),
        (1_250, "XPF", "CFPF\N{NO-BREAK SPACE}1,250"),
        (1_250, "ILS", "₪12.50"),
    ],
)
def test_money_has_its_sign_and_every_decimal_that_is_counted(minor: int, currency: str, written: str) -> None:
    """Whatever the library believes of a currency's decimals: banks are asked for ours."""
    assert shown(Money(minor, CurrencyCode(currency))) == written


@pytest.mark.parametrize("currency", [*SIGNS, "CHF", "SEK", *EXPONENTS])
@pytest.mark.parametrize("minor", [0, 7, -7, 123_456_789])
def test_a_sentence_says_what_the_figure_beside_it_shows(currency: str, minor: int) -> None:
    """A sentence may have to fit into a text message, so it has a code where a page has a sign of its own."""
    amount = Money(minor, CurrencyCode(currency))
    figure, said = shown(amount).replace("\N{NO-BREAK SPACE}", " "), in_words(amount)
    if currency in {"KRW", "VND", "XAF", "XOF", "XPF"}:
        figure, said = (
            text.lstrip("-₩₫ \N{NARROW NO-BREAK SPACE}ABCDEFGHIJKLMNOPQRSTUVWXYZ") for text in (figure, said)
        )
    assert said == figure
