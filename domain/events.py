"""Events, and the sale of one: everything the hold path must know, ready to be kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.fees import NO_FEE, FeeRule
from domain.money import CurrencyCode
from domain.prices import NO_TERMS, PLAIN, PriceRules, PriceTerms, unit_price
from domain.promotions import PROMOTIONS_PER_EVENT_MAX, Promotion, promotion_pool
from domain.seat_maps import SeatMap, SeatMapId
from domain.tiers import Tier, TierId, UnitPrice, tier_pool, zone_pool
from domain.venues import VenueId

EventId = NewType("EventId", UUID)

HOLD_SECONDS_MIN = 120
HOLD_SECONDS_MAX = 3_600
HOLD_SECONDS_DEFAULT = 600
PAYMENT_SECONDS_MIN = 300
PAYMENT_SECONDS_MAX = 1_800
PAYMENT_SECONDS_DEFAULT = 900
EXTENSIONS_MAX = 5
HOLD_SECONDS_CAP_MAX = 7_200
"""No hold lasts longer, however often it is extended."""
PER_BUYER_MAX = 200
LIVE_HOLDS_PER_BUYER_DEFAULT = 3
LIVE_HOLDS_MAX = 900
LIVE_HOLDS_PER_ADDRESS_MAX = 100_000
LAPSES_MAX = 20
COOLDOWN_SECONDS_MAX = 3_600


class LimitSubject(StrEnum):
    """What a buyer is recognised by when tickets are counted."""

    DEVICE = "device"
    ACCOUNT = "account"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"


PEOPLE = frozenset({LimitSubject.DEVICE, LimitSubject.ACCOUNT, LimitSubject.EMAIL, LimitSubject.PHONE})
"""Everything that is one person's. A network address is not: a campus or a mobile network shares one."""


