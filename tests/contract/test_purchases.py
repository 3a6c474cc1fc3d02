"""The stories of a purchase, told again where it matters: on Postgres and Valkey, and on Stripe's and Twilio's wires.

The stories themselves are inherited from ``tests/unit/application/test_purchase.py``.
"""

from collections.abc import Iterator

import pytest

from domain.events import Sale
from tests.contract.purchase_houses import SandboxHouse, ServerHouse, Servers, servers_at
from tests.contract.sandboxes import Sandbox, sandbox_running
from tests.fakes.sales import general_sale
from tests.unit.application import test_purchase as stories
from tests.unit.application.house import House
from tests.unit.application.test_purchase import CAPACITY, OpenHouse


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


class TestTheStraightWay(OnServers, stories.TestTheStraightWay): ...


class TestNobodyPays(OnServers, stories.TestNobodyPays): ...


class TestTrouble(OnServers, stories.TestTrouble): ...


class TestAScriptedProvider(OnServers, stories.TestAScriptedProvider): ...


class TestRisk(OnServers, stories.TestRisk): ...


class TestTheWaitingRoom(OnServers, stories.TestTheWaitingRoom): ...


class TestRefunds(OnServers, stories.TestRefunds): ...


class TestTheUnknown(OnServers, stories.TestTheUnknown): ...


class TestTheStraightWayOnTheWire(OnTheWire, stories.TestTheStraightWay): ...


class TestNobodyPaysOnTheWire(OnTheWire, stories.TestNobodyPays): ...


class TestTroubleOnTheWire(OnTheWire, stories.TestTrouble): ...


class TestRiskOnTheWire(OnTheWire, stories.TestRisk): ...


class TestRefundsOnTheWire(OnTheWire, stories.TestRefunds): ...
