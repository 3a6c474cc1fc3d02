"""Faults of a real Valkey in mid-load: everybody is told the truth, and afterwards the stock adds up."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from random import Random
from threading import Event
from typing import TypeVar

import pytest
import redis
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from adapters.postgres.catalogue import PostgresCatalogue
from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.redis_locks.connections import connect
from application.commands.place_hold import PlaceHold, place_hold
from application.commands.rebuild_sale import rebuild_sale
from domain.errors import InventoryUnavailable, Rejection, StockConflict
from domain.events import Sale
from domain.holds import ActiveHold, ClaimedHold, HoldId, HoldLine
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, Outcome
from domain.ports.unit_of_work import UnitOfWorkFactory
from tests.contract.houses import ValkeyHouse, ask, held, opened, refused, settlement, snapshot
from tests.contract.stores import Wish, bought, order_of, placed
from tests.contract.stores import opened as announced
from tests.fakes.rate_limits import FakeRateLimiter
from tests.fakes.sales import best, buyer, chosen, general, new_hold_id, stock_of
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.fakes.world import FakeClock
from tests.load.accounts import balanced
from tests.load.shoppers import FLOOR, NET, RETRY_SECONDS, STALLS, crowd_at, crowded_sale
from tests.load.valkey_faults import FragileValkey, fragile_valkey
from tests.processes import eventually
from tests.tcp_proxy import Fault, TcpProxy
from tests.unit.http.shop import Shop, answered

T = TypeVar("T")
SHOPPERS = 8
ANSWER_SECONDS = 0.5
"""Shorter than in production, so that silence is found out sooner. A script takes microseconds."""
FULL_BYTES = 1
"""No server has so little in it: every byte is one too many."""
PATIENCE_SECONDS = 30
TRIES_MAX = 20
FEW_MILLISECONDS = 0.003


@contextmanager
def house_at(url: str, *, answer_seconds: float = PATIENCE_SECONDS) -> Iterator[ValkeyHouse]:
    client = connect(url, connections_max=2 * SHOPPERS, answer_seconds=answer_seconds)
    try:
        yield ValkeyHouse(client)
    finally:
        client.close()


@pytest.fixture
def fragile() -> Iterator[FragileValkey]:
    with fragile_valkey() as server:
        yield server


@pytest.fixture
def house(fragile: FragileValkey) -> Iterator[ValkeyHouse]:
    with house_at(fragile.url()) as made:
        yield made


@pytest.fixture
def quiet() -> Iterator[None]:
    """Outages are logged with tracebacks, which take longer to draw than the rest of a test."""
    with capture_logs():
        yield


class TestKilled:
    """SIGKILL in mid-load."""

    def test_what_was_promised_is_on_disk(self) -> None:
        """With an append-only file: every hold, release, claim and sale that was answered is as it was answered.

        A script's effects are one transaction in that file, so of what was not answered all is there or nothing.
        """
        with fragile_valkey(durable=True) as fragile, house_at(fragile.url()) as house:
            sale = opened(house, crowded_sale())
            with crowd_at(house.inventory, sale, size=SHOPPERS) as crowd:
                for _ in range(2):
                    fragile.kill()
                    crowd.everybody_hears("unavailable")
                    fragile.restart()
                    crowd.hears("held", times=SHOPPERS)
            crowd.balanced(house.inventory)

    def test_an_emptied_server_is_loaded_from_the_truth(self, database_url: str) -> None:
        """Without its file: never "all free". Whoever asks first has it loaded, and what is ordered stays taken.

        Holds of before are void, because nothing is left that knows of them.
        """
        with fragile_valkey(durable=True) as fragile, _shop(fragile, database_url) as shop:
            order = bought(
                shop.store, order_of(shop.sale, Wish(tier="stalls", seats=(2, 3)), Wish(tier="vip", quantity=4))
            )
            stop, granted = Event(), list[HoldId]()
            with ThreadPoolExecutor(SHOPPERS) as threads:
                visitors = [threads.submit(shop.visits, f"visitor-{n}", stop, granted) for n in range(SHOPPERS)]
                try:
                    _grows(granted)
                    fragile.kill()
                    _grows(shop.refusals)
                    fragile.restart(empty=True)
                    _grows(granted)
                finally:
                    stop.set()
            for visitor in visitors:
                visitor.result()

            sale = shop.catalogue.fresh(event_id=shop.sale.event_id)
            assert sale.epoch > shop.sale.epoch
            accounts = balanced(shop.house.inventory, sale, known=[*granted, *shop.refusals], sold=[order])
            assert all(hold.epoch == sale.epoch for hold in accounts.live.values())
            assert refused(shop.house, sale, chosen(sale, 2), who=buyer("late")).details["seats"] == [2]

    def test_an_older_state_sells_nothing_twice(self, database_url: str) -> None:
        """A promoted replica may lack the last writes of its epoch: what it offers by mistake, Postgres refuses.

        Loading the sale anew, as checkout does after such a refusal, ends the mistake.
        """
        with fragile_valkey(durable=True) as fragile, _shop(fragile, database_url) as shop:
            assert isinstance(shop.place(new_hold_id(shop.sale), general(shop.sale, 1), "early"), ActiveHold)
            fragile.kill()
            fragile.remember()
            fragile.restart()
            sale = shop.catalogue.fresh(event_id=shop.sale.event_id)
            hold = held(shop.house, sale, chosen(sale, 0, 1))
            bought(shop.store, order_of(sale, Wish(tier="stalls", seats=(0, 1))))
            assert shop.house.inventory.settle(settlement=settlement(hold, Outcome.SOLD))
            fragile.kill()
            fragile.forget()
            fragile.restart()

            late = held(shop.house, sale, chosen(sale, 0, 1), who=buyer("late"))
            with shop.store() as uow, pytest.raises(StockConflict):
                placed(uow, order_of(sale, Wish(tier="stalls", seats=(0, 1)), who="late"))
            loaded = rebuild_sale(
                sale.event_id,
                above=sale.epoch,
                catalogue=shop.catalogue,
                inventory=shop.house.inventory,
                unit_of_work=shop.store,
            )
            assert refused(shop.house, loaded, chosen(sale, 0), who=buyer("late")).details["seats"] == [0]
            assert shop.house.inventory.find(hold_id=late.id) is None


class TestStopped:
    """SIGSTOP in mid-load: connections stay open, nothing answers, and what was sent is done much later."""

    def test_silence_is_an_outage_and_late_work_is_done_once(self, fragile: FragileValkey) -> None:
        """Nobody waits longer than an answer may take; what the server finds waiting when it goes on harms nobody."""
        with house_at(fragile.url(), answer_seconds=ANSWER_SECONDS) as house:
            sale = opened(house, crowded_sale())
            with crowd_at(house.inventory, sale, size=SHOPPERS) as crowd, fragile.stopped():
                crowd.everybody_hears("unavailable")
            crowd.balanced(house.inventory)


class TestFlushed:
    """SCRIPT FLUSH under load."""

    def test_nobody_notices(self, house: ValkeyHouse) -> None:
        """A script that is gone is taught again by the call that misses it: no refusal, and nothing done twice."""
        sale = opened(house, crowded_sale())
        with crowd_at(house.inventory, sale, size=SHOPPERS) as crowd, _again_and_again(house.client.script_flush):
            crowd.hears("held", times=20 * SHOPPERS)

        assert crowd.told("unavailable") == 0
        crowd.balanced(house.inventory)


class TestFull:
    """``maxmemory`` is reached and nothing may be evicted."""

    def test_under_load_nothing_is_half_written(self, house: ValkeyHouse) -> None:
        """The limit comes and goes in the middle of everything; each step is done, or it is refused as a whole."""
        sale = opened(house, crowded_sale())
        with crowd_at(house.inventory, sale, size=SHOPPERS) as crowd:
            for _ in range(10):
                with _full(house):
                    crowd.hears("unavailable", times=2 * SHOPPERS)
                crowd.hears("held", times=1)
        crowd.balanced(house.inventory)

    def test_a_hold_is_refused_and_changes_nothing(self, house: ValkeyHouse) -> None:
        """No new hold of any kind; holds that are there can be seen, and so can the stock."""
        sale = opened(house, crowded_sale())
        hold = held(house, sale, chosen(sale, 0), general(sale, 2))
        before = snapshot(house, sale)
        with _full(house):
            for cart in ((general(sale, 1),), (chosen(sale, 1, 2),), (best(sale, 2), general(sale, 1, "vip"))):
                with pytest.raises(InventoryUnavailable):
                    ask(house, sale, *cart)
            assert snapshot(house, sale) == before
            assert house.inventory.find(hold_id=hold.id) == hold
            assert refused(house, sale, chosen(sale, 0, 1)).details["seats"] == [0]
        balanced(house.inventory, sale, known=[hold.id])

    def test_stock_still_comes_back(self, house: ValkeyHouse) -> None:
        """Giving back and sweeping are what makes room: they go on."""
        sale = opened(house, crowded_sale(hold_seconds=120))
        kept, given, lapsed = (held(house, sale, chosen(sale, seat), general(sale, 2)) for seat in range(3))
        claimed = house.inventory.begin_claim(hold_id=kept.id, until=house.now() + NET)
        with _full(house):
            assert house.inventory.release(hold_id=given.id)
            house.advance(seconds=121)
            assert house.inventory.sweep(event_id=sale.event_id, at_most=10) == 1
            now = snapshot(house, sale)

        assert (now.seats.count("f"), now.free["z:floor"]) == (len(now.seats) - 1, FLOOR - 2)
        accounts = balanced(house.inventory, sale, known=[kept.id, given.id, lapsed.id])
        assert accounts.live == {kept.id: claimed}

    @pytest.mark.usefixtures("quiet")
    def test_a_visitor_is_told_when_to_come_back(self, house: ValkeyHouse) -> None:
        """503 as a problem, with Retry-After; and with the same Idempotency-Key the next try holds the tickets."""
        client = _web_shop(house.inventory).client()
        call = {"json": {"items": [{"tier": "general", "quantity": 2}]}, "headers": {"Idempotency-Key": "mine"}}
        with _full(house):
            refusal = client.post("/api/v1/events/field/holds", **call)

        assert answered(refusal, 503)["code"] == "inventory_unavailable"
        assert refusal.content_type == "application/problem+json"
        assert int(refusal.headers["Retry-After"]) > 0
        assert answered(client.post("/api/v1/events/field/holds", **call), 201)["items"][0]["quantity"] == 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One Valkey seen over a bad network, and from beside it."""

    proxy: TcpProxy
    far: ValkeyHouse
    patient: ValkeyHouse
    """Far away too, and never in doubt whether a silence is the fault or a busy machine."""
    near: ValkeyHouse

    def lost(self, act: Callable[[], object]) -> None:
        """The server acts and its reply vanishes; the caller gives up, in our words."""
        assert self.again(self.far.client.ping), "the connection is there before the fault"
        hits = self.proxy.hits
        with self.proxy.fault(Fault.SWALLOW_REPLIES):
            with pytest.raises(InventoryUnavailable):
                act()
            assert eventually(lambda: self.proxy.hits > hits, seconds=PATIENCE_SECONDS), "the server never replied"

    def again(self, act: Callable[[], T]) -> T:
        """The same once more, and patiently: a busy machine may be silent of itself."""
        for _ in range(TRIES_MAX):
            with suppress(InventoryUnavailable, redis.TimeoutError):
                return act()
        pytest.fail("it never answered")

    def lost_once(self, act: Callable[[], T]) -> T:
        """What the second try says."""
        self.lost(act)
        return self.again(act)


