"""What every catalogue promises the hold path, and what the one on Postgres costs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from adapters.postgres.catalogue import MISS_SECONDS, RUNNING_SECONDS, PostgresCatalogue
from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from domain.errors import NotFound
from domain.events import EventId, EventState
from domain.ports.catalogue import Catalogue
from domain.ports.unit_of_work import UnitOfWorkFactory
from tests.contract.stores import MEMORY, STORES, opened
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.sales import general_sale, reserved_sale
from tests.fakes.unit_of_work import FakeStore

NAMES_OF_NOTHING = (
    pytest.param("", id="empty"),
    pytest.param("no-such-event", id="slug"),
    pytest.param("0193a5b0-0000-7000-8000-00000000dead", id="id"),
    pytest.param("a\x00b", id="nul"),
    pytest.param("x" * 10_000, id="long"),
)


@dataclass
class Shop:
    """A store, the catalogue that reads it, and a hand on the catalogue's clock."""

    store: UnitOfWorkFactory
    catalogue: Catalogue
    engine: Engine | None = None
    seconds: float = 0.0


@contextmanager
def postgres_shop(database_url: str) -> Iterator[Shop]:
    engine = create_engine(database_url, application_name="tests", pool_size=4)
    seat_maps = SeatMapCache()
    shop = Shop(lambda: PostgresUnitOfWork(engine, seat_maps=seat_maps), FakeCatalogue(FakeStore()), engine)
    shop.catalogue = PostgresCatalogue(engine, seat_maps=seat_maps, monotonic=lambda: shop.seconds)
    try:
        yield shop
    finally:
        engine.dispose()


@pytest.fixture(params=STORES)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    if request.param == MEMORY:
        store = FakeStore()
        yield Shop(store, FakeCatalogue(store))
        return
    with postgres_shop(request.getfixturevalue("database_url")) as made:
        yield made


@pytest.fixture
def real(database_url: str) -> Iterator[Shop]:
    with postgres_shop(database_url) as made:
        yield made


@contextmanager
def statements(shop: Shop) -> Iterator[list[str]]:
    """What is sent to Postgres meanwhile."""
    sent: list[str] = []

    def note(*arguments: object) -> None:
        sent.append(str(arguments[2]))

    assert shop.engine is not None
    event.listen(shop.engine, "before_cursor_execute", note)
    yield sent
    event.remove(shop.engine, "before_cursor_execute", note)


def test_a_sale_is_found_by_id_and_by_slug(shop: Shop) -> None:
    """With its terms, tiers, seat map, epoch and version."""
    sale = reserved_sale()
    stored = opened(shop.store, sale)

    found = shop.catalogue.on_sale(event=stored.slug)

    assert replace(found, seat_map=sale.seat_map) == replace(sale, slug=stored.slug, epoch=1, version=1)
    assert found.seat_map.seats == sale.seat_map.seats
    assert shop.catalogue.on_sale(event=str(sale.event_id)) == found


@pytest.mark.parametrize("name", NAMES_OF_NOTHING)
def test_a_name_that_nothing_has_is_not_found(shop: Shop, name: str) -> None:
    """Whatever a client writes into the address."""
    with pytest.raises(NotFound):
        shop.catalogue.on_sale(event=name)


def test_a_draft_is_nobodys_business(shop: Shop) -> None:
    """It has no sale yet, by any name."""
    draft = opened(shop.store, general_sale(), state=EventState.DRAFT)

    for name in (draft.slug, str(draft.id)):
        with pytest.raises(NotFound):
            shop.catalogue.on_sale(event=name)
    for event_id in (draft.id, EventId(uuid4())):
        with pytest.raises(NotFound):
            shop.catalogue.fresh(event_id=event_id)


def test_a_change_is_seen_when_asked_afresh(shop: Shop) -> None:
    """Memory may be old until an inventory says so; then everybody sees the new copy."""
    stored = opened(shop.store, general_sale())
    before = shop.catalogue.on_sale(event=stored.slug)
    with shop.store() as uow:
        uow.events.save(replace(stored, slug="renamed", terms=replace(stored.terms, hold_seconds=900)))
        uow.stock.raise_epoch(stored.id, above=1)
        uow.commit()

    assert shop.catalogue.on_sale(event=str(stored.id)) == before
    after = shop.catalogue.fresh(event_id=stored.id)
    assert (after.version, after.epoch, after.terms.hold_seconds) == (2, 2, 900)
    assert shop.catalogue.on_sale(event="renamed") == after
    assert shop.catalogue.on_sale(event=str(stored.id)) == after


