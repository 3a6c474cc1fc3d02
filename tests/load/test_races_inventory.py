"""Races for stock on a real Valkey: many threads, one server, and the winners are counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from math import inf
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest

from adapters.redis_locks.connections import connect
from domain.errors import Rejection, RejectionCode
from domain.events import HOLD_SECONDS_MIN, PER_BUYER_MAX, Sale
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, HoldLine
from domain.ports.inventory import Outcome, SaleDoubt
from domain.seat_maps import SeatIndex
from tests.contract.houses import ValkeyHouse, ask, held, opened, settlement, snapshot
from tests.fakes.sales import best, big_reserved_sale, buyer, chosen, general, general_sale, new_hold_id
from tests.load.accounts import balanced
from tests.load.shoppers import PATIENCE_SECONDS, at_once

THREADS_MAX = 200
CARTS_EACH = 5
HOLD_SECONDS = HOLD_SECONDS_MIN
LAPSING = 40
APART_MS = 5
AHEAD_SECONDS = 0.2
NEAR_MS = 20.0
SWEEPERS = 3


@pytest.fixture
def house(redis_url: str) -> Iterator[ValkeyHouse]:
    client = connect(redis_url, connections_max=THREADS_MAX)
    yield ValkeyHouse(client)
    client.close()


def winners(answers: list[Any]) -> list[ActiveHold]:
    """Those who got a hold; everybody else was refused in words."""
    won = [answer for answer in answers if isinstance(answer, ActiveHold)]
    assert all(isinstance(answer, ActiveHold | Rejection) for answer in answers)
    return won


def assert_adds_up(house: ValkeyHouse, sale: Sale, taken: int) -> None:
    """Free units, free seats and owned stock tell the same story."""
    now = snapshot(house, sale)
    capacity = sale.seat_map.capacity
    assert sum(now.free.values()) == capacity - taken
    assert now.seats.count("f") == (capacity - taken if now.seats else 0)


def test_fifty_threads_one_seat_one_winner(house: ValkeyHouse) -> None:
    """A seat is held by one person, and all others are told that it is taken."""
    sale = opened(house, big_reserved_sale(rows=1, per_row=3))

    answers = at_once([partial(ask, house, sale, chosen(sale, 1, key="seat"), who=buyer(str(n))) for n in range(50)])

    assert len(winners(answers)) == 1
    losers = [answer for answer in answers if isinstance(answer, Rejection)]
    assert {loser.code for loser in losers} == {RejectionCode.SEATS_TAKEN}
    assert_adds_up(house, sale, taken=1)


def test_two_hundred_threads_fifty_tickets_fifty_winners(house: ValkeyHouse) -> None:
    """Every ticket is sold and none twice."""
    sale = opened(house, general_sale(capacity=50, vip_capacity=None))

    answers = at_once([partial(ask, house, sale, general(sale, 1), who=buyer(str(n))) for n in range(200)])

    assert len(winners(answers)) == 50
    assert_adds_up(house, sale, taken=50)


def test_overlapping_carts_share_no_seat(house: ValkeyHouse) -> None:
    """Random multi-seat carts, chosen and best-available mixed: all or nothing, and never a seat in two of them."""
    sale = opened(house, big_reserved_sale(rows=4, per_row=10))
    random = Random(7)
    carts = [
        best(sale, 3, "seat") if n % 3 == 0 else chosen(sale, *random.sample(range(40), 4), key="seat")
        for n in range(100)
    ]

    answers = at_once([partial(ask, house, sale, cart, who=buyer(str(n))) for n, cart in enumerate(carts)])

    seats = [seat for hold in winners(answers) for seat in hold.seats]
    assert len(seats) == len(set(seats))
    assert_adds_up(house, sale, taken=len(seats))


def test_twenty_threads_with_one_hold_id_make_one_hold(house: ValkeyHouse) -> None:
    """A client that retries in a hurry takes its stock once."""
    sale = opened(house, general_sale(vip_capacity=None))
    hold_id = new_hold_id(sale)

    answers = at_once([partial(ask, house, sale, general(sale, 2), hold_id=hold_id)] * 20)

    assert len({hold.expires_at for hold in winners(answers)}) == 1
    assert len(winners(answers)) == 20
    assert_adds_up(house, sale, taken=2)


def test_lapsed_stock_returns_once_whoever_returns_it(house: ValkeyHouse) -> None:
    """Sweepers, owners who give back and buyers who reap on the way meet over the same lapsed holds."""
    sale = opened(house, general_sale(capacity=60, vip_capacity=None, hold_seconds=120))
    holds = [held(house, sale, general(sale, 2), who=buyer(str(n))) for n in range(20)]
    house.advance(seconds=121)
    sweeps = [partial(house.inventory.sweep, event_id=sale.event_id, at_most=5)] * 10
    releases = [partial(house.inventory.release, hold_id=hold.id) for hold in holds]
    newcomers = [partial(ask, house, sale, general(sale, 2), who=buyer(f"new-{n}")) for n in range(10)]

    answers: list[object] = at_once([*sweeps, *releases, *newcomers])

    assert len(winners(answers[30:])) == 10
    house.inventory.sweep(event_id=sale.event_id, at_most=100)
    assert_adds_up(house, sale, taken=20)


def test_claim_against_release_ends_one_way(house: ValkeyHouse) -> None:
    """Either the order has the stock or the sale has it back; never both, never neither."""
    sale = opened(house, general_sale(capacity=100, vip_capacity=None))
    holds = [held(house, sale, general(sale, 2), who=buyer(str(n))) for n in range(25)]
    claims = [partial(house.inventory.begin_claim, hold_id=hold.id, until=hold.expires_at) for hold in holds]
    releases = [partial(house.inventory.release, hold_id=hold.id) for hold in holds]

    answers: list[object] = at_once([task for pair in zip(claims, releases, strict=True) for task in pair])

    claimed = [isinstance(answer, ClaimedHold) for answer in answers[::2]]
    assert [not released for released in answers[1::2]] == claimed
    assert_adds_up(house, sale, taken=2 * sum(claimed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One answer, and between which moments of the monotonic clock it was asked for and given."""

    cart: tuple[SeatIndex, ...]
    began: float
    ended: float
    answer: ActiveHold | Rejection
    given_back: tuple[float, float] | None = None
    """When giving back began and ended; None while it is kept."""


