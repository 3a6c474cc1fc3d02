"""The stories of a purchase, told again where it matters: on Postgres and Valkey, and on Stripe's and Twilio's wires.

The stories themselves are inherited from ``tests/unit/application/test_purchase.py``.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import cast

import pytest

from application.commands.check_payments import check_payments
from application.commands.start_checkout import CheckoutStarted
from domain.events import Sale
from domain.holds import ActiveHold
from domain.orders import OrderState
from domain.payments import POLL_SECONDS_FIRST, Payment, PaymentState
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.contract.purchase_houses import SandboxHouse, ServerHouse, Servers, servers_at
from tests.contract.sandboxes import Sandbox, sandbox_running
from tests.fakes.sales import general, general_sale
from tests.unit.application import test_payment_ends as endings
from tests.unit.application import test_purchase as stories
from tests.unit.application.house import CAPACITY, House, OpenHouse

CLICKS = 8


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """A house with one general-admission event of 100 places."""
    return open_house(general_sale(capacity=CAPACITY))


class OnServers:
    """Postgres and Valkey are real; money and messages are played."""

    @pytest.fixture
    def open_house(self, servers: Servers) -> OpenHouse:
        return lambda sale: ServerHouse(sale=sale, servers=servers)


class OnTheWire:
    """Nothing is played: the official SDKs talk to the sandbox."""

    @pytest.fixture
    def open_house(self, servers: Servers, sandbox: Sandbox) -> OpenHouse:
        sandbox.control("POST", "reset")

        def opened(sale: Sale) -> House:
            return SandboxHouse(sale=sale, servers=servers, sandbox=sandbox)

        return opened


class TestRaces(OnServers):
    """What only happens when two do it in the same moment."""

    def test_a_double_click_makes_one_order(self, house: House) -> None:
        """Eight checkouts of one hold at once: all are told the same order, and one page is opened."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        with ThreadPoolExecutor(CLICKS) as pool:
            started = list(pool.map(lambda _: house.checkout(hold.id), range(CLICKS)))
        assert all(isinstance(one, CheckoutStarted) for one in started), started
        assert len({one.order.id for one in started if isinstance(one, CheckoutStarted)}) == 1
        assert house.pages() == 1
        house.drain()
        assert house.free() == house.free_in_truth() == CAPACITY - 2

    def test_a_double_click_at_the_limit_makes_one_order(self, open_house: OpenHouse) -> None:
        """The order that one click has just made does not stand in the other's way."""
        house = open_house(general_sale(per_order_max=4, per_buyer_max=4))
        hold = house.hold(general(house.sale, 4))
        assert isinstance(hold, ActiveHold)
        with ThreadPoolExecutor(CLICKS) as pool:
            started = list(pool.map(lambda _: house.checkout(hold.id), range(CLICKS)))
        assert all(isinstance(one, CheckoutStarted) for one in started), started

    def test_a_webhook_in_the_middle_of_a_poll_is_not_forgotten(self, house: House) -> None:
        """The poller has read the payment, the webhook moves it on, the poller writes: the move stays."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.advance(seconds=POLL_SECONDS_FIRST)

        @contextmanager
        def interrupted() -> Iterator[UnitOfWork]:
            with house.uow() as uow:
                read = uow.payments.to_check

                def to_check(*, now: datetime, at_most: int) -> tuple[Payment, ...]:
                    found = read(now=now, at_most=at_most)
                    house.settle(order.id)
                    return found

                uow.payments.to_check = to_check  # type: ignore[method-assign]  # the webhook's moment
                yield uow

        check_payments(
            settle=house.settle,
            inventory=house.inventory,
            unit_of_work=cast("UnitOfWorkFactory", interrupted),
            clock=house.clock,
        )

        assert house.payment(order).state is PaymentState.CAPTURE_REQUESTED
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED


class TestTheStraightWay(OnServers, stories.TestTheStraightWay): ...


class TestNobodyPays(OnServers, stories.TestNobodyPays): ...


class TestTrouble(OnServers, stories.TestTrouble): ...


class TestAScriptedProvider(OnServers, stories.TestAScriptedProvider): ...


class TestRisk(OnServers, stories.TestRisk): ...


class TestTheWaitingRoom(OnServers, stories.TestTheWaitingRoom): ...


class TestRefunds(OnServers, stories.TestRefunds): ...


class TestTheUnknown(OnServers, stories.TestTheUnknown): ...


class TestPaidLate(OnServers, endings.TestPaidLate): ...


class TestAnotherPage(OnServers, endings.TestAnotherPage): ...


class TestReviewsThatCannotWait(OnServers, endings.TestReviewsThatCannotWait): ...


class TestCalledOff(OnServers, endings.TestCalledOff): ...


class TestTheStraightWayOnTheWire(OnTheWire, stories.TestTheStraightWay): ...


class TestNobodyPaysOnTheWire(OnTheWire, stories.TestNobodyPays): ...


class TestTroubleOnTheWire(OnTheWire, stories.TestTrouble): ...


class TestRiskOnTheWire(OnTheWire, stories.TestRisk): ...


class TestRefundsOnTheWire(OnTheWire, stories.TestRefunds): ...
