"""What every inventory promises about taking stock: the same words on memory, fakeredis and Valkey."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.demands import price
from domain.errors import RejectionCode
from domain.holds import ActiveHold, fingerprint
from domain.ports.inventory import SaleDoubt
from tests.contract.houses import HOUSES, House, ask, held, house_of, opened, refused, snapshot
from tests.fakes.sales import (
    OPENED,
    best,
    big_reserved_sale,
    buyer,
    chosen,
    general,
    general_sale,
    new_hold_id,
    reserved_sale,
    stock_of,
    tier_of,
)

SLACK = timedelta(seconds=5)


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with house_of(request.param, request) as made:
        yield made


def test_a_hold_takes_its_units_and_says_until_when(house: House) -> None:
    """Stock taken is stock not free; the deadline is the sale's hold length from now; prices are as asked."""
    sale = opened(house, general_sale(hold_seconds=600))
    lines = (general(sale, 2), general(sale, 1, "vip"))

    hold = held(house, sale, *lines, who=buyer("ada"))

    assert hold.pools == {"z:floor": 3, "t:vip": 1}
    assert hold.lines == price(sale, lines, now=OPENED)
    assert (hold.epoch, hold.buyer, hold.units) == (sale.epoch, buyer("ada"), 3)
    assert abs(hold.expires_at - house.now() - timedelta(seconds=600)) < SLACK
    assert snapshot(house, sale).free == {"z:floor": 97, "t:vip": 19}


def test_lines_that_share_a_pool_are_counted_together(house: House) -> None:
    """Two lines that fit one by one, but not together, are refused together, and nothing is taken."""
    sale = opened(house, general_sale(capacity=5))

    rejection = refused(house, sale, general(sale, 3), general(sale, 3, "vip"))

    assert rejection.code is RejectionCode.SOLD_OUT
    assert rejection.details["pools"] == ["z:floor"]
    assert rejection.details["tiers"] == [str(tier_of(sale, key).id) for key in ("general", "vip")]
    assert snapshot(house, sale).free["z:floor"] == 5


def test_a_tiers_own_capacity_ends_before_its_zone_does(house: House) -> None:
    """The sub-capacity names its own pool; the other tier of the zone is still sold."""
    sale = opened(house, general_sale(capacity=50, vip_capacity=2))

    rejection = refused(house, sale, general(sale, 3, "vip"))

    assert (rejection.code, rejection.details["pools"]) == (RejectionCode.SOLD_OUT, ["t:vip"])
    held(house, sale, general(sale, 3))


def test_chosen_seats_are_held_and_shown_as_held(house: House) -> None:
    """Seats, their zone's pool and the availability string move together."""
    sale = opened(house, reserved_sale())

    hold = held(house, sale, chosen(sale, 3, 4, 12))

    assert hold.seats == (3, 4, 12)
    now = snapshot(house, sale)
    assert [index for index, state in enumerate(now.seats) if state == "h"] == [3, 4, 12]
    assert now.free == {"z:stalls": 27, "z:balcony": 16}


def test_one_taken_seat_refuses_them_all_and_is_named(house: House) -> None:
    """All or nothing; the refusal names exactly the seats that are not free."""
    sale = opened(house, reserved_sale())
    held(house, sale, chosen(sale, 3, 4), who=buyer("ada"))

    rejection = refused(house, sale, chosen(sale, 2, 3, 4, 20), who=buyer("bob"))

    assert (rejection.code, rejection.details["seats"]) == (RejectionCode.SEATS_TAKEN, [3, 4])
    assert snapshot(house, sale).seats.count("h") == 2


def test_blocked_and_sold_seats_are_not_free(house: House) -> None:
    """What was loaded as blocked or sold cannot be chosen."""
    sale = reserved_sale()
    opened(house, sale, stock_of(sale, seats="bs" + "f" * 44, free={"z:stalls": 28}))

    assert refused(house, sale, chosen(sale, 0, 1, 2)).details["seats"] == [0, 1]


def test_best_available_takes_the_middle_of_the_best_row(house: House) -> None:
    """Nearest row to the stage, neighbours nearest to the row's middle, chosen and taken in one step."""
    sale = opened(house, reserved_sale())

    first = held(house, sale, best(sale, 4), who=buyer("ada"))
    second = held(house, sale, best(sale, 4), who=buyer("bob"))

    assert first.lines[0].seats == (3, 4, 5, 6)
    assert second.lines[0].seats == (13, 14, 15, 16), "three are left on both sides: four only in the next row"
    assert first.pools == {"z:stalls": 4}


def test_best_available_leaves_no_seat_alone_if_it_can(house: House) -> None:
    """A run one seat off the middle is better than a single seat that nobody will buy."""
    sale = opened(house, big_reserved_sale(rows=1, per_row=5))

    assert held(house, sale, best(sale, 3, "seat")).seats == (0, 1, 2)


