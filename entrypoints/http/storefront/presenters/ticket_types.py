"""The ticket types of an event's page: prices, what is left, and why one cannot be bought now."""

from dataclasses import dataclass
from datetime import datetime

from domain.demands import opens_at
from domain.events import Event
from domain.openings import waited_for
from domain.ports.catalogue import EventView
from domain.prices import PriceRules, unit_price
from domain.promotions import Promotion
from domain.seat_maps import SeatFeature, SeatMap, ZoneKind
from domain.tiers import Tier, UnitPrice
from entrypoints.http.storefront import choices, wording
from entrypoints.http.storefront.choices import Choice
from entrypoints.http.storefront.presenters.stock import Stock, left

TIER_COLOURS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRow:
    """One ticket type. ``closed`` says why it cannot be bought now, or is None.

    ``parts`` is what its total is made of, where there is more than the place to pay; ``changes`` is when the price
    changes by itself, and to what; ``early`` says that it is open to holders of a presale code only, and until when.
    """

    id: str
    key: str
    name: str
    description: str
    reserved: bool
    colour: int
    parts: str
    changes: str | None
    early: str | None
    total: str
    total_minor: int
    left: str
    free: int
    closed: str | None
    per_order_min: int
    per_order_max: int
    locked: bool
    waits_for: str | None
    """The tier that must be gone first."""
    zones: str
    quantity: int
    best: int
    split: bool
    needs_access: bool
    offers_access: bool
    """Whether an accessible seat may be asked for among its best seats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnySection:
    """Best seats wherever they are. ``at_most_minor`` is what a ticket costs at most."""

    key: str
    names: str
    prices: str
    at_most_minor: int
    per_order_min: int
    per_order_max: int
    best: int
    cheapest: bool
    split: bool
    needs_access: bool
    offers_access: bool


def taxes(rules: PriceRules) -> str | None:
    """Which taxes a price has in it or on top, in a sentence; None where there are none."""
    if not rules.taxes.rates:
        return None
    names = wording.join(f"{rate.name} ({wording.percent(rate.basis_points)})" for rate in rules.taxes.rates)
    return f"{names} {'is' if len(rules.taxes.rates) == 1 else 'are'} included."


def price_parts(unit: UnitPrice) -> str:
    """``$45.00 + $4.50 fee + $4.00 tax``; nothing where a ticket costs what its place costs."""
    more = [f"{wording.money(unit.fee)} fee"] if unit.fee.amount else []
    if unit.added_tax.amount:
        more.append(f"{wording.money(unit.added_tax)} tax")
    return " + ".join([wording.money(unit.admission), *more]) if more else ""


def tier_rows(view: EventView, stock: Stock | None, choice: Choice, *, now: datetime) -> tuple[TierRow, ...]:
    """Every ticket type in the organiser's order, sold out ones too, at the prices of this moment."""
    event, seat_map, timezone = view.event, view.seat_map, view.venue.timezone
    early = choices.presales(event, now=now)
    names = {zone.key: zone.name for zone in seat_map.zones}
    rows = []
    for position, tier in enumerate(sorted(event.tiers, key=lambda tier: tier.position)):
        free = stock.tiers.get(tier.key, 0) if stock else 0
        unit = unit_price(tier, view.prices, now=now)
        rows.append(
            TierRow(
                id=str(tier.id),
                key=tier.key,
                name=tier.name,
                description=tier.description,
                reserved=tier.kind is ZoneKind.RESERVED,
                colour=position % TIER_COLOURS,
                parts=price_parts(unit),
                changes=_changes(tier, view.prices, now=now, timezone=timezone),
                total=wording.price(unit.total),
                total_minor=unit.total.amount,
                left=left(free) if stock else "",
                free=free,
                early=_early(event, tier, early, now=now, timezone=timezone),
                closed=_closed(event, tier, free if stock else None, now=now, timezone=timezone, early=early),
                per_order_min=tier.per_order_min,
                per_order_max=min(tier.per_order_max, event.terms.per_order_max),
                locked=tier.locked,
                waits_for=str(tier.opens_after) if tier.waits else None,
                zones=_zones(tuple(names[key] for key in tier.zones)),
                quantity=choice.quantities.get(tier.key, 0),
                best=choice.best.get(tier.key, 0),
                split=tier.key in choice.split,
                needs_access=tier.key in choice.needs_access,
                offers_access=not tier.accessible and _has_accessible(event, seat_map, (tier,)),
            )
        )
    return tuple(rows)


