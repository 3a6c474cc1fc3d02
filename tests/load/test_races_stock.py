"""Races for stock on a real Postgres: many threads, one server, and the winners are counted."""

import itertools
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from threading import Barrier, Semaphore
from typing import TypeVar
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine

from adapters.postgres import migrate
from adapters.postgres.books import PostgresBooks
from adapters.postgres.catalogue import PostgresCatalogue
from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.security.ids import SystemIds
from application.commands.change_capacity import ChangeZoneCapacity, change_capacity
from domain import bookings
from domain.errors import InvariantBroken, Rejection, StockConflict, StoreUnavailable, TransactionConflict
from domain.events import Sale
from domain.orders import Order
from domain.ports.outbox import Effect, OutboxRow
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.stock_blocks import BlockedStock
from entrypoints.launcher.postgres import EmbeddedPostgres
from entrypoints.launcher.process import ChildProcess, free_port
from tests.contract.stores import (
    NOW,
    Wish,
    block_of,
    bought,
    opened,
    order_of,
    payment_of,
    placed,
    refund_of,
    tickets_of,
)
from tests.fakes.inventory import FakeInventory
from tests.fakes.sales import big_reserved_sale, general_sale, mixed_sale, reserved_sale
from tests.fakes.world import FakeClock
from tests.servers import running, scratch_directory

