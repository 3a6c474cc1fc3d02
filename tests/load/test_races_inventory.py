"""Races for stock on a real Valkey: many threads, one server, and the winners are counted."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Barrier
from typing import Any, TypeVar

import pytest

from adapters.redis_locks.connections import connect
from domain.errors import Rejection, RejectionCode
from domain.events import Sale
from domain.holds import ActiveHold, ClaimedHold
from tests.contract.houses import ValkeyHouse, ask, held, opened, snapshot
from tests.fakes.sales import best, big_reserved_sale, buyer, chosen, general, general_sale, new_hold_id

T = TypeVar("T")
THREADS_MAX = 200


@pytest.fixture
def house(redis_url: str) -> Iterator[ValkeyHouse]:
    client = connect(redis_url, connections_max=THREADS_MAX)
    yield ValkeyHouse(client)
    client.close()


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run every task in a thread of its own, all let go at the same moment."""
    gate = Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        gate.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


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
