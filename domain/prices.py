"""Prices: one pure function that turns a tier, a moment and the rules of a sale into what a ticket costs.

The order of the steps is the contract: the face value of the moment, less what a promotion takes off it; on what
is left, the fee; on both (or on the place alone), the taxes. Every share is rounded half up, once a ticket, so an order
of any size is a whole number of equal tickets.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.errors import Rejection, RejectionCode
from domain.fees import NO_FEE, FeeRule
from domain.money import AMOUNT_MINOR_MAX, CurrencyCode, Money, zero
from domain.promotions import Promotion
from domain.taxes import NO_TAXES, TaxPart, TaxRule
from domain.tiers import Tier, UnitPrice

CHARGE_MINOR_MIN = {
    "AED": 200, "BGN": 100, "CZK": 1_500, "DKK": 250, "GBP": 30, "HKD": 400, "HUF": 17_500, "MXN": 1_000, "MYR": 200,
    "NOK": 300, "PLN": 200, "RON": 200, "SEK": 300, "THB": 1_000, "CLP": 500, "ISK": 100, "KRW": 700, "VND": 14_000,
    "XOF": 350, "BHD": 200, "JOD": 400, "KWD": 200, "OMR": 200, "TND": 1_600,
}  # fmt: skip
"""The least a card can be charged, in minor units, where it is not CHARGE_MINOR_MIN_DEFAULT.

https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; currencies that Stripe lists none for have about
half a United States dollar here.
"""
CHARGE_MINOR_MIN_DEFAULT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRules:
    """What all tiers of a sale have in common: the event's fee, and the taxes of its venue."""

    fee: FeeRule = NO_FEE
    taxes: TaxRule = NO_TAXES


PLAIN = PriceRules()
"""Neither fees nor taxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTerms:
    """Under what tickets were priced, kept with every hold and order, so that a receipt says so for ever.

    ``promotion`` is the label that its organiser gave it, never the code.
    """

    taxes: TaxRule = NO_TAXES
    promotion: str | None = None


NO_TERMS = PriceTerms()


def unit_price(tier: Tier, rules: PriceRules, *, now: datetime, promotion: Promotion | None = None) -> UnitPrice:
    """What one ticket of this tier costs at this moment, part by part.

    A ``promotion`` that does not cover the tier changes nothing.
    """
    face = tier.face_at(now)
    covered = promotion is not None and promotion.covers(tier.id, locked=tier.locked)
    discount = promotion.discount(face) if promotion is not None and covered else zero(face.currency)
    return compose(face, discount=discount, fee=rules.fee if tier.fee is None else tier.fee, taxes=rules.taxes)


def changed_at(tiers: Iterable[Tier], now: datetime) -> datetime | None:
    """When the price of one of these tiers changed last by itself: what is remembered of prices is older than that."""
    return max((step.starts_at for tier in tiers for step in tier.steps if step.starts_at <= now), default=None)


def compose(face: Money, *, discount: Money, fee: FeeRule, taxes: TaxRule) -> UnitPrice:
    """The parts of a price, from the first to the last."""
    asked, nothing = fee.of(face - discount), zero(face.currency)
    paid, absorbed = (nothing, asked) if fee.absorbed else (asked, nothing)
    return UnitPrice(
        face=face,
        discount=discount,
        fee=paid,
        absorbed_fee=absorbed,
        tax=taxes.of(admission=face - discount, fee=paid),
        tax_added=taxes.added,
    )


def tax_parts(prices: Iterable[tuple[UnitPrice, int]], taxes: TaxRule) -> tuple[TaxPart, ...]:
    """Every tax by name over so many tickets at each of these prices: the sum of what each ticket's tax is made of."""
    totals: dict[str, TaxPart] = {}
    for unit, quantity in prices:
        for part in taxes.parts(unit.tax):
            before = totals.get(part.name)
            amount = part.amount * quantity if before is None else before.amount + part.amount * quantity
            totals[part.name] = TaxPart(name=part.name, basis_points=part.basis_points, amount=amount)
    return tuple(totals.values())


def charge_minor_min(currency: CurrencyCode) -> int:
    """The least that a card can be charged."""
    return CHARGE_MINOR_MIN.get(currency, CHARGE_MINOR_MIN_DEFAULT)


def refuses_charge(total: Money) -> Rejection | None:
    """An amount that no card can be charged. Said before anything is taken; nothing at all is fine."""
    least = charge_minor_min(total.currency)
    if 0 < total.amount < least:
        return Rejection(
            code=RejectionCode.AMOUNT_TOO_SMALL,
            message="This comes to less than a card can be charged. Please add a ticket.",
            details={"minimum": least, "total": total.amount, "currency": total.currency},
        )
    if total.amount > AMOUNT_MINOR_MAX:
        return Rejection(
            code=RejectionCode.AMOUNT_TOO_LARGE,
            message="This comes to more than a card can be charged at once. Please buy it in several orders.",
            details={"maximum": AMOUNT_MINOR_MAX, "total": total.amount, "currency": total.currency},
        )
    return None
