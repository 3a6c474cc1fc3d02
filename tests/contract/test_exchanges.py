"""Exchanges on Postgres and Valkey: the stories of ``tests/unit/application/test_exchanges.py``, and what only happens
when two do it in the same moment.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from adapters.postgres.books import PostgresBooks
from application.commands.start_checkout import CheckoutStarted
from domain.errors import Rejection
from domain.orders import OrderState
from domain.tickets import TicketState
from tests.contract.purchase_houses import ServerHouse, Servers, servers_at
from tests.fakes.sales import general_sale
from tests.unit.application import test_exchanges as stories
from tests.unit.application.test_exchanges import OpenHouse, TwoNights, with_a_free_tier


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


@pytest.fixture
def open_house(servers: Servers) -> OpenHouse:
    return lambda sale: ServerHouse(sale=sale, servers=servers)


@pytest.fixture
def nights(open_house: OpenHouse) -> TwoNights:
    return TwoNights(open_house(with_a_free_tier(general_sale())))


class TestAnExchange(stories.TestAnExchange):
    pass


class TestWhatIsRefused(stories.TestWhatIsRefused):
    pass


class TestTakenMeanwhile(stories.TestTakenMeanwhile):
    pass


def test_two_exchanges_of_one_ticket_at_once_have_one_winner(nights: TwoNights) -> None:
    """Two windows, two reservations, one old ticket: one order is placed, the other window hears which."""
    old = nights.buy(1)
    holds = [nights.reserve(), nights.reserve()]
    start = Barrier(len(holds))

    def check_out(number: int) -> object:
        start.wait()
        return nights.check_out(holds[number].id, old)

    with ThreadPoolExecutor(len(holds)) as threads:
        answers = list(threads.map(check_out, range(len(holds))))
    (won,) = (each for each in answers if isinstance(each, CheckoutStarted))
    (lost,) = (each for each in answers if isinstance(each, Rejection))
    assert lost.details == {"order": str(won.order.id)}
    assert nights.paid(won.order).state is OrderState.CONFIRMED
    assert nights.states(old) == [TicketState.VOID]


def test_a_refund_and_the_confirmation_at_once_give_the_ticket_back_once(nights: TwoNights) -> None:
    """The buyer gives the old ticket back while the new one is being paid: one of both happens, in any order."""
    house, old = nights.house, nights.buy(1)
    new = nights.placed(old)
    house.pay(new)
    house.settle(new.id)
    house.capture_by_hand(new)
    start = Barrier(2)

    def settle() -> object:
        start.wait()
        return house.settle(new.id)

    def use() -> object:
        start.wait()
        return house.let_in(house.tickets(old.id)[0].id)

    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(settle), threads.submit(use)]:
            each.result()
    house.drain()
    confirmed = house.order(new.id).state is OrderState.CONFIRMED
    assert nights.states(old) == [TicketState.VOID if confirmed else TicketState.CHECKED_IN]
    assert house.given_back(old if confirmed else new).amount > 0


def test_what_a_live_system_compares_holds_after_an_exchange(nights: TwoNights, servers: Servers) -> None:
    """Both orders' books, stock and ledger agree."""
    old = nights.buy(2)
    assert nights.paid(nights.placed(old)).state is OrderState.CONFIRMED
    assert [found for found in PostgresBooks(servers.engine).check() if found.differences] == []
