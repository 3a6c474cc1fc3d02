"""The Listening Room at Coopers' Yard, Bristol: three chairs and room for twenty. Sells out at the second purchase."""

from datetime import time

from domain.seat_geometry import Spot, rectangle
from domain.seat_maps import SeatMap, SeatMapId
from domain.seat_plans import area, assemble, standing_area, straight_block
from domain.venues import Venue, VenueId
from entrypoints.demo.billing import GBP, TUESDAY, Billing, House, Offer, Plan, Slot, prose, venue_id

CHAIRS = 3
STANDING = 20


def room(seat_map_id: SeatMapId, owner: VenueId) -> SeatMap:
    """Three chairs in a row, and the floor behind them."""
    return assemble(
        (
            straight_block(key="chairs", name="The three chairs", front=Spot(110, 80), labels=("A",), runs=(CHAIRS,)),
            standing_area(
                key="floor", name="Behind the chairs", capacity=STANDING,
                outline=rectangle(left=40, top=104, width=140, height=56),
            ),
        ),
        seat_map_id=seat_map_id,
        venue_id=owner,
        name="The room",
        version=1,
        code="coo",
        width=220,
        height=190,
        focal=Spot(110, 50),
        areas=(
            area("Rug", "stage", rectangle(left=70, top=20, width=80, height=32)),
            area("Kettle", "bar", rectangle(left=184, top=110, width=24, height=30)),
            area("Door", "entrance", rectangle(left=12, top=120, width=16, height=40)),
        ),
    )  # fmt: skip


VENUE = Venue(
    id=venue_id("coopers-yard"),
    slug="coopers-yard",
    name="The Listening Room",
    address="Coopers' Yard, Barrel Lane 3",
    city="Bristol",
    country="GB",
    timezone="Europe/London",
    description=prose(
        """
        The smallest house on Tessera: a cooper's workshop with a rug, a kettle and three good chairs. Twenty more
        people stand behind them and are very quiet.
        """
    ),
    accessibility="One step at the door, with a ramp: ring and we bring it. Any chair makes room for a wheelchair.",
)

THREE_CHAIRS = Billing(
    slug="three-chairs-session",
    name="Three Chairs Session",
    summary="One song-writer, no microphone, three chairs and twenty places to stand. Gone in a blink.",
    description=prose(
        """
        Wren Ollerton tries out songs that are not finished, for twenty-three people who promise to say which verse has
        to go. There is no stage and no microphone; the kettle is turned off during the quiet ones.

        The chairs are reserved by name of nobody: A1, A2 and A3, the best seats in the country. Doors close when it
        starts, because they creak.
        """
    ),
    category="concert",
    plan="coo",
    currency=GBP,
    slot=Slot(weeks=5, weekday=TUESDAY, at=time(20), doors_minutes=30, lasts_minutes=75),
    offers=(
        Offer(
            key="chair", name="A chair", description="One of three.",
            zones=("chairs",), face=4_000, fee=0, per_order_max=CHAIRS,
        ),
        Offer(
            key="standing", name="Standing", description="Behind the chairs.",
            zones=("floor",), face=1_500, fee=75, standing=True, per_order_max=6,
        ),
    ),
)  # fmt: skip

HOUSE = House(venue=VENUE, plans=(Plan(code="coo", draw=room),), billings=(THREE_CHAIRS,))
