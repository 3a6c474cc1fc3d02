"""Races for the last uses of a code, on a real Valkey: many threads, one server, and the winners are counted."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from adapters.redis_locks.connections import connect
from domain.errors import Rejection, RejectionCode
from domain.holds import ActiveHold
from domain.promotions import promotion_pool
from tests.contract.houses import ValkeyHouse, ask, held, opened, snapshot
from tests.fakes.sales import buyer, general, general_sale, promotion
from tests.load.shoppers import at_once

THREADS = 60
CAP = 20


@pytest.fixture
def house(redis_url: str) -> Iterator[ValkeyHouse]:
    client = connect(redis_url, connections_max=THREADS)
    yield ValkeyHouse(client)
    client.close()


def won(answers: list[Any]) -> list[ActiveHold]:
    return [answer for answer in answers if isinstance(answer, ActiveHold)]


def test_sixty_threads_twenty_uses_twenty_winners(house: ValkeyHouse) -> None:
    """The cap is met to the last ticket and never passed; whoever is late is told so and holds nothing."""
    off = promotion(uses_max=CAP)
    sale = opened(house, replace(general_sale(), promotions=(off,)))

    answers = at_once(
        [partial(ask, house, sale, general(sale, 1), who=buyer(str(n)), promotion=off) for n in range(THREADS)]
    )

    assert len(won(answers)) == CAP
    assert {answer.code for answer in answers if isinstance(answer, Rejection)} == {RejectionCode.CODE_USED_UP}
    now = snapshot(house, sale)
    assert (now.free[promotion_pool(off.key)], now.free["z:floor"]) == (0, sale.seat_map.capacity - CAP)


def test_lapsed_uses_are_won_once_each_while_everybody_tries(house: ValkeyHouse) -> None:
    """Holds that lapse in the middle of the rush give their uses back inside it: exactly as many win again."""
    off = promotion(uses_max=CAP)
    sale = opened(house, replace(general_sale(), promotions=(off,)))
    for number in range(CAP):
        held(house, sale, general(sale, 1), who=buyer(f"early-{number}"), promotion=off)
    house.advance(seconds=sale.terms.hold_seconds + 1)

    answers = at_once(
        [partial(ask, house, sale, general(sale, 1), who=buyer(str(n)), promotion=off) for n in range(THREADS)]
    )
    while house.inventory.sweep(event_id=sale.event_id, at_most=100):
        pass

    assert len(won(answers)) == CAP
    assert snapshot(house, sale).free[promotion_pool(off.key)] == 0


def test_one_person_on_many_threads_has_one_share(house: ValkeyHouse) -> None:
    """However fast somebody presses, the code is good for them so often and no more."""
    off = promotion(per_buyer_max=2)
    sale = opened(house, replace(general_sale(live_holds_per_buyer=50), promotions=(off,)))

    answers = at_once([partial(ask, house, sale, general(sale, 1), promotion=off) for _ in range(20)])

    assert len(won(answers)) == 2
    assert {answer.code for answer in answers if isinstance(answer, Rejection)} == {RejectionCode.LIMIT_REACHED}
