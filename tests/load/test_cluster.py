"""Sales on a real Valkey Cluster while its servers die, hang, fall behind and change places. Postgres is the judge.

A replica that takes over may lack what its primary acknowledged last, in the same epoch; so may a single server that
was started again with a torn file. What protects is that an order
claims its stock again in Postgres; what brings Valkey's picture back to the truth is a load in a new epoch. These tests
call ``rebuild_sale`` where whatever watches over the servers would.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from itertools import count
from random import Random
from threading import Event, Lock
from uuid import uuid4

import pytest

from adapters.postgres.books import PostgresBooks
from adapters.postgres.comparison import PostgresComparison
from adapters.redis_locks.condition import serving, valkey_condition
from adapters.redis_locks.connections import connect
from adapters.redis_locks.keys import feed_key, sale_keys, waiting_room
from application.commands.reconcile_sales import Reconciliation, reconcile_sale
from application.commands.start_checkout import CheckoutStarted
from application.queries.verify import verify
from domain.errors import InventoryUnavailable, Rejection, RejectionCode
from domain.events import EventId, Sale
from domain.holds import ActiveHold, BuyerFingerprint, HoldId
from domain.orders import Order, OrderState
from domain.ports.inventory import SaleDoubt
from entrypoints.launcher.process import free_port
from entrypoints.launcher.valkey import EmbeddedValkey
from tests.contract.houses import ValkeyHouse, ask, held, opened, snapshot
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.fakes.sales import big_reserved_sale, buyer, chosen, general, general_sale, new_hold_id
from tests.servers import running, scratch_directory
from tests.unit.application.house import ADA
from tests.valkey_cluster import (
    PRIMARIES,
    ClusterMember,
    ValkeyCluster,
    cluster_running,
)

SHOPPERS = 6
ROWS, SEATS_PER_ROW = 10, 40
ORDERS_BEFORE, ORDERS_LOST, ORDERS_AFTER = 8, 4, 12
HOLD_SECONDS = 120
BREATH_SECONDS = 0.02
"""How long a shopper who was told that the sale is away waits before trying again."""
GONE = {RejectionCode.SEATS_TAKEN, RejectionCode.HOLD_LAPSED, RejectionCode.SOLD_OUT}
"""How a shopper is told that it will be another seat."""


@pytest.fixture(scope="module")
def harmed() -> Iterator[ValkeyCluster]:
    """A cluster of these tests' own, to harm."""
    with cluster_running() as cluster:
        yield cluster


@pytest.fixture
def cluster(harmed: ValkeyCluster) -> ValkeyCluster:
    """Whole at the beginning of each test, however the one before left it."""
    harmed.heal()
    harmed.flush()
    return harmed


@pytest.fixture
def house(cluster: ValkeyCluster) -> Iterator[ValkeyHouse]:
    client = connect(cluster.url())
    yield ValkeyHouse(client)
    client.close()


@pytest.fixture
def shop(cluster: ValkeyCluster, database_url: str) -> Iterator[ServerHouse]:
    """Every use case over a real Postgres and the cluster, one event of 400 seats."""
    with servers_at(database_url=database_url, redis_url=cluster.url()) as servers:
        yield ServerHouse(sale=sale_of_seats(), servers=servers)


def sale_of_seats() -> Sale:
    return big_reserved_sale(rows=ROWS, per_row=SEATS_PER_ROW, hold_seconds=HOLD_SECONDS)


def primary_of(cluster: ValkeyCluster, sale: Sale) -> ClusterMember:
    return cluster.owner(feed_key(sale.event_id))


def replica_of(cluster: ValkeyCluster, sale: Sale) -> ClusterMember:
    return cluster.replica(feed_key(sale.event_id))


def answers(step: Callable[[], object]) -> bool:
    """Whether the inventory answers at all."""
    try:
        step()
    except InventoryUnavailable:
        return False
    return True


