"""What a hot request costs behind the web process, as a real Valkey sees it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
import redis

from adapters.redis_locks.connections import connect
from adapters.redis_locks.inventory import ValkeyInventory
from application.commands.place_hold import place_hold
from application.queries.availability import availability
from tests.fakes import sales
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.unit.http.shop import Shop, answered

END = "the end of what is counted"


@dataclass(frozen=True)
class Watched:
    """A shop in memory whose inventory is a real Valkey, and a look over that server's shoulder."""

    shop: Shop
    watcher: redis.Redis
    caller: redis.Redis

    def commands(self, act: Callable[[], object]) -> list[str]:
        """The commands that clients sent while ``act`` ran. What scripts do inside the server is no round trip."""
        self.caller.ping()
        with self.watcher.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis leaves it untyped
            act()
            self.caller.echo(END)
            seen: list[str] = []
            for entry in monitor.listen():
                if entry["command"] == f"ECHO {END}":
                    return seen
                if entry["client_type"] != "lua":
                    seen.append(entry["command"].split()[0].upper())
        raise AssertionError("the monitor stopped listening")


@pytest.fixture
def watched(redis_url: str) -> Iterator[Watched]:
    shop = Shop()
    client = connect(redis_url)
    inventory = ValkeyInventory(client)
    sale = shop.fake_catalogue.on_sale(event="field")
    assert inventory.load(sale=sale, stock=sales.stock_of(sale))
    shop._place_hold = partial(
        place_hold,
        catalogue=shop.fake_catalogue,
        inventory=inventory,
        waiting_room=FakeWaitingRoom(clock=shop.fake_clock.now),
        unit_of_work=shop.store,
    )
    shop._availability = partial(
        availability, catalogue=shop.fake_catalogue, inventory=inventory, rebuild=shop._rebuild
    )
    with redis.Redis.from_url(redis_url) as watcher, redis.Redis.from_url(redis_url) as caller:
        yield Watched(shop, watcher, caller)
    client.close()


def test_a_hold_is_one_round_trip_and_no_sql(watched: Watched) -> None:
    """In the steady state: one script on Valkey, and Postgres may be away altogether."""
    client = watched.shop.client()
    watched.shop.hold(client, quantity=1)
    watched.shop.store.down = True

    assert watched.commands(lambda: watched.shop.hold(client, quantity=2)) == ["EVALSHA"]


def test_a_snapshot_is_one_round_trip_and_then_none(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks within the next moment is answered from memory; Postgres is never asked."""
    from entrypoints.http.api import availability_desk

    client, path = watched.shop.client(), "/api/v1/events/field/availability"
    answered(client.get(path), 200)
    watched.shop.store.down = True

    monkeypatch.setattr(availability_desk, "SNAPSHOT_SECONDS_MAX", 0)
    assert watched.commands(lambda: client.get(path)) == ["EVALSHA"]
    monkeypatch.setattr(availability_desk, "SNAPSHOT_SECONDS_MAX", 60)
    assert watched.commands(lambda: [client.get(path) for _ in range(20)]) == []