T = TypeVar("T")
CONNECTIONS = 50
PATIENCE_SECONDS = 60
"""On a busy machine a queue may be long; what is tested is that it is right, not how long it is."""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(
        database_url,
        application_name="races",
        pool_size=CONNECTIONS,
        statement_seconds=PATIENCE_SECONDS,
        lock_seconds=PATIENCE_SECONDS,
        pool_wait_seconds=PATIENCE_SECONDS,
    )
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> Iterator[UnitOfWorkFactory]:
    """A store whose books must balance when the race is over."""
    seat_maps = SeatMapCache()
    yield lambda: PostgresUnitOfWork(engine, seat_maps=seat_maps)
    for result in PostgresBooks(engine).check():
        assert result.differences == (), result.name


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run every task in a thread of its own, all let go at the same moment."""
    gate = Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        gate.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def attempt(store: UnitOfWorkFactory, order: Order) -> Order | StockConflict:
    """Place an order as the use case does: the epoch first, then order and claim, one transaction."""
    with store() as uow:
        uow.stock.epoch(order.event_id)
        try:
            placed(uow, order)
        except StockConflict as conflict:
            return conflict
        uow.commit()
    return order


def free(store: UnitOfWorkFactory, sale: Sale) -> dict[str, int]:
    with store() as uow:
        return dict(uow.stock.levels(sale.event_id).free)


def test_fifty_threads_one_seat_one_winner(store: UnitOfWorkFactory) -> None:
    """Everybody else is told which seat is gone."""
    sale = big_reserved_sale(rows=1, per_row=3)
    opened(store, sale)
    orders = [order_of(sale, Wish(tier="seat", seats=(1,)), who=f"buyer-{n}") for n in range(50)]

    answers = at_once([partial(attempt, store, order) for order in orders])

    assert sum(isinstance(answer, Order) for answer in answers) == 1
    assert all(answer.seats == (1,) for answer in answers if isinstance(answer, StockConflict))
    assert free(store, sale) == {"z:house": 2}


def test_two_hundred_threads_fifty_places_fifty_winners(store: UnitOfWorkFactory) -> None:
    """A hot pool is sold to the last place and not one further."""
    sale = general_sale(capacity=50, vip_capacity=None)
    opened(store, sale)
    orders = [order_of(sale, Wish(tier="general", quantity=1), who=f"buyer-{n}") for n in range(200)]

    answers = at_once([partial(attempt, store, order) for order in orders])

    assert sum(isinstance(answer, Order) for answer in answers) == 50
    assert all(answer.pools == ("z:floor",) for answer in answers if isinstance(answer, StockConflict))
    assert free(store, sale)["z:floor"] == 0


def test_opposite_orders_of_asking_do_not_deadlock(store: UnitOfWorkFactory) -> None:
    """Carts over the same zones, tiers and seats, asked in every order, taken and given back at the same time.

    A deadlock would surface as TransactionConflict, which nothing here catches.
    """
    sale = reserved_sale(balcony_capacity=8)
    opened(store, sale)

    def shop(seed: int) -> int:
        dice, won = Random(seed), 0
        for _ in range(5):
            wishes = [
                Wish(tier="balcony", seats=tuple(dice.sample(range(30, 46), 2))),
                Wish(tier="stalls", seats=tuple(dice.sample(range(30), 3))),
            ]
            dice.shuffle(wishes)
            order = order_of(sale, *wishes, who=f"buyer-{seed}")
            if isinstance(attempt(store, order), Order):
                won += 1
                with store() as uow:
                    uow.stock.release(order)
                    if dice.random() < 0.8:
                        uow.commit()
        return won

    assert sum(at_once([partial(shop, seed) for seed in range(24)])) > 0


def test_orders_blocks_and_refunds_of_mixed_pools_do_not_deadlock(store: UnitOfWorkFactory) -> None:
    """Floor, numbered seats and limits, asked in every order: claimed, allocated, given back, blocked and unblocked.

    A deadlock would surface as TransactionConflict, which nothing here catches.
    """
    sale = mixed_sale()
    opened(store, sale)

    def shop(dice: Random, who: str) -> int:
        wishes = [
            Wish(tier="vip", quantity=1),
            Wish(tier="general", quantity=2),
            Wish(tier="anywhere", seats=(dice.randrange(10, 16), dice.randrange(10))),
        ]
        dice.shuffle(wishes)
        order = order_of(sale, *wishes[: dice.randrange(1, 4)], who=who)
        if not isinstance(attempt(store, order), Order):
            return 0
        with store() as uow:
            uow.stock.epoch(sale.event_id)
            if dice.random() < 0.5:
                uow.stock.allocate(order)
            uow.stock.release(order)
            uow.commit()
        return 1

    def keep(dice: Random) -> int:
        chosen = BlockedStock(seats=tuple(sorted(dice.sample(range(16), 3))))
        block = block_of(sale, dice.choice((chosen, BlockedStock(zone="floor", quantity=3))))
        with store() as uow:
            uow.stock.epoch(sale.event_id)
            try:
                uow.stock.block(block)
            except StockConflict:
                return 0
            uow.commit()
        with store() as uow:
            kept = uow.stock.find_block(block.id, lock=True)
            assert kept is not None
            uow.stock.epoch(sale.event_id)
            uow.stock.unblock(kept, kept.stock)
            uow.commit()
        return 1

    def work(seed: int) -> tuple[int, int]:
        dice = Random(seed)
        done = [(shop(dice, f"buyer-{seed}"), 0) if dice.random() < 0.7 else (0, keep(dice)) for _ in range(6)]
        return sum(won for won, _ in done), sum(kept for _, kept in done)

    results = at_once([partial(work, seed) for seed in range(24)])

    assert all(sum(column) > 0 for column in zip(*results, strict=True))
    assert free(store, sale) == dict(sale.capacities())


def test_a_seat_is_sold_or_kept_back(store: UnitOfWorkFactory) -> None:
    """Buyers and blocks that want the same seats at the same moment: each seat goes to one of them."""
    sale = big_reserved_sale(rows=2, per_row=10)
    opened(store, sale)
    dice = Random(11)

    def keep(wanted: tuple[int, ...]) -> tuple[int, ...]:
        with store() as uow:
            uow.stock.epoch(sale.event_id)
            try:
                uow.stock.block(block_of(sale, BlockedStock(seats=tuple(sorted(wanted)))))
            except StockConflict:
                return ()
            uow.commit()
        return wanted

    def buy(wanted: tuple[int, ...]) -> tuple[int, ...]:
        order = order_of(sale, Wish(tier="seat", seats=wanted), who=f"buyer-{wanted}")
        return wanted if isinstance(attempt(store, order), Order) else ()

    tasks = [partial(dice.choice((keep, buy)), tuple(dice.sample(range(20), 3))) for _ in range(40)]
    taken = [seat for seats in at_once(tasks) for seat in seats]

    assert len(taken) == len(set(taken)) > 0
    assert free(store, sale) == {"z:house": 20 - len(taken)}


def test_overlapping_carts_share_no_seat(store: UnitOfWorkFactory) -> None:
    """Sixty carts of random seats: those that won have no seat in common, and all others lost a seat to them."""
    sale = big_reserved_sale(rows=4, per_row=15)
    opened(store, sale)
    dice = Random(7)
    orders = [order_of(sale, Wish(tier="seat", seats=tuple(dice.sample(range(60), 4)))) for _ in range(60)]

    answers = at_once([partial(attempt, store, order) for order in orders])

    won = [answer for answer in answers if isinstance(answer, Order)]
    taken = [seat for order in won for seat in order.seats]
    assert len(taken) == len(set(taken))
    for order, answer in zip(orders, answers, strict=True):
        if isinstance(answer, StockConflict):
            assert set(answer.seats) == set(answer.seats) & set(order.seats) & set(taken)
            assert answer.seats


def test_one_hold_becomes_one_order(store: UnitOfWorkFactory) -> None:
    """However many checkouts of it arrive at the same moment (eventyay 1359)."""
    sale = general_sale()
    opened(store, sale)
    hold_id = order_of(sale, Wish(tier="general", quantity=1)).hold_id
    orders = [replace(order_of(sale, Wish(tier="general", quantity=1)), hold_id=hold_id) for _ in range(20)]

    def check_out(order: Order) -> bool:
        try:
            return isinstance(attempt(store, order), Order)
        except (InvariantBroken, TransactionConflict):
            return False

    assert sum(at_once([partial(check_out, order) for order in orders])) == 1
    assert free(store, sale)["z:floor"] == 99


def test_two_organisers_lower_a_capacity_under_load(store: UnitOfWorkFactory) -> None:
    """Below what is taken they are refused; what they achieve is never less than what is sold."""
    sale = general_sale(capacity=100, vip_capacity=60)
    event = opened(store, sale)

    def lower(capacity: int) -> bool:
        with store() as uow:
            locked = uow.events.get(event.id, lock=True)
            vip = replace(locked.tiers[1], capacity=capacity)
            try:
                uow.events.save(replace(locked, tiers=(locked.tiers[0], vip)))
            except StockConflict:
                return False
            uow.commit()
        return True

    def buy(number: int) -> bool:
        order = order_of(sale, Wish(tier="vip", quantity=1), who=f"buyer-{number}")
        return isinstance(attempt(store, order), Order)

    limits = (50, 45, 30, 20, 10, 5)
    answers = at_once([*(partial(lower, limit) for limit in limits), *(partial(buy, number) for number in range(40))])

    sold = sum(answers[len(limits) :])
    with store() as uow:
        capacity = uow.events.get(event.id).tiers[1].capacity
        left = uow.stock.levels(event.id).free["t:vip"]
    assert capacity is not None
    assert (left, sold <= capacity) == (capacity - sold, True)
    assert lower(sold - 1 if sold else 0) is (sold == 0)


def test_two_admins_lower_a_floor_while_it_sells(store: UnitOfWorkFactory, engine: Engine) -> None:
    """Each is told the least that is possible or gets what was asked; in the end the floor holds what is sold.

    The two begin where both values are possible and go on lowering until each is refused, while twenty buyers buy.
    """
    sale = general_sale(capacity=200, vip_capacity=None)
    event = opened(store, sale)
    inventory = FakeInventory(clock=lambda: NOW)
    catalogue = PostgresCatalogue(engine, seat_maps=SeatMapCache())
    still_buying = Semaphore(0)

    def lower(values: Sequence[int]) -> list[tuple[int, Rejection | None]]:
        answers: list[tuple[int, Rejection | None]] = []
        for wanted in values:
            still_buying.acquire(timeout=PATIENCE_SECONDS)
            answer = change_capacity(
                ChangeZoneCapacity(event_id=event.id, zone="floor", capacity=wanted, actor="ada"),
                catalogue=catalogue,
                inventory=inventory,
                unit_of_work=store,
                clock=FakeClock(),
                ids=SystemIds(),
            )
            answers.append((wanted, answer if isinstance(answer, Rejection) else None))
        return answers

    def buy(number: int) -> list[tuple[int, Rejection | None]]:
        for step in range(4):
            attempt(store, order_of(sale, Wish(tier="general", quantity=1), who=f"buyer-{number}-{step}"))
            still_buying.release()
        return []

    tasks: list[Callable[[], list[tuple[int, Rejection | None]]]] = [
        partial(lower, (150, 90, 60, 30, 0)),
        partial(lower, (140, 100, 70, 20, 1)),
        *(partial(buy, number) for number in range(20)),
    ]
    answers = [answer for told in at_once(tasks) for answer in told]

    with store() as uow:
        floor = uow.stock.pools(event.id)["z:floor"]
    refused = [(wanted, answer) for wanted, answer in answers if answer is not None]
    assert refused
    assert len(refused) < len(answers)
    assert all(
        isinstance(answer.details["lowest"], int) and answer.details["lowest"] > wanted for wanted, answer in refused
    )
    assert floor.capacity in {wanted for wanted, answer in answers if answer is None}
    assert 0 < floor.taken <= floor.capacity
    assert free(store, sale) == {"z:floor": floor.untaken}


def test_one_buyer_in_many_windows_does_not_pass_the_limit(store: UnitOfWorkFactory) -> None:
    """Twenty orders of one e-mail address at the same moment, four tickets allowed: four are bought."""
    sale = general_sale(capacity=500, vip_capacity=None)
    opened(store, sale)

    def buy() -> bool:
        order = order_of(sale, Wish(tier="general", quantity=1))
        with store() as uow:
            uow.stock.epoch(sale.event_id)
            if any(n >= 4 for n in uow.orders.units_bought(event_id=sale.event_id, keys=("d:device-ada",)).values()):
                return False
            placed(uow, order)
            uow.commit()
        return True

    assert at_once([buy] * 20).count(True) == 4


def test_a_rebuild_sees_every_order_of_the_old_epoch(store: UnitOfWorkFactory) -> None:
    """I9: an order that saw the old epoch is in the stock that the new epoch is loaded from, or it never was."""
    sale = general_sale(capacity=500, vip_capacity=None)
    opened(store, sale)

    def buy(number: int) -> int | None:
        """The epoch under which an order was committed."""
        order = order_of(sale, Wish(tier="general", quantity=1), who=f"buyer-{number}")
        with store() as uow:
            epoch = uow.stock.epoch(sale.event_id)
            placed(uow, order)
            uow.commit()
        return epoch

    def rebuild() -> int | None:
        with store() as uow:
            assert uow.stock.raise_epoch(sale.event_id, above=1) == 2
            loaded = uow.stock.levels(sale.event_id).free["z:floor"]
            uow.commit()
        return loaded

    tasks: list[Callable[[], int | None]] = [partial(buy, number) for number in range(80)]
    tasks.insert(40, rebuild)
    answers = at_once(tasks)

    loaded = answers.pop(40)
    assert loaded == 500 - answers.count(1)
    assert answers.count(1) + answers.count(2) == 80


def test_a_rebuild_gets_its_turn_while_orders_stream_in(store: UnitOfWorkFactory) -> None:
    """The gate's queue is fair: orders that keep coming do not starve the one who wants to pass alone."""
    sale = general_sale(capacity=10_000, vip_capacity=None)
    opened(store, sale)

    def stream(number: int) -> bool:
        for step in range(15):
            attempt(store, order_of(sale, Wish(tier="general", quantity=1), who=f"buyer-{number}-{step}"))
        return True

    def rebuild() -> bool:
        with store() as uow:
            uow.stock.raise_epoch(sale.event_id, above=1)
            uow.commit()
        with store() as uow:
            return uow.stock.levels(sale.event_id).free["z:floor"] > 10_000 - 12 * 15

    tasks: list[Callable[[], bool]] = [partial(stream, number) for number in range(12)]
    assert at_once([*tasks, rebuild])[-1]


