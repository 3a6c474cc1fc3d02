"""Where the contracts of the backoffice run: a desk, and houses whose purchases it looks at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from application.commands.start_checkout import CheckoutStarted
from domain.audit import AuditEntry
from domain.events import Event, EventId, EventState, Sale
from domain.holds import ActiveHold, BuyerFingerprint, HoldLine
from domain.orders import Buyer, Order
from domain.ports.backoffice import (
    Backoffice,
)
from domain.refund_policies import STANDARD_POLICY
from domain.venues import Venue
from tests.unit.application.house import ADA, House

GRACE = Buyer(name="Grace Brewster Hopper", email="grace@example.org", phone="+12025550100")


@dataclass
class Desk:
    """A backoffice, and houses whose purchases it looks at. ``sent`` counts statements, where there are any."""

    open_house: Callable[..., House]
    backoffice: Backoffice
    sent: list[str]


def note(house: House, action: str, event_id: EventId) -> None:
    """An entry of the trail that the system wrote about an event."""
    with house.store() as uow:
        uow.audit.add(
            AuditEntry(
                id=uuid4(), at=house.clock.now(), actor="system", action=action, subject_kind="event",
                subject_id=str(event_id),
            )
        )  # fmt: skip
        uow.commit()


def since(house: House, **duration: float) -> datetime:
    return house.clock.now() - timedelta(**(duration or {"days": 1}))


def place(house: House, line: HoldLine, buyer: Buyer = ADA) -> Order:
    """An order that waits for its payment."""
    fingerprint = BuyerFingerprint(device=f"device-{uuid4()}", address="an address")
    hold = house.hold(line, buyer=fingerprint)
    assert isinstance(hold, ActiveHold), hold
    started = house.checkout(hold.id, buyer)
    assert isinstance(started, CheckoutStarted), started
    return started.order


def buy(house: House, line: HoldLine, buyer: Buyer = ADA) -> Order:
    order = place(house, line, buyer)
    house.gateway.pay(house.gateway.session_of(order.id))
    house.settle(order.id)
    house.drain()
    return house.order(order.id)


def announce(house: House, sale: Sale, state: EventState) -> None:
    """Another event in a place of its own."""
    venue = Venue(
        id=sale.seat_map.venue_id, slug=f"place-{sale.slug}", name="Elsewhere", address="2 Lane", city="Porto",
        country="PT", timezone="Europe/Lisbon",
    )  # fmt: skip
    seat_map = replace(sale.seat_map, code=f"M{uuid4().hex[:8]}")
    event = Event(
        id=sale.event_id, slug=sale.slug, name=sale.slug, summary="", description="", category="concert", artwork="",
        venue_id=venue.id, seat_map_id=seat_map.id, currency=sale.currency, doors_at=sale.starts_at,
        starts_at=sale.starts_at, ends_at=sale.starts_at, state=state, terms=sale.terms, tiers=sale.tiers,
    )  # fmt: skip
    with house.store() as uow:
        uow.venues.add(venue)
        uow.venues.add_map(seat_map)
        uow.events.add(event, policy=STANDARD_POLICY)
        uow.commit()
