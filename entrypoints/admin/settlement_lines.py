"""A settlement line by line, as pages show it and files carry it: the same words and the same amounts."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.money import Money
from domain.settlements import Figures, Settlement

UNNAMED_TAX = "Taxes"
"""What taxes are called whose sale did not name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``is_sum``: what the lines of its part that stand above it come to."""

    title: str
    amount: Money
    is_sum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    title: str
    lines: tuple[Line, ...]


def parts_of(figures: Figures) -> tuple[Part, ...]:
    """Whose the money is, then where it is. Every part ends with its sum; lines of nothing are left out.

    What the provider charged in another currency is a part of its own, and in no other sum.
    """
    return (
        _part(
            "Organiser",
            ("Face values of tickets sold", figures.gross),
            ("Discounts", -figures.discounts),
            ("Fees that the organiser pays", -figures.fees_absorbed),
            ("Taxes inside the prices", -figures.taxes_included),
            ("Prices given back", -figures.admission_returned),
            ("Disputes that were lost", -figures.chargebacks),
            total=("Net to the organiser", figures.organiser),
        ),
        _part(
            "House",
            ("Fees that buyers paid", figures.fees_passed_on),
            ("Fees that the organiser paid", figures.fees_absorbed),
            ("Fees given back", -figures.fees_returned),
            ("Kept by the payment provider", -figures.provider_fees),
            ("Fees for disputes", -figures.dispute_fees),
            total=("Kept by the house", figures.house),
        ),
        _part("Taxes", *_taxes(figures), total=("Owed to the tax office", figures.taxes_owed)),
        _part(
            "Buyers",
            ("Refunds on their way", figures.refunds_pending),
            ("Refunds that failed and are owed", figures.refunds_owed),
            ("Taken, not yet tickets", figures.unsettled),
            total=("Owed to buyers", figures.buyers),
        ),
        _part(
            "Where the money is",
            ("Taken from buyers", figures.captured),
            ("Paid back to buyers", -figures.refunded),
            ("Kept by the payment provider", -figures.provider_fees),
            ("Fees for disputes", -figures.dispute_fees),
            ("Disputes that were lost", -figures.chargebacks),
            ("Paid by hand", _by_hand(figures)),
            total=("At the provider, and at banks that decide disputes", figures.at_provider + figures.disputed),
        ),
        *(_charged_apart(other) for other in figures.others if not other.is_empty),
    )


def tickets_of(settlement: Settlement) -> Iterator[tuple[str, int]]:
    """Counts: tickets sold and refunded, tier by tier."""
    for tier in settlement.tiers:
        yield f"{tier.name}: sold", tier.sold
        yield f"{tier.name}: refunded", tier.refunded


def _charged_apart(figures: Figures) -> Part:
    return _part(
        f"Charged in {figures.currency}",
        ("Kept by the payment provider", -figures.provider_fees),
        ("Fees for disputes", -figures.dispute_fees),
        total=(f"Borne by the house, in {figures.currency}", figures.house),
    )


def _taxes(figures: Figures) -> Iterator[tuple[str, Money]]:
    for tax in figures.taxes:
        name = tax.name or UNNAMED_TAX
        yield f"{name}: collected", tax.collected
        yield f"{name}: of tickets given back", -tax.returned


def _by_hand(figures: Figures) -> Money:
    """What left by other ways: whatever the lines above do not explain."""
    told = figures.captured - figures.refunded - figures.provider_fees - figures.dispute_fees - figures.chargebacks
    return figures.at_provider + figures.disputed - told


def _part(title: str, *lines: tuple[str, Money], total: tuple[str, Money]) -> Part:
    shown = tuple(Line(title=name, amount=amount) for name, amount in lines if amount.amount)
    return Part(title=title, lines=(*shown, Line(title=total[0], amount=total[1], is_sum=True)))
