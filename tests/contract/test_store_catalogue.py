"""What every store promises about venues, seat maps and events: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvariantBroken, NotFound, StockConflict
from domain.events import Event, EventId, EventState
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_policies import RefundPolicy, RefundWindow
from domain.seat_maps import Area, Point, SeatFeature, SeatMapId
from domain.tiers import TierId
from domain.venues import VenueId
from tests.contract.stores import STORES, Wish, bought, event_of, opened, order_of, placed, store_of, venue_of
from tests.fakes.sales import general_sale, reserved_sale, tier_of


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def test_a_venue_comes_back_as_it_was_stored(store: UnitOfWorkFactory) -> None:
    """Every field, by id and by slug; what was never stored is NotFound or None."""
    venue = venue_of(general_sale())
    with store() as uow:
        uow.venues.add(venue)
        uow.commit()

    with store() as uow:
        assert uow.venues.get(venue.id) == venue
        assert uow.venues.find(slug=venue.slug) == venue
        assert uow.venues.find(slug="elsewhere") is None
        with pytest.raises(NotFound):
            uow.venues.get(VenueId(uuid4()))


def test_two_venues_do_not_share_a_slug(store: UnitOfWorkFactory) -> None:
    """A slug is an address on the web: it names one venue."""
    venue = venue_of(general_sale())
    with store() as uow:
        uow.venues.add(venue)
        with pytest.raises(InvariantBroken):
            uow.venues.add(replace(venue, id=VenueId(uuid4())))


def test_nothing_is_stored_without_a_commit(store: UnitOfWorkFactory) -> None:
    """Leaving the block rolls back, with an error or without one."""
    venue = venue_of(general_sale())
    with store() as uow:
        uow.venues.add(venue)

    with store() as uow:
        assert uow.venues.find(slug=venue.slug) is None


def test_a_seat_map_comes_back_seat_by_seat(store: UnitOfWorkFactory) -> None:
    """Zones, rows, seats with their features, and drawn areas."""
    sale = reserved_sale()
    special = replace(sale.seat_map.seats[3], features=frozenset({SeatFeature.ACCESSIBLE, SeatFeature.RESTRICTED_VIEW}))
    seats = (*sale.seat_map.seats[:3], special, *sale.seat_map.seats[4:])
    stage = Area(label="Stage", kind="stage", outline=(Point(0, 0), Point(90, 0), Point(45, -20)))
    seat_map = replace(sale.seat_map, seats=seats, areas=(stage,))
    with store() as uow:
        uow.venues.add(venue_of(sale))
        uow.venues.add_map(seat_map)
        assert uow.venues.get_map(seat_map.id) == seat_map
        uow.commit()

    with store() as uow:
        assert uow.venues.get_map(seat_map.id) == seat_map
        with pytest.raises(NotFound):
            uow.venues.get_map(SeatMapId(uuid4()))


def test_a_seat_map_that_was_rolled_back_is_not_remembered(store: UnitOfWorkFactory) -> None:
    """Maps are kept in memory, but never one that is not in the store."""
    sale = reserved_sale()
    with store() as uow:
        uow.venues.add(venue_of(sale))
        uow.venues.add_map(sale.seat_map)
        uow.venues.get_map(sale.seat_map.id)

    with store() as uow, pytest.raises(NotFound):
        uow.venues.get_map(sale.seat_map.id)


def test_an_event_comes_back_as_it_was_stored(store: UnitOfWorkFactory) -> None:
    """Facts, terms, tiers with their zones and limits, and the refund policy it was stored with."""
    sale = general_sale(hold_seconds=300, per_buyer_max=50, admission_required=True)
    vip = replace(tier_of(sale, "vip"), locked=True, opens_at=sale.terms.opens_at, accessible=True)
    later = replace(tier_of(sale, "general"), opens_after=vip.id, opened_at=sale.terms.opens_at)
    sale = replace(sale, tiers=(later, vip))
    policy = RefundPolicy(windows=(RefundWindow(hours_before=48, basis_points=2_500),), fees_returned=True)

    event = opened(store, sale, policy=policy)

    with store() as uow:
        assert uow.events.get(event.id) == event
        assert uow.events.get(event.id, lock=True) == event
        assert uow.events.find(slug=event.slug) == event
        assert uow.events.find(slug="another-night") is None
        assert uow.events.policy(event.id) == policy
        with pytest.raises(NotFound):
            uow.events.get(EventId(uuid4()))
        with pytest.raises(NotFound):
            uow.events.policy(EventId(uuid4()))


def test_a_new_event_has_all_its_stock(store: UnitOfWorkFactory) -> None:
    """One pool a zone in use, one a tier with its own limit; every seat free; epoch 1."""
    sale = reserved_sale(balcony_capacity=5)
    event = opened(store, sale)

    with store() as uow:
        levels = uow.stock.levels(event.id)
        assert levels.free == {"z:stalls": 30, "z:balcony": 16, "t:balcony": 5} == sale.capacities()
        assert levels.seats == "f" * 46
        assert (levels.claimed, levels.buyers) == ((), {})
        assert uow.stock.epoch(event.id) == 1


def test_an_event_is_held_at_a_seat_map_of_its_venue(store: UnitOfWorkFactory) -> None:
    """A map of another house would sell seats that are not there."""
    here, there = general_sale(), general_sale()
    opened(store, here)
    opened(store, there)
    stray = event_of(general_sale(), venue_id=here.seat_map.venue_id, seat_map_id=there.seat_map.id)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.events.add(stray, policy=RefundPolicy(windows=()))


def test_saving_an_event_raises_its_version(store: UnitOfWorkFactory) -> None:
    """Web processes find out by the version that their copy is old."""
    event = opened(store, general_sale())
    changed = replace(event, name="A Longer Night", terms=replace(event.terms, hold_seconds=900))

    with store() as uow:
        assert uow.events.save(changed) == 2
        assert uow.events.save(changed) == 3
        uow.commit()

    with store() as uow:
        assert uow.events.get(event.id) == changed
        with pytest.raises(NotFound):
            uow.events.save(replace(changed, id=EventId(uuid4()), slug="never-stored"))


def test_a_cancelled_event_stays_cancelled(store: UnitOfWorkFactory) -> None:
    """Terminal states never revert (I6)."""
    event = opened(store, general_sale(), state=EventState.CANCELLED)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.events.save(replace(event, state=EventState.PUBLISHED))


def test_tiers_may_come_and_unsold_ones_may_go(store: UnitOfWorkFactory) -> None:
    """New tiers get their pools; a tier that nobody bought disappears with its own."""
    sale = general_sale()
    event = opened(store, sale)
    late = replace(tier_of(sale, "vip"), id=TierId(uuid4()), key="late", name="Late", capacity=7, position=2)
    changed = replace(event, tiers=(tier_of(sale, "general"), late))

    with store() as uow:
        uow.events.save(changed)
        uow.commit()

    with store() as uow:
        assert uow.events.get(event.id) == changed
        assert uow.stock.levels(event.id).free == {"z:floor": 100, "t:late": 7}


def test_a_tier_that_was_sold_cannot_go(store: UnitOfWorkFactory) -> None:
    """Orders keep their tiers."""
    sale = general_sale()
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=1)))

    with store() as uow, pytest.raises(StockConflict):
        uow.events.save(replace(event, tiers=(tier_of(sale, "general"),)))


def test_capacity_is_not_lowered_below_what_is_taken(store: UnitOfWorkFactory) -> None:
    """Refused by name below it, accepted down to it; the rest of the event is as it was."""
    sale = general_sale(vip_capacity=20)
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    with store() as uow:
        placed(uow, order_of(sale, Wish(tier="vip", quantity=2), who="bob"))
        uow.commit()

    def with_vip(capacity: int) -> Event:
        return replace(event, tiers=(event.tiers[0], replace(event.tiers[1], capacity=capacity)))

    with store() as uow, pytest.raises(StockConflict) as refused:
        uow.events.save(with_vip(4))
    assert refused.value.pools == ("t:vip",)
    with store() as uow:
        uow.events.save(with_vip(5))
        assert uow.stock.levels(event.id).free == {"z:floor": 95, "t:vip": 0}


def test_a_limit_that_comes_late_counts_what_was_sold_before(store: UnitOfWorkFactory) -> None:
    """A tier without a limit gets one while it sells: sold tickets count, and too low a limit is refused."""
    sale = general_sale(vip_capacity=None)
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    limited = [replace(event, tiers=(event.tiers[0], replace(event.tiers[1], capacity=n))) for n in (2, 4)]

    with store() as uow, pytest.raises(StockConflict) as refused:
        uow.events.save(limited[0])
    with store() as uow:
        uow.events.save(limited[1])
        uow.commit()

    assert refused.value.pools == ("t:vip",)
    with store() as uow:
        assert uow.stock.levels(event.id).free == {"z:floor": 97, "t:vip": 1}
        with pytest.raises(StockConflict):
            placed(uow, order_of(replace(sale, tiers=limited[1].tiers), Wish(tier="vip", quantity=2), who="bob"))


def test_a_limit_that_goes_forgets_nothing(store: UnitOfWorkFactory) -> None:
    """Without its limit a tier sells as long as its zone has places, and what it sold stays sold."""
    sale = general_sale(vip_capacity=3)
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    free = replace(event, tiers=(event.tiers[0], replace(event.tiers[1], capacity=None)))

    with store() as uow:
        uow.events.save(free)
        uow.commit()

    with store() as uow:
        assert uow.stock.levels(event.id).free["z:floor"] == 97
        placed(uow, order_of(replace(sale, tiers=free.tiers), Wish(tier="vip", quantity=10), who="bob"))
        assert uow.stock.levels(event.id).free["z:floor"] == 87


def test_times_come_back_in_utc(store: UnitOfWorkFactory) -> None:
    """Whatever the server's own time zone is."""
    event = opened(store, general_sale())

    with store() as uow:
        assert uow.events.get(event.id).starts_at.utcoffset() == timedelta(0)


def test_an_event_keeps_its_house_and_its_currency(store: UnitOfWorkFactory) -> None:
    """Its stock and its orders are counted in both; its address may change."""
    here, there = general_sale(), general_sale()
    event = opened(store, here)
    opened(store, there)
    moved = replace(event, venue_id=there.seat_map.venue_id, seat_map_id=there.seat_map.id)

    with store() as uow:
        with pytest.raises(InvariantBroken):
            uow.events.save(moved)
        uow.events.save(replace(event, slug="a-better-address"))
        uow.commit()

    with store() as uow:
        assert uow.events.find(slug="a-better-address") == replace(event, slug="a-better-address")