def test_what_was_answered_survives_a_crash() -> None:
    """Hot locks are let go before the disk has written; an order is answered only after that, so none is ever lost.

    Postgres is stopped as by a crash while orders stream in: whatever was answered is there when it starts again.
    """
    sale = general_sale(capacity=100_000, vip_capacity=None)
    with scratch_directory() as folder:
        server = EmbeddedPostgres(
            directory=folder / "postgres", port=free_port(), password="secret", log_path=folder / "postgres.log"
        )
        with running(server.prepare()) as process:
            migrate.upgrade(server.url())
            engine = create_engine(server.url(), application_name="crash", pool_size=9)
            answered = _answered_until_crash(engine, sale, process)
        with running(server.prepare()), psycopg.connect(server.url()) as connection:
            found = {row[0] for row in connection.execute("SELECT id FROM orders").fetchall()}
            counted = connection.execute("SELECT claimed FROM pools").fetchone()

    assert len(answered) >= ORDERS_BEFORE_CRASH
    assert answered <= found
    assert counted == (len(found),)


ORDERS_BEFORE_CRASH = 40


def _answered_until_crash(engine: Engine, sale: Sale, process: ChildProcess) -> set[UUID]:
    """Every order that a buyer was told of before Postgres went away."""
    seat_maps = SeatMapCache()
    answered: set[UUID] = set()

    def store() -> PostgresUnitOfWork:
        return PostgresUnitOfWork(engine, seat_maps=seat_maps)

    opened(store, sale)

    def stream(number: int) -> None:
        with suppress(StoreUnavailable):
            for step in itertools.count():
                order = order_of(sale, Wish(tier="general", quantity=1), who=f"buyer-{number}-{step}")
                attempt(store, order)
                answered.add(order.id)
                if len(answered) >= ORDERS_BEFORE_CRASH:
                    assert process.pid is not None
                    os.kill(process.pid, signal.SIGQUIT)  # PostgreSQL's "immediate": nothing more is written

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(stream, range(8)))
    engine.dispose()
    return answered


