"""Old Town Theatre, Edinburgh: 420 seats in curved stalls, a bay for wheelchairs, a balcony and its slips."""

from dataclasses import replace
from datetime import time

from domain.refund_policies import STANDARD_POLICY, ExchangeRule
from domain.seat_geometry import Arc, Spot, rectangle
from domain.seat_maps import SeatFeature, SeatMap, SeatMapId
from domain.seat_plans import DrawnZone, area, assemble, curved_block, row_letters, straight_block
from domain.taxes import TaxRate, TaxRule
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import (
    FRIDAY,
    GBP,
    SATURDAY,
    THURSDAY,
    WEDNESDAY,
    Billing,
    House,
    Offer,
    Plan,
    Slot,
    prose,
    venue_id,
)

_CENTRE = Spot(420, -30)
_STALLS = Arc(centre=_CENTRE, radius=250, start=-26, end=26)
_AISLES = (-10.0, 10.0)
_FRONT_ROWS, _REAR_ROWS, _BALCONY_ROWS = 5, 6, 3


def _stalls() -> tuple[DrawnZone, ...]:
    """Rows A to L in front and rear stalls, with two aisles; pillars stand before the outer seats of row L."""
    front = curved_block(
        key="front-stalls", name="Front stalls", arc=_STALLS, labels=row_letters(_FRONT_ROWS), aisles=_AISLES
    )
    rear = curved_block(
        key="rear-stalls", name="Rear stalls", arc=_STALLS.outward(76),
        labels=row_letters(_REAR_ROWS, after=_FRONT_ROWS), aisles=_AISLES,
    )  # fmt: skip
    last = rear.rows[-1]
    pillars = [(last.label, number) for number in (3, 4, last.count - 3, last.count - 2)]
    return front, rear.marked(SeatFeature.RESTRICTED_VIEW, pillars)


def _bay() -> DrawnZone:
    """Behind the rear stalls, on the level of the foyer: every wheelchair space next to its companion's seat."""
    arc = _STALLS.outward(164)
    bay = curved_block(
        key="bay", name="Wheelchair bay", arc=Arc(centre=arc.centre, radius=arc.radius, start=-10.5, end=10.5),
        labels=("W",), aisles=(0.0,), aisle_width=24.0,
    )  # fmt: skip
    bay = bay.marked(SeatFeature.ACCESSIBLE, [place for place in bay.places if place[1] % 2])
    return bay.marked(SeatFeature.COMPANION, [place for place in bay.places if not place[1] % 2])


def _balcony() -> tuple[DrawnZone, ...]:
    balcony = curved_block(
        key="balcony", name="Balcony", arc=_STALLS.outward(216), labels=row_letters(_BALCONY_ROWS), aisles=_AISLES
    )
    slips = tuple(
        straight_block(
            key=key, name=name, front=Spot(x, 296), labels=("A",), runs=(12,), facing=facing
        ).marked(SeatFeature.RESTRICTED_VIEW, [("A", number) for number in range(1, 13)])
        for key, name, x, facing in (
            ("slip-left", "Left slip", 176, -72.0),
            ("slip-right", "Right slip", 664, 72.0),
        )
    )  # fmt: skip
    return balcony, *slips


