"""What every inventory promises about how holds end, and about loading, renewing and looking."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import RejectionCode
from domain.holds import ActiveHold, ClaimedHold
from domain.ports.inventory import Loaded, Outcome, SaleDoubt, StandingClaim
from tests.contract.houses import HOUSES, House, ask, held, house_of, opened, refused, settlement, snapshot
from tests.fakes.sales import best, buyer, chosen, general, general_sale, new_hold_id, reserved_sale, stock_of


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with house_of(request.param, request) as made:
        yield made


def claimed(house: House, hold: ActiveHold, **after: float) -> ClaimedHold:
    """Begin a claim whose safety net ends so long from now."""
    claim = house.inventory.begin_claim(hold_id=hold.id, until=house.now() + timedelta(**after))
    assert isinstance(claim, ClaimedHold), claim
    return claim


def test_find_tells_a_hold_as_it_is_now(house: House) -> None:
    """Held, then claimed, with the lines and prices it was made with; unknown ids are None."""
    sale = opened(house, reserved_sale())
    hold = held(house, sale, best(sale, 3), chosen(sale, 29))

    assert house.inventory.find(hold_id=hold.id) == hold
    claim = claimed(house, hold, minutes=30)
    assert house.inventory.find(hold_id=hold.id) == claim
    assert (claim.lines, claim.pools, claim.buyer) == (hold.lines, hold.pools, hold.buyer)
    assert house.inventory.find(hold_id=new_hold_id(sale)) is None


def test_a_hold_past_its_deadline_is_gone_at_once(house: House) -> None:
    """Nobody has swept yet, and still it cannot be found, released or claimed."""
    sale = opened(house, general_sale(hold_seconds=120))
    hold = held(house, sale, general(sale, 2))

    house.advance(seconds=121)

    assert house.inventory.find(hold_id=hold.id) is None
    assert house.inventory.release(hold_id=hold.id) is False
    answer = house.inventory.begin_claim(hold_id=hold.id, until=house.now() + timedelta(minutes=5))
    assert getattr(answer, "code", None) is RejectionCode.HOLD_LAPSED


def test_release_gives_everything_back_once(house: House) -> None:
    """Pools, seats and the buyer's own count; the second release has nothing to give."""
    sale = opened(house, reserved_sale(per_order_max=5, per_buyer_max=5))
    hold = held(house, sale, best(sale, 4), chosen(sale, 29))

    assert house.inventory.release(hold_id=hold.id) is True
    assert house.inventory.release(hold_id=hold.id) is False
    assert house.inventory.find(hold_id=hold.id) is None
    assert snapshot(house, sale).free == {"z:stalls": 30, "z:balcony": 16}
    assert set(snapshot(house, sale).seats) == {"f"}
    held(house, sale, best(sale, 5))


def test_release_never_touches_a_claim(house: House) -> None:
    """Once an order is being placed only Postgres ends it."""
    sale = opened(house, general_sale())
    hold = held(house, sale, general(sale, 2))
    claimed(house, hold, minutes=30)

    assert house.inventory.release(hold_id=hold.id) is False
    assert snapshot(house, sale).free["z:floor"] == 98


def test_sweep_returns_each_lapsed_hold_exactly_once(house: House) -> None:
    """Oldest first, at most as many as asked; afterwards there is nothing left to return."""
    sale = opened(house, reserved_sale(hold_seconds=120))
    for name in ("ada", "bob", "cyd"):
        held(house, sale, best(sale, 2), who=buyer(name))
    house.advance(seconds=121)

    assert house.inventory.sweep(event_id=sale.event_id, at_most=2) == 2
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 1
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 0
    assert snapshot(house, sale).free["z:stalls"] == 30
    assert set(snapshot(house, sale).seats) == {"f"}


def test_a_claim_outlives_the_holds_deadline_but_not_its_net(house: House) -> None:
    """The stock stays with the order; if Postgres never speaks, it comes back at the net's end."""
    sale = opened(house, general_sale(hold_seconds=120))
    hold = held(house, sale, general(sale, 2))
    claimed(house, hold, minutes=30)

    house.advance(minutes=10)
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 0
    house.advance(minutes=21)
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 1
    assert snapshot(house, sale).free["z:floor"] == 100


