"""Meridian Arena, Denver: a bowl of 12,000 seats round a standing floor, open behind the stage."""

from datetime import time

from domain.promotions import PromotionKind
from domain.seat_geometry import Arc, Spot, oval, rectangle
from domain.seat_maps import SeatFeature, SeatMap, SeatMapId
from domain.seat_plans import DrawnZone, area, assemble, curved_block, fitted, row_letters, standing_area
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import FRIDAY, SATURDAY, USD, Billing, Code, House, Offer, Plan, Slot, prose, venue_id

BOWL_SEATS = 12_000
FLOOR_CAPACITY = 2_000

_CENTRE = Spot(900, 920)
_FRONT = oval(centre=_CENTRE, width=760, height=1080, side_radius=1200, side_half_angle=17, end_half_angle=15)
"""Where the front row of the lower bowl sits."""
_PLATFORM = _FRONT.outward(262)
"""Wheelchair spaces on the concourse, behind the lower bowl's last row."""
_BALCONY = _FRONT.outward(304)
"""The front row of the upper bowl."""
_LOWER_ROWS, _UPPER_ROWS = 20, 16
_SECTION_GAP = 5.0
_STAGE_FOOT = 600.0


def _lower() -> tuple[DrawnZone, ...]:
    """Sections 101 to 118, from the left of the stage round to its right."""
    corners = _FRONT.left_head.sectors(2)[1:], _FRONT.right_head.sectors(2)[:1]
    arcs = (
        *corners[0],
        *_FRONT.left.sectors(4),
        *_FRONT.left_foot.sectors(2),
        *_FRONT.foot.sectors(2),
        *_FRONT.right_foot.sectors(2),
        *_FRONT.right.sectors(4),
        *corners[1],
    )
    return _sections(arcs, first=101, rows=_LOWER_ROWS)


def _upper() -> tuple[DrawnZone, ...]:
    """Sections 201 to 223, the same way round."""
    arcs = (
        *_BALCONY.left_head.sectors(3)[1:],
        *_BALCONY.left.sectors(5),
        *_BALCONY.left_foot.sectors(3),
        *_BALCONY.foot.sectors(3),
        *_BALCONY.right_foot.sectors(3),
        *_BALCONY.right.sectors(5),
        *_BALCONY.right_head.sectors(3)[:-1],
    )
    return _sections(arcs, first=201, rows=_UPPER_ROWS)


def _sections(arcs: tuple[Arc, ...], *, first: int, rows: int) -> tuple[DrawnZone, ...]:
    labels = row_letters(rows)
    return tuple(
        curved_block(key=str(number), name=f"Section {number}", arc=arc, labels=labels, gap=_SECTION_GAP)
        for number, arc in enumerate(arcs, start=first)
    )


def _platforms() -> tuple[DrawnZone, ...]:
    """One row a side: every wheelchair space has its companion's seat to the right of it."""
    platforms = (
        ("platform-left", "Accessible platform, left", _PLATFORM.left),
        ("platform-right", "Accessible platform, right", _PLATFORM.right),
    )
    made = []
    for key, name, arc in platforms:
        zone = curved_block(key=key, name=name, arc=arc.inset(260), labels=("W",))
        spaces = [place for place in zone.places if place[1] % 2]
        companions = [place for place in zone.places if not place[1] % 2]
        zone = zone.marked(SeatFeature.ACCESSIBLE, spaces)
        made.append(zone.marked(SeatFeature.COMPANION, companions))
    return tuple(made)


_BESIDE_STAGE_LOWER = frozenset({"101", "116"})
_BESIDE_STAGE_UPPER = frozenset({"201", "202", "222", "223"})