class EventState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleTerms:
    """The rules of one sale that an organiser may tune while it runs.

    ``per_buyer_max`` counts tickets of one buyer over all holds and orders of the event; ``limit_by`` says what a
    buyer is recognised by. ``admission_required`` puts the waiting room before the sale. ``payment_seconds`` is how
    long an order may wait for its payment. A hold lasts ``hold_seconds``, may be extended ``extensions_max`` times by
    as much again, and never lasts longer than ``hold_seconds_cap`` in all. ``live_holds_per_buyer`` and
    ``live_holds_per_address`` (0: any number; checkouts count as well) bound unfinished baskets; whoever lets
    ``lapses_max`` of them lapse in a row waits ``cooldown_seconds`` (0: not at all) before the next.
    ``may_strand_seats`` allows leaving a single free seat where the row had a better choice. ``accessible_released``
    sells accessible seats to everybody.
    """

    opens_at: datetime
    closes_at: datetime
    hold_seconds: int = HOLD_SECONDS_DEFAULT
    payment_seconds: int = PAYMENT_SECONDS_DEFAULT
    per_order_max: int = 10
    per_buyer_max: int = 20
    live_holds_per_buyer: int = LIVE_HOLDS_PER_BUYER_DEFAULT
    admission_required: bool = False
    extensions_max: int = 1
    hold_seconds_cap: int = HOLD_SECONDS_MAX
    live_holds_per_address: int = 200
    lapses_max: int = 3
    cooldown_seconds: int = 120
    may_strand_seats: bool = False
    accessible_released: bool = False
    limit_by: frozenset[LimitSubject] = PEOPLE

    def __post_init__(self) -> None:
        if not HOLD_SECONDS_MIN <= self.hold_seconds <= HOLD_SECONDS_MAX:
            raise ValueError(f"a hold lasts {HOLD_SECONDS_MIN} to {HOLD_SECONDS_MAX} seconds")
        if not PAYMENT_SECONDS_MIN <= self.payment_seconds <= PAYMENT_SECONDS_MAX:
            raise ValueError(f"a payment may take {PAYMENT_SECONDS_MIN} to {PAYMENT_SECONDS_MAX} seconds")
        if self.closes_at <= self.opens_at:
            raise ValueError("a sale closes after it opens")
        if not 1 <= self.per_order_max <= self.per_buyer_max <= PER_BUYER_MAX:
            raise ValueError(f"limits need 1 ≤ per order ≤ per buyer ≤ {PER_BUYER_MAX}")
        if not self.hold_seconds <= self.hold_seconds_cap <= HOLD_SECONDS_CAP_MAX:
            raise ValueError(f"a hold's cap lies between its length and {HOLD_SECONDS_CAP_MAX} seconds")
        if not 0 <= self.extensions_max <= EXTENSIONS_MAX:
            raise ValueError(f"a hold may be extended 0 to {EXTENSIONS_MAX} times")
        if not 1 <= self.live_holds_per_buyer <= LIVE_HOLDS_MAX:
            raise ValueError(f"one buyer has 1 to {LIVE_HOLDS_MAX} live holds")
        if not 0 <= self.live_holds_per_address <= LIVE_HOLDS_PER_ADDRESS_MAX:
            raise ValueError(f"one address has at most {LIVE_HOLDS_PER_ADDRESS_MAX} live holds")
        if not 1 <= self.lapses_max <= LAPSES_MAX or not 0 <= self.cooldown_seconds <= COOLDOWN_SECONDS_MAX:
            raise ValueError(f"1 to {LAPSES_MAX} lapses, and a cooldown of at most {COOLDOWN_SECONDS_MAX} seconds")
        if not self.limit_by <= PEOPLE:
            raise ValueError("tickets are limited by device, account, e-mail or phone; an address is not a person")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A concert, conference or festival on one date at one venue, and the version of the seat map it uses.

    ``fee`` is asked of tickets whose tier has no fee rule of its own.
    """

    id: EventId
    slug: str
    name: str
    summary: str
    description: str
    category: str
    artwork: str
    venue_id: VenueId
    seat_map_id: SeatMapId
    currency: CurrencyCode
    doors_at: datetime
    starts_at: datetime
    ends_at: datetime
    state: EventState
    terms: SaleTerms
    tiers: tuple[Tier, ...]
    fee: FeeRule = NO_FEE
    promotions: tuple[Promotion, ...] = ()

    def __post_init__(self) -> None:
        if len(self.promotions) > PROMOTIONS_PER_EVENT_MAX:
            raise ValueError(f"an event has at most {PROMOTIONS_PER_EVENT_MAX} promotions")

    def promotion_with(self, key: str) -> Promotion | None:
        """The promotion with this key, active or not."""
        return next((promotion for promotion in self.promotions if promotion.key == key), None)

    def publish(self) -> "Event | Rejection":
        """Put a draft on sale. A cancelled event stays cancelled."""
        if self.state is EventState.CANCELLED:
            return Rejection(code=RejectionCode.EVENT_CANCELLED, message="A cancelled event cannot be published.")
        if not self.tiers:
            return Rejection(code=RejectionCode.WRONG_STATE, message="Add a tier before publishing the event.")
        return _with_state(self, EventState.PUBLISHED)

    def cancel(self) -> "Event":
        """Call the event off. Terminal; refunding is a use case of its own."""
        return _with_state(self, EventState.CANCELLED)


def _with_state(event: Event, state: EventState) -> Event:
    return replace(event, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One event as the hold path sees it: terms, tiers, map, and which *epoch* of Valkey's stock is the true one.

    ``listed`` are the prices, by tier, that neither a moment nor a promotion changes: worked out once, because every
    hold asks for them.
    ``version`` rises with every change of the event by its organiser; ``epoch`` with every rebuild of Valkey.
    Kept in memory by every web process; the hold script answers when it is out of date.
    """

    event_id: EventId
    slug: str
    state: EventState
    epoch: int
    version: int
    currency: CurrencyCode
    terms: SaleTerms
    tiers: tuple[Tier, ...]
    seat_map: SeatMap
    starts_at: datetime
    prices: PriceRules = PLAIN
    promotions: tuple[Promotion, ...] = ()
    listed: Mapping[TierId, UnitPrice] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steady = (tier for tier in self.tiers if not tier.steps)
        prices = {tier.id: unit_price(tier, self.prices, now=self.starts_at) for tier in steady}
        object.__setattr__(self, "listed", prices)

    def promotion_with(self, key: str | None) -> Promotion | None:
        """The promotion with this key, active or not."""
        return next((promotion for promotion in self.promotions if promotion.key == key), None) if key else None

    def price_of(self, tier: Tier, *, now: datetime, promotion: Promotion | None = None) -> UnitPrice:
        """What one ticket of this tier costs at this moment, to who comes with this promotion or without one."""
        if promotion is None and (listed := self.listed.get(tier.id)) is not None:
            return listed
        return unit_price(tier, self.prices, now=now, promotion=promotion)

    def price_terms(self, key: str | None) -> PriceTerms:
        """Under what tickets are priced for who comes with this promotion, or without one."""
        promotion = self.promotion_with(key)
        if promotion is None and not self.prices.taxes.rates:
            return NO_TERMS
        return PriceTerms(taxes=self.prices.taxes, promotion=promotion.label if promotion else None)

    def tier(self, tier_id: TierId) -> Tier | None:
        """The tier with this id, or None."""
        return next((tier for tier in self.tiers if tier.id == tier_id), None)

    def tier_named(self, word: str) -> Tier | None:
        """The tier whose id or key is ``word`` (callers of the API may use either), or None."""
        return next((tier for tier in self.tiers if word in {tier.key, str(tier.id)}), None)

    def capacities(self) -> Mapping[str, int]:
        """Capacity of every pool of the event by its key: zones in use, tiers with their own limit, promotions."""
        capacities = {}
        for tier in self.tiers:
            for key in tier.zones:
                capacities[zone_pool(key)] = self.seat_map.zone(key).capacity
            if tier.capacity is not None:
                capacities[tier_pool(tier.key)] = tier.capacity
        for promotion in self.promotions:
            capacities[promotion_pool(promotion.key)] = promotion.capacity
        return capacities