def any_section_row(view: EventView, stock: Stock | None, choice: Choice, *, now: datetime) -> AnySection | None:
    """For who does not mind where, or None when there is no choice of sections."""
    event, seat_map = view.event, view.seat_map
    tiers = [tier for tier in choices.any_section(event, now=now) if stock and stock.tiers.get(tier.key)]
    if len(tiers) <= 1:
        return None
    each = (unit_price(tier, view.prices, now=now).total for tier in tiers)
    totals = sorted({total.amount: total for total in each}.items())
    prices = [wording.price(total) for _, total in (totals[0], totals[-1])]
    return AnySection(
        key=choices.ANYWHERE,
        names=_zones(tuple(tier.name for tier in tiers)),
        prices=prices[0] if len(totals) == 1 else f"{prices[0]} to {prices[1]}",
        at_most_minor=totals[-1][0],
        per_order_min=max(tier.per_order_min for tier in tiers),
        per_order_max=min(event.terms.per_order_max, *(tier.per_order_max for tier in tiers)),
        best=choice.best.get(choices.ANYWHERE, 0),
        cheapest=choice.cheapest,
        split=choices.ANYWHERE in choice.split,
        needs_access=choices.ANYWHERE in choice.needs_access,
        offers_access=_has_accessible(event, seat_map, tuple(tiers)),
    )


def _changes(tier: Tier, rules: PriceRules, *, now: datetime, timezone: str) -> str | None:
    step = tier.next_step(now)
    if step is None or (tier.closes_at is not None and tier.closes_at <= step.starts_at):
        return None
    after = unit_price(tier, rules, now=step.starts_at).total
    return f"until {wording.day_and_clock(step.starts_at, timezone)}, then {wording.price(after)}"


def _has_accessible(event: Event, seat_map: SeatMap, tiers: tuple[Tier, ...]) -> bool:
    if event.terms.accessible_released:
        return False
    zones = {key for tier in tiers if tier.kind is ZoneKind.RESERVED for key in tier.zones}
    seats = (seat_map.seats[index] for index in seat_map.special)
    return any(SeatFeature.ACCESSIBLE in seat.features and seat.zone in zones for seat in seats)


def _early(event: Event, tier: Tier, early: tuple[Promotion, ...], *, now: datetime, timezone: str) -> str | None:
    to_all = opens_at(event.terms.opens_at, tier, None)
    if now >= to_all or not any(opens_at(event.terms.opens_at, tier, each) <= now for each in early):
        return None
    return f"with a presale code; for everybody from {wording.day_and_clock(to_all, timezone)}"


def _closed(
    event: Event, tier: Tier, free: int | None, *, now: datetime, timezone: str, early: tuple[Promotion, ...]
) -> str | None:
    opens = min(opens_at(event.terms.opens_at, tier, each) for each in (None, *early))
    if now < opens:
        return f"On sale from {wording.day_and_clock(opens, timezone)}"
    if tier.closes_at is not None and now >= tier.closes_at:
        return "No longer on sale"
    if (first := waited_for(tier, event.tiers)) is not None:
        return f"Opens when {first.name} is sold out"
    return "Sold out" if free == 0 else None


def _zones(names: tuple[str, ...]) -> str:
    shown = 3
    if len(names) <= shown:
        return wording.join(names)
    return f"{len(names)} sections"
