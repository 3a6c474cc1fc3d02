"""Kawabe Hall, Tokyo: a shoebox of 616 seats, or a standing floor when the stalls are rolled away. Prices in yen."""

from datetime import time

from domain.promotions import PromotionKind
from domain.seat_geometry import Spot, rectangle
from domain.seat_maps import SeatFeature, SeatMap, SeatMapId
from domain.seat_plans import DrawnZone, area, assemble, standing_area, straight_block
from domain.taxes import TaxRate, TaxRule
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import JPY, SATURDAY, SUNDAY, Billing, Code, House, Offer, Plan, Slot, prose, venue_id

_MIDDLE = 400.0


def _numbered(first: int, count: int) -> tuple[str, ...]:
    return tuple(str(row) for row in range(first, first + count))


def _wheelchairs() -> DrawnZone:
    zone = straight_block(
        key="wheelchair",
        name="Wheelchair spaces",
        front=Spot(_MIDDLE, 418),
        labels=("17",),
        runs=(4, 4),
        aisle_width=60,
    )
    zone = zone.marked(SeatFeature.ACCESSIBLE, [place for place in zone.places if place[1] % 2])
    return zone.marked(SeatFeature.COMPANION, [place for place in zone.places if not place[1] % 2])


def shoebox(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The concert seating: staggered straight rows, a balcony behind and one along each wall."""
    zones = (
        straight_block(
            key="s", name="S seats, rows 1 to 10", front=Spot(_MIDDLE, 190), labels=_numbered(1, 10),
            runs=(8, 14, 8), staggered=True,
        ),
        straight_block(
            key="a", name="A seats, rows 11 to 16", front=Spot(_MIDDLE, 330), labels=_numbered(11, 6),
            runs=(9, 14, 9), staggered=True,
        ),
        _wheelchairs(),
        straight_block(
            key="b-rear", name="Rear balcony", front=Spot(_MIDDLE, 480), labels=_numbered(1, 2), runs=(12, 16, 12),
        ),
        straight_block(
            key="b-left", name="Left balcony", front=Spot(165, 290), labels=("1",), runs=(10, 8), facing=-90,
        ).marked(SeatFeature.RESTRICTED_VIEW, [("1", 1), ("1", 2)]),
        straight_block(
            key="b-right", name="Right balcony", front=Spot(635, 290), labels=("1",), runs=(8, 10), facing=90,
        ).marked(SeatFeature.RESTRICTED_VIEW, [("1", 17), ("1", 18)]),
    )  # fmt: skip
    return assemble(
        zones,
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Concert seating",
        version=1,
        code="kaw",
        width=800,
        height=580,
        focal=Spot(_MIDDLE, 140),
        areas=(
            area("Stage", "stage", rectangle(left=230, top=50, width=340, height=100)),
            area("Foyer", "entrance", rectangle(left=320, top=540, width=160, height=24)),
        ),
    )


def standing(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The stalls rolled away: a floor and a gallery, both standing."""
    gallery = (
        *(Spot(100, 190), Spot(150, 190), Spot(150, 520), Spot(650, 520), Spot(650, 190), Spot(700, 190)),
        *(Spot(700, 570), Spot(100, 570)),
    )
    return assemble(
        (
            standing_area(
                key="floor", name="Floor", capacity=1_100, outline=rectangle(left=170, top=180, width=460, height=320)
            ),
            standing_area(key="gallery", name="Gallery", capacity=180, outline=gallery),
        ),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Standing",
        version=1,
        code="kal",
        width=800,
        height=640,
        focal=Spot(_MIDDLE, 150),
        areas=(
            area("Stage", "stage", rectangle(left=230, top=50, width=340, height=100)),
            area("Bar", "bar", rectangle(left=560, top=590, width=120, height=30)),
            area("Foyer", "entrance", rectangle(left=320, top=590, width=160, height=30)),
        ),
    )


VENUE = Venue(
    id=venue_id("kawabe-hall"),
    slug="kawabe-hall",
    name="Kawabe Hall",
    address="3-8-2 Kawabe-dori",
    city="Tokyo",
    country="JP",
    timezone="Asia/Tokyo",
    taxes=TaxRule(rates=(TaxRate(name="Consumption tax", basis_points=1000),), added=False),
    description=prose(
        """
        A shoebox of pale cypress by the river, built for string quartets and loved by bands. The walls are lined with
        eleven thousand hand-planed slats, none of them parallel to another.
        """
    ),
    accessibility=prose(
        """
        Lifts from the street to both levels. Wheelchair spaces stand in row 17, each next to a seat for a companion.
        Staff at the foyer desk lend hearing devices.
        """
    ),
)

STRINGS = Billing(
    slug="kawabe-winter-strings",
    name="Kawabe Winter Strings",
    summary="Forty strings, one cypress hall, and a new work for ice bells recorded on a frozen lake.",
    description=prose(
        """
        The Riverside String Orchestra opens its winter season with a serenade everybody knows, a symphony hardly
        anybody does, and Aoi Minegishi's Lake Without Wind, in which the orchestra answers bells of ice.

        The conductor Ren Takasaki talks about the new work from the stage at half past six, in Japanese and English.

        Two hours with an interval. Children from six years are welcome. Seats 1 and 2 of the left balcony and 17 and 18
        of the right one see half of the stage.
        """
    ),
    category="concert",
    plan="kaw",
    currency=JPY,
    slot=Slot(weeks=9, weekday=SUNDAY, at=time(19), doors_minutes=60, lasts_minutes=120),
    codes=(
        Code(word="GEKKO", label="Friends of the hall", kind=PromotionKind.AMOUNT, value=500, tiers=("s", "a"),
             uses_max=50, per_buyer_max=2),
    ),
    offers=(
        Offer(
            key="s", name="S seat", description="Stalls, rows 1 to 10.",
            zones=("s",), face=9_800, fee=330, per_order_max=6,
        ),
        Offer(
            key="a", name="A seat", description="Stalls, rows 11 to 16.",
            zones=("a",), face=7_500, fee=330, per_order_max=6,
        ),
        Offer(
            key="b", name="B seat", description="The balconies.",
            zones=("b-rear", "b-left", "b-right"), face=5_000, fee=220, per_order_max=6,
        ),
        Offer(
            key="student", name="Student", description="Under 25, with a student card: A and B seats.",
            zones=("a", "b-rear"), face=2_500, fee=110, per_order_max=2, capacity=60,
        ),
        Offer(
            key="wheelchair", name="Wheelchair", description="A space in row 17, or the companion's seat beside it.",
            zones=("wheelchair",), face=3_700, fee=0, per_order_max=4, accessible=True,
        ),
    ),
)  # fmt: skip

NEON = Billing(
    slug="neon-garden-live",
    name="Neon Garden Live",
    summary="City pop for people who missed it the first time: three bands, one mirror ball, no slow songs.",
    description=prose(
        """
        Vending Machine Summer, Miss Parabola and the house band Last Train Home play city pop as it should be: loud
        bass, clean guitars and a saxophone at the exact moment you hope for it.

        The stalls are rolled away and the whole floor dances. Whoever would rather look leans on the gallery's rail.

        A drink token of 600 yen is bought at the door. Lockers take coins only. Last trains leave at ten past midnight,
        and we finish in time for them.
        """
    ),
    category="concert",
    plan="kal",
    currency=JPY,
    slot=Slot(weeks=4, weekday=SATURDAY, at=time(18, 30), doors_minutes=60, lasts_minutes=210),
    offers=(
        Offer(
            key="floor", name="Floor", description="Standing, all of it a dance floor.",
            zones=("floor",), face=6_500, fee=330, standing=True, per_order_max=4,
        ),
        Offer(
            key="gallery", name="Gallery", description="Standing at the rail, with room to breathe.",
            zones=("gallery",), face=7_800, fee=330, standing=True, per_order_max=4,
        ),
    ),
    per_order_max=4,
    per_buyer_max=8,
)  # fmt: skip

HOUSE = House(
    venue=VENUE, plans=(Plan(code="kaw", draw=shoebox), Plan(code="kal", draw=standing)), billings=(STRINGS, NEON)
)
