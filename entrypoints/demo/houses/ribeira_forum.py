"""Ribeira Forum, Lisbon: a conference house on the river, and the quay before it."""

from datetime import time

from domain.refund_policies import RefundPolicy, RefundWindow
from domain.seat_geometry import Spot, rectangle
from domain.seat_maps import SeatMap, SeatMapId
from domain.seat_plans import area, assemble, standing_area
from domain.taxes import TaxRate, TaxRule
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import (
    EUR,
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

CONFERENCE_POLICY = RefundPolicy(
    windows=(
        RefundWindow(hours_before=45 * 24, basis_points=10_000),
        RefundWindow(hours_before=14 * 24, basis_points=5_000),
    ),
    fees_returned=True,
)
"""Employers change their minds: everything until 45 days before, half until two weeks before, fees included."""


def congress(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The plenary hall and two workshop rooms. Chairs are free: nobody has a seat of their own."""
    return assemble(
        (
            standing_area(
                key="plenary", name="Plenary hall", capacity=1_200,
                outline=(Spot(80, 190), Spot(720, 190), Spot(760, 480), Spot(40, 480)),
            ),
            standing_area(
                key="room-douro", name="Room Douro", capacity=90,
                outline=rectangle(left=40, top=560, width=340, height=140),
            ),
            standing_area(
                key="room-sado", name="Room Sado", capacity=60,
                outline=rectangle(left=420, top=560, width=340, height=140),
            ),
        ),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Congress",
        version=1,
        code="rfc",
        width=800,
        height=780,
        focal=Spot(400, 150),
        areas=(
            area("Stage", "stage", rectangle(left=220, top=60, width=360, height=90)),
            area("Coffee", "bar", rectangle(left=300, top=502, width=200, height=36)),
            area("Registration", "entrance", rectangle(left=300, top=730, width=200, height=30)),
        ),
    )  # fmt: skip


def quay(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """The quay with its floating stage."""
    return assemble(
        (
            standing_area(
                key="quay", name="The quay", capacity=3_000,
                outline=(Spot(60, 260), Spot(500, 230), Spot(940, 260), Spot(960, 520), Spot(500, 560), Spot(40, 520)),
            ),
            standing_area(
                key="terrace", name="The terrace", capacity=250,
                outline=(*(Spot(120, 590), Spot(500, 625), Spot(880, 590)),
                         *(Spot(880, 680), Spot(500, 715), Spot(120, 680))),
            ),
        ),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="Quay",
        version=1,
        code="rfq",
        width=1000,
        height=780,
        focal=Spot(500, 190),
        areas=(
            area(
                "Floating stage", "stage",
                (Spot(340, 80), Spot(660, 80), Spot(700, 150), Spot(640, 195), Spot(360, 195), Spot(300, 150)),
            ),
            area("Wine", "bar", rectangle(left=80, top=440, width=70, height=60)),
            area("Grill", "bar", rectangle(left=850, top=440, width=70, height=60)),
            area("Steps", "entrance", rectangle(left=430, top=740, width=140, height=26)),
        ),
    )  # fmt: skip


VENUE = Venue(
    id=venue_id("ribeira-forum"),
    slug="ribeira-forum",
    name="Ribeira Forum",
    address="Cais da Ribeira Nova 21",
    city="Lisbon",
    country="PT",
    timezone="Europe/Lisbon",
    taxes=TaxRule(rates=(TaxRate(name="IVA", basis_points=600),), added=False),
    description=prose(
        """
        A former fish auction on the Tagus: a plenary hall where the crates stood, workshop rooms where the scales were,
        and a quay that faces the evening sun. Ferries land next door.
        """
    ),
    accessibility=prose(
        """
        Everything is on one level. Reserved places in the first and the last row of every room, live captions on the
        main stage, a quiet room, and a changing place beside registration.
        """
    ),
)

GRIDLINES = Billing(
    slug="gridlines-conference",
    name="Gridlines",
    summary="Two days on systems that must not lose anything: ledgers, queues, clocks and the people on call.",
    description=prose(
        """
        Gridlines is for engineers who keep things that matter: money, seats, medical records, trains. Twenty-four talks
        on one track, each with a failure in it that really happened to the speaker.

        Day one is about time: clocks, deadlines, retries, and what a timeout does not tell you. Day two is about truth:
        ledgers, invariants, audits and the art of deleting a queue.

        The ticket includes lunch, coffee and the evening boat. Workshops are booked with it and small enough to ask
        everything. Talks are in English, with live captions.

        Tickets may change hands until the day before. Students and people between jobs: there is a tier for you, and
        nobody asks for papers.
        """
    ),
    category="conference",
    plan="rfc",
    currency=EUR,
    slot=Slot(weeks=17, weekday=WEDNESDAY, at=time(9, 30), doors_minutes=90, lasts_minutes=1_950),
    offers=(
        Offer(
            key="early", name="Early bird", description="Both days; 150 tickets, for ten days more.",
            zones=("plenary",), face=34_900, fee=0, standing=True, capacity=150, closes_days=10,
        ),
        Offer(
            key="regular", name="Regular", description="Both days, lunch, coffee and the evening boat.",
            zones=("plenary",), face=48_900, fee=0, standing=True,
        ),
        Offer(
            key="student", name="Student or between jobs", description="The same two days, on trust.",
            zones=("plenary",), face=12_000, fee=0, standing=True, capacity=120, per_order_max=1,
        ),
        Offer(
            key="workshop-ledgers", name="Workshop: a ledger in a day", description="The day before, in Room Douro.",
            zones=("room-douro",), face=22_000, fee=0, standing=True, per_order_max=4,
        ),
        Offer(
            key="workshop-on-call", name="Workshop: being on call", description="The day before, in Room Sado.",
            zones=("room-sado",), face=18_000, fee=0, standing=True, per_order_max=4,
        ),
    ),
    policy=CONFERENCE_POLICY,
)  # fmt: skip

MAPS = Billing(
    slug="open-maps-assembly",
    name="Open Maps Assembly",
    summary="A working day for people who draw the world for everybody: surveyors, coders, walkers, archivists.",
    description=prose(
        """
        In the morning, short talks: mapping floods from kites, street names that were nearly lost, a bus network drawn
        by its drivers. In the afternoon the hall turns into forty tables, and everyone maps.

        Groups of five or more come for the price that keeps the lights on. Bring a laptop or good shoes; there is a
        table for both.

        Lunch is soup. Childcare in Room Sado, free, if you write to us two weeks ahead.
        """
    ),
    category="conference",
    plan="rfc",
    currency=EUR,
    slot=Slot(weeks=8, weekday=THURSDAY, at=time(9), doors_minutes=60, lasts_minutes=540),
    offers=(
        Offer(
            key="day", name="Day ticket", description="Talks, tables and soup.",
            zones=("plenary",), face=4_500, fee=150, standing=True,
        ),
        Offer(
            key="group", name="Group", description="Five to twenty people, booked together.",
            zones=("plenary",), face=3_000, fee=100, standing=True, per_order_min=5, per_order_max=20,
        ),
    ),
    per_order_max=20,
    per_buyer_max=40,
)  # fmt: skip

TIDE = Billing(
    slug="tide-and-guitar",
    name="Tide & Guitar",
    summary="Five hours of fado, morna and desert blues on a stage that rises with the river.",
    description=prose(
        """
        The stage is a barge, and the tide lifts it by two metres between the first song and the last. On it: the fado
        singer Lúcia Varanda, the morna quintet Casa do Vento and the guitarist Idir Amellal with his brothers.

        Sardines from six, songs from seven, silence for the ferry's horn at nine, which the bands have learnt to play
        along with.

        The quay is standing; the terrace has benches and waiters. Wind comes off the water after dark.
        """
    ),
    category="festival",
    plan="rfq",
    currency=EUR,
    slot=Slot(weeks=12, weekday=SATURDAY, at=time(19), doors_minutes=60, lasts_minutes=300),
    offers=(
        Offer(
            key="quay", name="Quay", description="Standing, down by the water.",
            zones=("quay",), face=3_200, fee=160, standing=True,
        ),
        Offer(
            key="terrace", name="Terrace", description="A bench above the crowd, and somebody who brings the wine.",
            zones=("terrace",), face=6_800, fee=340, standing=True, per_order_max=6,
        ),
        Offer(
            key="neighbours", name="Neighbours", description="For people of the parish, a word on our poster opens it.",
            zones=("quay",), face=1_000, fee=0, standing=True, capacity=200, per_order_max=2, access_code="SARDINHA",
        ),
    ),
)  # fmt: skip

HOUSE = House(
    venue=VENUE,
    plans=(Plan(code="rfc", draw=congress), Plan(code="rfq", draw=quay)),
    billings=(GRIDLINES, MAPS, TIDE),
)