def test_a_hundred_threads_with_overlapping_carts(house: ValkeyHouse) -> None:
    """Carts of 2 to 6 seats out of 200, taken, kept and given back: at any moment a seat has one owner at most.

    All of a cart or nothing, and a refusal names exactly the seats that were somebody's at that time: none that was
    free all the while, and each that was taken all the while.
    """
    no_limits = {"per_buyer_max": PER_BUYER_MAX, "live_holds_per_buyer": PER_BUYER_MAX}
    sale = opened(house, big_reserved_sale(rows=100, per_row=2, **no_limits))

    def shop(name: int) -> list[Heard]:
        dice, heard = Random(name), list[Heard]()
        for _ in range(CARTS_EACH):
            cart = tuple(dice.sample(range(200), dice.randint(2, 6)))
            one = _heard(house, sale, cart, who=buyer(str(name)))
            if isinstance(one.answer, ActiveHold) and dice.random() < 0.7:
                began = monotonic()
                assert house.inventory.release(hold_id=one.answer.id)
                one = replace(one, given_back=(began, monotonic()))
            heard.append(one)
        return heard

    everything = [one for heard in at_once([partial(shop, name) for name in range(100)]) for one in heard]

    holds = [one for one in everything if isinstance(one.answer, ActiveHold)]
    assert all(set(one.answer.seats) == set(one.cart) for one in holds if isinstance(one.answer, ActiveHold))
    by_seat = {seat: [one for one in holds if seat in one.cart] for seat in range(200)}
    for owners in by_seat.values():
        _assert_one_after_the_other(owners)
    for one in everything:
        if isinstance(one.answer, Rejection):
            _assert_named_rightly(one, by_seat)
    kept = {one.answer.id for one in holds if one.given_back is None and isinstance(one.answer, ActiveHold)}
    known = [one.answer.id for one in holds if isinstance(one.answer, ActiveHold)]
    assert balanced(house.inventory, sale, known=known).live.keys() == kept


def _heard(house: ValkeyHouse, sale: Sale, cart: tuple[SeatIndex, ...], *, who: BuyerFingerprint) -> Heard:
    began = monotonic()
    answer = ask(house, sale, chosen(sale, *cart, key="seat"), who=who)
    assert not isinstance(answer, SaleDoubt)
    return Heard(cart=cart, began=began, ended=monotonic(), answer=answer)


def _assert_one_after_the_other(owners: list[Heard]) -> None:
    """Who owned a seat for certain, from the answer until giving it back was asked for, owned it alone."""
    certain = sorted((one.ended, one.given_back[0] if one.given_back else inf) for one in owners)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(certain))