def test_best_available_takes_the_zones_in_the_tiers_order(house: House) -> None:
    """The second zone is used only when the first has no such row left; pools follow the zone."""
    sale = reserved_sale()
    opened(house, sale, stock_of(sale, seats="fffs" * 7 + "ff" + "f" * 16, free={"z:stalls": 23}))

    near = held(house, sale, best(sale, 3, "anywhere"), who=buyer("ada"))
    far = held(house, sale, best(sale, 5, "anywhere"), who=buyer("bob"))

    assert near.pools == {"z:stalls": 3}
    assert far.pools == {"z:balcony": 5}
    assert set(far.seats) <= set(range(30, 46))


def test_best_available_sees_the_other_lines_of_its_own_hold(house: House) -> None:
    """Chosen seats and two best-available lines of one call never overlap."""
    sale = opened(house, reserved_sale())

    hold = held(house, sale, chosen(sale, 4, 5), best(sale, 3), best(sale, 2, "anywhere"))

    assert len(set(hold.seats)) == hold.units == 7
    assert snapshot(house, sale).free["z:stalls"] == 23
    assert snapshot(house, sale).seats.count("h") == 7


def test_best_available_sees_chosen_seats_that_cross_into_the_next_zone(house: House) -> None:
    """The last seat of one zone and the first of the next are neighbours in the numbering, and still taken."""
    sale = reserved_sale()
    opened(house, sale, stock_of(sale, seats="s" * 28 + "ff" + "ff" + "s" * 14, free={"z:stalls": 2, "z:balcony": 2}))

    hold = held(house, sale, chosen(sale, 29, 30, key="anywhere"), best(sale, 1), best(sale, 1, "balcony"))

    assert hold.seats == (29, 30, 28, 31)


def test_neighbours_that_are_not_there_are_refused(house: House) -> None:
    """Single seats are left but no row has so many together: SOLD_OUT, saying how many were wanted together."""
    sale = reserved_sale()
    opened(house, sale, stock_of(sale, seats="fs" * 15 + "s" * 16, free={"z:stalls": 15, "z:balcony": 0}))

    rejection = refused(house, sale, best(sale, 2, "anywhere"))

    assert rejection.code is RejectionCode.SOLD_OUT
    assert rejection.details["together"] == 2
    assert rejection.details["pools"] == ["z:stalls", "z:balcony"]
    assert snapshot(house, sale).free["z:stalls"] == 15


def test_a_seated_tiers_own_capacity_counts_best_available_too(house: House) -> None:
    """The tier's pool is drawn from whichever seats are picked."""
    sale = opened(house, reserved_sale(balcony_capacity=3))

    hold = held(house, sale, best(sale, 2, "balcony"))

    assert hold.pools == {"t:balcony": 2, "z:balcony": 2}
    assert refused(house, sale, best(sale, 2, "balcony"), who=buyer("bob")).details["pools"] == ["t:balcony"]


def test_the_same_hold_id_finds_the_hold_as_it_is(house: House) -> None:
    """A retry takes nothing and gets the same hold, seats that were picked for it included."""
    sale = opened(house, reserved_sale())
    hold_id = new_hold_id(sale)
    lines = (best(sale, 3), chosen(sale, 0, 1))
    first = held(house, sale, *lines, hold_id=hold_id)

    again = held(house, sale, *lines, hold_id=hold_id)

    assert again == first
    assert snapshot(house, sale).free["z:stalls"] == 25


def test_the_same_hold_id_for_something_else_is_a_mistake(house: House) -> None:
    """IDEMPOTENCY_MISMATCH, and nothing is taken."""
    sale = opened(house, general_sale())
    hold_id = new_hold_id(sale)
    held(house, sale, general(sale, 2), hold_id=hold_id)

    rejection = refused(house, sale, general(sale, 3), hold_id=hold_id)

    assert rejection.code is RejectionCode.IDEMPOTENCY_MISMATCH
    assert snapshot(house, sale).free["z:floor"] == 98


def test_a_retry_that_comes_too_late_is_told_so(house: House) -> None:
    """A lapsed or released hold is not silently made anew."""
    sale = opened(house, general_sale(hold_seconds=120))
    lapsed, released = new_hold_id(sale), new_hold_id(sale)
    held(house, sale, general(sale, 2), hold_id=lapsed)
    held(house, sale, general(sale, 2), hold_id=released)
    house.inventory.release(hold_id=released)
    house.advance(seconds=121)

    before = refused(house, sale, general(sale, 2), hold_id=lapsed)
    house.inventory.sweep(event_id=sale.event_id, at_most=10)
    after = refused(house, sale, general(sale, 2), hold_id=lapsed)

    assert {before.code, after.code} == {RejectionCode.HOLD_LAPSED}
    assert refused(house, sale, general(sale, 2), hold_id=released).code is RejectionCode.HOLD_LAPSED
    assert snapshot(house, sale).free["z:floor"] == 100


