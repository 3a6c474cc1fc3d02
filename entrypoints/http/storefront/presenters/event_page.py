"""An event's page: facts, ticket types with what is left of them, and sections with rows and seats."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from domain.demands import opens_at
from domain.events import Event, EventState
from domain.money import zero
from domain.openings import waited_for
from domain.ports.catalogue import EventView
from domain.ports.inventory import (
    SEAT_ACCESSIBLE,
    SEAT_COMPANION,
    SEAT_FREE,
    SEAT_HELD,
    SEAT_SOLD,
)
from domain.prices import PriceRules, unit_price
from domain.promotions import Promotion
from domain.seat_maps import Seat, SeatFeature, SeatMap, Zone, ZoneKind
from domain.tiers import Tier, UnitPrice
from entrypoints.http.storefront import assets, choices, wording
from entrypoints.http.storefront.choices import Choice
from entrypoints.http.storefront.presenters.programme import category

PLENTY = 100
"""Above this, an exact number helps nobody to decide."""

TIER_COLOURS = 8

FEATURE_WORDS = {
    SeatFeature.ACCESSIBLE: "wheelchair space",
    SeatFeature.COMPANION: "companion seat",
    SeatFeature.RESTRICTED_VIEW: "restricted view",
}


KEPT_WORDS = "kept for wheelchair users and companions"
SHUT_WORDS = "not for sale"
ALONE_WORDS = "would be left alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What is free now, by zone key and tier key, and the seats' availability string."""

    zones: Mapping[str, int]
    tiers: Mapping[str, int]
    seats: str

    def letters(self, zone: Zone) -> str:
        """The availability string of one zone's seats."""
        return "".join(self.seats[row.first : row.first + row.count] for row in zone.rows)


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
class SeatBox:
    """One seat in the list. Not ``free``, it is taken or held, ``kept`` for who asks for an accessible seat, or
    ``shut``: not for sale at all. ``alone``: what was chosen would leave it alone.
    """

    id: str
    field: str
    number: str
    label: str
    free: bool
    chosen: bool
    kept: bool
    shut: bool
    alone: bool
    marks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOfSeats:
    name: str
    seats: tuple[SeatBox, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A reserved zone. ``rows`` only for the one that is open: a bowl has thousands of seats."""

    key: str
    name: str
    left: str
    free: int
    kept: int
    prices: str
    sold_as: tuple[TierRow, ...]
    rows: tuple[RowOfSeats, ...]

    @property
    def open(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedSeat:
    """A seat chosen earlier, kept while other sections are looked at."""

    field: str
    label: str
    tier: str
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about the event that does not change while somebody looks at it."""

    id: str
    slug: str
    name: str
    summary: str
    paragraphs: tuple[str, ...]
    category: str
    artwork: str
    day: str
    starts: str
    doors: str
    ends: str
    starts_machine: str
    ends_machine: str
    zone_name: str
    venue: str
    address: str
    venue_about: str
    accessibility: str
    refund_terms: str
    per_order_max: int
    hold_length: str
    currency: str
    decimals: int


def facts(view: EventView) -> Facts:
    """The lasting part of the page."""
    event, venue = view.event, view.venue
    zone = venue.timezone
    return Facts(
        id=str(event.id),
        slug=event.slug,
        name=event.name,
        summary=event.summary,
        paragraphs=tuple(part for part in event.description.split("\n\n") if part.strip()),
        category=category(event.category),
        artwork=assets.artwork(event.artwork),
        day=wording.day(event.starts_at, zone),
        starts=wording.clock(event.starts_at, zone),
        doors=wording.clock(event.doors_at, zone),
        ends=wording.day_and_clock(event.ends_at, zone),
        starts_machine=wording.machine(event.starts_at, zone),
        ends_machine=wording.machine(event.ends_at, zone),
        zone_name=wording.zone_name(event.starts_at, zone),
        venue=venue.name,
        address=f"{venue.address}, {venue.city}",
        venue_about=venue.description,
        accessibility=venue.accessibility,
        refund_terms=view.refund_terms,
        per_order_max=event.terms.per_order_max,
        hold_length=wording.span(event.terms.hold_seconds),
        currency=event.currency,
        decimals=zero(event.currency).exponent,
    )


def status(event: Event, stock: Stock | None, *, now: datetime) -> str:
    """One word for what a visitor can do: cancelled, early, presale, ended, unknown, sold_out or open."""
    if event.state is EventState.CANCELLED:
        return "cancelled"
    if event.state is not EventState.PUBLISHED or now >= event.terms.closes_at:
        return "ended"
    early = now < event.terms.opens_at
    if early and not choices.presales(event, now=now):
        return "early"
    if stock is None:
        return "unknown"
    # Counts leave kept seats out, and yet somebody may come for just those.
    to_be_had = SEAT_ACCESSIBLE in stock.seats or any(stock.tiers.get(tier.key) for tier in event.tiers)
    return "sold_out" if not to_be_had else "presale" if early else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleTimes:
    opens: str
    opens_machine: str
    closes: str


def sale_times(event: Event, timezone: str) -> SaleTimes:
    """When the sale opens and closes, on the venue's clock."""
    terms = event.terms
    return SaleTimes(
        opens=f"{wording.day(terms.opens_at, timezone)} at {wording.clock(terms.opens_at, timezone)}",
        opens_machine=wording.machine(terms.opens_at, timezone),
        closes=wording.day_and_clock(terms.closes_at, timezone),
    )


def takes_codes(event: Event, *, now: datetime) -> bool:
    """Whether there is any use in typing a code."""
    return any(promotion.good_at(now) for promotion in event.promotions)


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


def _changes(tier: Tier, rules: PriceRules, *, now: datetime, timezone: str) -> str | None:
    step = tier.next_step(now)
    if step is None or (tier.closes_at is not None and tier.closes_at <= step.starts_at):
        return None
    after = unit_price(tier, rules, now=step.starts_at).total
    return f"until {wording.day_and_clock(step.starts_at, timezone)}, then {wording.price(after)}"


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


def on_request(event: Event, seat_map: SeatMap) -> bool:
    """Whether some seats on sale are kept for who asks for an accessible one."""
    sold = {key for tier in event.tiers for key in tier.zones}
    return not event.terms.accessible_released and any(seat_map.seats[index].zone in sold for index in seat_map.special)


def runs(event: Event, seat_map: SeatMap) -> str | None:
    """How many seats follow each other without a gap, run by run in seat order: what the rule about seats left alone
    is about. None where an organiser allows to leave them.
    """
    if event.terms.may_strand_seats or not seat_map.rows:
        return None
    lengths = groupby(row.count for row in seat_map.rows)
    return " ".join(f"{length}x{len(list(same))}" for length, same in lengths)


def _has_accessible(event: Event, seat_map: SeatMap, tiers: tuple[Tier, ...]) -> bool:
    if event.terms.accessible_released:
        return False
    zones = {key for tier in tiers if tier.kind is ZoneKind.RESERVED for key in tier.zones}
    seats = (seat_map.seats[index] for index in seat_map.special)
    return any(SeatFeature.ACCESSIBLE in seat.features and seat.zone in zones for seat in seats)


def sections(
    event: Event,
    seat_map: SeatMap,
    stock: Stock | None,
    choice: Choice,
    rows: tuple[TierRow, ...],
    *,
    opened: str,
    alone: frozenset[str] = frozenset(),
) -> tuple[Section, ...]:
    """Reserved zones that some ticket type sells, in the map's order; the ``opened`` one with its seats."""
    by_key = {row.key: row for row in rows}
    found = []
    for zone in seat_map.zones:
        sold_as = tuple(by_key[tier.key] for tier in choices.tiers_of_zone(event.tiers, zone.key))
        if zone.kind is not ZoneKind.RESERVED or not sold_as:
            continue
        letters = stock.letters(zone) if stock else ""
        kept = letters.count(SEAT_ACCESSIBLE) + letters.count(SEAT_COMPANION)
        free = letters.count(SEAT_FREE) + (kept if choice.accessible else 0)
        seats = [seat for row in zone.rows for seat in seat_map.seats[row.first : row.first + row.count]]
        cheapest = min(sold_as, key=lambda row: row.total_minor)
        found.append(
            Section(
                key=zone.key,
                name=zone.name,
                left=left(free) if free or not kept else f"{kept} kept",
                free=free,
                kept=kept,
                prices=cheapest.total if len(sold_as) == 1 else f"from {cheapest.total}",
                sold_as=sold_as,
                rows=_rows(seats, stock, choice, alone) if zone.key == opened else (),
            )
        )
    return tuple(found)


def picked(choice: Choice, seat_map: SeatMap, rows: tuple[TierRow, ...]) -> tuple[PickedSeat, ...]:
    """The seats chosen so far, for a list from which each can be taken out again."""
    by_key = {row.key: row for row in rows}
    found = []
    for chosen in choice.seats:
        seat, row = seat_map.by_id.get(chosen.seat_id), by_key.get(chosen.tier_key)
        if seat and row:
            name = seat_map.zone(seat.zone).name
            found.append(PickedSeat(field=chosen.field, label=f"{name}, {seat.label}", tier=row.name, price=row.total))
    return tuple(found)


def left(free: int) -> str:
    """How much there is, in true words."""
    if free <= 0:
        return "Sold out"
    return "Available" if free > PLENTY else f"{free} left"


def seat_name(seat: Seat) -> str:
    """What is said aloud of a seat in a list: ``Row C, seat 14, restricted view``."""
    marks = [FEATURE_WORDS[feature] for feature in SeatFeature if feature in seat.features]
    return ", ".join([seat.label, *marks])


def _rows(seats: list[Seat], stock: Stock | None, choice: Choice, alone: frozenset[str]) -> tuple[RowOfSeats, ...]:
    chosen = {seat.seat_id: seat.field for seat in choice.seats}
    return tuple(
        RowOfSeats(name=name, seats=tuple(_box(seat, stock, choice, chosen, alone=seat.id in alone) for seat in of_row))
        for name, of_row in groupby(seats, key=lambda seat: seat.row)
    )


def _box(seat: Seat, stock: Stock | None, choice: Choice, chosen: Mapping[str, str], *, alone: bool) -> SeatBox:
    letter = stock.seats[seat.index : seat.index + 1] if stock else ""
    for_who_asks = letter in {SEAT_ACCESSIBLE, SEAT_COMPANION}
    free = letter == SEAT_FREE or (for_who_asks and choice.accessible)
    kept = for_who_asks and not choice.accessible
    # A letter that is news to this page says nothing about who has the seat.
    shut = not for_who_asks and letter not in {SEAT_FREE, SEAT_HELD, SEAT_SOLD}
    notes = [text for said, text in ((kept, KEPT_WORDS), (shut, SHUT_WORDS), (alone, ALONE_WORDS)) if said]
    return SeatBox(
        id=seat.id,
        field=chosen.get(seat.id, seat.id),
        number=seat.number,
        label=", ".join([seat_name(seat), *notes]),
        free=free,
        chosen=free and seat.id in chosen,
        kept=kept,
        shut=shut,
        alone=alone,
        marks=" ".join(feature.value for feature in SeatFeature if feature in seat.features),
    )


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
