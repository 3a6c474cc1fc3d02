"""Small sales to test with: general admission with a shared pool, and a reserved house of two zones.

Every call makes a sale of its own event (a fresh id), so tests that share one server never meet.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from domain.events import EventId, EventState, Sale, SaleTerms
from domain.fees import FeeRule
from domain.holds import BestAvailableLine, BuyerFingerprint, GeneralLine, HoldId, SeatsLine
from domain.money import CurrencyCode, Money
from domain.ports.inventory import SEAT_FREE, StockLevels
from domain.prices import unit_price
from domain.promotions import Promotion, PromotionId, PromotionKind, digest
from domain.seat_maps import Point, Row, Seat, SeatFeature, SeatIndex, SeatMap, SeatMapId, Zone, ZoneKind
from domain.tiers import Tier, TierId, UnitPrice
from domain.venues import VenueId

USD = CurrencyCode("USD")
OPENED = datetime(2020, 1, 1, tzinfo=UTC)
"""Sales of these builders opened long ago…"""
CLOSES = datetime(2100, 1, 1, tzinfo=UTC)
"""…and close long after any test."""
STARTS = CLOSES + timedelta(days=1)

FLOOR_CAPACITY = 100
VIP_CAPACITY = 20
STALLS_ROWS, STALLS_SEATS = 3, 10
BALCONY_ROWS, BALCONY_SEATS = 2, 8
_SQUARE = (Point(0, 0), Point(100, 0), Point(100, 100), Point(0, 100))
_SEAT_STEP = 10


def usd(cents: int) -> Money:
    """That many cents."""
    return Money(cents, USD)


def terms(**changes: object) -> SaleTerms:
    """A sale that is open, with the default limits unless ``changes`` say otherwise.

    Seats may be left alone: tests choose seats for other reasons than their neighbours.
    """
    return replace(SaleTerms(opens_at=OPENED, closes_at=CLOSES, may_strand_seats=True), **changes)  # type: ignore[arg-type]  # any field


def tier(key: str, kind: ZoneKind, zones: tuple[str, ...], *, cents: int = 4500, **changes: object) -> Tier:
    """A tier named after its key. Its id is new with every call."""
    made = Tier(
        id=TierId(uuid4()),
        key=key,
        name=key.title(),
        description=f"The {key} tier",
        kind=kind,
        zones=zones,
        face=usd(cents),
        fee=FeeRule(flat_minor=cents // 10),
        position=0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def general_sale(
    *, capacity: int = FLOOR_CAPACITY, vip_capacity: int | None = VIP_CAPACITY, epoch: int = 1, **terms_: object
) -> Sale:
    """One floor. Tier ``general`` draws from it, tier ``vip`` draws from it too and has a capacity of its own."""
    floor = Zone(key="floor", name="Floor", kind=ZoneKind.GENERAL_ADMISSION, capacity=capacity, outline=_SQUARE)
    general = tier("general", ZoneKind.GENERAL_ADMISSION, ("floor",))
    vip = tier("vip", ZoneKind.GENERAL_ADMISSION, ("floor",), cents=12_000, capacity=vip_capacity, position=1)
    return _sale(_seat_map((floor,), ()), (general, vip), epoch=epoch, terms_=terms(**terms_))


def reserved_sale(*, epoch: int = 1, balcony_capacity: int | None = None, **terms_: object) -> Sale:
    """Stalls (3 rows of 10: seats 0-29) before a balcony (2 rows of 8: seats 30-45); the stage is at the stalls' front.

    Tiers: ``stalls``, ``balcony`` (with its own capacity if asked) and ``anywhere`` (stalls first, then balcony).
    """
    stalls = reserved_zone("stalls", first=0, rows=STALLS_ROWS, per_row=STALLS_SEATS)
    balcony = reserved_zone("balcony", first=STALLS_ROWS * STALLS_SEATS, rows=BALCONY_ROWS, per_row=BALCONY_SEATS)
    seats = (*_seats(stalls, y=20), *_seats(balcony, y=100))
    tiers = (
        tier("stalls", ZoneKind.RESERVED, ("stalls",), cents=9_000),
        tier("balcony", ZoneKind.RESERVED, ("balcony",), cents=5_000, capacity=balcony_capacity, position=1),
        tier("anywhere", ZoneKind.RESERVED, ("stalls", "balcony"), cents=7_000, position=2),
    )
    return _sale(_seat_map((stalls, balcony), seats), tiers, epoch=epoch, terms_=terms(**terms_))


def mixed_sale(*, epoch: int = 1, accessible: tuple[SeatIndex, ...] = (), **terms_: object) -> Sale:
    """A small house with everything: a floor of 12, stalls of 2 rows of 5 (seats 0-9), a balcony of 6 (10-15).

    Tiers: ``general`` and ``vip`` (4 at most) share the floor; ``stalls``; ``anywhere`` (stalls, then balcony, and
    never more than 9).
    """
    floor = Zone(key="floor", name="Floor", kind=ZoneKind.GENERAL_ADMISSION, capacity=12, outline=_SQUARE)
    stalls = reserved_zone("stalls", first=0, rows=2, per_row=5)
    balcony = reserved_zone("balcony", first=10, rows=1, per_row=6)
    seats = tuple(
        replace(seat, features=frozenset({SeatFeature.ACCESSIBLE})) if seat.index in accessible else seat
        for seat in (*_seats(stalls, y=20), *_seats(balcony, y=100))
    )
    tiers = (
        tier("general", ZoneKind.GENERAL_ADMISSION, ("floor",)),
        tier("vip", ZoneKind.GENERAL_ADMISSION, ("floor",), cents=12_000, capacity=4, position=1),
        tier("stalls", ZoneKind.RESERVED, ("stalls",), cents=9_000, position=2),
        tier("anywhere", ZoneKind.RESERVED, ("stalls", "balcony"), cents=7_000, capacity=9, position=3),
    )
    return _sale(_seat_map((floor, stalls, balcony), seats), tiers, epoch=epoch, terms_=terms(**terms_))


def big_reserved_sale(*, rows: int, per_row: int, epoch: int = 1, **terms_: object) -> Sale:
    """One zone ``house`` of ``rows`` rows, one tier ``seat``: for races and benchmarks."""
    house = reserved_zone("house", first=0, rows=rows, per_row=per_row)
    seat = tier("seat", ZoneKind.RESERVED, ("house",), cents=9_000)
    return _sale(_seat_map((house,), _seats(house, y=20)), (seat,), epoch=epoch, terms_=terms(**terms_))


def accessible_sale(*, epoch: int = 1, **terms_: object) -> Sale:
    """Two rows of 8 (seats 0-15). In the first: 0 and 4 are accessible, 1 and 5 for companions. One tier ``seat``."""
    house = reserved_zone("house", first=0, rows=2, per_row=8)
    kept = {0: SeatFeature.ACCESSIBLE, 1: SeatFeature.COMPANION, 4: SeatFeature.ACCESSIBLE, 5: SeatFeature.COMPANION}
    seats = tuple(
        replace(seat, features=frozenset({kept[seat.index]})) if seat.index in kept else seat
        for seat in _seats(house, y=20)
    )
    seat = tier("seat", ZoneKind.RESERVED, ("house",), cents=9_000)
    return _sale(_seat_map((house,), seats), (seat,), epoch=epoch, terms_=terms(**terms_))


def reserved_zone(key: str, *, first: SeatIndex, rows: int, per_row: int) -> Zone:
    """A rectangle of rows, numbered from ``first``."""
    return Zone(
        key=key,
        name=key.title(),
        kind=ZoneKind.RESERVED,
        capacity=rows * per_row,
        outline=_SQUARE,
        rows=tuple(Row(first=first + row * per_row, count=per_row) for row in range(rows)),
    )


def stock_of(sale: Sale, *, seats: str | None = None, free: Mapping[str, int] | None = None) -> StockLevels:
    """A house in which everything is free, unless told otherwise."""
    return StockLevels(
        free={**sale.capacities(), **(free or {})},
        seats=SEAT_FREE * len(sale.seat_map.seats) if seats is None else seats,
        claimed=(),
        buyers={},
    )


def tier_of(sale: Sale, key: str) -> Tier:
    """The sale's tier with this key. Raises KeyError."""
    found = sale.tier_named(key)
    if found is None:
        raise KeyError(key)
    return found