def _assert_named_rightly(one: Heard, by_seat: Mapping[SeatIndex, list[Heard]]) -> None:
    assert isinstance(one.answer, Rejection)
    assert one.answer.code is RejectionCode.SEATS_TAKEN
    named = one.answer.details["seats"]
    assert isinstance(named, list)
    assert named
    assert set(named) <= set(one.cart)
    for seat in one.cart:
        possible = [
            owner
            for owner in by_seat[seat]
            if owner.began < one.ended and (owner.given_back is None or owner.given_back[1] > one.began)
        ]
        certain = [
            owner
            for owner in possible
            if owner.ended < one.began and (owner.given_back is None or owner.given_back[0] > one.ended)
        ]
        assert possible if seat in named else not certain


class TestTheLastMoment:
    """Deadlines pass in the middle of the race, a few milliseconds apart: each hold ends one way and returns once."""

    def test_release_against_lapse(self, house: ValkeyHouse) -> None:
        """Owners give back, sweepers sweep, and newcomers want the very same seats: each pair finds its next owner."""
        sale = opened(house, _paired_seats())
        holds = _lapsing(house, sale, partial(_pair, sale))

        def next_owner(place: int) -> ActiveHold:
            deadline = monotonic() + PATIENCE_SECONDS
            while monotonic() < deadline:
                answer = ask(house, sale, _pair(sale, place), who=buyer(f"new-{place}"))
                if isinstance(answer, ActiveHold):
                    return answer
            pytest.fail("the seats never came back")

        _, won = _race(
            house,
            sale,
            holds,
            [partial(house.inventory.release, hold_id=hold.id) for hold in holds],
            [partial(next_owner, place) for place in range(LAPSING)],
        )

        accounts = balanced(house.inventory, sale, known=[hold.id for hold in (*holds, *won)])
        assert accounts.live == {hold.id: hold for hold in won}

    def test_extend_against_lapse(self, house: ValkeyHouse) -> None:
        """Whoever was told that there is more time has it, and the stock; everybody else's is back on sale."""
        sale = opened(house, _paired_seats())
        holds = _lapsing(house, sale, partial(_pair, sale))
        extend = [partial(house.inventory.extend, hold_id=hold.id, number=1, terms=sale.terms) for hold in holds]

        once, again = _race(house, sale, holds, extend, extend)

        extended = {one.id: one for one in (*once, *again) if isinstance(one, ActiveHold)}
        late = {one.code for one in (*once, *again) if isinstance(one, Rejection)}
        assert late <= {RejectionCode.HOLD_LAPSED}
        assert balanced(house.inventory, sale, known=[hold.id for hold in holds]).live == extended

    def test_claim_against_lapse(self, house: ValkeyHouse) -> None:
        """Either the order has the stock or the sale has it back; whoever was told that it is claimed has it."""
        sale = opened(house, general_sale(vip_capacity=None, hold_seconds=HOLD_SECONDS))
        holds = _lapsing(house, sale, lambda _: general(sale, 2))
        until = house.now() + timedelta(hours=1)

        (answers,) = _race(
            house, sale, holds, [partial(house.inventory.begin_claim, hold_id=hold.id, until=until) for hold in holds]
        )

        late = [answer for answer in answers if isinstance(answer, Rejection)]
        assert {answer.code for answer in late} <= {RejectionCode.HOLD_LAPSED}
        accounts = balanced(house.inventory, sale, known=[hold.id for hold in holds])
        assert accounts.live == {answer.id: answer for answer in answers if isinstance(answer, ClaimedHold)}
        assert len(accounts.live) + len(late) == LAPSING

    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_lapse_against_settlement(self, house: ValkeyHouse, outcome: Outcome) -> None:
        """A claim's safety net ends while Postgres' word is on its way: the word is what counts, and it counts once."""
        sale = opened(house, _paired_seats())
        holds = _lapsing(house, sale, partial(_pair, sale), claimed=True)
        facts = [settlement(hold, outcome, key=str(hold.id)) for hold in holds]

        once, again = _race(
            house, sale, holds, *[[partial(house.inventory.settle, settlement=one) for one in facts]] * 2
        )

        assert all(sorted(pair) == [False, True] for pair in zip(once, again, strict=True))
        sold = holds if outcome is Outcome.SOLD else []
        assert not balanced(house.inventory, sale, known=[hold.id for hold in holds], sold=sold).live

    def test_everybody_at_once(self, house: ValkeyHouse) -> None:
        """Owners, sweepers, passing buyers who reap, claims and failed payments, all over the same holds."""
        sale = opened(house, general_sale(vip_capacity=LAPSING, hold_seconds=HOLD_SECONDS))
        holds = _lapsing(house, sale, lambda place: general(sale, 1, "vip" if place % 2 else "general"))
        until = house.now() + timedelta(hours=1)
        facts = [settlement(hold, Outcome.RELEASED, key=str(hold.id)) for hold in holds]

        *_, passing = _race(
            house,
            sale,
            holds,
            [partial(house.inventory.release, hold_id=hold.id) for hold in holds],
            [partial(house.inventory.begin_claim, hold_id=hold.id, until=until) for hold in holds],
            [partial(house.inventory.settle, settlement=fact) for fact in facts],
            [partial(held, house, sale, general(sale, 1), who=buyer(f"passing-{place}")) for place in range(LAPSING)],
        )

        known = [hold.id for hold in (*holds, *passing)]
        assert balanced(house.inventory, sale, known=known).live == {hold.id: hold for hold in passing}


