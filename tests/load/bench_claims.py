"""Claims on one hot pool: our guarded counter against one row a place, claimed by SKIP LOCKED (decision 0010).

One zone of general admission with 100,000 places, 64 connections that all want two of them, a durable Postgres. The
yardstick is the same work with a row for each place; sixteen sub-counters and other places for the claim within its
transaction are measured beside it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self
from uuid import uuid4

import psycopg
from sqlalchemy import text

from adapters.postgres import migrate
from adapters.postgres.engine import Engine, create_engine
from adapters.postgres.repositories.stock import PostgresStock
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.transaction import Transaction
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from domain.audit import BUYER, AuditEntry
from domain.errors import StockConflict
from domain.events import Sale
from domain.limits import counted_under
from domain.orders import Order
from domain.payments import PaymentState
from domain.ports.selling import Stock
from tests.contract.stores import NOW, Wish, opened, order_of, payment_of
from tests.fakes.sales import general_sale
from tests.load.bench import Measurement, compare
from tests.servers import database, postgres_running

PLACES = 100_000
CONNECTIONS = 64
UNITS = 2
SECONDS = 3.0
SUB_COUNTERS = 16
PATIENCE_SECONDS = 60

_PUT_UP = """
CREATE TABLE bench_units (
    event_id uuid, pool text, unit integer, order_line_id uuid, PRIMARY KEY (event_id, pool, unit)
);
CREATE INDEX bench_units_free ON bench_units (event_id, pool, unit) WHERE order_line_id IS NULL;
CREATE TABLE bench_parts (
    event_id uuid, pool text, part integer, free integer CHECK (free >= 0), PRIMARY KEY (event_id, pool, part)
) WITH (fillfactor = 20);
CREATE TABLE bench_part_claims (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid, pool text, part integer, order_line_id uuid,
    quantity integer, FOREIGN KEY (event_id, pool, part) REFERENCES bench_parts
);
"""
_FILL = """
TRUNCATE bench_units, bench_parts CASCADE;
INSERT INTO bench_units SELECT events.id, 'z:floor', unit, NULL FROM events, generate_series(1, {places}) AS unit;
INSERT INTO bench_parts
SELECT events.id, 'z:floor', part, {places} / {parts} FROM events, generate_series(1, {parts}) AS part;
ANALYZE bench_units;
ANALYZE bench_parts;
CHECKPOINT;
"""
_TAKE_UNITS = """
    UPDATE bench_units SET order_line_id = {line}
    WHERE (event_id, pool, unit) IN (
        SELECT event_id, pool, unit FROM bench_units
        WHERE event_id = {event} AND pool = 'z:floor' AND order_line_id IS NULL
        LIMIT {units} FOR UPDATE SKIP LOCKED)