def price_of(sale: Sale, key: str) -> UnitPrice:
    """What one ticket of this tier costs while the sale is open."""
    return unit_price(tier_of(sale, key), sale.prices, now=OPENED)


def promotion(code: str = "sesame", **changes: object) -> Promotion:
    """A tenth off everything with this code, unless ``changes`` say otherwise. Its id is new with every call."""
    made = Promotion(
        id=PromotionId(uuid4()), digest=digest(code), label=code.title(), kind=PromotionKind.PERCENT, value=1_000
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def opening(code: str, *tiers: Tier) -> Promotion:
    """An access code: it takes nothing off, and opens these tiers."""
    ids = frozenset(tier.id for tier in tiers)
    return promotion(code, kind=PromotionKind.NONE, value=0, tiers=ids)


def general(sale: Sale, quantity: int, key: str = "general") -> GeneralLine:
    """So many tickets of one general-admission tier."""
    return GeneralLine(tier_id=tier_of(sale, key).id, quantity=quantity)


def chosen(sale: Sale, *seats: SeatIndex, key: str = "stalls", accessible: bool = False) -> SeatsLine:
    """These very seats."""
    return SeatsLine(tier_id=tier_of(sale, key).id, seats=seats, accessible=accessible)


def best(sale: Sale, quantity: int, key: str = "stalls", *others: str, **how: bool) -> BestAvailableLine:
    """The best seats side by side, of this tier or one of the others."""
    or_tiers = tuple(tier_of(sale, other).id for other in others)
    return BestAvailableLine(tier_id=tier_of(sale, key).id, quantity=quantity, or_tiers=or_tiers, **how)


def buyer(name: str = "ada", **keys: str) -> BuyerFingerprint:
    """Somebody, recognisable by name, and by whatever else is said."""
    return replace(BuyerFingerprint(device=f"device-{name}", address=f"address-{name}"), **keys)


def new_hold_id(sale: Sale, nonce: UUID | None = None) -> HoldId:
    """A hold id of this sale that nobody has used."""
    return HoldId(sale.event_id, nonce or uuid4())


def _seat_map(zones: tuple[Zone, ...], seats: tuple[Seat, ...]) -> SeatMap:
    return SeatMap(
        id=SeatMapId(uuid4()),
        venue_id=VenueId(uuid4()),
        name="Small house",
        version=1,
        code="SH",
        width=200,
        height=200,
        focal=Point(50, 0),
        zones=zones,
        seats=seats,
    )


def _seats(zone: Zone, *, y: int) -> tuple[Seat, ...]:
    return tuple(
        Seat(
            index=row.first + place,
            id=f"SH-{zone.key}-{number}-{place + 1}",
            zone=zone.key,
            row=str(number),
            number=str(place + 1),
            x=place * _SEAT_STEP,
            y=y + number * _SEAT_STEP,
        )
        for number, row in enumerate(zone.rows, start=1)
        for place in range(row.count)
    )


def _sale(seat_map: SeatMap, tiers: tuple[Tier, ...], *, epoch: int, terms_: SaleTerms) -> Sale:
    return Sale(
        event_id=EventId(uuid4()),
        slug="small-house-night",
        state=EventState.PUBLISHED,
        epoch=epoch,
        version=1,
        currency=USD,
        terms=terms_,
        tiers=tiers,
        seat_map=seat_map,
        starts_at=STARTS,
    )
