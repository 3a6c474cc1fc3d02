"""The stories where parts of the money meet, told again on Postgres and Valkey, whose constraints have a say.

The stories themselves are inherited from ``tests/unit/application/``.
"""

from collections.abc import Iterator

import pytest

from adapters.postgres.books import PostgresBooks
from tests.contract.purchase_houses import ServerHouse, Servers, servers_at
from tests.fakes.sales import general_sale
from tests.unit.application import test_disputes_meet as of_disputes
from tests.unit.application import test_money_meets as stories
from tests.unit.application.house import CAPACITY, House, OpenHouse


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


class OnServers:
    """Postgres and Valkey are real; money and messages are played. After each story the books must agree."""

    @pytest.fixture
    def open_house(self, servers: Servers) -> OpenHouse:
        return lambda sale: ServerHouse(sale=sale, servers=servers)

    @pytest.fixture
    def house(self, open_house: OpenHouse, servers: Servers) -> Iterator[House]:
        yield open_house(general_sale(capacity=CAPACITY))
        wrong = [told for result in PostgresBooks(servers.engine).check() for told in result.differences]
        assert wrong == []


class TestPagesNobodyHeardOf(OnServers, stories.TestPagesNobodyHeardOf):
    """On servers."""


class TestPaidTwice(OnServers, stories.TestPaidTwice):
    """On servers."""


class TestGoodwillAndTheRest(OnServers, stories.TestGoodwillAndTheRest):
    """On servers."""


class TestDisputesInOtherCurrencies(OnServers, of_disputes.TestDisputesInOtherCurrencies):
    """On servers."""


class TestFeesToldLate(OnServers, of_disputes.TestFeesToldLate):
    """On servers."""


class TestSecondPersons(OnServers, stories.TestSecondPersons):
    """On servers."""


class TestBatchesAndDisputes(OnServers, of_disputes.TestBatchesAndDisputes):
    """On servers."""
