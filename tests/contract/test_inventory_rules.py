"""What every inventory promises about who may have what, and for how long."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import RejectionCode
from domain.events import LimitSubject
from domain.holds import ActiveHold, ClaimedHold
from domain.limits import email_key, personal_limits
from domain.ports.inventory import Outcome, SaleDoubt, StandingClaim
from tests.contract.houses import HOUSES, House, ask, held, house_of, opened, refused, settlement, snapshot
from tests.fakes.sales import (
    accessible_sale,
    best,
    big_reserved_sale,
    buyer,
    chosen,
    general,
    general_sale,
    mixed_sale,
    new_hold_id,
    price_of,
    reserved_sale,
    stock_of,
    tier_of,
)


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with house_of(request.param, request) as made:
        yield made


@pytest.mark.parametrize("subject", ["account", "email", "phone"])
def test_a_person_is_recognised_on_another_device(house: House, subject: str) -> None:
    """Tickets count under everything that is known of a buyer, and the refusal says by what."""
    sale = opened(house, general_sale(per_order_max=4, per_buyer_max=5))
    held(house, sale, general(sale, 3), who=buyer("ada", **{subject: "known"}))

    rejection = refused(house, sale, general(sale, 3), who=buyer("bob", **{subject: "known"}))

    assert (rejection.code, rejection.details["by"]) == (RejectionCode.LIMIT_REACHED, subject)
    held(house, sale, general(sale, 3), who=buyer("bob", **{subject: "other"}))


def test_the_organiser_says_what_a_buyer_is_recognised_by(house: House) -> None:
    """What does not limit is counted all the same, so it can be switched on in the middle of a sale."""
    sale = opened(house, general_sale(per_order_max=3, per_buyer_max=4, limit_by=frozenset({LimitSubject.EMAIL})))
    held(house, sale, general(sale, 3), who=buyer("ada", email="one"))
    held(house, sale, general(sale, 3), who=buyer("ada", email="two"))
    terms = replace(sale.terms, limit_by=frozenset({LimitSubject.DEVICE}))

    stricter = replace(sale, version=2, terms=terms)

    assert refused(house, stricter, general(stricter, 1), who=buyer("ada", email="six")).details["taken"] == 6


def test_an_address_may_keep_so_many_holds_and_no_more(house: House) -> None:
    """A program that is a new device with every call still comes from somewhere; others are not concerned."""
    sale = opened(house, general_sale(live_holds_per_address=2))
    mine = [held(house, sale, general(sale, 1), who=buyer(name, network="campus")) for name in ("ada", "bob")]

    rejection = refused(house, sale, general(sale, 1), who=buyer("cyd", network="campus"))

    assert (rejection.code, rejection.details["by"]) == (RejectionCode.TOO_MANY_HOLDS, "address")
    held(house, sale, general(sale, 1), who=buyer("cyd", network="elsewhere"))
    house.inventory.begin_claim(hold_id=mine[0].id, until=house.now() + timedelta(minutes=30))
    again = refused(house, sale, general(sale, 1), who=buyer("cyd", network="campus"))
    assert again.code is RejectionCode.TOO_MANY_HOLDS, "a checkout that nobody pays keeps its places just as well"
    house.inventory.settle(settlement=settlement(mine[0], Outcome.RELEASED))
    held(house, sale, general(sale, 1), who=buyer("cyd", network="campus"))


def test_whoever_gives_an_email_at_the_checkout_counts_under_it(house: House) -> None:
    """Two devices, one mailbox, in variants: the second checkout is refused and its hold stays a hold."""
    sale = opened(house, general_sale(per_order_max=4, per_buyer_max=5))
    first = held(house, sale, general(sale, 3), who=buyer("ada"))
    second = held(house, sale, general(sale, 3), who=buyer("bob"))
    until = house.now() + timedelta(minutes=30)

    for hold, address in ((first, "a.da+x@gmail.com"), (second, "Ada@googlemail.com")):
        named = replace(hold.buyer, email=email_key(address))
        answer = house.inventory.begin_claim(hold_id=hold.id, until=until, joining=personal_limits(sale.terms, named))
        if hold is first:
            assert isinstance(answer, ClaimedHold)

    assert not isinstance(answer, ClaimedHold)
    assert (answer.code, answer.details["taken"], answer.details["by"]) == (RejectionCode.LIMIT_REACHED, 3, "email")
    assert house.inventory.find(hold_id=second.id) == second


def test_what_joined_at_the_checkout_is_given_back_with_the_claim(house: House) -> None:
    """A payment that failed leaves nothing counted, a paid one counts once, a refund takes it off again."""
    sale = opened(house, general_sale(per_order_max=4, per_buyer_max=4))
    who = buyer("ada", email="mailbox")

    def claim() -> ActiveHold:
        hold = held(house, sale, general(sale, 4), who=buyer("ada"))
        joining = personal_limits(sale.terms, who)
        until = house.now() + timedelta(minutes=30)
        for _ in range(2):
            answer = house.inventory.begin_claim(hold_id=hold.id, until=until, joining=joining)
            assert isinstance(answer, ClaimedHold)
        return replace(hold, buyer=who)

    house.inventory.settle(settlement=settlement(claim(), Outcome.RELEASED, key="failed"))
    paid = claim()
    house.inventory.settle(settlement=settlement(paid, Outcome.SOLD, key="paid"))
    assert refused(house, sale, general(sale, 1), who=buyer("eve", email="mailbox")).details["taken"] == 4
    house.inventory.settle(settlement=settlement(paid, Outcome.RELEASED, key="refund", refund=True))

    held(house, sale, general(sale, 4), who=buyer("eve", email="mailbox"))


def test_after_lapse_upon_lapse_a_buyer_waits(house: House) -> None:
    """Taking stock off sale again and again has a price; it is named, it passes, and buying clears the slate."""
    sale = opened(house, general_sale(hold_seconds=120, lapses_max=2, cooldown_seconds=300))
    for _ in range(2):
        held(house, sale, general(sale, 1))
        house.advance(seconds=121)
        house.inventory.sweep(event_id=sale.event_id, at_most=10)

    rejection = refused(house, sale, general(sale, 1))

    assert rejection.code is RejectionCode.COOLING_DOWN
    assert str(rejection.details["until"]) > house.now().isoformat()
    held(house, sale, general(sale, 1), who=buyer("bob"))
    house.advance(seconds=301)
    hold = held(house, sale, general(sale, 1))
    house.inventory.settle(settlement=settlement(hold, Outcome.SOLD))
    held(house, sale, general(sale, 1))
    house.advance(seconds=121)
    house.inventory.sweep(event_id=sale.event_id, at_most=10)
    held(house, sale, general(sale, 1))


def test_giving_back_at_once_is_forgiven_and_late_is_not(house: House) -> None:
    """Changing one's mind costs nothing; keeping places until the last moment is a lapse by another name."""
    sale = opened(house, general_sale(lapses_max=1, cooldown_seconds=300))
    house.inventory.release(hold_id=held(house, sale, general(sale, 1)).id)
    late = held(house, sale, general(sale, 1))
    house.advance(seconds=70)
    house.inventory.release(hold_id=late.id)

    assert refused(house, sale, general(sale, 1)).code is RejectionCode.COOLING_DOWN


