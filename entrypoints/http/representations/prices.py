"""Prices part by part: what one ticket costs, and why."""

from datetime import datetime

from domain.prices import PriceRules, unit_price
from domain.taxes import TaxPart, TaxRule
from domain.tiers import Tier, UnitPrice
from entrypoints.http.representations import Json, moment, money


def price(unit: UnitPrice, taxes: TaxRule) -> Json:
    """One ticket's price. Of fees only what the buyer pays: one that the organiser absorbs changes nothing here."""
    return {
        "face": money(unit.face),
        "discount": money(unit.discount),
        "fee": money(unit.fee),
        "taxes": tax_lines(taxes.parts(unit.tax)),
        "taxes_added": unit.tax_added,
        "total": money(unit.total),
    }


def tax_lines(parts: tuple[TaxPart, ...]) -> list[Json]:
    """Every tax by name."""
    return [{"name": part.name, "basis_points": part.basis_points, "amount": money(part.amount)} for part in parts]


def next_price(tier: Tier, rules: PriceRules, now: datetime) -> Json | None:
    """From when a ticket of this tier costs something else, and what."""
    step = tier.next_step(now)
    if step is None:
        return None
    return {"from": moment(step.starts_at), "total": money(unit_price(tier, rules, now=step.starts_at).total)}
