"""Stripe's documented test cards, and the checks that a card form makes before any bank is asked.

Numbers and their meanings: https://docs.stripe.com/testing. A number that is not listed is refused the way Stripe's
test mode refuses a real card.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

CARD_YEARS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why a bank, or Stripe for it, says no."""

    code: str
    decline_code: str
    message: str
    blocked: bool = False
    """Stopped by Radar, so the network was never asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCard:
    """A number and what happens to payments made with it."""

    __test__ = False  # Not a test case, whatever its name looks like to pytest.

    number: str
    label: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    risk_level: str = "normal"
    risk_score: int = 32
    cvc_check: str = "pass"
    dispute_reason: str | None = None
    dispute_is_inquiry: bool = False
    fraud_warning: bool = False
    refund_path: tuple[str, ...] = ("succeeded",)
    """A refund's statuses: the first at once, the second a little later."""
    challenge: bool = False
    """Ask for 3D Secure."""

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """Stable per number, as Stripe's is, so that the same card is recognised again."""
        return hashlib.sha256(f"tessera-sandbox:{self.number}".encode()).hexdigest()[:16]

    @property
    def cvc_digits(self) -> int:
        return 4 if self.brand == "amex" else 3


_BANK_SAYS_NO = "Your card was declined."
_GENERIC = Decline(code="card_declined", decline_code="generic_decline", message=_BANK_SAYS_NO)
_RADAR = Decline(code="card_declined", decline_code="fraudulent", message=_BANK_SAYS_NO, blocked=True)


def _declined(number: str, label: str, code: str, decline_code: str, message: str) -> TestCard:
    decline = Decline(code=code, decline_code=decline_code, message=message)
    return TestCard(number=number, label=label, decline=decline)


