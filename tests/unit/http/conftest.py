"""A fresh shop for each test."""

import pytest
from flask.testing import FlaskClient

from tests.unit.http.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def client(shop: Shop) -> FlaskClient:
    """A program on the network, without cookies."""
    return shop.client()
