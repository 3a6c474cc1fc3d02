"""How the demo writes an event down before the seeding day gives it dates: houses, their plans, what they bill.

Everything here is a pure function of the words in ``houses/`` and of one day, so two machines seeded on the same
day show the same catalogue, ids included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from inspect import cleandoc
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from domain.events import Event, EventId, EventState, SaleTerms
from domain.fees import NO_FEE, FeeRule
from domain.money import CurrencyCode, Money
from domain.promotions import Promotion, PromotionId, PromotionKind, digest
from domain.refund_policies import STANDARD_POLICY, RefundPolicy
from domain.seat_maps import SeatMap, SeatMapId, ZoneKind
from domain.tiers import PriceStep, Tier, TierId
from domain.venues import Venue, VenueId

NAMESPACE = UUID("6b1f0e0a-6f0d-5d1c-9c57-7e55e2a0de40")
"""Every demo id is a UUID version 5 in here: named by what it stands for, the same on every machine."""

USD, EUR, GBP, JPY = (CurrencyCode(code) for code in ("USD", "EUR", "GBP", "JPY"))
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)

SALE_OPENS_DAYS = -28
"""Sales opened four weeks before the seeding day, unless an event says otherwise."""
SALE_HOUR = time(10)
"""Local time at which sales and tiers open and close on their day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A seat map that is drawn only when it is needed."""

    code: str
    draw: Callable[[SeatMapId, VenueId], SeatMap]

    @property
    def id(self) -> SeatMapId:
        return SeatMapId(uuid5(NAMESPACE, f"seat-map/{self.code}/1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """When an event is: on a weekday so many weeks after the seeding week, at a local time."""

    weeks: int
    weekday: int
    at: time = time(19, 30)
    doors_minutes: int = 60
    lasts_minutes: int = 150

    def day(self, today: date) -> date:
        """The date, for a catalogue seeded ``today``."""
        return today + timedelta(days=7 * self.weeks + self.weekday - today.weekday())


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tier. ``face`` and ``fee`` in minor units (None: the event's rule); days count from the seeding day.

    ``then`` are prices that it has from such a day on.
    """

    key: str
    name: str
    description: str
    zones: tuple[str, ...]
    face: int
    fee: int | None = None
    then: tuple[tuple[int, int], ...] = ()
    standing: bool = False
    per_order_min: int = 1
    per_order_max: int = 10
    capacity: int | None = None
    opens_days: int | None = None
    closes_days: int | None = None
    access_code: str | None = None
    accessible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A promotion. ``tiers`` are keys; none: every tier."""

    word: str
    label: str
    kind: PromotionKind
    value: int = 0
    tiers: tuple[str, ...] = ()
    presale_days: int | None = None
    uses_max: int | None = None
    per_buyer_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """An event as announced. Its sale lasts from ``sale_opens_days`` to ``sale_closes_days``, or to the start."""

    slug: str
    name: str
    summary: str
    description: str
    category: str
    plan: str
    currency: CurrencyCode
    slot: Slot
    offers: tuple[Offer, ...]
    policy: RefundPolicy = STANDARD_POLICY
    fee: FeeRule = NO_FEE
    codes: tuple[Code, ...] = ()
    per_order_max: int = 10
    per_buyer_max: int = 20
    sale_opens_days: int = SALE_OPENS_DAYS
    sale_closes_days: int | None = None
    cancelled: bool = False
    picture: str | None = None
    """Whose picture it shows, if not its own."""

    @property
    def id(self) -> EventId:
        return EventId(uuid5(NAMESPACE, f"event/{self.slug}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A venue, the plans of its rooms, and what is on there."""

    venue: Venue
    plans: tuple[Plan, ...]
    billings: tuple[Billing, ...]

    def plan(self, code: str) -> Plan:
        """The plan with this code. Raises KeyError."""
        for plan in self.plans:
            if plan.code == code:
                return plan
        raise KeyError(code)