@pytest.fixture
def wire(fragile: FragileValkey, house: ValkeyHouse) -> Iterator[Wire]:
    proxy = TcpProxy(port=fragile.server.port)
    _teach(house)
    far_url = replace(fragile.server, port=proxy.port).url()
    try:
        with house_at(far_url, answer_seconds=ANSWER_SECONDS) as far, house_at(far_url) as patient:
            yield Wire(proxy=proxy, far=far, patient=patient, near=house)
    finally:
        proxy.close()


class TestLostReplies:
    """The network fails between the request and its reply, so that the caller cannot know what was done."""

    def test_a_retry_with_the_same_hold_id_finds_the_hold(self, wire: Wire) -> None:
        """The first try took the stock; the second one is told so, and nothing is taken twice."""
        sale = opened(wire.near, crowded_sale())
        hold_id, cart = new_hold_id(sale), (chosen(sale, 4, 5), general(sale, 2))
        wire.lost(lambda: ask(wire.far, sale, *cart, hold_id=hold_id))
        taken = wire.near.inventory.find(hold_id=hold_id)
        assert taken is not None

        assert wire.again(lambda: ask(wire.far, sale, *cart, hold_id=hold_id)) == taken
        accounts = balanced(wire.near.inventory, sale, known=[hold_id])
        assert accounts.free["z:floor"] == FLOOR - 2

    def test_a_purchase_of_which_every_reply_is_lost_once(self, wire: Wire) -> None:
        """Hold, claim, sale and refund: each is asked twice and done once."""
        sale = opened(wire.near, crowded_sale())
        hold_id, until = new_hold_id(sale), wire.near.now() + NET
        hold = wire.lost_once(lambda: ask(wire.far, sale, best(sale, 3), general(sale, 1), hold_id=hold_id))
        assert isinstance(hold, ActiveHold)
        claim = wire.lost_once(lambda: wire.far.inventory.begin_claim(hold_id=hold_id, until=until))
        assert isinstance(claim, ClaimedHold)
        balanced(wire.near.inventory, sale, known=[hold_id])

        fact = settlement(hold, Outcome.SOLD, key="sold")
        assert wire.lost_once(lambda: wire.far.inventory.settle(settlement=fact)) is False, "it was known by then"
        balanced(wire.near.inventory, sale, known=[hold_id], sold=[hold])
        fact = settlement(hold, Outcome.RELEASED, key="refunded", refund=True)
        assert wire.lost_once(lambda: wire.far.inventory.settle(settlement=fact)) is False, "it was known by then"
        assert balanced(wire.near.inventory, sale, known=[hold_id]).free == sale.capacities()

    def test_what_is_given_back_returns_once(self, wire: Wire) -> None:
        """A release whose reply is lost, and a failed payment's: stock is back once, and its next owner keeps it."""
        sale = opened(wire.near, crowded_sale())
        first, second = (held(wire.near, sale, chosen(sale, seat), general(sale, 2)) for seat in range(2))
        wire.lost(lambda: wire.far.inventory.release(hold_id=first.id))
        newcomer = held(wire.near, sale, chosen(sale, 0), general(sale, 2), who=buyer("new"))
        assert wire.again(lambda: wire.far.inventory.release(hold_id=first.id)) is False
        balanced(wire.near.inventory, sale, known=[first.id, second.id, newcomer.id])

        assert isinstance(wire.near.inventory.begin_claim(hold_id=second.id, until=wire.near.now() + NET), ClaimedHold)
        fact = settlement(second, Outcome.RELEASED)
        assert wire.lost_once(lambda: wire.far.inventory.settle(settlement=fact)) is False, "it was known by then"
        assert set(balanced(wire.near.inventory, sale, known=[first.id, second.id, newcomer.id]).live) == {newcomer.id}

    @pytest.mark.parametrize("fault", [Fault.CUT_BEFORE_REPLY, Fault.CUT_IN_REPLY, Fault.CUT_IN_REQUEST])
    def test_a_connection_that_breaks_once_is_not_noticed(self, wire: Wire, fault: Fault) -> None:
        """Before, within or after the request: the adapter asks again by itself, and the stock is taken once."""
        sale = opened(wire.near, crowded_sale())
        hold_id = new_hold_id(sale)
        assert wire.patient.client.ping()
        hits = wire.proxy.hits
        with wire.proxy.fault(fault, times=1):
            hold = held(wire.patient, sale, chosen(sale, 4, 5), hold_id=hold_id)

        assert wire.proxy.hits == hits + 1
        assert balanced(wire.near.inventory, sale, known=[hold_id]).live == {hold_id: hold}

    def test_a_network_that_does_everything_at_its_worst(self, wire: Wire) -> None:
        """A crowd behind it: every kind of fault in turn, connections cut in between, and the stock adds up."""
        sale = opened(wire.near, crowded_sale())
        with crowd_at(wire.far.inventory, sale, size=SHOPPERS) as crowd:
            for fault in Fault:
                with wire.proxy.fault(fault):
                    crowd.hears("unavailable", times=SHOPPERS)
                wire.proxy.cut()
                crowd.hears("held", times=1)
        crowd.balanced(wire.near.inventory)

    @pytest.mark.usefixtures("quiet")
    def test_a_visitor_who_tries_again_gets_the_tickets_that_were_held(self, wire: Wire) -> None:
        """Over HTTP: 503 with Retry-After for the lost reply, then 201 with the same key, and two tickets are gone."""
        shop = _web_shop(wire.far.inventory, loader=wire.near.inventory)
        client = shop.client()
        call = {"json": {"items": [{"tier": "general", "quantity": 2}]}, "headers": {"Idempotency-Key": "mine"}}
        sale = shop.fake_catalogue.on_sale(event="field")
        assert wire.again(wire.far.client.ping)
        with wire.proxy.fault(Fault.SWALLOW_REPLIES):
            refusal = client.post("/api/v1/events/field/holds", **call)
        assert answered(refusal, 503)["code"] == "inventory_unavailable"
        assert int(refusal.headers["Retry-After"]) > 0
        free = sale.capacities()["z:floor"] - 2
        assert eventually(lambda: snapshot(wire.near, sale).free["z:floor"] == free, seconds=PATIENCE_SECONDS)

        assert answered(wire.again(lambda: _answering(client.post("/api/v1/events/field/holds", **call))), 201)
        assert snapshot(wire.near, sale).free["z:floor"] == free