def reconciled(shop: ServerHouse, event_id: EventId, *, repair: bool = True) -> Reconciliation:
    """What the reconciler does when it is the sale's turn, or when it finds another server in the old one's place."""
    return reconcile_sale(
        event_id,
        repair=repair,
        catalogue=shop.catalogue,
        inventory=shop.inventory,
        unit_of_work=shop.uow,
        clock=shop.clock,
        ids=shop.ids,
    )


def disagreements(shop: ServerHouse) -> list[str]:
    """Everything that ``tessera verify`` finds wrong."""
    look = partial(reconciled, shop, repair=False)
    results = verify(
        books=PostgresBooks(shop.servers.engine),
        comparison=PostgresComparison(shop.servers.engine),
        catalogue=shop.catalogue,
        reconcile=look,
        clock=shop.clock,
    )
    assert sum(result.compared for result in results), "there was something to compare"
    return [difference for result in results for difference in result.differences]


@dataclass
class Shoppers:
    """Threads that hold a seat and check it out, again and again, until they are sent home."""

    shop: ServerHouse
    orders: list[Order] = field(default_factory=list)
    refused: Counter[RejectionCode] = field(default_factory=Counter)
    turned_away: int = 0
    _lock: Lock = field(default_factory=Lock)
    _closed: Event = field(default_factory=Event)
    _numbers: count[int] = field(default_factory=count)

    @contextmanager
    def shopping(self) -> Iterator[None]:
        """A shopper who meets anything but a refusal or an unavailable sale fails the test."""
        with ThreadPoolExecutor(SHOPPERS) as threads:
            going = [threads.submit(self._shop, Random(seed)) for seed in range(SHOPPERS)]
            try:
                yield
            finally:
                self._closed.set()
        for shopper in going:
            shopper.result()

    def _shop(self, dice: Random) -> None:
        while not self._closed.is_set():
            try:
                self._buy(dice.randrange(ROWS * SEATS_PER_ROW), number=next(self._numbers))
            except InventoryUnavailable:
                with self._lock:
                    self.turned_away += 1
                self._closed.wait(BREATH_SECONDS)

    def _buy(self, seat: int, *, number: int) -> None:
        who = BuyerFingerprint(device=f"device-{number}", address=f"address-{number}")
        answer: ActiveHold | Rejection | CheckoutStarted = self.shop.hold(
            chosen(self.shop.sale, seat, key="seat"), buyer=who
        )
        if isinstance(answer, ActiveHold):
            answer = self.shop.checkout(answer.id, replace(ADA, email=f"shopper-{number}@example.com", phone=None))
        with self._lock:
            if isinstance(answer, CheckoutStarted):
                self.orders.append(answer.order)
            elif isinstance(answer, Rejection):
                self.refused[answer.code] += 1


def assert_sold_once(shop: ServerHouse, shoppers: Shoppers) -> None:
    """What buyers were told stands in the books, no seat was promised to two of them, and refusals were honest."""
    told = [seat for order in shoppers.orders for seat in order.seats]
    assert len(told) == len(set(told)) == len(shoppers.orders)
    assert all(shop.order(order.id).state is OrderState.AWAITING_PAYMENT for order in shoppers.orders)
    assert set(shoppers.refused) <= GONE
    for result in PostgresBooks(shop.servers.engine).check():
        assert result.differences == (), result.name


def assert_comes_right(shop: ServerHouse, orders: list[Order]) -> None:
    """Paid, settled and left alone until every hold has lapsed, Valkey and Postgres tell the same story.

    The reconciler has one more turn: while settlements were under way it could not tell a lost claim from a late one.
    """
    for order in orders:
        shop.pay(order)
        shop.settle(order.id)
    shop.drain()
    assert not shop.refused
    shop.advance(seconds=HOLD_SECONDS + 1)
    shop.inventory.sweep(event_id=shop.event_id, at_most=1_000)
    reconciled(shop, shop.event_id)
    assert disagreements(shop) == []
    assert shop.free("z:house") == shop.free_in_truth("z:house") == ROWS * SEATS_PER_ROW - len(orders)


