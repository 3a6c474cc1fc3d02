"""What every store promises about stock that the house keeps back, and about capacities of an evening's own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.capacities import PoolCounts
from domain.errors import InvariantBroken, NotFound, StockConflict
from domain.events import Event, EventId, Sale
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tiers import TierId
from tests.contract.stores import NOW, STORES, Wish, block_of, bought, opened, order_of, placed, store_of, tickets_of
from tests.fakes.sales import general_sale, mixed_sale, reserved_sale, tier_of


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def seats(*indexes: int) -> BlockedStock:
    return BlockedStock(seats=indexes)


def places(quantity: int, zone: str = "floor") -> BlockedStock:
    return BlockedStock(zone=zone, quantity=quantity)


def blocked(store: UnitOfWorkFactory, block: StockBlock) -> StockBlock:
    """Block and commit."""
    with store() as uow:
        uow.stock.epoch(block.event_id)
        uow.stock.block(block)
        uow.commit()
    return block


def given_back(store: UnitOfWorkFactory, block: StockBlock, part: BlockedStock) -> None:
    with store() as uow:
        uow.stock.unblock(block, part)
        uow.commit()


def free(store: UnitOfWorkFactory, sale: Sale) -> dict[str, int]:
    with store() as uow:
        return dict(uow.stock.levels(sale.event_id).free)


def blocks(store: UnitOfWorkFactory, sale: Sale) -> tuple[StockBlock, ...]:
    with store() as uow:
        return uow.stock.blocks(sale.event_id)


def test_blocked_seats_are_out_of_sale(store: UnitOfWorkFactory) -> None:
    """They count against their zones, are shown as blocked, and no order can take them."""
    sale = reserved_sale()
    opened(store, sale)
    blocked(store, block_of(sale, seats(4, 5, 30)))

    with store() as uow:
        levels, pools = uow.stock.levels(sale.event_id), uow.stock.pools(sale.event_id)
        with pytest.raises(StockConflict) as refused:
            placed(uow, order_of(sale, Wish(tier="stalls", seats=(3, 4))))

    assert refused.value.seats == (4,)
    assert levels.seats == "ffffbb" + "f" * 24 + "b" + "f" * 15
    assert levels.free == {"z:stalls": 28, "z:balcony": 15}
    assert (pools["z:stalls"].blocked, pools["z:balcony"].blocked) == (2, 1)


def test_blocked_places_are_out_of_sale(store: UnitOfWorkFactory) -> None:
    """Of general admission a number is kept: not of a tier, but of the zone that every tier draws from."""
    sale = general_sale(capacity=10, vip_capacity=4)
    opened(store, sale)
    blocked(store, block_of(sale, places(7)))

    with store() as uow, pytest.raises(StockConflict) as refused:
        placed(uow, order_of(sale, Wish(tier="vip", quantity=4)))

    assert refused.value.pools == ("z:floor",)
    assert free(store, sale) == {"z:floor": 3, "t:vip": 4}


def test_what_is_taken_cannot_be_blocked(store: UnitOfWorkFactory) -> None:
    """Sold seats and seats of another block are named, all of them; nothing is blocked beside them."""
    sale = reserved_sale()
    opened(store, sale)
    bought(store, order_of(sale, Wish(tier="stalls", seats=(1, 2))))
    standing = blocked(store, block_of(sale, seats(3)))

    with store() as uow:
        with pytest.raises(StockConflict) as refused:
            uow.stock.block(block_of(sale, seats(0, 1, 2, 3)))
        uow.commit()

    assert (refused.value.seats, refused.value.pools) == ((1, 2, 3), ())
    assert free(store, sale)["z:stalls"] == 27
    assert blocks(store, sale) == (standing,)


def test_no_more_places_are_blocked_than_are_free(store: UnitOfWorkFactory) -> None:
    """Down to the last one, and the pool that is short is named."""
    sale = general_sale(capacity=10, vip_capacity=None)
    opened(store, sale)
    bought(store, order_of(sale, Wish(tier="general", quantity=4)))

    with store() as uow, pytest.raises(StockConflict) as refused:
        uow.stock.block(block_of(sale, places(7)))
    blocked(store, block_of(sale, places(6)))

    assert refused.value.pools == ("z:floor",)
    assert free(store, sale) == {"z:floor": 0}


@pytest.mark.parametrize(
    "stock",
    [seats(99), seats(), places(1, "nowhere"), places(1, "stalls"), places(0)],
    ids=["seat of no map", "nothing", "zone of no map", "a number of numbered seats", "no places"],
)
def test_only_stock_of_the_event_can_be_blocked(store: UnitOfWorkFactory, stock: BlockedStock) -> None:
    """Whoever asks otherwise made a mistake that should have been found before."""
    sale = mixed_sale()
    opened(store, sale)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.stock.block(block_of(sale, stock))


def test_a_block_is_told_with_its_reasons(store: UnitOfWorkFactory) -> None:
    """What is kept, under which label, why, by whom and when; oldest first, each event's own."""
    sale, other = mixed_sale(), general_sale()
    opened(store, sale)
    opened(store, other)
    late = blocked(store, block_of(sale, seats(3, 11), label="Press", at=NOW + timedelta(hours=1)))
    early = blocked(store, block_of(sale, places(5), reason="", actor="bob@house.example"))
    blocked(store, block_of(other, places(3)))

    assert blocks(store, sale) == (early, late)
    with store() as uow:
        assert uow.stock.find_block(late.id, lock=True) == late
        assert uow.stock.find_block(StockBlockId(uuid4())) is None