def test_lapses_are_forgotten_after_an_hour(house: House) -> None:
    """The count of a buyer who comes back tomorrow starts anew, and takes no memory meanwhile."""
    sale = opened(house, general_sale(hold_seconds=120, lapses_max=2, cooldown_seconds=3600))
    for pause in (121, 4000):
        held(house, sale, general(sale, 1))
        house.advance(seconds=121)
        house.inventory.sweep(event_id=sale.event_id, at_most=10)
        house.advance(seconds=pause)
        house.inventory.sweep(event_id=sale.event_id, at_most=10)

    held(house, sale, general(sale, 1))
    house.advance(seconds=121)
    house.inventory.sweep(event_id=sale.event_id, at_most=10)
    held(house, sale, general(sale, 1))


def test_a_hold_is_extended_a_bounded_number_of_times(house: House) -> None:
    """Each time by its length again, however early it asks; then it is told when it ends for good."""
    sale = opened(house, general_sale(hold_seconds=120, extensions_max=2))
    hold = held(house, sale, general(sale, 2))
    house.advance(seconds=100)
    first = house.inventory.extend(hold_id=hold.id, number=1, terms=sale.terms)
    house.advance(seconds=100)
    second = house.inventory.extend(hold_id=hold.id, number=2, terms=sale.terms)
    house.advance(seconds=100)
    third = house.inventory.extend(hold_id=hold.id, number=3, terms=sale.terms)

    assert isinstance(first, ActiveHold)
    assert isinstance(second, ActiveHold)
    assert (first.extensions, second.extensions) == (1, 2)
    assert hold.expires_at < first.expires_at < second.expires_at
    assert not isinstance(third, ActiveHold)
    assert third.code is RejectionCode.EXTENSIONS_USED_UP
    assert third.details["expires_at"] == second.expires_at.isoformat()
    assert house.inventory.find(hold_id=hold.id) == second
    assert second.expires_at - hold.expires_at == timedelta(seconds=240)
    house.advance(seconds=61)
    assert house.inventory.find(hold_id=hold.id) is None