class TestPlacement:
    """How sales are placed on nodes."""

    def test_everything_of_a_sale_has_one_slot_and_sales_have_many(self, cluster: ValkeyCluster) -> None:
        """One script may touch all of a sale; and sales spread over the primaries."""
        events = [EventId(uuid4()) for _ in range(60)]
        for event_id in events:
            keys = (*astuple(sale_keys(event_id)), *waiting_room(event_id), feed_key(event_id))
            assert len({cluster.slot(key) for key in keys}) == 1
        assert len({cluster.owner(feed_key(event_id)) for event_id in events}) == PRIMARIES

    def test_a_slot_moves_in_the_middle_of_a_sale(self, house: ValkeyHouse, cluster: ValkeyCluster) -> None:
        """A hot sale gets another node while people buy: no hold is lost, none is made twice, nobody is told of it."""
        sale = opened(house, general_sale(capacity=2_000, vip_capacity=None))
        owner = primary_of(cluster, sale)
        target = next(member for member in cluster.members if member != owner and cluster.is_primary(member))
        closed = Event()

        def buy(seed: int) -> list[HoldId]:
            made: list[HoldId] = []
            while not closed.is_set():
                made.append(held(house, sale, general(sale, 1), who=buyer(f"{seed}-{len(made)}")).id)
            return made

        with ThreadPoolExecutor(SHOPPERS) as threads:
            buyers = [threads.submit(buy, seed) for seed in range(SHOPPERS)]
            try:
                cluster.move_slot(cluster.slot(feed_key(sale.event_id)), to=target)
            finally:
                closed.set()
        holds = [hold_id for shopper in buyers for hold_id in shopper.result()]

        assert primary_of(cluster, sale) == target
        assert snapshot(house, sale).free["z:floor"] == 2_000 - len(holds)
        assert all(house.inventory.find(hold_id=hold_id) for hold_id in holds)


class TestOneServerAway:
    """A sale whose primary is gone fails closed, at once, and only that one."""

    def test_its_sales_wait_and_others_go_on(self, house: ValkeyHouse, cluster: ValkeyCluster) -> None:
        """Holds there are refused as unavailable, at once; elsewhere they are made.

        The same client goes on as soon as the replica has taken over, with the holds that were made before.
        """
        sales: dict[ClusterMember, Sale] = {}
        while len(sales) < PRIMARIES:
            sale = general_sale(vip_capacity=None)
            sales.setdefault(primary_of(cluster, sale), opened(house, sale))
        (dead, hit), *others = sales.items()
        replica = replica_of(cluster, hit)
        kept = held(house, hit, general(hit, 2))
        cluster.until(lambda: cluster.is_replica_in_step(replica), what="the replica is in step")

        cluster.kill(dead)
        for _ in range(5):
            assert not answers(partial(held, house, hit, general(hit, 1)))
        for _, sale in others:
            held(house, sale, general(sale, 1))
        condition = valkey_condition(house.client)
        with cluster.hasty():
            cluster.until(lambda: answers(partial(house.inventory.find, hold_id=kept.id)), what="a replica takes over")

        assert f"127.0.0.1:{dead.port}" in condition.away
        assert house.inventory.find(hold_id=kept.id) == kept
        held(house, hit, general(hit, 1))
        assert primary_of(cluster, hit) == replica

    def test_a_cluster_that_comes_back_empty_never_reads_as_all_free(
        self, shop: ServerHouse, cluster: ValkeyCluster
    ) -> None:
        """The power fails for all six, and nothing was kept. The next buyer finds the sale rebuilt from Postgres."""
        order = shop.place_order(chosen(shop.sale, 7, key="seat"))
        stale = shop.hold(chosen(shop.sale, 8, key="seat"))
        assert isinstance(stale, ActiveHold)

        for member in cluster.members:
            cluster.kill(member)
        assert not answers(partial(shop.hold, chosen(shop.sale, 9, key="seat")))
        cluster.heal()
        cluster.until(lambda: answers(partial(seats, shop)), what="they answer")

        again = shop.hold(chosen(shop.sale, 7, key="seat"))
        assert isinstance(again, Rejection)
        assert again.code is RejectionCode.SEATS_TAKEN
        assert isinstance(lost := shop.checkout(stale.id), Rejection)
        assert lost.code is RejectionCode.HOLD_LAPSED
        assert_comes_right(shop, [order])


