"""A house in memory for each test, and a visitor at its door."""

from __future__ import annotations

import pytest

from tests.unit.storefront.house import House, open_house
from tests.unit.storefront.visitor import Visitor


@pytest.fixture
def house() -> House:
    """Four sales on fakes; see :mod:`tests.unit.storefront.house`."""
    return open_house()


@pytest.fixture
def visitor(house: House) -> Visitor:
    """Somebody who has never been here."""
    return Visitor(house.app)
