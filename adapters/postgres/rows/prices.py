"""What prices are made of, as rows and as JSON: fee rules, price steps, taxes, promotions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.postgres.transaction import Row
from domain.events import Event
from domain.fees import FeeRule
from domain.money import CurrencyCode, Money
from domain.prices import NO_TERMS, PriceTerms
from domain.promotions import Promotion, PromotionId, PromotionKind, promotion_pool
from domain.taxes import TaxRate, TaxRule
from domain.tiers import PriceStep, TierId


def fee_to_row(rule: FeeRule) -> dict[str, Any]:
    return {
        "flat_minor": rule.flat_minor,
        "basis_points": rule.basis_points,
        "minimum_minor": rule.minimum_minor,
        "maximum_minor": rule.maximum_minor,
        "absorbed": rule.absorbed,
    }


def fee_from_row(written: Mapping[str, Any]) -> FeeRule:
    return FeeRule(**written)


def steps_to_row(steps: tuple[PriceStep, ...]) -> list[list[Any]]:
    return [[step.starts_at.isoformat(), step.face.amount] for step in steps]


def steps_from_row(written: list[list[Any]], currency: CurrencyCode) -> tuple[PriceStep, ...]:
    return tuple(
        PriceStep(starts_at=datetime.fromisoformat(moment), face=Money(amount, currency)) for moment, amount in written
    )


def taxes_to_row(taxes: TaxRule) -> dict[str, Any]:
    return {
        "rates": [[rate.name, rate.basis_points] for rate in taxes.rates],
        "added": taxes.added,
        "on_fees": taxes.on_fees,
    }


def taxes_from_row(written: Mapping[str, Any]) -> TaxRule:
    rates = tuple(TaxRate(name=name, basis_points=points) for name, points in written["rates"])
    return TaxRule(rates=rates, added=written["added"], on_fees=written["on_fees"])


def terms_to_row(terms: PriceTerms) -> dict[str, Any]:
    return {} if terms == NO_TERMS else {"taxes": taxes_to_row(terms.taxes), "promotion": terms.promotion}


def terms_from_row(written: Mapping[str, Any]) -> PriceTerms:
    """Orders that are older than taxes and promotions were sold under none."""
    if not written:
        return NO_TERMS
    return PriceTerms(taxes=taxes_from_row(written["taxes"]), promotion=written["promotion"])


def promotion_to_row(event: Event, promotion: Promotion) -> dict[str, Any]:
    return {
        "id": promotion.id,
        "event_id": event.id,
        "pool": promotion_pool(promotion.key),
        "digest": promotion.digest,
        "label": promotion.label,
        "kind": promotion.kind.value,
        "value": promotion.value,
        "tiers": sorted(promotion.tiers),
        "presale_at": promotion.presale_at,
        "starts_at": promotion.starts_at,
        "ends_at": promotion.ends_at,
        "uses_max": promotion.uses_max,
        "per_buyer_max": promotion.per_buyer_max,
        "active": promotion.active,
    }


def promotion_from_row(row: Row) -> Promotion:
    return Promotion(
        id=PromotionId(row["id"]),
        digest=row["digest"],
        label=row["label"],
        kind=PromotionKind(row["kind"]),
        value=row["value"],
        tiers=frozenset(TierId(tier) for tier in row["tiers"]),
        presale_at=row["presale_at"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        uses_max=row["uses_max"],
        per_buyer_max=row["per_buyer_max"],
        active=row["active"],
    )