def test_begin_claim_is_idempotent_and_keeps_the_later_end(house: House) -> None:
    """A retried checkout finds its claim; an older request cannot shorten the net."""
    sale = opened(house, general_sale())
    hold = held(house, sale, general(sale, 2))
    first = claimed(house, hold, minutes=30)

    assert claimed(house, hold, minutes=5) == first
    assert claimed(house, hold, minutes=40).expires_at > first.expires_at
    assert snapshot(house, sale).free["z:floor"] == 98


def test_a_claimed_holds_id_is_not_a_basket_any_more(house: House) -> None:
    """A retry of the hold itself learns that checkout is under way; the buyer may keep another basket meanwhile."""
    sale = opened(house, general_sale(live_holds_per_buyer=1))
    hold_id = new_hold_id(sale)
    hold = held(house, sale, general(sale, 2), hold_id=hold_id)
    claimed(house, hold, minutes=30)

    assert refused(house, sale, general(sale, 2), hold_id=hold_id).code is RejectionCode.CHECKOUT_IN_PROGRESS
    held(house, sale, general(sale, 1))


def test_sold_stock_stays_taken_and_is_shown_as_sold(house: House) -> None:
    """Whatever deadline the hold had; the buyer's tickets still count for the limit."""
    sale = opened(house, reserved_sale(hold_seconds=120, per_order_max=3, per_buyer_max=3))
    hold = held(house, sale, chosen(sale, 3, 4))
    claimed(house, hold, minutes=30)

    assert house.inventory.settle(settlement=settlement(hold, Outcome.SOLD)) is True
    house.advance(hours=2)
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 0

    assert snapshot(house, sale).seats[2:6] == "fssf"
    assert snapshot(house, sale).free["z:stalls"] == 28
    assert house.inventory.find(hold_id=hold.id) is None
    assert refused(house, sale, chosen(sale, 5, 6)).details["taken"] == 2


def test_a_released_claim_comes_back(house: House) -> None:
    """Payment failed or timed out: everything is for sale again, for this buyer too."""
    sale = opened(house, reserved_sale(per_order_max=3, per_buyer_max=3))
    hold = held(house, sale, best(sale, 3))
    claimed(house, hold, minutes=30)

    assert house.inventory.settle(settlement=settlement(hold, Outcome.RELEASED)) is True

    assert snapshot(house, sale).free["z:stalls"] == 30
    held(house, sale, best(sale, 3))


def test_a_settlement_is_applied_once_per_key(house: House) -> None:
    """An outbox delivers at least once; stock moves once."""
    sale = opened(house, general_sale())
    hold = held(house, sale, general(sale, 2))
    claimed(house, hold, minutes=30)
    sold = settlement(hold, Outcome.SOLD, key="sold")
    refund = settlement(hold, Outcome.RELEASED, key="refund", refund=True)

    answers = [house.inventory.settle(settlement=fact) for fact in (sold, sold, refund, refund)]

    assert answers == [True, False, True, False]
    assert snapshot(house, sale).free["z:floor"] == 100


def test_refunded_seats_come_back_to_sale(house: House) -> None:
    """Stock that was sold returns without a hold, and the buyer's count with it."""
    sale = opened(house, reserved_sale(per_order_max=2, per_buyer_max=2))
    hold = held(house, sale, chosen(sale, 8, 9))
    house.inventory.settle(settlement=settlement(hold, Outcome.SOLD, key="sold"))

    house.inventory.settle(settlement=settlement(hold, Outcome.RELEASED, key="refund", refund=True))

    assert snapshot(house, sale).free["z:stalls"] == 30
    held(house, sale, chosen(sale, 8, 9))