def _teach(house: ValkeyHouse) -> None:
    """Have the server know every script, or the reply that is lost would be the one that asks to be taught."""
    sale = opened(house, crowded_sale())
    hold = held(house, sale, general(sale, 1))
    house.inventory.release(hold_id=hold.id)
    house.inventory.begin_claim(hold_id=hold.id, until=house.now())
    house.inventory.settle(settlement=settlement(hold, Outcome.RELEASED))
    house.inventory.find(hold_id=hold.id)


def _answering(response: TestResponse) -> TestResponse:
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        raise InventoryUnavailable(response.get_data(as_text=True))
    return response


def _grows(things: Sequence[object]) -> None:
    """Wait until a few more were added."""
    before = len(things)
    assert eventually(lambda: len(things) >= before + 2 * SHOPPERS, seconds=PATIENCE_SECONDS)


@contextmanager
def _full(house: ValkeyHouse) -> Iterator[None]:
    """Not a byte of memory is left while the block lasts."""
    house.client.config_set("maxmemory", FULL_BYTES)
    try:
        yield
    finally:
        house.client.config_set("maxmemory", 0)


@contextmanager
def _again_and_again(act: Callable[[], object]) -> Iterator[None]:
    """Do this every few milliseconds while the block lasts."""
    stop = Event()

    def keep_acting() -> None:
        while not stop.wait(FEW_MILLISECONDS):
            act()

    with ThreadPoolExecutor(1) as thread:
        acting = thread.submit(keep_acting)
        try:
            yield
        finally:
            stop.set()
    acting.result()