class TestFailoverDuringASale:
    """Threads hold and check out while the sale changes its server."""

    def test_the_primary_is_killed(self, shop: ServerHouse, cluster: ValkeyCluster) -> None:
        """The replica takes over by itself, and the sale goes on in the same processes, without a hand."""
        shoppers = Shoppers(shop)
        owner, replica = primary_of(cluster, shop.sale), replica_of(cluster, shop.sale)
        word = serving(shop.servers.valkey, [shop.event_id])
        with shoppers.shopping():
            cluster.until(lambda: len(shoppers.orders) >= ORDERS_BEFORE, what="the sale begins")
            cluster.kill(owner)
            before = len(shoppers.orders)
            with cluster.hasty():
                cluster.until(lambda: len(shoppers.orders) >= before + SHOPPERS + ORDERS_AFTER, what="the sale goes on")

        assert primary_of(cluster, shop.sale) == replica
        assert shoppers.turned_away, "buyers met the failover"
        assert serving(shop.servers.valkey, [shop.event_id]) != word, "whoever watches can tell"
        assert_sold_once(shop, shoppers)
        reconciled(shop, shop.event_id)
        assert_comes_right(shop, shoppers.orders)

    def test_acknowledged_writes_are_lost(self, shop: ServerHouse, cluster: ValkeyCluster) -> None:
        """The replica takes over without what was sold last; the old primary, only paused, wakes up and answers on.

        Seats that were sold and look free again are refused by Postgres, never sold.
        """
        shoppers = Shoppers(shop)
        owner, replica = primary_of(cluster, shop.sale), replica_of(cluster, shop.sale)
        with ExitStack() as hanging, shoppers.shopping():
            cluster.until(lambda: len(shoppers.orders) >= ORDERS_BEFORE, what="the sale begins")
            with cluster.cut_off(replica):
                known = len(shoppers.orders)
                cluster.until(lambda: len(shoppers.orders) >= known + ORDERS_LOST, what="more is sold")
                hanging.enter_context(cluster.paused(owner))
            cluster.take_over(replica)
            before = len(shoppers.orders)
            cluster.until(lambda: len(shoppers.orders) >= before + ORDERS_AFTER, what="the sale goes on")
            hanging.close()
            cluster.until(lambda: not cluster.is_primary(owner), what="the old primary gives in")
            before = len(shoppers.orders)
            cluster.until(lambda: len(shoppers.orders) >= before + ORDERS_AFTER, what="the sale goes on after that")

        assert_sold_once(shop, shoppers)
        reconciled(shop, shop.event_id)
        assert_comes_right(shop, shoppers.orders)