def test_the_same_extension_is_given_once(house: House) -> None:
    """A retry whose answer was lost finds the extension that it got, and still has the next."""
    sale = opened(house, general_sale(hold_seconds=120, extensions_max=2))
    hold = held(house, sale, general(sale, 2))
    house.advance(seconds=60)
    first = house.inventory.extend(hold_id=hold.id, number=1, terms=sale.terms)
    house.advance(seconds=60)

    assert house.inventory.extend(hold_id=hold.id, number=1, terms=sale.terms) == first
    skipping = house.inventory.extend(hold_id=hold.id, number=3, terms=sale.terms)
    assert not isinstance(skipping, ActiveHold), "repeating the third would be another one each time"


def test_no_extension_goes_past_the_cap(house: House) -> None:
    """However many there are, and however long one is."""
    sale = opened(house, general_sale(hold_seconds=120, hold_seconds_cap=150, extensions_max=5))
    hold = held(house, sale, general(sale, 2))
    house.advance(seconds=90)

    extended = house.inventory.extend(hold_id=hold.id, number=1, terms=sale.terms)

    assert isinstance(extended, ActiveHold)
    assert extended.expires_at - hold.expires_at <= timedelta(seconds=30)
    again = house.inventory.extend(hold_id=hold.id, number=2, terms=sale.terms)
    assert not isinstance(again, ActiveHold)
    assert again.code is RejectionCode.EXTENSIONS_USED_UP


def test_only_a_live_hold_is_extended(house: House) -> None:
    """Not one that lapsed, was given back, became a claim, or never was."""
    sale = opened(house, general_sale(hold_seconds=120))
    lapsed, released, claimed = (held(house, sale, general(sale, 1), who=buyer(name)) for name in ("a", "b", "c"))
    house.inventory.release(hold_id=released.id)
    house.inventory.begin_claim(hold_id=claimed.id, until=house.now() + timedelta(minutes=30))
    house.advance(seconds=121)

    codes = []
    for hold_id in (lapsed.id, released.id, claimed.id, new_hold_id(sale)):
        answer = house.inventory.extend(hold_id=hold_id, number=1, terms=sale.terms)
        assert not isinstance(answer, ActiveHold)
        codes.append(answer.code)

    over = RejectionCode.HOLD_LAPSED
    assert codes == [over, over, RejectionCode.CHECKOUT_IN_PROGRESS, over]