def test_running_sales_are_published_ones(shop: Shop) -> None:
    """Drafts and cancelled events have no holds to sweep."""
    here = opened(shop.store, general_sale())
    opened(shop.store, general_sale(), state=EventState.DRAFT)
    opened(shop.store, general_sale(), state=EventState.CANCELLED)

    assert shop.catalogue.running() == (here.id,)


def test_a_known_sale_costs_no_sql(real: Shop) -> None:
    """The hold path makes no SQL in the steady state."""
    stored = opened(real.store, reserved_sale())
    real.catalogue.on_sale(event=stored.slug)

    with statements(real) as sent:
        for name in (stored.slug, str(stored.id)) * 100:
            real.catalogue.on_sale(event=name)

    assert sent == []


def test_a_new_sale_is_read_once_for_everybody(real: Shop) -> None:
    """When a sale opens, thousands ask for it in the same second."""
    stored = opened(real.store, reserved_sale())
    gate = Barrier(20)

    def ask(_: int) -> object:
        gate.wait()
        return real.catalogue.on_sale(event=stored.slug)

    with statements(real) as sent, ThreadPoolExecutor(20) as threads:
        found = list(threads.map(ask, range(20)))

    assert all(sale is found[0] for sale in found)
    assert sum("FROM seats" in statement for statement in sent) == 1
    assert sum("sales.epoch" in statement for statement in sent) == 1


def test_a_wave_of_fresh_askers_shares_readings(real: Shop) -> None:
    """Each gets a reading that began after it asked; together they make far fewer readings than they are."""
    stored = opened(real.store, general_sale())
    gate = Barrier(20)

    def ask(_: int) -> object:
        gate.wait()
        return real.catalogue.fresh(event_id=stored.id)

    with statements(real) as sent, ThreadPoolExecutor(20) as threads:
        list(threads.map(ask, range(20)))

    assert 1 <= sum("sales.epoch" in statement for statement in sent) <= 5


def test_a_missing_name_is_looked_up_once_in_a_while(real: Shop) -> None:
    """A crowd asking for what is not there does not reach Postgres; what appears is found soon."""
    with statements(real) as sent:
        for _ in range(50):
            with pytest.raises(NotFound):
                real.catalogue.on_sale(event="not-yet")
    assert len(sent) == 1

    opened(real.store, general_sale(), slug="not-yet")
    real.seconds += MISS_SECONDS
    assert real.catalogue.on_sale(event="not-yet").slug == "not-yet"


def test_running_sales_are_remembered_for_seconds(real: Shop) -> None:
    """The sweeper asks often; Postgres is asked now and then."""
    real.catalogue.running()
    stored = opened(real.store, general_sale())

    with statements(real) as sent:
        assert real.catalogue.running() == ()
    assert sent == []
    real.seconds += RUNNING_SECONDS + 1
    assert real.catalogue.running() == (stored.id,)


def test_memory_is_bounded(real: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sales read first are forgotten first, names that nothing has likewise; what was forgotten is read again."""
    monkeypatch.setattr("adapters.postgres.catalogue.SALES_KEPT_MAX", 2)
    monkeypatch.setattr("adapters.postgres.catalogue.MISSES_KEPT_MAX", 2)
    stored = [opened(real.store, general_sale()) for _ in range(3)]
    for each in stored:
        real.catalogue.on_sale(event=each.slug)
    for name in ("a", "b", "c"):
        with pytest.raises(NotFound):
            real.catalogue.on_sale(event=name)

    with statements(real) as sent:
        real.catalogue.on_sale(event=stored[1].slug)
        real.catalogue.on_sale(event=stored[2].slug)
        for name in ("b", "c"):
            with pytest.raises(NotFound):
                real.catalogue.on_sale(event=name)
    assert sent == []
    with statements(real) as sent:
        real.catalogue.on_sale(event=stored[0].slug)
        with pytest.raises(NotFound):
            real.catalogue.on_sale(event="a")
    assert len([statement for statement in sent if "sales.epoch" in statement]) == 2


def test_seat_maps_in_memory_are_bounded() -> None:
    """The one that was not used for the longest time goes first."""
    maps = [general_sale().seat_map for _ in range(3)]
    cache = SeatMapCache(at_most=2)
    cache.keep(maps[0])
    cache.keep(maps[1])
    cache.get(maps[0].id)
    cache.keep(maps[2])

    assert [cache.get(each.id) is not None for each in maps] == [True, False, True]