TEST_CARDS = (
    TestCard(number="4242424242424242", label="Pays"),
    TestCard(number="4000056655665556", label="Pays (Visa debit)", funding="debit"),
    TestCard(number="5555555555554444", label="Pays (Mastercard)", brand="mastercard"),
    TestCard(number="2223003122003222", label="Pays (Mastercard, 2-series)", brand="mastercard"),
    TestCard(number="5200828282828210", label="Pays (Mastercard debit)", brand="mastercard", funding="debit"),
    TestCard(number="5105105105105100", label="Pays (Mastercard prepaid)", brand="mastercard", funding="prepaid"),
    TestCard(number="378282246310005", label="Pays (American Express, 4-digit code)", brand="amex"),
    TestCard(number="371449635398431", label="Pays (American Express, 4-digit code)", brand="amex"),
    TestCard(number="6011111111111117", label="Pays (Discover)", brand="discover"),
    TestCard(number="3056930009020004", label="Pays (Diners Club)", brand="diners"),
    TestCard(number="3566002020360505", label="Pays (JCB)", brand="jcb"),
    TestCard(number="6200000000000005", label="Pays (UnionPay)", brand="unionpay"),
    TestCard(number="4000002760000016", label="Pays (Germany)", country="DE"),
    TestCard(number="4000002500000003", label="Pays (France)", country="FR"),
    TestCard(number="4000008260000000", label="Pays (United Kingdom)", country="GB"),
    _declined("4000000000000002", "Declined", "card_declined", "generic_decline", _BANK_SAYS_NO),
    _declined(
        "4000000000009995",
        "Declined: insufficient funds",
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    _declined("4000000000009987", "Declined: lost card", "card_declined", "lost_card", _BANK_SAYS_NO),
    _declined("4000000000009979", "Declined: stolen card", "card_declined", "stolen_card", _BANK_SAYS_NO),
    _declined("4000000000000069", "Declined: expired", "expired_card", "expired_card", "Your card has expired."),
    _declined(
        "4000000000000127",
        "Declined: wrong security code",
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
    ),
    _declined(
        "4000000000000119",
        "Declined: processing error",
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    _declined(
        "4000000000006975",
        "Declined: over its limit too often",
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    TestCard(number="4000000000000101", label="Pays, but its security code fails the check", cvc_check="fail"),
    TestCard(
        number="4000000000009235",
        label="Pays; Radar finds an elevated risk and opens a review",
        risk_level="elevated",
        risk_score=68,
    ),
    TestCard(
        number="4000000000004954",
        label="Blocked by Radar: highest risk",
        risk_level="highest",
        risk_score=90,
        decline=_RADAR,
    ),
    TestCard(
        number="4100000000000019",
        label="Always blocked by Radar",
        risk_level="highest",
        risk_score=98,
        decline=_RADAR,
    ),
    TestCard(number="4000000000000259", label="Pays, then disputed as fraud", dispute_reason="fraudulent"),
    TestCard(
        number="4000000000002685",
        label="Pays, then disputed: not received",
        dispute_reason="product_not_received",
    ),
    TestCard(
        number="4000000000001976",
        label="Pays, then an inquiry",
        dispute_reason="fraudulent",
        dispute_is_inquiry=True,
    ),
    TestCard(number="4000000000005423", label="Pays, then an early fraud warning", fraud_warning=True),
    TestCard(
        number="4000000000007726",
        label="Pays; refunds are pending, then succeed",
        refund_path=("pending", "succeeded"),
    ),
    TestCard(
        number="4000000000005126",
        label="Pays; refunds succeed, then fail",
        refund_path=("succeeded", "failed"),
    ),
    TestCard(number="4000002760003184", label="Asks for 3D Secure, then pays", country="DE", challenge=True),
    TestCard(number="4000002500003155", label="Asks for 3D Secure, then pays", country="FR", challenge=True),
    TestCard(
        number="4000008400001629",
        label="Asks for 3D Secure, then is declined",
        challenge=True,
        decline=_GENERIC,
    ),
)
_BY_NUMBER = {card.number: card for card in TEST_CARDS}

# What the checkout page lists; the others work just as well.
SHOWN_ON_PAGE = (
    "4242424242424242",
    "4000000000000002",
    "4000000000009995",
    "4000000000009235",
    "4000002760003184",
    "4100000000000019",
    "4000000000000259",
    "4000000000005423",
    "4000000000007726",
    "4000000000005126",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardProblem:
    """What is wrong with a card form before any bank is asked. ``field`` is the input to correct."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEntry:
    """A card as it was typed, once it is known to be well formed."""

    card: TestCard
    exp_month: int
    exp_year: int


def card_for(number: str) -> TestCard:
    """The test card with this number; any other well-formed number is a card that test mode declines."""
    listed = _BY_NUMBER.get(number)
    if listed is not None:
        return listed
    decline = Decline(
        code="card_declined",
        decline_code="test_mode_live_card",
        message="Your card was declined. This is a sandbox, and that is not one of its test cards.",
    )
    return TestCard(number=number, label="Not a test card", brand=brand_of(number), decline=decline)


def shown_cards() -> tuple[TestCard, ...]:
    return tuple(_BY_NUMBER[number] for number in SHOWN_ON_PAGE)


def read_card(
    *, number: str, exp_month: str, exp_year: str, cvc: str, year: int, month: int
) -> CardEntry | CardProblem:
    """Check a typed card against its own check digit and today's ``year`` and ``month``."""
    digits = "".join(character for character in number if character not in " -")
    if not digits:
        return CardProblem(field="card_number", code="incomplete_number", message="Enter a card number.")
    if not (digits.isascii() and digits.isdigit()) or not 12 <= len(digits) <= 19 or not passes_luhn(digits):
        return CardProblem(field="card_number", code="incorrect_number", message="Your card number is invalid.")
    card = card_for(digits)
    if not (exp_month.isascii() and exp_month.isdigit()) or not 1 <= int(exp_month[:3]) <= 12:
        message = "Your card's expiration month is invalid."
        return CardProblem(field="exp_month", code="invalid_expiry_month", message=message)
    full_year = _full_year(exp_year)
    if full_year is None or full_year > year + CARD_YEARS_MAX:
        message = "Your card's expiration year is invalid."
        return CardProblem(field="exp_year", code="invalid_expiry_year", message=message)
    if (full_year, int(exp_month)) < (year, month):
        message = "Your card's expiration date is in the past."
        return CardProblem(field="exp_year", code="invalid_expiry_year", message=message)
    if not (cvc.isascii() and cvc.isdigit()) or len(cvc) != card.cvc_digits:
        message = f"Your card's security code has {card.cvc_digits} digits."
        return CardProblem(field="cvc", code="invalid_cvc", message=message)
    return CardEntry(card=card, exp_month=int(exp_month), exp_year=full_year)


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812's check digit."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def brand_of(number: str) -> str:
    """The network by its issuer prefix."""
    if number.startswith("4"):
        return "visa"
    if number[:2] in {"34", "37"}:
        return "amex"
    if "51" <= number[:2] <= "55" or "2221" <= number[:4] <= "2720":
        return "mastercard"
    if number.startswith(("6011", "65")):
        return "discover"
    return "unknown"


def _full_year(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) not in {2, 4}:
        return None
    return 2000 + int(text) if len(text) == 2 else int(text)