def test_a_choice_may_not_strand_a_seat_when_the_row_has_a_better_one(house: House) -> None:
    """The refusal names the seats left alone; moving by one is accepted; the organiser can allow it."""
    sale = opened(house, big_reserved_sale(rows=1, per_row=6, may_strand_seats=False))

    rejection = refused(house, sale, chosen(sale, 1, 2, key="seat"))

    assert (rejection.code, rejection.details["seats"]) == (RejectionCode.SEAT_STRANDED, [0])
    assert "h" not in snapshot(house, sale).seats
    free = replace(sale, version=2, terms=replace(sale.terms, may_strand_seats=True))
    held(house, free, chosen(free, 1, 2, key="seat"))


def test_the_last_seats_of_a_row_can_always_be_bought(house: House) -> None:
    """All but one of a run leaves one alone, whichever they are; and a single seat may be taken."""
    sale = opened(house, big_reserved_sale(rows=1, per_row=5, may_strand_seats=False))

    held(house, sale, chosen(sale, 0, 1, 3, 4, key="seat"))
    held(house, sale, chosen(sale, 2, key="seat"))


def test_stranding_is_judged_by_the_row_and_not_by_what_was_alone_before(house: House) -> None:
    """A neighbour that was sold ends a run as an aisle does; a seat that was alone already is nobody's fault."""
    sale = big_reserved_sale(rows=2, per_row=6, may_strand_seats=False)
    opened(house, sale, stock_of(sale, seats="fsffff" + "ffffff", free={"z:house": 11}))

    held(house, sale, chosen(sale, 2, 3, 6, 7, key="seat"))
    assert refused(house, sale, chosen(sale, 9, key="seat"), who=buyer("bob")).details["seats"] == [8]


def test_accessible_seats_go_to_those_who_ask(house: House) -> None:
    """They are shown by letters of their own, passed over by best-available, and come back as they were."""
    sale = opened(house, accessible_sale())
    assert snapshot(house, sale).seats == "acffacff" + "f" * 8

    plain = held(house, sale, best(sale, 3, "seat"))
    asked = held(house, sale, chosen(sale, 0, 1, key="seat", accessible=True))
    wish = held(house, sale, best(sale, 2, "seat", accessible=True), who=buyer("bob"))

    assert len(plain.seats) == 3
    assert min(plain.seats) >= 8, "three ordinary neighbours are in the second row only"
    assert (asked.seats, wish.seats) == ((0, 1), (4, 5))
    none = refused(house, sale, best(sale, 2, "seat", accessible=True), who=buyer("cyd"))
    assert none.code is RejectionCode.SOLD_OUT
    house.inventory.release(hold_id=asked.id)
    house.inventory.settle(settlement=settlement(wish, Outcome.SOLD, key="paid"))
    house.inventory.settle(settlement=settlement(wish, Outcome.RELEASED, key="refund", refund=True))
    assert snapshot(house, sale).seats[:8] == "acffacff"


def test_accessible_seats_can_be_released_to_everybody(house: House) -> None:
    """When the organiser says so, they are seats like all others."""
    sale = opened(house, accessible_sale(accessible_released=True))

    assert snapshot(house, sale).seats == "f" * 16
    held(house, sale, chosen(sale, 0, 1, key="seat"))


def test_seats_are_split_only_for_those_who_ask(house: House) -> None:
    """In as few parts of as even a size as there are, the best rows first."""
    sale = big_reserved_sale(rows=3, per_row=4)
    opened(house, sale, stock_of(sale, seats="sffs" + "fsff" + "sfff", free={"z:house": 8}))

    assert refused(house, sale, best(sale, 4, "seat")).details["together"] == 4
    split = held(house, sale, best(sale, 4, "seat", split=True))

    assert sorted(split.seats) == [1, 2, 6, 7]
    assert split.pools == {"z:house": 4}
    assert house.inventory.find(hold_id=split.id) == split


def test_a_split_that_cannot_be_served_takes_nothing(house: House) -> None:
    """Seven of six seats, in however many parts."""
    sale = big_reserved_sale(rows=2, per_row=4)
    opened(house, sale, stock_of(sale, seats="sfff" + "fffs", free={"z:house": 6}))

    rejection = refused(house, sale, best(sale, 7, "seat", split=True))

    assert (rejection.code, rejection.details["pools"]) == (RejectionCode.SOLD_OUT, ["z:house"])
    assert snapshot(house, sale).free["z:house"] == 6