def _web_shop(inventory: Inventory, *, loader: Inventory | None = None) -> Shop:
    """The whole HTTP room with this inventory behind it; everything else is in memory."""
    shop = Shop()
    sale = shop.fake_catalogue.on_sale(event="field")
    assert (loader or inventory).load(sale=sale, stock=stock_of(sale))
    shop._place_hold = partial(
        place_hold,
        catalogue=shop.fake_catalogue,
        inventory=inventory,
        waiting_room=FakeWaitingRoom(clock=shop.fake_clock.now),
        unit_of_work=shop.store,
        rate_limiter=shop.rate_limiter(),
        clock=shop.fake_clock,
    )
    return shop


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthfulShop:
    """Holds as the use case places them, with Postgres behind Valkey."""

    sale: Sale
    house: ValkeyHouse
    store: UnitOfWorkFactory
    catalogue: Catalogue
    refusals: list[HoldId] = field(default_factory=list)
    """Ids that somebody asked for while nothing answered; what became of them is found out afterwards."""

    def visits(self, name: str, stop: Event, granted: list[HoldId]) -> None:
        """Hold something, give it back when there is something new, and leave the last hold behind."""
        dice, last = Random(name), new_hold_id(self.sale)
        while not stop.is_set():
            wishes: tuple[HoldLine, ...] = (
                general(self.sale, 1),
                chosen(self.sale, dice.randrange(STALLS)),
                best(self.sale, 2),
            )
            hold_id = new_hold_id(self.sale)
            try:
                if isinstance(self.place(hold_id, dice.choice(wishes), name), ActiveHold):
                    granted.append(hold_id)
                    self.house.inventory.release(hold_id=last)
                    last = hold_id
            except InventoryUnavailable:
                self.refusals.append(hold_id)
                stop.wait(RETRY_SECONDS)

    def place(self, hold_id: HoldId, line: HoldLine, name: str) -> ActiveHold | Rejection:
        """One line, by the use case."""
        return place_hold(
            PlaceHold(hold_id=hold_id, event=str(self.sale.event_id), lines=(line,), buyer=buyer(name)),
            catalogue=self.catalogue,
            inventory=self.house.inventory,
            waiting_room=FakeWaitingRoom(clock=self.house.now),
            unit_of_work=self.store,
            rate_limiter=FakeRateLimiter(self.house.now),
            clock=FakeClock(),
        )


@contextmanager
def _shop(fragile: FragileValkey, database_url: str) -> Iterator[TruthfulShop]:
    """One sale, announced in Postgres and loaded from it with the first hold."""
    engine = create_engine(database_url, application_name="faults", pool_size=SHOPPERS)
    seat_maps = SeatMapCache()
    store = partial(PostgresUnitOfWork, engine, seat_maps=seat_maps)
    sale = crowded_sale()
    announced(store, sale)
    try:
        with house_at(fragile.url()) as house:
            yield TruthfulShop(
                sale=sale, house=house, store=store, catalogue=PostgresCatalogue(engine, seat_maps=seat_maps)
            )
    finally:
        engine.dispose()