def test_a_sale_that_outlived_its_hold_takes_the_stock_again(house: House) -> None:
    """The net ended, Postgres still sold it: the inventory follows Postgres."""
    sale = opened(house, reserved_sale())
    hold = held(house, sale, chosen(sale, 3, 4))
    claimed(house, hold, minutes=5)
    house.advance(minutes=6)
    house.inventory.sweep(event_id=sale.event_id, at_most=10)

    assert house.inventory.settle(settlement=settlement(hold, Outcome.SOLD)) is True

    assert snapshot(house, sale).seats[3:5] == "ss"
    assert snapshot(house, sale).free["z:stalls"] == 28


def test_a_seat_is_freed_only_by_whoever_owns_it(house: House) -> None:
    """Ada's claim lapsed, Bob holds her seats, then Postgres says that Ada bought them: Bob's end frees nothing."""
    sale = opened(house, reserved_sale())
    ada = held(house, sale, chosen(sale, 3, 4), who=buyer("ada"))
    claimed(house, ada, minutes=5)
    house.advance(minutes=6)
    bob = held(house, sale, chosen(sale, 3, 4), who=buyer("bob"))
    house.inventory.settle(settlement=settlement(ada, Outcome.SOLD))

    house.inventory.release(hold_id=bob.id)

    assert snapshot(house, sale).seats[3:5] == "ss"
    assert snapshot(house, sale).free["z:stalls"] == 28


def test_a_hold_that_lost_a_seat_to_a_sale_is_over(house: House) -> None:
    """Bob learns it now, not at the checkout; what else he held is free again."""
    sale = opened(house, reserved_sale())
    ada = held(house, sale, chosen(sale, 3, 4), who=buyer("ada"))
    claimed(house, ada, minutes=5)
    house.advance(minutes=6)
    bob = held(house, sale, chosen(sale, 4, 5), who=buyer("bob"))

    house.inventory.settle(settlement=settlement(ada, Outcome.SOLD))

    assert house.inventory.find(hold_id=bob.id) is None
    assert snapshot(house, sale).seats[3:6] == "ssf"
    assert snapshot(house, sale).free["z:stalls"] == 28


def test_a_release_without_a_record_frees_nothing(house: House) -> None:
    """The claim's stock came back by itself before, and may be somebody else's now."""
    sale = opened(house, reserved_sale())
    ada = held(house, sale, chosen(sale, 3, 4), who=buyer("ada"))
    claimed(house, ada, minutes=5)
    house.advance(minutes=6)
    held(house, sale, chosen(sale, 3, 4), who=buyer("bob"))

    house.inventory.settle(settlement=settlement(ada, Outcome.RELEASED))

    assert snapshot(house, sale).seats[3:5] == "hh"
    assert snapshot(house, sale).free["z:stalls"] == 28


def test_other_seats_may_be_sold_than_were_held(house: House) -> None:
    """Postgres took equivalent seats: those are sold, the held ones come back."""
    sale = opened(house, reserved_sale())
    hold = held(house, sale, chosen(sale, 3, 4))
    claimed(house, hold, minutes=5)
    sold = replace(settlement(hold, Outcome.SOLD), seats=(4, 40), pools={"z:stalls": 1, "z:balcony": 1})

    house.inventory.settle(settlement=sold)

    now = snapshot(house, sale)
    assert (now.seats[3], now.seats[4], now.seats[40]) == ("f", "s", "s")
    assert now.free == {"z:stalls": 29, "z:balcony": 15}


def test_settlements_belong_to_their_epoch(house: House) -> None:
    """A later load knew the fact already; an older or missing one must be rebuilt first."""
    sale = general_sale(epoch=3)
    hold = held(house, opened(house, sale), general(sale, 2))
    fact = settlement(hold, Outcome.SOLD)

    assert house.inventory.settle(settlement=replace(fact, epoch=4)) is SaleDoubt.REBUILD
    assert house.inventory.settle(settlement=replace(fact, epoch=2)) is False
    elsewhere = general_sale()
    assert house.inventory.settle(settlement=replace(fact, event_id=elsewhere.event_id)) is SaleDoubt.REBUILD
    assert snapshot(house, sale).free["z:floor"] == 98


