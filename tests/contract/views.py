"""Where the contracts of reading views run: houses on one store, in memory or on Postgres, and a view of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as listening

from adapters.postgres.catalogue import PostgresCatalogue
from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from tests.fakes.unit_of_work import FakeStore
from tests.unit.application.house import House

STORES = ("memory", "postgres")


@contextmanager
def houses_and(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    *,
    memory: Callable[[FakeStore], Any],
    postgres: Callable[[Engine], Any],
) -> Iterator[tuple[Callable[..., House], Any, list[str]]]:
    """How to open a house, the view (of the port that both serve), and every statement sent since (none in memory)."""
    if request.param == "memory":
        store = FakeStore()
        yield lambda **given: House(store=store, **given), memory(store), []
        return
    engine = create_engine(request.getfixturevalue("database_url"), application_name="tests", pool_size=3)
    sent: list[str] = []
    listening.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(str(arguments[2])))
    maps = SeatMapCache()
    monkeypatch.setattr(
        "tests.unit.application.house.FakeCatalogue", lambda _: PostgresCatalogue(engine, seat_maps=maps)
    )
    units = cast("FakeStore", lambda: PostgresUnitOfWork(engine, seat_maps=maps))
    try:
        yield lambda **given: House(store=units, **given), postgres(engine), sent
    finally:
        engine.dispose()