def seat_map(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The house as it was rebuilt in the year of the great fire insurance."""
    front, rear = _stalls()
    return assemble(
        (front, rear, _bay(), *_balcony()),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Stalls and balcony",
        version=1,
        code="ott",
        width=840,
        height=540,
        focal=Spot(420, 170),
        areas=(
            area(
                "Stage", "stage",
                (*(Spot(240, 40), Spot(600, 40), Spot(570, 150), Spot(500, 172)),
                 *(Spot(420, 178), Spot(340, 172), Spot(270, 150))),
            ),
            area("Stairs", "entrance", rectangle(left=120, top=430, width=60, height=60)),
            area("Lift", "entrance", rectangle(left=660, top=430, width=60, height=60)),
        ),
    )  # fmt: skip


_STALLS_AND_BALCONY = ("rear-stalls", "balcony")

VENUE = Venue(
    id=venue_id("old-town-theatre"),
    slug="old-town-theatre",
    name="Old Town Theatre",
    address="14 Candlemaker Close",
    city="Edinburgh",
    country="GB",
    timezone="Europe/London",
    taxes=TaxRule(rates=(TaxRate(name="VAT", basis_points=2000),), added=False),
    description=prose(
        """
        A horseshoe of four hundred and twenty seats up a close that no taxi can enter. No seat is further than
        twenty-two metres from the stage, and an actor who whispers is heard in the last row of the balcony.
        """
    ),
    accessibility=prose(
        """
        The wheelchair bay behind the stalls is level with the foyer and the street; the lift goes to the balcony's
        last row. Captioned performances on Thursdays, an infrared hearing system on every night.
        """
    ),
)

_PLAYS_ON_TWO_NIGHTS = replace(STANDARD_POLICY, exchange=ExchangeRule(hours_before=48, fee_minor=200))
"""As everywhere; and whoever cannot come tonight may come tomorrow, for two pounds a ticket."""

HAMLET = Billing(
    slug="old-town-theatre-hamlet",
    name="Hamlet",
    summary="Eight actors, one candle-lit room and the whole of the play: Elsinore as a house that listens.",
    description=prose(
        """
        The Lantern Close Company plays the full text by the light of two hundred candles, with eight actors, no
        blackouts and nowhere to hide. Everything said on this stage is overheard by somebody, and now and then by you.

        The director Morag Sillars puts the ghost in the balcony and the players in the aisles. The music, for viola and
        a set of tuned glasses, is played from the slips.

        Three hours and twenty minutes with two intervals. Latecomers wait for the end of a scene. There is real flame,
        some haze and one gunshot.

        Please mind the pillars: four seats in row L and both slips see the stage only in part, and say so on the plan.
        """
    ),
    category="theatre",
    plan="ott",
    currency=GBP,
    slot=Slot(weeks=7, weekday=FRIDAY, at=time(19, 30), doors_minutes=45, lasts_minutes=200),
    policy=_PLAYS_ON_TWO_NIGHTS,
    offers=(
        Offer(
            key="premium", name="Premium", description="Front stalls, rows A to E.",
            zones=("front-stalls",), face=6_200, fee=310, per_order_max=8,
        ),
        Offer(
            key="standard", name="Standard", description="Rear stalls, rows F to L.",
            zones=("rear-stalls",), face=4_600, fee=230, per_order_max=8,
        ),
        Offer(
            key="balcony", name="Balcony", description="Three steep rows, straight on.",
            zones=("balcony",), face=3_400, fee=170, per_order_max=8,
        ),
        Offer(
            key="concession", name="Concession",
            description="Under 26, over 65, students, unwaged: rear stalls or balcony. Bring something that says so.",
            zones=_STALLS_AND_BALCONY, face=2_000, fee=100, per_order_max=4, capacity=80,
        ),
        Offer(
            key="slips", name="Slips", description="High at the side, with a third of the stage out of sight.",
            zones=("slip-left", "slip-right"), face=1_500, fee=75, per_order_max=4,
        ),
        Offer(
            key="accessible", name="Accessible",
            description="A wheelchair space, or the seat beside it for a companion; choose both.",
            zones=("bay",), face=2_300, fee=0, per_order_max=4, accessible=True,
        ),
    ),
)  # fmt: skip

HAMLET_AGAIN = replace(
    HAMLET,
    slug="old-town-theatre-hamlet-saturday",
    picture=HAMLET.slug,
    slot=replace(HAMLET.slot, weekday=SATURDAY),
)  # fmt: skip

LIGHTHOUSE = Billing(
    slug="the-lighthouse-ledger",
    name="The Lighthouse Ledger",
    summary="A new play: three keepers, one logbook and a night that somebody wrote down wrongly. On sale soon.",
    description=prose(
        """
        On the skerry of Ardskellig three keepers take turns to write the log. One morning there is an entry in a hand
        that belongs to none of them, and the relief boat is eleven days away.

        Isla Threave's first play for the Lantern Close Company is a thriller for three voices and one lamp. It was read
        in this house last spring, and nobody in the balcony breathed for the last nine minutes.

        Ninety minutes without an interval. Sudden darkness, loud weather.
        """
    ),
    category="theatre",
    plan="ott",
    currency=GBP,
    slot=Slot(weeks=22, weekday=THURSDAY, at=time(20), doors_minutes=45, lasts_minutes=90),
    sale_opens_days=12,
    offers=(
        Offer(
            key="stalls", name="Stalls", description="Any seat in the stalls.",
            zones=("front-stalls", "rear-stalls"), face=3_800, fee=190, per_order_max=8,
        ),
        Offer(
            key="balcony", name="Balcony", description="Three steep rows, straight on.",
            zones=("balcony",), face=2_600, fee=130, per_order_max=8,
        ),
        Offer(
            key="slips", name="Slips", description="High at the side, with a third of the stage out of sight.",
            zones=("slip-left", "slip-right"), face=1_200, fee=60, per_order_max=4,
        ),
        Offer(
            key="accessible", name="Accessible",
            description="A wheelchair space, or the seat beside it for a companion; choose both.",
            zones=("bay",), face=1_900, fee=0, per_order_max=4, accessible=True,
        ),
    ),
)  # fmt: skip

RECITAL = Billing(
    slug="small-hours-piano",
    name="Small Hours: Piano by Candlelight",
    summary="Nocturnes, lullabies and one very slow tango. The sale has ended; returns are sold at the door.",
    description=prose(
        """
        Effie Carnaby plays what pianists play when the audience has gone home: nocturnes, half-finished sketches and
        the tango that her grandmother hummed over the ironing. The candles are blown out one by one, as the pieces end.

        Seventy minutes, no interval, no applause between the pieces. Online sales have ended; a few returns are sold at
        the door from an hour before.
        """
    ),
    category="concert",
    plan="ott",
    currency=GBP,
    slot=Slot(weeks=2, weekday=WEDNESDAY, at=time(21, 30), doors_minutes=30, lasts_minutes=70),
    sale_closes_days=-1,
    offers=(
        Offer(
            key="stalls", name="Stalls", description="Any seat in the stalls.",
            zones=("front-stalls", "rear-stalls"), face=2_800, fee=140, per_order_max=6,
        ),
        Offer(
            key="balcony", name="Balcony", description="Three steep rows, straight on.",
            zones=("balcony",), face=1_800, fee=90, per_order_max=6,
        ),
        Offer(
            key="accessible", name="Accessible",
            description="A wheelchair space, or the seat beside it for a companion; choose both.",
            zones=("bay",), face=1_400, fee=0, per_order_max=4, accessible=True,
        ),
    ),
)  # fmt: skip

HOUSE = House(
    venue=VENUE, plans=(Plan(code="ott", draw=seat_map),), billings=(HAMLET, HAMLET_AGAIN, LIGHTHOUSE, RECITAL)
)