def test_a_block_gives_back_part_or_all(store: UnitOfWorkFactory) -> None:
    """What it gave back is free and can be sold; what it still keeps is told; when that is nothing, it is gone."""
    sale = mixed_sale()
    opened(store, sale)
    of_seats, of_places = blocked(store, block_of(sale, seats(3, 4, 11))), blocked(store, block_of(sale, places(5)))

    given_back(store, of_seats, seats(4))
    given_back(store, of_places, places(2))
    kept = {block.id: block.stock for block in blocks(store, sale)}
    bought(store, order_of(sale, Wish(tier="stalls", seats=(4,)), Wish(tier="general", quantity=9)))

    assert kept == {of_seats.id: seats(3, 11), of_places.id: places(3)}
    assert free(store, sale) == {"z:floor": 0, "z:stalls": 8, "z:balcony": 5, "t:vip": 4, "t:anywhere": 9}
    given_back(store, of_seats, seats(3, 11))
    given_back(store, of_places, places(3))
    assert blocks(store, sale) == ()
    assert free(store, sale) == {"z:floor": 3, "z:stalls": 9, "z:balcony": 6, "t:vip": 4, "t:anywhere": 9}


@pytest.mark.parametrize("part", [seats(3), seats(9), places(6)], ids=["given back before", "never kept", "too many"])
def test_nothing_is_given_back_twice(store: UnitOfWorkFactory, part: BlockedStock) -> None:
    """Nor what the block never kept: then nothing at all is given back."""
    sale = mixed_sale()
    opened(store, sale)
    of_seats, of_places = blocked(store, block_of(sale, seats(3, 4))), blocked(store, block_of(sale, places(5)))
    given_back(store, of_seats, seats(3))
    before = free(store, sale)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.stock.unblock(of_places if part.quantity else of_seats, part)

    assert free(store, sale) == before


def test_a_seat_that_was_given_back_can_be_blocked_again(store: UnitOfWorkFactory) -> None:
    """By another block, while the first keeps its other seats."""
    sale = reserved_sale()
    opened(store, sale)
    first = blocked(store, block_of(sale, seats(3, 4)))
    given_back(store, first, seats(4))
    second = blocked(store, block_of(sale, seats(4), at=NOW + timedelta(hours=1)))

    assert [block.stock for block in blocks(store, sale)] == [seats(3), seats(4)]
    given_back(store, second, seats(4))
    assert [block.id for block in blocks(store, sale)] == [first.id]


def test_pools_are_counted_by_who_took_what(store: UnitOfWorkFactory) -> None:
    """Claimed, allocated and blocked, each pool by its key; NotFound for no event."""
    sale = general_sale()
    opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    with store() as uow:
        placed(uow, order_of(sale, Wish(tier="general", quantity=2), who="bob"))
        uow.commit()
    blocked(store, block_of(sale, places(5)))

    with store() as uow:
        counts = uow.stock.pools(sale.event_id)
        with pytest.raises(NotFound):
            uow.stock.pools(EventId(uuid4()))

    assert counts == {
        "z:floor": PoolCounts(capacity=100, claimed=2, allocated=3, blocked=5),
        "t:vip": PoolCounts(capacity=20, allocated=3),
    }