def test_any_of_several_tiers_will_do_the_cheapest_or_the_nearest_first(house: House) -> None:
    """The line is priced as the tier that was chosen, and that tier's own capacity is drawn from."""
    sale = opened(house, reserved_sale(balcony_capacity=3))

    cheap = held(house, sale, best(sale, 2, "stalls", "balcony", cheapest=True), who=buyer("ada"))
    near = held(house, sale, best(sale, 2, "balcony", "stalls"), who=buyer("bob"))
    next_ = held(house, sale, best(sale, 2, "stalls", "balcony", cheapest=True), who=buyer("cyd"))

    assert cheap.lines[0].tier_id == tier_of(sale, "balcony").id
    assert cheap.lines[0].unit == price_of(sale, "balcony")
    assert cheap.pools == {"t:balcony": 2, "z:balcony": 2}
    assert near.lines[0].tier_id == tier_of(sale, "stalls").id
    assert next_.lines[0].tier_id == tier_of(sale, "stalls").id, "the balcony's own capacity has one left"
    assert snapshot(house, sale).free == {"z:stalls": 26, "z:balcony": 14, "t:balcony": 1}
    assert house.inventory.find(hold_id=cheap.id) == cheap
    house.inventory.release(hold_id=cheap.id)
    assert snapshot(house, sale).free["t:balcony"] == 3


def test_every_kind_of_line_in_one_hold(house: House) -> None:
    """General admission of two tiers that share a floor, chosen seats, and best-available seats: all or none."""
    sale = opened(house, mixed_sale(per_order_max=20))
    lines = (general(sale, 2), general(sale, 1, "vip"), chosen(sale, 0, 1), best(sale, 2, "anywhere"))

    hold = held(house, sale, *lines)

    assert hold.pools == {"z:floor": 3, "t:vip": 1, "z:stalls": 4, "t:anywhere": 2}
    assert hold.units == 7
    short = refused(house, sale, general(sale, 10), chosen(sale, 5, 6), who=buyer("bob"))
    assert (short.code, short.details["pools"]) == (RejectionCode.SOLD_OUT, ["z:floor"])
    assert snapshot(house, sale).seats[5:7] == "ff"


def test_rules_are_asked_in_the_same_step_as_stock(house: House) -> None:
    """A refusal for whatever reason changes nothing at all, not even the version that viewers count by."""
    sale = opened(house, reserved_sale(per_order_max=3, per_buyer_max=3, may_strand_seats=False))
    held(house, sale, chosen(sale, 0, 1, 2))
    before = snapshot(house, sale)

    for lines in ((chosen(sale, 5),), (chosen(sale, 2, 3),), (best(sale, 3, "stalls"),)):
        ask(house, sale, *lines)
    ask(house, sale, chosen(sale, 4), who=buyer("bob"))

    assert snapshot(house, sale) == before


def test_an_attempt_that_was_given_up_hides_no_seat(house: House) -> None:
    """Seats beside a failed attempt in two parts are found by whoever comes next."""
    sale = big_reserved_sale(rows=3, per_row=4)
    opened(house, sale, stock_of(sale, seats="fffs" + "ssff" + "ffss", free={"z:house": 7}))
    held(house, sale, best(sale, 6, "seat", split=True))
    left = tuple(index for index, letter in enumerate(snapshot(house, sale).seats) if letter == "f")

    assert held(house, sale, best(sale, 1, "seat"), who=buyer("bob")).seats == left