def test_a_load_says_what_is_free_and_who_has_bought(house: House) -> None:
    """Free stock is what Postgres says; limits start from its counts; the feed starts anew."""
    sale = opened(house, general_sale(epoch=1, per_order_max=4, per_buyer_max=4))
    newer = replace(sale, epoch=2)

    stock = replace(stock_of(newer, free={"z:floor": 50}), buyers={"d:device-bob": 3})
    assert house.inventory.load(sale=newer, stock=stock) == Loaded(kept=0, dropped=0)

    assert (snapshot(house, sale).epoch, snapshot(house, sale).version) == (2, 0)
    assert snapshot(house, sale).free == {"z:floor": 50, "t:vip": 20}
    assert refused(house, newer, general(newer, 2), who=buyer("bob")).details["taken"] == 3
    held(house, newer, general(newer, 4), who=buyer("ada"))


def test_live_holds_move_to_the_new_epoch(house: House) -> None:
    """A rebuild while people choose takes nothing from them: the same hold, deadline and count, and one return."""
    sale = opened(house, reserved_sale(per_order_max=4, per_buyer_max=4, hold_seconds=600))
    hold_id, lines = new_hold_id(sale), (best(sale, 2), chosen(sale, 20, 21))
    before = held(house, sale, *lines, hold_id=hold_id)
    newer = replace(sale, epoch=2)

    assert house.inventory.load(sale=newer, stock=stock_of(newer)) == Loaded(kept=1, dropped=0)

    assert house.inventory.find(hold_id=hold_id) == replace(before, epoch=2)
    assert held(house, newer, *lines, hold_id=hold_id) == replace(before, epoch=2)
    assert snapshot(house, newer).free["z:stalls"] == 26
    assert snapshot(house, newer).seats.count("h") == 4
    assert refused(house, newer, chosen(newer, 0, 1)).code is RejectionCode.LIMIT_REACHED
    house.advance(minutes=11)
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 1
    assert snapshot(house, newer).free["z:stalls"] == 30
    assert "h" not in snapshot(house, newer).seats


def test_a_hold_on_stock_that_is_gone_does_not_survive_a_load(house: House) -> None:
    """One of its seats was blocked or sold: all of it is over, the rest is free again, and its buyer is told."""
    sale = opened(house, reserved_sale())
    hold_id = new_hold_id(sale)
    lines = (chosen(sale, 3, 4),)
    held(house, sale, *lines, hold_id=hold_id)
    newer = replace(sale, epoch=2)

    blocked = stock_of(newer, seats="fffb" + "f" * 42, free={"z:stalls": 29})
    assert house.inventory.load(sale=newer, stock=blocked) == Loaded(kept=0, dropped=1)

    assert refused(house, newer, *lines, hold_id=hold_id).code is RejectionCode.HOLD_LAPSED
    assert snapshot(house, newer).seats[3:5] == "bf"
    assert snapshot(house, newer).free["z:stalls"] == 29


def test_holds_may_outnumber_a_lowered_capacity_but_nobody_else_joins(house: House) -> None:
    """Nothing reads as free, and what comes back first fills the gap."""
    sale = opened(house, general_sale(capacity=10))
    first, second = held(house, sale, general(sale, 4)), held(house, sale, general(sale, 4))
    newer = replace(sale, epoch=2)

    house.inventory.load(sale=newer, stock=stock_of(newer, free={"z:floor": 5}))

    assert snapshot(house, newer).free["z:floor"] == 0
    house.inventory.release(hold_id=first.id)
    assert snapshot(house, newer).free["z:floor"] == 1
    assert refused(house, newer, general(newer, 2)).code is RejectionCode.SOLD_OUT
    house.inventory.release(hold_id=second.id)
    assert snapshot(house, newer).free["z:floor"] == 5


