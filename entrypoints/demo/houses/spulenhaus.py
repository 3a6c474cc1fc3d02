"""Spulenhaus, Leipzig: a club in a transformer works."""

from datetime import time

from domain.promotions import PromotionKind
from domain.refund_policies import RefundPolicy
from domain.seat_geometry import Spot, rectangle
from domain.seat_maps import SeatMap, SeatMapId
from domain.seat_plans import area, assemble, standing_area
from domain.taxes import TaxRate, TaxRule
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import EUR, FRIDAY, SATURDAY, Billing, Code, House, Offer, Plan, Slot, prose, venue_id


def hall(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The winding hall and the crane gallery above it."""
    floor = (
        *(Spot(80, 200), Spot(640, 200), Spot(640, 420), Spot(560, 500), Spot(160, 500)),
        Spot(80, 420),
    )
    gallery = (*(Spot(60, 530), Spot(660, 530), Spot(660, 590), Spot(60, 590)),)
    return assemble(
        (
            standing_area(key="floor", name="Winding hall", capacity=900, outline=floor),
            standing_area(key="gallery", name="Crane gallery", capacity=60, outline=gallery),
        ),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Hall",
        version=1,
        code="spu",
        width=720,
        height=660,
        focal=Spot(360, 170),
        areas=(
            area("Decks", "stage", rectangle(left=240, top=90, width=240, height=80)),
            area("Bar", "bar", rectangle(left=90, top=260, width=44, height=140)),
            area("Cloakroom", "help", rectangle(left=560, top=610, width=100, height=30)),
            area("Door", "entrance", rectangle(left=310, top=610, width=100, height=30)),
        ),
    )


VENUE = Venue(
    id=venue_id("spulenhaus"),
    slug="spulenhaus",
    name="Spulenhaus",
    address="Alte Umspannstraße 9",
    city="Leipzig",
    country="DE",
    timezone="Europe/Berlin",
    taxes=TaxRule(rates=(TaxRate(name="VAT", basis_points=700),), added=False),
    description=prose(
        """
        Transformers as tall as houses were wound here until 1991. The crane still runs along the gallery; the sound
        system hangs from its hook.
        """
    ),
    accessibility=prose(
        """
        The hall is step-free from the yard, with an accessible toilet behind the bar. The gallery has stairs only.
        Free earplugs at the bar; an awareness team is on the floor all night.
        """
    ),
)

VOLTAGE = Billing(
    slug="voltage-all-night",
    name="Voltage: All Night Long",
    summary="One selector, one hall, ten hours. Phones get a sticker at the door.",
    description=prose(
        """
        Kara Windung plays from ten in the evening until the sun stands in the east windows, alone and without a plan.
        It starts with dub at the speed of walking and gets to where it has to get.

        No photographs: your phone's cameras get a sticker at the door, and you will not miss them. In and out until
        two. The yard has a fire, soup and the only queue worth standing in.

        From eighteen years, with a document. The gallery is a place to sit down: sixty tickets, stairs only.
        """
    ),
    category="concert",
    plan="spu",
    currency=EUR,
    slot=Slot(weeks=6, weekday=SATURDAY, at=time(22), doors_minutes=0, lasts_minutes=600),
    offers=(
        Offer(
            key="entry", name="Entry", description="The hall and the yard, all night.",
            zones=("floor",), face=2_400, then=((10, 2_800),), fee=120, standing=True, per_order_max=4,
        ),
        Offer(
            key="late", name="Late entry", description="In after two, when the first hundred have gone home.",
            zones=("floor",), face=1_400, fee=70, standing=True, capacity=150, per_order_max=4,
        ),
        Offer(
            key="gallery", name="Crane gallery", description="Entry, and a cushion above the hall.",
            zones=("gallery",), face=3_900, fee=195, standing=True, per_order_max=4,
        ),
    ),
    policy=RefundPolicy(windows=()),
    codes=(
        Code(word="NACHBARN", label="For the neighbours", kind=PromotionKind.PERCENT, value=2_500, uses_max=100,
             per_buyer_max=2),
    ),
    per_order_max=4,
    per_buyer_max=4,
)  # fmt: skip

STATIC = Billing(
    slug="static-bloom",
    name="Static Bloom",
    summary="Called off: the hall's roof needs mending first. Every ticket is refunded in full.",
    description=prose(
        """
        Static Bloom were to play their new record with forty loudspeakers and as many house plants. The hall's roof has
        other plans: the engineers want it empty for six weeks, and they are right.

        The concert is cancelled and not postponed. Whoever bought a ticket gets everything back, fees included, to the
        card it was paid with. Nothing needs to be done.
        """
    ),
    category="concert",
    plan="spu",
    currency=EUR,
    slot=Slot(weeks=3, weekday=FRIDAY, at=time(20), doors_minutes=60, lasts_minutes=150),
    offers=(
        Offer(
            key="entry", name="Entry", description="The winding hall.",
            zones=("floor",), face=2_800, fee=140, standing=True, per_order_max=6,
        ),
    ),
    cancelled=True,
)  # fmt: skip

HOUSE = House(venue=VENUE, plans=(Plan(code="spu", draw=hall),), billings=(VOLTAGE, STATIC))