"""
_PLACE = """
CREATE FUNCTION {name}(the_event uuid, tier uuid, the_order uuid, line uuid, units integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    chosen integer;
BEGIN
    INSERT INTO orders (id, number, event_id, hold_nonce, state, stock, buyer_name, buyer_email, device, address,
                        buyer_keys, pools, currency, total_minor, refunded_minor, price_terms, policy_version,
                        placed_at, deadline_at)
    VALUES (the_order, the_order::text, the_event, the_order, 'awaiting_payment', 'claimed', 'Ada', 'ada@example.org',
            'device', 'address', '{{}}', '{{"z:floor": 2}}', 'USD', 9900, 0, '{{}}', 1, now(), now());
    INSERT INTO order_lines (id, order_id, event_id, position, tier_id, tier_name, quantity, face_minor, discount_minor,
                             fee_minor, absorbed_fee_minor, tax_minor, tax_added, seats)
    VALUES (line, the_order, the_event, 0, tier, 'General', units, 4500, 0, 450, 0, 0, false, '{{}}');
    {claim}
    IF NOT FOUND THEN
        RAISE EXCEPTION 'sold out';
    END IF;
END $$;
"""
_BY_COUNTER = """PERFORM claim_stock(the_event, the_order, ARRAY[line], ARRAY[tier], ARRAY[units], '{}', '{}');
    PERFORM 1;"""
_CLAIMS_BY_FUNCTION = {
    "bench_counter": _BY_COUNTER,
    "bench_counter_early": "PERFORM set_config('synchronous_commit', 'off', true);" + _BY_COUNTER,
    "bench_rows": _TAKE_UNITS.format(line="line", event="the_event", units="units") + ";",
    "bench_sub_counters": """
        SELECT part INTO chosen FROM bench_parts WHERE event_id = the_event AND pool = 'z:floor' AND free >= units
        ORDER BY random() LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
        chosen := coalesce(chosen, 1);
        UPDATE bench_parts SET free = free - units
        WHERE event_id = the_event AND pool = 'z:floor' AND part = chosen;
        INSERT INTO bench_part_claims (event_id, pool, part, order_line_id, quantity)
        VALUES (the_event, 'z:floor', chosen, line, units);""",
}
_TAKE = text(_TAKE_UNITS.format(line=":line", event=":event", units=":units"))


class _StockInRows(PostgresStock):
    """The yardstick: one row a place."""

    def claim(self, order: Order) -> None:
        for line in order.lines:
            asked = {"line": line.id, "event": order.event_id, "units": line.quantity}
            if self._transaction.changed(_TAKE, asked) < line.quantity:
                raise StockConflict(pools=("z:floor",))


class _PatientTransaction(Transaction):
    """Keeps its locks until its commit is on disk."""

    def let_go_early(self) -> None:
        return


class _KeptLocked(PostgresUnitOfWork):
    def __enter__(self) -> Self:
        super().__enter__()
        self.stock: Stock = PostgresStock(_PatientTransaction(self._connection))
        return self


class _InRows(PostgresUnitOfWork):
    def __enter__(self) -> Self:
        super().__enter__()
        self.stock: Stock = _StockInRows(self._transaction)
        return self


@dataclass
class _Server:
    """The Postgres that is measured, with one sale on it."""

    url: str
    engine: Engine
    sale: Sale

    def refill(self) -> None:
        """All places free, and no garbage of the last round in the way."""
        with psycopg.connect(self.url, autocommit=True) as by_hand:
            by_hand.execute(_FILL.format(places=PLACES, parts=SUB_COUNTERS).encode())
            by_hand.execute("UPDATE claims SET state = 'released', returned = quantity WHERE state = 'claimed'")
            by_hand.execute("VACUUM pools, claims")


def _rate(server: _Server, order: Callable[[int], None]) -> float:
    """Orders a second, of so many threads that each order again and again; each says its number."""
    server.refill()
    gate, stop = threading.Barrier(CONNECTIONS + 1), threading.Event()

    def buy(number: int) -> int:
        done = 0
        gate.wait()
        while not stop.is_set():
            order(number)
            done += 1
        return done

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        buyers = [threads.submit(buy, number) for number in range(CONNECTIONS)]
        gate.wait()
        started = time.perf_counter()
        stop.wait(SECONDS)
        stop.set()
        done = sum(buyer.result() for buyer in buyers)
        return done / (time.perf_counter() - started)


def _checkouts(server: _Server, kind: type[PostgresUnitOfWork], *, claim_last: bool) -> float:
    """The whole transaction of a checkout, statement for statement, through the adapter."""
    seat_maps = SeatMapCache()

    def place(_: int) -> None:
        order = order_of(server.sale, Wish(tier="general", quantity=UNITS), who=uuid4().hex)
        with kind(server.engine, seat_maps=seat_maps) as uow:
            uow.stock.epoch(order.event_id)
            event = uow.events.get(order.event_id)
            uow.orders.units_bought(event_id=event.id, keys=counted_under(order.fingerprint))
            uow.orders.of_hold(order.hold_id)
            uow.orders.add(order, policy=uow.events.policy(event.id))
            if not claim_last:
                uow.stock.claim(order)
            uow.audit.add(
                AuditEntry(
                    id=uuid4(), at=NOW, actor=BUYER, action="order.placed", subject_kind="order",
                    subject_id=str(order.id),
                )
            )  # fmt: skip
            uow.payments.add(payment_of(order, state=PaymentState.STARTING, session_id=None, intent_id=None))
            if claim_last:
                uow.stock.claim(order)
            uow.commit()

    return _rate(server, place)


def _bare(server: _Server, function: str) -> float:
    """Order, line and claim in one statement: what the server itself can do."""
    statement = f"SELECT {function}(%s, %s, %s, %s, %s)".encode()  # a name of this module
    early = function == "bench_counter_early"
    event, tier = server.sale.event_id, server.sale.tiers[0].id
    server.engine.dispose()  # The server has no room for two sets of connections.
    with ExitStack() as opened_here:
        connect = partial(psycopg.connect, server.url, autocommit=True)
        connections = [opened_here.enter_context(connect()) for _ in range(CONNECTIONS)]

        def place(number: int) -> None:
            connections[number].execute(statement, [event, tier, uuid4(), uuid4(), UNITS], prepare=True)
            if early:
                connections[number].execute("SELECT pg_logical_emit_message(true, 'bench', '')", prepare=True)

        return _rate(server, place)


def measure() -> Iterator[Measurement]:
    """Orders a second; the yardstick is one row a place and SKIP LOCKED, in the same way of working."""
    with _served() as server:
        ways: tuple[tuple[str, type[PostgresUnitOfWork], bool], ...] = (
            ("claim in the middle, kept locked", _KeptLocked, False),
            ("claim last, kept locked", _KeptLocked, True),
            ("claim in the middle, let go early", PostgresUnitOfWork, False),
            ("claim last, let go early", PostgresUnitOfWork, True),
        )
        for name, kind, last in ways:
            yield compare(
                f"whole checkout: {name}",
                ours=partial(_checkouts, server, kind, claim_last=last),
                yardstick=partial(_checkouts, server, _InRows, claim_last=last),
            )
        yield compare(
            "order and claim in one statement: counter, let go early",
            ours=partial(_bare, server, "bench_counter_early"),
            yardstick=partial(_bare, server, "bench_rows"),
        )
        yield compare(
            "order and claim in one statement: counter kept locked",
            ours=partial(_bare, server, "bench_counter"),
            yardstick=partial(_bare, server, "bench_rows"),
        )
        yield compare(
            f"order and claim in one statement: {SUB_COUNTERS} sub-counters",
            ours=partial(_bare, server, "bench_sub_counters"),
            yardstick=partial(_bare, server, "bench_rows"),
        )


@contextmanager
def _served() -> Iterator[_Server]:
    with postgres_running(durable=True) as running, database(running) as url:
        migrate.upgrade(url)
        engine = create_engine(
            url,
            application_name="bench",
            pool_size=CONNECTIONS,
            pool_wait_seconds=PATIENCE_SECONDS,
            lock_seconds=PATIENCE_SECONDS,
            statement_seconds=PATIENCE_SECONDS,
        )
        sale = general_sale(capacity=PLACES, vip_capacity=None)
        opened(lambda: PostgresUnitOfWork(engine, seat_maps=SeatMapCache()), sale)
        with psycopg.connect(url, autocommit=True) as by_hand:
            by_hand.execute(_PUT_UP.encode())
            for name, claim in _CLAIMS_BY_FUNCTION.items():
                by_hand.execute(_PLACE.format(name=name, claim=claim).encode())
        try:
            yield _Server(url, engine, sale)
        finally:
            engine.dispose()
