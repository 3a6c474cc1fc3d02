"""An event's page: its lasting facts, and what a visitor can do now."""

from dataclasses import dataclass
from datetime import datetime

from domain.events import Event, EventState
from domain.money import zero
from domain.ports.catalogue import EventView
from domain.ports.inventory import (
    SEAT_ACCESSIBLE,
)
from entrypoints.http.storefront import assets, choices, wording
from entrypoints.http.storefront.presenters.programme import category
from entrypoints.http.storefront.presenters.stock import Stock


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