def test_a_tier_knows_what_it_sold(store: UnitOfWorkFactory) -> None:
    """With a limit of its own or without; what was given back does not count."""
    sale = general_sale(vip_capacity=None)
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="vip", quantity=3), Wish(tier="general", quantity=1)))
    tickets = tickets_of(order)
    with store() as uow:
        uow.tickets.add(tickets)
        uow.stock.release_tickets(tickets[:1])
        uow.commit()

    with store() as uow:
        assert uow.stock.tier_units(sale.event_id, tier_of(sale, "vip").id) == 2
        assert uow.stock.tier_units(sale.event_id, tier_of(sale, "general").id) == 1
        assert uow.stock.tier_units(sale.event_id, TierId(uuid4())) == 0


def resized(store: UnitOfWorkFactory, event: Event, **capacities: int) -> int:
    with store() as uow:
        version = uow.events.save(event, capacities=capacities)
        uow.commit()
    return version


def test_a_zone_has_a_capacity_of_the_evening(store: UnitOfWorkFactory) -> None:
    """More or fewer places than the seat map says, kept through whatever else changes about the event."""
    sale, other = general_sale(capacity=10, vip_capacity=None), general_sale(capacity=10)
    event = opened(store, sale)
    opened(store, other)

    assert resized(store, event, floor=12) == 2
    with store() as uow:
        uow.events.save(replace(event, name="A Longer Night"))
        uow.commit()
    bought(store, order_of(sale, Wish(tier="general", quantity=12)))

    assert free(store, sale) == {"z:floor": 0}
    assert free(store, other)["z:floor"] == 10


def test_a_zone_is_not_made_smaller_than_what_is_taken(store: UnitOfWorkFactory) -> None:
    """Sold, waiting and blocked places all count; down to their sum it is accepted."""
    sale = general_sale(capacity=10)
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    with store() as uow:
        placed(uow, order_of(sale, Wish(tier="general", quantity=2), who="bob"))
        uow.commit()
    blocked(store, block_of(sale, places(1)))

    with store() as uow, pytest.raises(StockConflict) as refused:
        uow.events.save(event, capacities={"floor": 5})
    resized(store, event, floor=6)

    assert refused.value.pools == ("z:floor",)
    assert free(store, sale)["z:floor"] == 0


@pytest.mark.parametrize("capacities", [{"stalls": 9}, {"stalls": 11}, {"nowhere": 3}])
def test_numbered_seats_are_as_many_as_they_are(store: UnitOfWorkFactory, capacities: dict[str, int]) -> None:
    """A reserved zone cannot be resized, and a zone that no tier sells has no places to change."""
    sale = mixed_sale()
    event = opened(store, sale)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.events.save(event, capacities=capacities)


def test_a_tier_without_limit_grows_with_its_zone(store: UnitOfWorkFactory) -> None:
    """Also when it had a limit once, whose pool is still counted."""
    sale = general_sale(capacity=10, vip_capacity=3)
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    unlimited = replace(event, tiers=(event.tiers[0], replace(event.tiers[1], capacity=None)))
    with store() as uow:
        uow.events.save(unlimited)
        uow.commit()

    resized(store, unlimited, floor=20)
    bought(store, order_of(replace(sale, tiers=unlimited.tiers), Wish(tier="vip", quantity=17), who="bob"))

    assert free(store, sale)["z:floor"] == 0


def test_a_limit_that_comes_back_knows_what_was_sold_without_it(store: UnitOfWorkFactory) -> None:
    """Limited, then free, then limited again: every ticket counts."""
    sale = general_sale(capacity=20, vip_capacity=4)
    event = opened(store, sale)
    bought(store, order_of(sale, Wish(tier="vip", quantity=4)))

    def with_limit(limit: int | None) -> Event:
        return replace(event, tiers=(event.tiers[0], replace(event.tiers[1], capacity=limit)))

    with store() as uow:
        uow.events.save(with_limit(None))
        uow.commit()
    bought(store, order_of(replace(sale, tiers=with_limit(None).tiers), Wish(tier="vip", quantity=3), who="bob"))

    with store() as uow, pytest.raises(StockConflict):
        uow.events.save(with_limit(6))
    with store() as uow:
        uow.events.save(with_limit(8))
        uow.commit()
    assert free(store, sale) == {"z:floor": 13, "t:vip": 1}