def _paired_seats() -> Sale:
    """Two seats for each hold that lapses."""
    return big_reserved_sale(rows=LAPSING, per_row=2, hold_seconds=HOLD_SECONDS)


def _pair(sale: Sale, place: int) -> HoldLine:
    return chosen(sale, 2 * place, 2 * place + 1, key="seat")


def _lapsing(
    house: ValkeyHouse, sale: Sale, wish: Callable[[int], HoldLine], *, claimed: bool = False
) -> list[ActiveHold]:
    """Holds (or claims) whose deadlines lie a few milliseconds apart, the first of them a moment ahead."""
    holds = []
    for place in range(LAPSING):
        house.advance(milliseconds=APART_MS)
        hold = held(house, sale, wish(place), who=buyer(str(place)))
        if claimed:
            claim = house.inventory.begin_claim(hold_id=hold.id, until=hold.expires_at)
            assert isinstance(claim, ClaimedHold)
        holds.append(hold)
    house.advance(seconds=(holds[0].expires_at - house.now()).total_seconds() - AHEAD_SECONDS)
    return holds


def _race(
    house: ValkeyHouse, sale: Sale, holds: list[ActiveHold], *contenders: Sequence[Callable[[], Any]]
) -> list[list[Any]]:
    """Have each kind of contenders act on each hold near its deadline, before or after, while sweepers sweep.

    Answers what they were told, kind by kind, in the order of the holds.
    """
    dice, over = Random(7), Event()

    def near(deadline: datetime, act: Callable[[], Any]) -> Any:
        moment = deadline + timedelta(milliseconds=dice.uniform(-NEAR_MS, NEAR_MS))
        sleep(max(0.0, (moment - house.now()).total_seconds()))
        return act()

    def keep_sweeping() -> None:
        while not over.wait(APART_MS / 1_000):
            house.inventory.sweep(event_id=sale.event_id, at_most=2)

    acts = [partial(near, hold.expires_at, act) for kind in contenders for hold, act in zip(holds, kind, strict=True)]
    with ThreadPoolExecutor(SWEEPERS) as threads:
        sweeping = [threads.submit(keep_sweeping) for _ in range(SWEEPERS)]
        try:
            told = at_once(acts)
        finally:
            over.set()
    for one in sweeping:
        one.result()
    return [told[first : first + len(holds)] for first in range(0, len(told), len(holds))]


def test_a_hold_is_one_round_trip(house: ValkeyHouse) -> None:
    """One command leaves this process for a hold, whatever its lines: the server itself is the witness."""
    sale = opened(house, big_reserved_sale(rows=4, per_row=10))
    floor = opened(house, general_sale())
    held(house, floor, general(floor, 1), who=buyer("teaches the server the script"))

    def two_holds() -> None:
        held(house, floor, general(floor, 2), general(floor, 1, "vip"), who=buyer("ada"))
        held(house, sale, chosen(sale, 1, 2, 30, key="seat"), best(sale, 4, "seat"), who=buyer("bob"))

    assert commands_of(house, two_holds) == ["EVALSHA", "EVALSHA"]


def test_a_server_that_lost_its_scripts_is_taught_again(house: ValkeyHouse) -> None:
    """SCRIPT FLUSH or a restart costs one more round trip, once, and no hold."""
    sale = opened(house, general_sale())
    held(house, sale, general(sale, 1))
    house.client.script_flush()

    def two_holds() -> None:
        held(house, sale, general(sale, 1))
        held(house, sale, general(sale, 1))

    assert commands_of(house, two_holds) == ["EVALSHA", "EVAL", "EVALSHA"]


def commands_of(house: ValkeyHouse, action: Callable[[], None]) -> list[str]:
    """The commands that clients sent meanwhile, in order, those inside scripts left out."""
    with house.client.monitor() as witness:
        house.client.ping()  # the witness took the pool's connection: open the next one before counting
        action()
        house.client.ping()
        seen = [witness.next_command()]
        while [command["command"] for command in seen].count("PING") < 2:
            seen.append(witness.next_command())
    sent = [command["command"].split()[0] for command in seen if command["client_type"] != "lua"]
    return sent[sent.index("PING") + 1 : -1]