def test_the_servers_clock_opens_and_closes_the_sale(house: House) -> None:
    """Not a second early, not one late, and the refusal says the time."""
    opens = house.now().replace(microsecond=0) + timedelta(minutes=10)
    sale = opened(house, general_sale(opens_at=opens, closes_at=opens + timedelta(hours=1)))

    early = refused(house, sale, general(sale, 1))
    house.advance(minutes=11)
    held(house, sale, general(sale, 1))
    house.advance(hours=1)
    late = refused(house, sale, general(sale, 1))

    assert (early.code, early.details["opens_at"]) == (RejectionCode.SALE_NOT_STARTED, opens.isoformat())
    assert late.code is RejectionCode.SALE_ENDED


def test_a_tier_may_open_later_than_its_sale(house: House) -> None:
    """A hold waits for the last of its tiers to open; the others are sold meanwhile."""
    opens = house.now().replace(microsecond=0) + timedelta(minutes=10)
    base = general_sale()
    general_later = replace(tier_of(base, "general"), opens_at=opens)
    sale = opened(house, replace(base, tiers=(general_later, tier_of(base, "vip"))))

    early = refused(house, sale, general(sale, 1), general(sale, 1, "vip"))
    held(house, sale, general(sale, 1, "vip"), who=buyer("bob"))
    house.advance(minutes=11)
    held(house, sale, general(sale, 1))

    assert (early.code, early.details["opens_at"]) == (RejectionCode.SALE_NOT_STARTED, opens.isoformat())


def test_one_buyer_cannot_have_more_than_the_limit(house: House) -> None:
    """Units of all live holds of one device count; another device is another buyer."""
    sale = opened(house, general_sale(per_order_max=4, per_buyer_max=5))
    held(house, sale, general(sale, 3))

    rejection = refused(house, sale, general(sale, 3))

    assert rejection.code is RejectionCode.LIMIT_REACHED
    assert (rejection.details["maximum"], rejection.details["taken"]) == (5, 3)
    held(house, sale, general(sale, 2))
    held(house, sale, general(sale, 3), who=buyer("bob"))


def test_one_buyer_cannot_keep_too_many_holds(house: House) -> None:
    """Live holds are counted, and one that was given back makes room."""
    sale = opened(house, general_sale(live_holds_per_buyer=2))
    first = held(house, sale, general(sale, 1))
    held(house, sale, general(sale, 1))

    assert refused(house, sale, general(sale, 1)).code is RejectionCode.TOO_MANY_HOLDS
    house.inventory.release(hold_id=first.id)
    held(house, sale, general(sale, 1))


def test_lapsed_stock_is_sold_by_the_next_hold_without_a_sweeper(house: House) -> None:
    """The last tickets, lapsed, go to whoever asks next."""
    sale = opened(house, general_sale(capacity=2, hold_seconds=120))
    held(house, sale, general(sale, 2))
    assert refused(house, sale, general(sale, 2), who=buyer("bob")).code is RejectionCode.SOLD_OUT

    house.advance(seconds=121)

    held(house, sale, general(sale, 2), who=buyer("bob"))


def test_an_empty_inventory_never_reads_as_all_free(house: House) -> None:
    """Nothing loaded: no hold, no snapshot, no sweep, but a request to rebuild."""
    sale = general_sale()

    assert ask(house, sale, general(sale, 1)) is SaleDoubt.REBUILD
    assert house.inventory.snapshot(event_id=sale.event_id) is None
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 0


def test_epochs_and_versions_are_compared_before_anything_is_taken(house: House) -> None:
    """Older stock: REBUILD. Older sale: STALE. A newer version is learnt on the way."""
    sale = opened(house, general_sale(epoch=3))
    newer, ahead = replace(sale, version=2), replace(sale, epoch=4)

    assert ask(house, ahead, general(sale, 1)) is SaleDoubt.REBUILD
    assert ask(house, replace(sale, epoch=2), general(sale, 1)) is SaleDoubt.STALE
    assert isinstance(ask(house, newer, general(newer, 1)), ActiveHold)
    assert ask(house, sale, general(sale, 1)) is SaleDoubt.STALE


def test_a_pool_that_was_never_loaded_asks_for_a_rebuild(house: House) -> None:
    """A tier that got its own capacity after the load has no pool yet: that is doubt, not plenty."""
    sale = opened(house, general_sale(vip_capacity=None))
    limited = replace(sale, version=2, tiers=tuple(replace(t, capacity=5) if t.key == "vip" else t for t in sale.tiers))

    assert ask(house, limited, general(limited, 1, "vip")) is SaleDoubt.REBUILD


def test_the_fingerprint_of_lines_tells_them_apart() -> None:
    """What the idempotency rests on: other lines, another digest; same lines, the same."""
    sale = general_sale()
    assert fingerprint((general(sale, 1),)) == fingerprint((general(sale, 1),))
    assert fingerprint((general(sale, 1),)) != fingerprint((general(sale, 2),))
