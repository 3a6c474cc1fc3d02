"""Seeding the demo: through the organiser's use cases, once, however often it is called."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from application.commands import catalogue_changes as changes
from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventId, EventState
from domain.ports.unit_of_work import UnitOfWork
from domain.refund_policies import RefundPolicy
from domain.seat_maps import SeatMap
from domain.venues import Venue
from entrypoints.demo import seed
from entrypoints.demo.billing import draft
from entrypoints.demo.houses import HOUSES
from entrypoints.demo.seeding import Office, SeedingRefused
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.world import FakeClock, FakeIds, FakeWakeup

BILLED = [billing for house in HOUSES for billing in house.billings]
CANCELLED = {billing.slug for billing in BILLED if billing.cancelled}


class MemoryOffice:
    """The real use cases on a store in memory. ``calls`` names what was asked of them; ``allowed`` is how many
    more of these calls get through before the power fails (None: it never does)."""

    def __init__(self) -> None:
        self.store, self.time, self.ids = FakeStore(), FakeClock(), FakeIds()
        self.calls: list[str] = []
        self.allowed: int | None = None
        self.rejects = False

    def clock(self) -> FakeClock:
        return self.time

    def unit_of_work(self) -> UnitOfWork:
        return self.store()

    def add_venue(self, venue: Venue, *, actor: str) -> object:
        self._call("add_venue")
        if self.rejects:
            return Rejection(code=RejectionCode.INVALID_REQUEST, message="No more venues.")
        return changes.add_venue(venue, actor=actor, unit_of_work=self.store, clock=self.time, ids=self.ids)

    def add_seat_map(self, seat_map: SeatMap, *, actor: str) -> object:
        self._call("add_seat_map")
        return changes.add_seat_map(seat_map, actor=actor, unit_of_work=self.store, clock=self.time, ids=self.ids)

    def create_event(self, event: Event, *, policy: RefundPolicy, actor: str) -> object:
        self._call("create_event")
        return changes.create_event(
            event, policy=policy, actor=actor, unit_of_work=self.store, clock=self.time, ids=self.ids
        )

    def publish_event(self, event_id: EventId, *, actor: str) -> object:
        self._call("publish_event")
        return changes.publish_event(event_id, actor=actor, unit_of_work=self.store, clock=self.time, ids=self.ids)

    def cancel_event(self, event_id: EventId, *, actor: str) -> object:
        self._call("cancel_event")
        return changes.cancel_event(
            event_id, actor=actor, unit_of_work=self.store, clock=self.time, ids=self.ids, wakeup=FakeWakeup()
        )

    def _call(self, name: str) -> None:
        if self.allowed == len(self.calls):
            raise InterruptedError(name)
        self.calls.append(name)


@pytest.fixture
def office() -> MemoryOffice:
    return MemoryOffice()


def states(office: Office) -> dict[str, EventState]:
    """What visitors would see, by slug."""
    with office.unit_of_work() as work:
        found = {billing.slug: work.events.find(slug=billing.slug) for billing in BILLED}
    return {slug: event.state for slug, event in found.items() if event is not None}


def test_everything_is_published_and_one_event_cancelled(office: MemoryOffice) -> None:
    """Every billing becomes an event on sale, or called off as it says."""
    seed(office)
    assert states(office) == {
        billing.slug: EventState.CANCELLED if billing.slug in CANCELLED else EventState.PUBLISHED for billing in BILLED
    }


def test_a_second_seeding_changes_nothing(office: MemoryOffice) -> None:
    """Not even weeks later, when new dates would come out."""
    seed(office)
    with office.unit_of_work() as work:
        before = [work.events.find(slug=billing.slug) for billing in BILLED]
    office.calls.clear()
    office.time.advance(seconds=timedelta(weeks=3).total_seconds())
    seed(office)
    with office.unit_of_work() as work:
        assert [work.events.find(slug=billing.slug) for billing in BILLED] == before
    assert office.calls == []


@pytest.mark.parametrize("survived", [0, 1, 2, 3, 4, 9, 20, 33])
def test_an_interrupted_seeding_is_completed(office: MemoryOffice, survived: int) -> None:
    """Wherever it stopped, the next one makes the rest and repeats nothing."""
    office.allowed = survived
    with pytest.raises(InterruptedError):
        seed(office)
    office.allowed = None
    seed(office)
    assert len(states(office)) == len(BILLED)
    assert set(states(office).values()) == {EventState.PUBLISHED, EventState.CANCELLED}
    made = [name for name in office.calls if name in {"add_venue", "create_event", "publish_event"}]
    assert len(made) == len(HOUSES) + 2 * len(BILLED)


def test_an_event_of_somebody_else_under_a_demo_name_is_left_alone(office: MemoryOffice) -> None:
    """A draft that an organiser named like ours is not published behind their back."""
    house = HOUSES[0]
    billing, plan = house.billings[0], house.plan(house.billings[0].plan)
    theirs = replace(draft(billing, house=house, today=office.time.now().date()), id=EventId(uuid4()))
    office.add_venue(house.venue, actor="organiser")
    office.add_seat_map(plan.draw(plan.id, house.venue.id), actor="organiser")
    office.create_event(theirs, policy=billing.policy, actor="organiser")
    seed(office)
    assert states(office)[billing.slug] is EventState.DRAFT
    assert office.store.state.events[theirs.id] == theirs


def test_a_refusal_is_not_swallowed(office: MemoryOffice) -> None:
    """When rules and demo grow apart, seeding fails with the rule's own words."""
    office.rejects = True
    with pytest.raises(SeedingRefused, match="No more venues"):
        seed(office)
