"""What the unit of work on Postgres does when the world breaks: our words, no half truths, and no endless waits."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import Engine, event, text

from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.transaction import Transaction, connect
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from domain.errors import InvariantBroken, StockConflict, StoreUnavailable, TransactionConflict
from domain.events import Event, Sale
from domain.ports.unit_of_work import UnitOfWorkFactory
from tests.contract.stores import Wish, opened, order_of, placed, postgres_store, venue_of
from tests.fakes.sales import big_reserved_sale, general_sale, reserved_sale

SEATS_FEW, SEATS_MANY = 2, 40


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """One second for a statement, a lock or a connection; two connections."""
    made = create_engine(
        database_url,
        application_name="faults",
        pool_size=2,
        statement_seconds=1,
        lock_seconds=1,
        pool_wait_seconds=1,
    )
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> UnitOfWorkFactory:
    seat_maps = SeatMapCache()
    return lambda: PostgresUnitOfWork(engine, seat_maps=seat_maps)


@contextmanager
def transaction(engine: Engine) -> Iterator[Transaction]:
    with connect(engine) as connection:
        yield Transaction(connection)


def test_a_database_that_is_away() -> None:
    """The block is never entered."""
    engine = create_engine("postgresql://nobody:nothing@127.0.0.1:1/nowhere", application_name="faults")

    with pytest.raises(StoreUnavailable), PostgresUnitOfWork(engine, seat_maps=SeatMapCache()):
        pytest.fail("there is no database")


def test_a_failed_transaction_cannot_be_committed(store: UnitOfWorkFactory) -> None:
    """Postgres would answer COMMIT with a silent rollback: a caller must not believe that it was written."""
    venue = venue_of(general_sale())
    with store() as uow:
        uow.venues.add(venue)
        with pytest.raises(InvariantBroken):
            uow.venues.add(venue)
        with pytest.raises(InvariantBroken):
            uow.commit()

    with store() as uow:
        assert uow.venues.find(slug=venue.slug) is None


def test_a_lock_is_not_waited_for_for_ever(store: UnitOfWorkFactory) -> None:
    """StoreUnavailable after the lock timeout; the one who has the lock goes on."""
    stored = opened(store, general_sale())

    with store() as first, store() as second:
        first.events.get(stored.id, lock=True)
        with pytest.raises(StoreUnavailable):
            second.events.get(stored.id, lock=True)
        first.events.save(stored)
        first.commit()


def test_a_statement_does_not_run_for_ever(engine: Engine) -> None:
    """StoreUnavailable after the statement timeout."""
    with transaction(engine) as running, pytest.raises(StoreUnavailable):
        running.run(text("SELECT pg_sleep(30)"))


def test_busy_connections_are_not_waited_for_for_ever(store: UnitOfWorkFactory) -> None:
    """A third transaction of two is refused after the pool's wait, and served once one is free."""
    with store(), store(), pytest.raises(StoreUnavailable), store():
        pytest.fail("there is no third connection")
    with store() as uow:
        assert uow.outbox.waiting() == 0


def test_a_deadlock_asks_to_be_tried_again(database_url: str) -> None:
    """One of two is chosen, and told so with the error that ``retrying`` understands."""
    with postgres_store(database_url) as store:
        _lock_crosswise(store)


def _lock_crosswise(store: UnitOfWorkFactory) -> None:
    here, there = opened(store, general_sale()), opened(store, general_sale())
    gate = Barrier(2)

    def lock_both(order: tuple[Event, Event]) -> bool:
        try:
            with store() as uow:
                uow.events.get(order[0].id, lock=True)
                gate.wait()
                uow.events.get(order[1].id, lock=True)
        except TransactionConflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lock_both, [(here, there), (there, here)]))

    assert sorted(answers) == [False, True]