def test_a_claim_that_postgres_does_not_know_is_kept_for_a_minute(house: House) -> None:
    """Its order is just being placed, or has just ended: long enough for the one, and nothing is lost by the other."""
    sale = opened(house, general_sale())
    hold = held(house, sale, general(sale, 2))
    claimed(house, hold, minutes=40)
    newer = replace(sale, epoch=2)

    house.inventory.load(sale=newer, stock=stock_of(newer))

    assert snapshot(house, newer).free["z:floor"] == 98
    assert claimed(house, hold, seconds=30).epoch == 2
    house.advance(seconds=61)
    assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 1
    assert snapshot(house, newer).free["z:floor"] == 100


def test_a_load_of_the_same_or_an_older_epoch_is_refused(house: House) -> None:
    """Two rebuilders may race: the loser changes nothing, so holds made meanwhile live on."""
    sale = opened(house, general_sale(epoch=2))
    hold = held(house, sale, general(sale, 2))

    assert house.inventory.load(sale=sale, stock=stock_of(sale)) is None
    assert house.inventory.load(sale=replace(sale, epoch=1), stock=stock_of(sale)) is None
    assert house.inventory.find(hold_id=hold.id) == hold


@pytest.mark.parametrize("outcome", list(Outcome))
def test_standing_claims_are_loaded_and_can_be_settled(house: House, outcome: Outcome) -> None:
    """After a rebuild an order that still waits for its payment ends as if nothing had happened."""
    sale = reserved_sale()
    claim = StandingClaim(
        hold_id=new_hold_id(sale),
        pools={"z:stalls": 2},
        seats=(3, 4),
        buyer=buyer("ada"),
        until=house.now() + timedelta(minutes=30),
    )
    stock = stock_of(sale, seats="fffss" + "f" * 41, free={"z:stalls": 28})
    opened(house, sale, replace(stock, claimed=(claim,), buyers={"d:device-ada": 2}))

    assert house.inventory.find(hold_id=claim.hold_id) is None, "its prices are known to its order only"
    found = house.inventory.begin_claim(hold_id=claim.hold_id, until=claim.until)
    assert isinstance(found, ClaimedHold)
    assert (found.pools, found.buyer, found.epoch) == ({"z:stalls": 2}, buyer("ada"), sale.epoch)
    retried = refused(house, sale, chosen(sale, 3, 4), hold_id=claim.hold_id, who=buyer("ada"))
    assert retried.code is RejectionCode.CHECKOUT_IN_PROGRESS
    fact = settlement(
        ActiveHold(
            id=claim.hold_id,
            epoch=sale.epoch,
            lines=held(house, sale, chosen(sale, 20, 21)).lines,
            pools=claim.pools,
            expires_at=claim.until,
            buyer=claim.buyer,
        ),
        outcome,
    )
    assert house.inventory.settle(settlement=replace(fact, seats=claim.seats)) is True

    sold = outcome is Outcome.SOLD
    assert snapshot(house, sale).seats[3:5] == ("ss" if sold else "ff")
    assert snapshot(house, sale).free["z:stalls"] == (26 if sold else 28)


def test_renewed_terms_find_out_older_copies(house: House) -> None:
    """Web processes that still have the old version are sent back to the catalogue."""
    sale = opened(house, general_sale())
    newer = replace(sale, version=2)

    assert house.inventory.renew_terms(sale=newer) is True
    assert house.inventory.renew_terms(sale=newer) is False
    assert house.inventory.renew_terms(sale=sale) is False
    assert house.inventory.renew_terms(sale=general_sale()) is False

    assert ask(house, sale, general(sale, 1)) is SaleDoubt.STALE
    held(house, newer, general(newer, 1))


def test_the_version_rises_by_one_with_every_change(house: House) -> None:
    """Viewers count on it to find gaps: what changes nothing visible does not count."""
    sale = opened(house, general_sale())
    versions = [snapshot(house, sale).version]

    hold = held(house, sale, general(sale, 2))
    versions.append(snapshot(house, sale).version)
    claimed(house, hold, minutes=30)
    refused(house, sale, general(sale, 9), general(sale, 1), hold_id=hold.id)
    versions.append(snapshot(house, sale).version)
    house.inventory.settle(settlement=settlement(hold, Outcome.RELEASED))
    versions.append(snapshot(house, sale).version)

    assert versions == [0, 1, 1, 2]