def seat_map(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The bowl with an end stage."""
    platforms = _platforms()
    bowl = fitted((*_lower(), *_upper()), seats=BOWL_SEATS - sum(zone.seats for zone in platforms))
    beside = _BESIDE_STAGE_LOWER | _BESIDE_STAGE_UPPER
    bowl = tuple(zone.marked(SeatFeature.RESTRICTED_VIEW, zone.places) if zone.key in beside else zone for zone in bowl)
    floor = tuple(spot for spot in _FRONT.outward(-34).spots() if spot.y > _STAGE_FOOT + 20)
    return assemble(
        (standing_area(key="floor", name="Floor", capacity=FLOOR_CAPACITY, outline=floor), *bowl, *platforms),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="End stage",
        version=1,
        code="mer",
        width=1800,
        height=1980,
        focal=Spot(_CENTRE.x, _STAGE_FOOT),
        areas=(
            area("Stage", "stage", rectangle(left=690, top=430, width=420, height=_STAGE_FOOT - 430)),
            area("Sound desk", "desk", rectangle(left=840, top=1250, width=120, height=44)),
            area("Floor bar", "bar", rectangle(left=800, top=1376, width=200, height=30)),
            area("West doors", "entrance", rectangle(left=2, top=880, width=18, height=80)),
            area("East doors", "entrance", rectangle(left=1780, top=880, width=18, height=80)),
            area("South doors", "entrance", rectangle(left=840, top=1958, width=120, height=18)),
        ),
    )


_LEFT_SIDE, _RIGHT_SIDE = ("102", "103", "104", "105"), ("112", "113", "114", "115")
_LOWER_BACK = tuple(str(number) for number in range(106, 112))
_UPPER = tuple(str(number) for number in range(203, 222))

VENUE = Venue(
    id=venue_id("meridian-arena"),
    slug="meridian-arena",
    name="Meridian Arena",
    address="105 Meridian Way",
    city="Denver",
    country="US",
    timezone="America/Denver",
    description=prose(
        """
        A bowl of twelve thousand seats round a flat floor, a few steps from the line where Mountain Time begins.
        Every section has its own stair, so the walk from the door to your row is short even on a full night.
        """
    ),
    accessibility=prose(
        """
        Step-free from the west and east doors; lifts to both platforms. Wheelchair spaces have a companion's seat
        beside them. Hearing loops at all desks, a quiet room behind section 106, guide dogs welcome.
        """
    ),
)

_BRING = """
        Bags up to A4 size come in; larger ones go to the free cloakroom at the south doors. No cash: bars and
        desks take cards and phones. Light rail runs until one in the morning, from the platform opposite the
        east doors.
"""

NIGHT = Billing(
    slug="meridian-arena-night",
    name="Meridian Arena Night",
    summary="Four headline sets, one moving light sculpture, and a floor that never stops.",
    description=prose(
        f"""
        Once a year the house plays itself. The Long Meridian, Ada Vantage, Copper Choir and the nine-piece Saltwater
        Motors share one stage and one band room, and the last forty minutes belong to all of them at once.

        Above the floor hangs the Meridian: four hundred panels of light that move with the music, drawn for this room
        by the Denver studio Plumb & Bob. It looks its best from the upper bowl, which is why we like to sit there.

        {_BRING}
        The floor is standing only. Sections 101, 116, 201, 202, 222 and 223 look at the stage from its side: you see
        the players well and the screens hardly at all, and they cost less for it.
        """
    ),
    category="concert",
    plan="mer",
    currency=USD,
    slot=Slot(weeks=11, weekday=SATURDAY, at=time(19, 30), doors_minutes=120, lasts_minutes=240),
    offers=(
        Offer(
            key="floor", name="Floor", description="Standing, in front of the stage.",
            zones=("floor",), face=9_500, fee=1_140, standing=True, per_order_max=8,
        ),
        Offer(
            key="floor-first", name="Floor, first in",
            description="Standing; in through the west doors half an hour early.",
            zones=("floor",), face=14_500, fee=1_740, standing=True, capacity=300, per_order_max=4,
        ),
        Offer(
            key="lower-side", name="Lower bowl, side", description="Seats along the floor, closest to the stage.",
            zones=_LEFT_SIDE + _RIGHT_SIDE, face=13_500, fee=1_620, per_order_max=8,
        ),
        Offer(
            key="lower", name="Lower bowl, end", description="Seats facing the stage across the floor.",
            zones=_LOWER_BACK, face=9_800, fee=1_176, per_order_max=8,
        ),
        Offer(
            key="upper", name="Upper bowl", description="The whole room and all of the light.",
            zones=_UPPER, face=5_900, fee=708, per_order_max=8,
        ),
        Offer(
            key="side-view", name="Beside the stage", description="A restricted view from the side, for less.",
            zones=("101", "116", "201", "202", "222", "223"), face=3_500, fee=420, per_order_max=8,
        ),
        Offer(
            key="accessible", name="Accessible platform",
            description="A wheelchair space or the companion's seat beside it; choose both.",
            zones=("platform-left", "platform-right"), face=4_900, fee=588, per_order_max=6, accessible=True,
        ),
    ),
    per_order_max=8,
    per_buyer_max=16,
)  # fmt: skip

HOMECOMING = Billing(
    slug="paper-moons-homecoming",
    name="Paper Moons: The Homecoming",
    summary="The band that started in a Denver garage comes back to fill the arena. Presale by code.",
    description=prose(
        f"""
        Eleven years, four records and one broken tour bus after their first show for thirty neighbours, Paper Moons
        play the biggest room of the town that raised them. Support: Glasshouse Weather.

        Members of the band's letter list have a code and buy the best of the lower bowl now. Everything else goes
        on sale to everybody in a week.

        {_BRING}
        """
    ),
    category="concert",
    plan="mer",
    currency=USD,
    slot=Slot(weeks=19, weekday=FRIDAY, at=time(20), doors_minutes=90, lasts_minutes=180),
    codes=(
        Code(word="MOONLIGHT", label="Fan club presale", kind=PromotionKind.NONE, tiers=("floor",), presale_days=-1,
             uses_max=500, per_buyer_max=2),
    ),
    offers=(
        Offer(
            key="presale", name="Letter list presale", description="Lower bowl along the floor, with your code.",
            zones=_LEFT_SIDE + _RIGHT_SIDE, face=8_900, fee=1_068, per_order_max=4, access_code="LANTERN",
        ),
        Offer(
            key="floor", name="Floor", description="Standing, in front of the stage.",
            zones=("floor",), face=7_900, fee=948, standing=True, per_order_max=4, opens_days=7,
        ),
        Offer(
            key="lower", name="Lower bowl, end", description="Seats facing the stage across the floor.",
            zones=_LOWER_BACK, face=7_400, fee=888, per_order_max=4, opens_days=7,
        ),
        Offer(
            key="upper", name="Upper bowl", description="High up, straight on, and the best value.",
            zones=_UPPER, face=4_200, fee=504, per_order_max=4, opens_days=7,
        ),
        Offer(
            key="accessible", name="Accessible platform",
            description="A wheelchair space or the companion's seat beside it; no code needed.",
            zones=("platform-left", "platform-right"), face=4_200, fee=504, per_order_max=4, accessible=True,
        ),
    ),
    per_order_max=4,
    per_buyer_max=8,
)  # fmt: skip

HOUSE = House(venue=VENUE, plans=(Plan(code="mer", draw=seat_map),), billings=(NIGHT, HOMECOMING))
