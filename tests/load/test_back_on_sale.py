"""Lapsed stock is back on sale within a second, with other sales under load and without any traffic of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

import pytest

from adapters.redis_locks.connections import connect
from application.commands.settle_stock import HOLDS_PER_SWEEP_MAX, sweep_sales
from domain.events import HOLD_SECONDS_MIN, Sale
from domain.ports.catalogue import Catalogue
from entrypoints.workers import pacemaker
from tests.contract.houses import ValkeyHouse, held, opened, snapshot
from tests.contract.stores import opened as announced
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.sales import buyer, general, general_sale
from tests.fakes.unit_of_work import FakeStore
from tests.load.accounts import balanced
from tests.load.shoppers import PATIENCE_SECONDS, crowd_at, crowded_sale
from tests.processes import eventually

BACK_ON_SALE_SECONDS = 1.0
"""The promise. A machine that is busy with other tests may break it, so what is tested are the parts it is made of."""
AHEAD_SECONDS = 0.2
ROUNDING = timedelta(milliseconds=2)
"""Between a client's clock and the server's, in whole milliseconds."""
ENDED_KEPT = timedelta(hours=1)
SHOPPERS = 6


@pytest.fixture
def house(redis_url: str) -> Iterator[ValkeyHouse]:
    client = connect(redis_url, connections_max=2 * SHOPPERS, answer_seconds=PATIENCE_SECONDS)
    yield ValkeyHouse(client)
    client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One beat of the sweeper."""

    began: datetime
    returned: int


@dataclass
class Chores:
    """The pacemaker's: the sweeper is the real one, and writes down what it does; the others rest."""

    house: ValkeyHouse
    catalogue: Catalogue
    sweeps: list[Sweep] = field(default_factory=list)

    def sweep_sales(self) -> int:
        began = self.house.now()
        returned = sweep_sales(catalogue=self.catalogue, inventory=self.house.inventory)
        self.sweeps.append(Sweep(began=began, returned=returned))
        return returned

    def rest(self) -> int:
        return 0

    run_batches = tell_of_new_dates = tell_buyers = compare_daily = prune_answers = rest
    prune_outbox = expire_due_orders = check_payments = check_refunds = decide_reviews = reconcile_sales = rest
    check_disputes = catch_up = rest
    prune_webhooks = prune_entries = watch_stock = open_tiers = rest

    @contextmanager
    def paced(self) -> Iterator[None]:
        """The real pacemaker at its real rates, while the block lasts."""
        stop = Event()
        threads = pacemaker.start(self, stop=stop)
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)


def on_sale(house: ValkeyHouse, sale: Sale) -> Chores:
    """The sale loaded, and known to the catalogue that the sweeper goes by."""
    store = FakeStore()
    announced(store, opened(house, sale))
    return Chores(house, FakeCatalogue(store))


def test_the_next_sweep_brings_it_back(house: ValkeyHouse) -> None:
    """Nobody asks for the tickets, others are busy: the first sweep after the deadline returns them, and no other."""
    sale = general_sale(capacity=2, vip_capacity=None, hold_seconds=HOLD_SECONDS_MIN)
    chores = on_sale(house, sale)
    hold = held(house, sale, general(sale, 2))
    house.advance(seconds=(hold.expires_at - house.now()).total_seconds() - AHEAD_SECONDS)

    with crowd_at(house.inventory, opened(house, crowded_sale()), size=SHOPPERS), chores.paced():
        assert eventually(lambda: snapshot(house, sale).free["z:floor"] == 2, seconds=PATIENCE_SECONDS)

    (returning,) = (sweep for sweep in chores.sweeps if sweep.returned)
    assert returning.returned == 1
    assert not [one for one in chores.sweeps if hold.expires_at + ROUNDING < one.began < returning.began]
    second = held(house, sale, general(sale, 2), who=buyer("second"))
    assert balanced(house.inventory, sale, known=[hold.id, second.id]).live == {second.id: second}


def test_sweeps_are_frequent_enough() -> None:
    """Whoever lapses right after a sweep waits for one interval; the other half of the second is for the work."""
    assert 2 * pacemaker.SWEEP_EVERY_SECONDS <= BACK_ON_SALE_SECONDS


def test_a_rush_that_lapses_together_returns_together(house: ValkeyHouse) -> None:
    """Those who came in the first second of a sale lapse in one second: a single beat returns them all."""
    rush = 2 * HOLDS_PER_SWEEP_MAX + 1
    sale = general_sale(capacity=rush, vip_capacity=None, hold_seconds=HOLD_SECONDS_MIN)
    chores = on_sale(house, sale)
    known = [held(house, sale, general(sale, 1), who=buyer(str(n))).id for n in range(rush)]
    house.advance(seconds=HOLD_SECONDS_MIN + 1)

    assert chores.sweep_sales() == rush
    assert snapshot(house, sale).free == sale.capacities()
    assert not balanced(house.inventory, sale, known=known).live


def test_what_is_only_to_be_forgotten_stands_in_nobodys_way(house: ValkeyHouse) -> None:
    """However many ids of long-ended holds are due to be forgotten, what has lapsed returns with this sweep."""
    sale = opened(house, general_sale(vip_capacity=None, hold_seconds=HOLD_SECONDS_MIN))
    ended = [held(house, sale, general(sale, 1), who=buyer(str(n))).id for n in range(20)]
    assert all(house.inventory.release(hold_id=hold_id) for hold_id in ended)
    house.advance(seconds=ENDED_KEPT.total_seconds() - 1)
    hold = held(house, sale, general(sale, 2))
    house.advance(seconds=HOLD_SECONDS_MIN + 1)

    assert house.inventory.sweep(event_id=sale.event_id, at_most=len(ended) // 2) == 1
    assert snapshot(house, sale).free == sale.capacities()
    assert not balanced(house.inventory, sale, known=[*ended, hold.id]).live
