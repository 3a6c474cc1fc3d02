"""Breakwater Green, Portland (Maine): a field by the sea, standing only."""

from datetime import time

from domain.fees import FeeRule
from domain.refund_policies import RefundPolicy, RefundWindow
from domain.seat_geometry import Spot, rectangle
from domain.seat_maps import SeatMap, SeatMapId
from domain.seat_plans import area, assemble, standing_area
from domain.taxes import TaxRate, TaxRule
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import SATURDAY, SUNDAY, USD, Billing, House, Offer, Plan, Slot, prose, venue_id

FIELD_CAPACITY = 8_000
LAWN_CAPACITY = 1_500


def field(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The whole green, with the main stage at the water's edge."""
    shore = (
        *(Spot(120, 320), Spot(300, 270), Spot(500, 250), Spot(700, 250), Spot(900, 270), Spot(1080, 320)),
        *(Spot(1130, 560), Spot(1090, 760), Spot(940, 880), Spot(600, 920), Spot(260, 880), Spot(110, 760)),
        Spot(70, 560),
    )
    return assemble(
        (standing_area(key="field", name="The field", capacity=FIELD_CAPACITY, outline=shore),),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Festival field",
        version=1,
        code="bwf",
        width=1200,
        height=980,
        focal=Spot(600, 210),
        areas=(
            area(
                "Main stage", "stage",
                (Spot(420, 90), Spot(780, 90), Spot(820, 150), Spot(780, 210), Spot(420, 210), Spot(380, 150)),
            ),
            area("VIP deck", "deck", rectangle(left=900, top=360, width=150, height=90)),
            area("Oyster bar", "bar", rectangle(left=130, top=520, width=60, height=130)),
            area("Cider bar", "bar", rectangle(left=1010, top=560, width=60, height=130)),
            area("Access platform", "platform", rectangle(left=520, top=560, width=160, height=50)),
            area("Water and first aid", "help", rectangle(left=500, top=820, width=200, height=50)),
            area("Gates", "entrance", rectangle(left=500, top=940, width=200, height=26)),
        ),
    )  # fmt: skip


def lawn(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The upper lawn with its bandstand."""
    grass = (
        *(Spot(60, 330), Spot(240, 250), Spot(560, 250), Spot(740, 330), Spot(760, 520), Spot(640, 640)),
        *(Spot(400, 670), Spot(160, 640), Spot(40, 520)),
    )
    stand = (
        *(Spot(340, 110), Spot(400, 80), Spot(460, 110), Spot(490, 160), Spot(460, 205), Spot(340, 205)),
        Spot(310, 160),
    )
    return assemble(
        (standing_area(key="lawn", name="The lawn", capacity=LAWN_CAPACITY, outline=grass),),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Upper lawn",
        version=1,
        code="bwl",
        width=800,
        height=740,
        focal=Spot(400, 205),
        areas=(
            area("Bandstand", "stage", stand),
            area("Lemonade", "bar", rectangle(left=590, top=530, width=80, height=40)),
            area("Gate", "entrance", rectangle(left=330, top=700, width=140, height=24)),
        ),
    )


VENUE = Venue(
    id=venue_id("breakwater-green"),
    slug="breakwater-green",
    name="Breakwater Green",
    address="2 Breakwater Road",
    city="Portland",
    country="US",
    timezone="America/New_York",
    taxes=TaxRule(
        rates=(
            TaxRate(name="State amusement tax", basis_points=500),
            TaxRate(name="City amusement tax", basis_points=250),
        ),
        added=True,
    ),
    description=prose(
        """
        Nine acres of grass between the old cannery and the sea wall. The stage stands with its back to the harbor, so
        that the sun goes down behind the band and the ferries pass behind the drums.
        """
    ),
    accessibility=prose(
        """
        Firm paths from the gates to the bars and to the access platform in the middle of the field; accessible toilets
        at every bar. Companions of people who need one come in free: write to us after you have booked.
        """
    ),
)

LIGHTS = Billing(
    slug="harbor-lights-festival",
    name="Harbor Lights Festival",
    summary="One long day of music at the water's edge, ending when three hundred boats light their lamps.",
    description=prose(
        """
        From noon the field belongs to brass bands, harbor choirs and whoever has the best song about rain. At dusk The
        Lowtide Orchestra plays its new record from first note to last. Then the stage goes dark, three hundred boats
        light their lamps, and for ten minutes the only music is the halyards.

        Fourteen acts share one stage with a turntable floor, so there are five minutes between sets and no clashes to
        plan around. Food comes from eleven local kitchens; the oyster bar opens its last barrel at nine.

        A ticket is for the whole day and you may go out and come back until six. VIP is a wooden deck with chairs,
        shade and its own bar, for six hundred people.

        It is a field by the sea: bring a layer, leave the umbrella. It goes ahead in rain and is only called off in a
        storm warning, and then everything is refunded. Under-twelves come in free with an adult.
        """
    ),
    category="festival",
    plan="bwf",
    currency=USD,
    slot=Slot(weeks=14, weekday=SATURDAY, at=time(12), doors_minutes=60, lasts_minutes=660),
    fee=FeeRule(flat_minor=100, basis_points=800, maximum_minor=1_500),
    offers=(
        Offer(
            key="general", name="General admission", description="The whole day, the whole field.",
            zones=("field",), face=8_900, then=((14, 9_900),), fee=None, standing=True,
        ),
        Offer(
            key="vip", name="VIP deck", description="The deck beside the stage: chairs, shade, a bar of its own.",
            zones=("field",), face=24_900, fee=2_490, standing=True, capacity=600,
        ),
    ),
)  # fmt: skip

PICNIC = Billing(
    slug="sunday-on-the-lawn",
    name="Sunday on the Lawn",
    summary="A free afternoon of small bands and big blankets. Book a place so we know how much lemonade to make.",
    description=prose(
        """
        Three bands, no headliner, and a lawn that slopes just enough to see from anywhere. The Tin Kettles play for
        children at three; everyone else is welcome to dance as well.

        Places are free and limited to what the lawn holds. If you cannot come, give your place back on your order's
        page: somebody will be glad of it.

        Bring a blanket and a cup. Dogs on leads, no glass, no barbecues.
        """
    ),
    category="concert",
    plan="bwl",
    currency=USD,
    slot=Slot(weeks=5, weekday=SUNDAY, at=time(15), doors_minutes=60, lasts_minutes=180),
    offers=(
        Offer(
            key="place", name="A place on the lawn", description="Free; one for everybody who comes, babies aside.",
            zones=("lawn",), face=0, fee=0, standing=True, per_order_max=6,
        ),
    ),
    policy=RefundPolicy(windows=(RefundWindow(hours_before=0, basis_points=10_000),), fees_returned=True),
    per_order_max=6,
    per_buyer_max=6,
)  # fmt: skip

HOUSE = House(venue=VENUE, plans=(Plan(code="bwf", draw=field), Plan(code="bwl", draw=lawn)), billings=(LIGHTS, PICNIC))
