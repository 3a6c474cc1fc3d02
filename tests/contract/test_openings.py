"""The stories of early birds, told again on Postgres and Valkey.

The stories themselves are inherited from ``tests/unit/application/test_openings.py``.
"""

from collections.abc import Iterator

import psycopg
import pytest

from adapters.postgres.catalogue import PostgresCatalogue
from adapters.postgres.seat_map_cache import SeatMapCache
from domain.holds import ActiveHold
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.fakes.sales import general
from tests.unit.application import test_openings as stories


@pytest.fixture
def house(database_url: str, redis_url: str) -> Iterator[ServerHouse]:
    with servers_at(database_url=database_url, redis_url=redis_url) as servers:
        yield ServerHouse(sale=stories.early_birds_first(), servers=servers)


class TestOpenings(stories.TestOpenings):
    """On servers."""


def test_another_process_learns_of_it_with_the_next_try(house: ServerHouse) -> None:
    """It has kept the sale as it was: the inventory says that it is old, and it looks again before it refuses."""
    keeps = PostgresCatalogue(house.servers.engine, seat_maps=SeatMapCache())
    assert any(tier.waits for tier in keeps.on_sale(event=house.sale.slug).tiers)
    house.buy(general(house.sale, stories.EARLY_BIRDS, key="vip"))
    stories.look(house)

    house.catalogue = keeps
    assert isinstance(house.hold(general(house.sale, 1)), ActiveHold)


def test_postgres_keeps_the_trail_of_it(house: ServerHouse, database_url: str) -> None:
    """Once, by name."""
    house.buy(general(house.sale, stories.EARLY_BIRDS, key="vip"))
    for _ in range(3):
        stories.look(house)
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "SELECT actor, details->>'tier', details->>'after' FROM audit_entries WHERE action = 'tier.opened'"
        ).fetchall()
    assert told == [("system", "General", "Vip")]