def test_a_tier_that_was_given_up_keeps_its_rows(house: House) -> None:
    """Eight seats in parts fail in the stalls and are found in the balcony; the stalls can still be had, every one."""
    sale = reserved_sale(per_order_max=8)
    free = {0, 1, 2, 18, 19, 20, 21}
    letters = "".join("f" if index in free or index >= 30 else "s" for index in range(46))
    opened(house, sale, stock_of(sale, seats=letters, free={"z:stalls": 8, "z:balcony": 16}))
    held(house, sale, best(sale, 8, "stalls", "balcony", split=True))
    left = {index for index, letter in enumerate(snapshot(house, sale).seats[:30]) if letter == "f"}

    found = {held(house, sale, best(sale, 1), who=buyer(str(number))).seats[0] for number in range(len(left))}

    assert found == left


def test_a_rebuild_is_no_amnesty_and_forgets_no_ending(house: House) -> None:
    """Who must wait still waits, and a retry of a hold that was given back is told so."""
    sale = opened(house, general_sale(lapses_max=1, cooldown_seconds=3000, hold_seconds=120))
    ended = held(house, sale, general(sale, 1), who=buyer("bob"))
    house.inventory.release(hold_id=ended.id)
    held(house, sale, general(sale, 1))
    house.advance(seconds=121)
    house.inventory.sweep(event_id=sale.event_id, at_most=9)
    newer = replace(sale, epoch=2)

    house.inventory.load(sale=newer, stock=stock_of(newer))

    assert refused(house, newer, general(newer, 1)).code is RejectionCode.COOLING_DOWN
    late = refused(house, newer, general(newer, 1), who=buyer("bob"), hold_id=ended.id)
    assert late.code is RejectionCode.HOLD_LAPSED


def test_a_claim_of_an_order_is_kept_however_late_it_is(house: House) -> None:
    """The provider was away beyond every deadline: what Postgres claims is not offered after a load."""
    sale = reserved_sale()
    late = StandingClaim(
        hold_id=new_hold_id(sale),
        pools={"z:stalls": 2},
        seats=(0, 1),
        buyer=buyer("ada"),
        until=house.now() - timedelta(minutes=1),
    )
    stock = stock_of(sale, seats="ss" + "f" * 44, free={"z:stalls": 28})
    opened(house, sale, replace(stock, claimed=(late,)))

    assert house.inventory.sweep(event_id=sale.event_id, at_most=9) == 0
    assert snapshot(house, sale).seats[:2] == "ss"


def test_a_tier_that_waits_is_held_by_nobody_until_it_was_opened(house: House) -> None:
    """Whatever is free of it; nothing of a mixed basket is taken; once open it stays so when the first comes back."""
    plain = general_sale(vip_capacity=2)
    early, later = tier_of(plain, "vip"), tier_of(plain, "general")
    sale = opened(house, replace(plain, tiers=(replace(later, opens_after=early.id), early)))

    rejection = refused(house, sale, general(sale, 1))
    assert (rejection.code, rejection.message) == (RejectionCode.NOT_ON_SALE, "General opens when Vip is sold out.")
    refused(house, sale, general(sale, 1, key="vip"), general(sale, 1))
    last = held(house, sale, general(sale, 2, key="vip"))

    now_open = replace(sale, version=2, tiers=(replace(sale.tiers[0], opened_at=house.now()), early))
    assert house.inventory.renew_terms(sale=now_open)
    assert ask(house, sale, general(sale, 1)) is SaleDoubt.STALE, "a process with an older copy looks again"
    held(house, now_open, general(now_open, 1), who=buyer("bob"))
    house.inventory.release(hold_id=last.id)
    held(house, now_open, general(now_open, 1), general(now_open, 1, key="vip"), who=buyer("cyd"))


def test_a_hold_of_a_tier_that_waits_again_is_kept(house: House) -> None:
    """The organiser tells it to wait after all: who has it keeps it, and asking for the same again finds it."""
    sale = opened(house, general_sale())
    mine = held(house, sale, general(sale, 1))
    early, later = tier_of(sale, "vip"), tier_of(sale, "general")
    waiting = replace(sale, version=2, tiers=(replace(later, opens_after=early.id), early))

    assert ask(house, waiting, general(waiting, 1), hold_id=mine.id) == mine
    assert refused(house, waiting, general(waiting, 1), who=buyer("bob")).code is RejectionCode.NOT_ON_SALE