def venue_id(slug: str) -> VenueId:
    """The id of the demo venue with this slug."""
    return VenueId(uuid5(NAMESPACE, f"venue/{slug}"))


def prose(text: str) -> str:
    """Paragraphs as written in an indented literal: lines joined, a blank line between paragraphs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in cleandoc(text).split("\n\n"))


def draft(billing: Billing, *, house: House, today: date) -> Event:
    """The event as a draft, dated for a catalogue seeded ``today``."""
    zone = ZoneInfo(house.venue.timezone)
    slot = billing.slot
    starts_at = _instant(slot.day(today), slot.at, zone)
    closes_at = starts_at if billing.sale_closes_days is None else _days_on(today, billing.sale_closes_days, zone)
    return Event(
        id=billing.id,
        slug=billing.slug,
        name=billing.name,
        summary=billing.summary,
        description=billing.description,
        category=billing.category,
        artwork=f"art/{billing.picture or billing.slug}.svg",
        venue_id=house.venue.id,
        seat_map_id=house.plan(billing.plan).id,
        currency=billing.currency,
        doors_at=starts_at - timedelta(minutes=slot.doors_minutes),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=slot.lasts_minutes),
        state=EventState.DRAFT,
        terms=SaleTerms(
            opens_at=_days_on(today, billing.sale_opens_days, zone),
            closes_at=closes_at,
            per_order_max=billing.per_order_max,
            per_buyer_max=billing.per_buyer_max,
        ),
        tiers=tuple(
            _tier(offer, billing=billing, position=position, today=today, zone=zone)
            for position, offer in enumerate(billing.offers)
        ),
        fee=billing.fee,
        promotions=tuple(_promotion(code, billing=billing, today=today, zone=zone) for code in _codes(billing)),
    )


def _codes(billing: Billing) -> tuple[Code, ...]:
    """The event's codes, and one for each tier that only its holders can buy."""
    opening = (
        Code(word=offer.access_code, label=offer.name, kind=PromotionKind.NONE, tiers=(offer.key,))
        for offer in billing.offers
        if offer.access_code is not None
    )
    return (*billing.codes, *opening)


def _promotion(code: Code, *, billing: Billing, today: date, zone: ZoneInfo) -> Promotion:
    return Promotion(
        id=PromotionId(uuid5(NAMESPACE, f"promotion/{billing.slug}/{code.word}")),
        digest=digest(code.word),
        label=code.label,
        kind=code.kind,
        value=code.value,
        tiers=frozenset(TierId(uuid5(NAMESPACE, f"tier/{billing.slug}/{key}")) for key in code.tiers),
        presale_at=None if code.presale_days is None else _days_on(today, code.presale_days, zone),
        uses_max=code.uses_max,
        per_buyer_max=code.per_buyer_max,
    )


def _tier(offer: Offer, *, billing: Billing, position: int, today: date, zone: ZoneInfo) -> Tier:
    return Tier(
        id=TierId(uuid5(NAMESPACE, f"tier/{billing.slug}/{offer.key}")),
        key=offer.key,
        name=offer.name,
        description=offer.description,
        kind=ZoneKind.GENERAL_ADMISSION if offer.standing else ZoneKind.RESERVED,
        zones=offer.zones,
        face=Money(offer.face, billing.currency),
        fee=None if offer.fee is None else FeeRule(flat_minor=offer.fee),
        steps=tuple(
            PriceStep(starts_at=_days_on(today, days, zone), face=Money(face, billing.currency))
            for days, face in offer.then
        ),
        position=position,
        per_order_max=offer.per_order_max,
        per_order_min=offer.per_order_min,
        capacity=offer.capacity,
        opens_at=None if offer.opens_days is None else _days_on(today, offer.opens_days, zone),
        closes_at=None if offer.closes_days is None else _days_on(today, offer.closes_days, zone),
        locked=offer.access_code is not None,
        accessible=offer.accessible,
    )


def _days_on(today: date, days: int, zone: ZoneInfo) -> datetime:
    return _instant(today + timedelta(days=days), SALE_HOUR, zone)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
