"""Putting the demo catalogue on sale through the very use cases that an organiser uses."""

from datetime import date
from typing import Protocol

from domain.errors import NotFound, Rejection, TesseraError
from domain.events import Event, EventId, EventState
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Clock
from domain.refund_policies import RefundPolicy
from domain.seat_maps import SeatMap
from domain.venues import Venue
from entrypoints.demo.billing import Billing, House, draft
from entrypoints.demo.houses import HOUSES

ACTOR = "demo"
"""Who the audit log says made all this."""


class SeedingRefused(TesseraError):
    """A use case said no to the demo, so the demo and the rules have grown apart."""


class Office(Protocol):
    """What seeding asks of the container."""

    def clock(self) -> Clock: ...

    def unit_of_work(self) -> UnitOfWork: ...

    def add_venue(self, venue: Venue, *, actor: str) -> object: ...

    def add_seat_map(self, seat_map: SeatMap, *, actor: str) -> object: ...

    def create_event(self, event: Event, *, policy: RefundPolicy, actor: str) -> object: ...

    def publish_event(self, event_id: EventId, *, actor: str) -> object: ...

    def cancel_event(self, event_id: EventId, *, actor: str) -> object: ...


def seed(container: Office) -> None:
    """Make what is missing of the demo catalogue, dated from today (UTC).

    Idempotent: what exists is left as it is, on whatever day it was made, and a seeding that was interrupted is
    completed. Raises SeedingRefused when a use case refuses.
    """
    today = container.clock().now().date()
    for house in HOUSES:
        _open(house, container, today=today)


def _open(house: House, container: Office, *, today: date) -> None:
    with container.unit_of_work() as work:
        has_venue = work.venues.find(slug=house.venue.slug) is not None
        found = {billing.slug: work.events.find(slug=billing.slug) for billing in house.billings}
    if not has_venue:
        _done(container.add_venue(house.venue, actor=ACTOR))
    missing = [billing for billing in house.billings if found[billing.slug] is None]
    for code in dict.fromkeys(billing.plan for billing in missing):
        _hang(house, code, container)
    for billing in missing:
        event = draft(billing, house=house, today=today)
        _done(container.create_event(event, policy=billing.policy, actor=ACTOR))
        found[billing.slug] = event
    for billing in house.billings:
        event_now = found[billing.slug]
        if event_now is not None and event_now.id == billing.id:
            _announce(billing, event_now.state, container)


def _hang(house: House, code: str, container: Office) -> None:
    """Add the seat map with this code, unless it is there."""
    plan = house.plan(code)
    try:
        with container.unit_of_work() as work:
            work.venues.get_map(plan.id)
    except NotFound:
        _done(container.add_seat_map(plan.draw(plan.id, house.venue.id), actor=ACTOR))


def _announce(billing: Billing, state: EventState, container: Office) -> None:
    """Bring a demo event from where it stands to where its billing wants it."""
    if state is EventState.DRAFT:
        _done(container.publish_event(billing.id, actor=ACTOR))
    if billing.cancelled and state is not EventState.CANCELLED:
        _done(container.cancel_event(billing.id, actor=ACTOR))


def _done(answer: object) -> None:
    if isinstance(answer, Rejection):
        raise SeedingRefused(f"{answer.code}: {answer.message}")