class TestAPictureOfThePast:
    """Valkey has lost its newest writes and does not know it: one by one, who is told what, and how it is put right."""

    def test_of_a_replica_that_lagged(self, shop: ServerHouse, cluster: ValkeyCluster) -> None:
        """It takes over without what its primary acknowledged last."""

        @contextmanager
        def losing() -> Iterator[None]:
            replica = replica_of(cluster, shop.sale)
            cluster.until(lambda: cluster.is_replica_in_step(replica), what="the replica is in step")
            with cluster.cut_off(replica):
                yield
                cluster.kill(primary_of(cluster, shop.sale))
            cluster.take_over(replica)
            cluster.until(lambda: answers(partial(seats, shop)), what="the replica takes over")

        tell_of_lost_writes(shop, losing)

    def test_of_a_truncated_file(self, database_url: str) -> None:
        """One server, killed; the end of its append-only file did not reach the disk."""
        with scratch_directory() as folder:
            server = EmbeddedValkey(
                directory=folder / "valkey",
                port=free_port(),
                password=secrets.token_hex(16),
                log_path=folder / "valkey.log",
            )
            with (
                running(server.prepare()) as process,
                servers_at(database_url=database_url, redis_url=server.url()) as servers,
            ):

                @contextmanager
                def losing() -> Iterator[None]:
                    (file,) = server.directory.glob("appendonlydir/*.incr.aof")
                    size = file.stat().st_size
                    yield
                    process.end_now()
                    os.truncate(file, size)
                    process.start()

                tell_of_lost_writes(ServerHouse(sale=sale_of_seats(), servers=servers), losing)

    def test_stock_that_was_loaded_is_lost(self, house: ValkeyHouse, cluster: ValkeyCluster) -> None:
        """An epoch behind, it answers nothing but REBUILD to whoever knows of the newer one."""
        sale = opened(house, general_sale(vip_capacity=None))
        replica = replica_of(cluster, sale)
        cluster.until(lambda: cluster.is_replica_in_step(replica), what="the replica is in step")
        with cluster.cut_off(replica):
            newer = opened(house, replace(sale, epoch=sale.epoch + 1))
            cluster.kill(primary_of(cluster, sale))
        cluster.take_over(replica)
        cluster.until(lambda: answers(partial(snapshot, house, sale)), what="the replica takes over")

        assert snapshot(house, sale).epoch == sale.epoch
        assert ask(house, newer, general(newer, 1), hold_id=new_hold_id(newer)) is SaleDoubt.REBUILD


def tell_of_lost_writes(shop: ServerHouse, losing: Callable[[], AbstractContextManager[None]]) -> None:
    """A hold, a claim, a sale and a refund are acknowledged inside ``losing``, and lost.

    `verify` names what looks free and is sold, and what looks sold and is free. The holder is told that the hold
    lapsed. The first stranger who picks a sold seat is refused by Postgres, and that loads the sale anew.
    """
    sale = shop.sale
    returned = shop.buy(chosen(sale, 0, key="seat"))
    word = serving(shop.servers.valkey, [sale.event_id])
    with losing():
        holding = shop.hold(chosen(sale, 1, key="seat"))
        claimed = shop.place_order(chosen(sale, 2, key="seat"))
        sold = shop.buy(chosen(sale, 3, key="seat"))
        shop.refund(returned.id)
        shop.drain()
        assert seats(shop) == "fhhs"

    assert seats(shop) == "sfff"
    assert serving(shop.servers.valkey, [sale.event_id]) != word
    found = disagreements(shop)
    assert [sum(f"seat {seat}:" in each for each in found) for seat in range(4)] == [1, 0, 1, 1]

    assert isinstance(holding, ActiveHold)
    assert isinstance(told := shop.checkout(holding.id), Rejection)
    assert told.code is RejectionCode.HOLD_LAPSED

    stranger = shop.hold(chosen(sale, 3, key="seat"), buyer=buyer("stranger"))
    assert isinstance(stranger, ActiveHold)
    assert isinstance(refused := shop.checkout(stranger.id), Rejection)
    assert refused.code is RejectionCode.SEATS_TAKEN

    assert seats(shop) == "ffss"
    assert disagreements(shop) == []
    assert shop.order(sold.id).state is OrderState.CONFIRMED
    shop.pay(claimed)
    shop.settle(claimed.id)
    shop.drain()
    assert shop.buy(chosen(sale, 0, key="seat")).state is OrderState.CONFIRMED


def seats(shop: ServerHouse) -> str | None:
    """The first four seats, as Valkey believes."""
    taken = shop.inventory.snapshot(event_id=shop.event_id)
    return taken.seats[:4] if taken else None