def test_a_lost_connection_is_replaced(store: UnitOfWorkFactory, database_url: str) -> None:
    """The transaction under way is lost and says so; the next one works."""
    venue = venue_of(general_sale())
    with store() as uow:
        uow.venues.add(venue)
        _kill_connections(database_url)
        with pytest.raises(StoreUnavailable):
            uow.commit()

    with store() as uow:
        assert uow.venues.find(slug=venue.slug) is None


def test_a_connection_that_died_in_the_pool_is_not_handed_out(store: UnitOfWorkFactory, database_url: str) -> None:
    """After a restart of Postgres the next request works."""
    with store() as uow:
        assert uow.outbox.waiting() == 0
    _kill_connections(database_url)

    with store() as uow:
        assert uow.outbox.waiting() == 0


def test_text_that_postgres_cannot_store_is_a_value_error(store: UnitOfWorkFactory) -> None:
    """A NUL character is the caller's mistake, not a dead database."""
    with store() as uow, pytest.raises(ValueError, match="cannot store"):
        uow.venues.add(venue_of(general_sale(), name="a\x00b"))


CLAIM_BY_HAND = text("""
    INSERT INTO claims (event_id, seat_map_id, pool, zone_key, seat, order_id, order_line_id, quantity, state)
    SELECT event_id, seat_map_id, pool, zone_key, seat, :order_id, :line_id, 1, 'claimed' FROM claims
    WHERE state <> 'released' AND pool = :pool LIMIT 1
""")


@pytest.mark.parametrize(
    ("sale", "wish", "pool", "seats", "pools"),
    [
        pytest.param(reserved_sale(), Wish(tier="stalls", seats=(7,)), "z:stalls", (7,), (), id="seat"),
        pytest.param(
            general_sale(capacity=1, vip_capacity=None),
            Wish(tier="general", quantity=1),
            "z:floor",
            (),
            ("z:floor",),
            id="pool",
        ),
    ],
)
def test_the_last_line_of_defence_speaks_our_words(
    store: UnitOfWorkFactory,
    engine: Engine,
    sale: Sale,
    wish: Wish,
    pool: str,
    seats: tuple[int, ...],
    pools: tuple[str, ...],
) -> None:
    """Even if the checks before a claim were wrong, a constraint refuses it and the conflict names what is gone."""
    opened(store, sale)
    late = order_of(sale, wish, who="late")
    with store() as uow:
        placed(uow, order_of(sale, wish))
        uow.orders.add(late, policy=uow.events.policy(sale.event_id))
        uow.commit()

    with transaction(engine) as by_hand, pytest.raises(StockConflict) as refused:
        by_hand.run(CLAIM_BY_HAND, {"order_id": late.id, "line_id": late.lines[0].id, "pool": pool})

    assert (refused.value.seats, refused.value.pools) == (seats, pools)


def test_a_claim_costs_the_same_for_any_number_of_seats(store: UnitOfWorkFactory, engine: Engine) -> None:
    """Two statements, of which one while others wait; four to allocate or release. No loop over seats anywhere."""
    sale = big_reserved_sale(rows=4, per_row=30)
    opened(store, sale)
    costs = []
    for first, amount in ((0, SEATS_FEW), (SEATS_FEW, SEATS_MANY)):
        order = order_of(sale, Wish(tier="seat", seats=tuple(range(first, first + amount))))
        with store() as uow:
            uow.orders.add(order, policy=uow.events.policy(sale.event_id))
            steps = (uow.stock.claim, uow.stock.allocate, uow.stock.release)
            costs.append([_statements(engine, partial(step, order)) for step in steps])

    assert costs == [[2, 3, 3], [2, 3, 3]]


def _statements(engine: Engine, step: Callable[[], None]) -> int:
    sent: list[object] = []

    def note(*arguments: object) -> None:
        sent.append(arguments)

    event.listen(engine, "before_cursor_execute", note)
    step()
    event.remove(engine, "before_cursor_execute", note)
    return len(sent)


def _kill_connections(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'faults'"
        )
