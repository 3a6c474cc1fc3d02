"""Other places for who paid in time: the nearest, as many, together if they were, and never an accessible seat."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.events import Sale
from domain.orders import Order
from domain.second_choice import SecondChoice, second_choice
from tests.contract.stores import Wish, order_of
from tests.fakes.sales import accessible_sale, general_sale, reserved_sale

HOUSE = reserved_sale()
SEATS = 46


def choice(sale: Sale, order: Order, *, seats: str, free: dict[str, int] | None = None) -> SecondChoice | None:
    return second_choice(order, tiers=sale.tiers, seat_map=sale.seat_map, seats=seats, free=free or {})


def without(*gone: int) -> str:
    return "".join("s" if index in gone else "f" for index in range(SEATS))


def test_nothing_changes_where_nothing_must() -> None:
    """The same seats are free: the same lines, the same pools."""
    order = order_of(HOUSE, Wish(tier="stalls", seats=(4, 5)))
    found = choice(HOUSE, order, seats=without(6))
    assert found is not None
    assert (found.lines, dict(found.pools), found.same) == (order.lines, dict(order.pools), True)


def test_neighbours_stay_neighbours_or_there_is_nothing() -> None:
    """Single seats left and right are not what a couple bought."""
    order = order_of(HOUSE, Wish(tier="stalls", seats=(4, 5)))
    odd = without(*(seat for seat in range(30) if seat % 2))
    assert choice(HOUSE, order, seats=odd) is None


def test_strangers_may_be_set_apart() -> None:
    """Seats that were not together keep what is left of them, and the others are the nearest."""
    order = order_of(HOUSE, Wish(tier="stalls", seats=(2, 14)))
    found = choice(HOUSE, order, seats=without(14))
    assert found is not None
    assert found.lines[0].seats in {(2, 4), (2, 13), (2, 15), (2, 24)}
    assert not found.same


def test_another_zone_of_the_tier_moves_the_pools() -> None:
    """The tier sells stalls and balcony: what is taken of each pool follows the seats."""
    order = order_of(HOUSE, Wish(tier="anywhere", seats=(4, 5)))
    found = choice(HOUSE, order, seats=without(*range(30)))
    assert found is not None
    assert dict(found.pools) == {"z:balcony": 2}


def test_two_lines_never_get_the_same_seat() -> None:
    """Two lines of one order choose one after the other."""
    order = order_of(HOUSE, Wish(tier="stalls", seats=(4,)), Wish(tier="anywhere", seats=(5,)))
    found = choice(HOUSE, order, seats=without(4, 5))
    assert found is not None
    assert len({seat for line in found.lines for seat in line.seats}) == 2


def test_an_accessible_seat_is_replaced_by_none_and_replaces_none() -> None:
    """Who asked for one is not put elsewhere, and nobody else is put there."""
    sale = accessible_sale()
    special = sale.seat_map.special
    plain = next(seat.index for seat in sale.seat_map.seats if not seat.asked_for)
    only_special = "".join("f" if index in special else "s" for index in range(len(sale.seat_map.seats)))
    tier = sale.tiers[0].key
    assert choice(sale, order_of(sale, Wish(tier=tier, seats=(plain,))), seats=only_special) is None
    mine = order_of(sale, Wish(tier=tier, seats=special[:1]))
    taken = "".join("s" if index == special[0] else "f" for index in range(len(sale.seat_map.seats)))
    assert choice(sale, mine, seats=taken) is None


def test_general_admission_needs_as_many_places() -> None:
    """As many as the order has, in every pool that it draws from."""
    sale = general_sale()
    order = order_of(sale, Wish(tier="vip", quantity=3))
    enough = {"z:floor": 3, "t:vip": 3}
    assert choice(sale, order, seats="", free=enough) is not None
    for pool in enough:
        assert choice(sale, order, seats="", free={**enough, pool: 2}) is None


@given(st.sets(st.integers(0, 29)), st.integers(0, 27), st.integers(1, 3))
def test_what_is_chosen_is_free_of_the_tier_and_as_many(gone: set[int], first: int, count: int) -> None:
    """Whatever is left: as many different free seats of the stalls, side by side if they were; or nothing."""
    order = order_of(HOUSE, Wish(tier="stalls", seats=tuple(range(first, first + count))))
    found = choice(HOUSE, order, seats=without(*gone))
    if found is None:
        return
    (line,) = found.lines
    assert line == replace(order.lines[0], seats=line.seats)
    assert len(set(line.seats)) == count
    assert not gone.intersection(line.seats)
    assert all(seat < 30 for seat in line.seats)
    together = HOUSE.seat_map.row_of(first) == HOUSE.seat_map.row_of(first + count - 1)
    if together:
        assert max(line.seats) - min(line.seats) == count - 1
        assert len({HOUSE.seat_map.row_of(seat) for seat in line.seats}) == 1
