"""The house that most stories are told in. Suites on servers inherit the stories and furnish their own."""

import pytest

from tests.fakes.sales import general_sale
from tests.unit.application.house import CAPACITY, House, OpenHouse


@pytest.fixture
def open_house() -> OpenHouse:
    return lambda sale: House(sale=sale)


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """A house with one general-admission event of 100 places, a month ahead."""
    return open_house(general_sale(capacity=CAPACITY))