def test_workers_share_the_outbox_without_meeting(store: UnitOfWorkFactory) -> None:
    """Each row is leased by one worker; nobody waits for another."""
    with store() as uow:
        for number in range(200):
            row = OutboxRow(
                id=uuid4(), key=f"k{number}", effect=Effect.SEND_SMS, payload={}, created_at=NOW, not_before=NOW
            )
            uow.outbox.add(row)
        uow.commit()

    def work() -> list[str]:
        mine: list[str] = []
        while True:
            with store() as uow:
                leased = uow.outbox.lease(now=NOW + timedelta(seconds=1), at_most=7, effects=frozenset(Effect))
                uow.commit()
            if not leased:
                return mine
            mine += [row.key for row in leased]

    keys = [key for mine in at_once([work] * 8) for key in mine]
    assert sorted(keys) == sorted(f"k{number}" for number in range(200))


def test_refunds_race_for_the_same_money(store: UnitOfWorkFactory) -> None:
    """Twenty refunds of everything: one is accepted (double clicks, batches and people at the same time)."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=2)))
    payment = payment_of(order)
    with store() as uow:
        uow.payments.add(payment)
        uow.tickets.add(tickets_of(order))
        uow.ledger.post(bookings.money_captured(order, payment, at=NOW), bookings.order_confirmed(order, at=NOW))
        uow.commit()

    def refund() -> bool:
        asked = refund_of(payment, order.total)
        try:
            with store() as uow:
                uow.refunds.add(asked)
                uow.ledger.post(bookings.refund_requested(order, asked, (), at=NOW))
                uow.commit()
        except InvariantBroken:
            return False
        return True

    assert sum(at_once([refund] * 20)) == 1
