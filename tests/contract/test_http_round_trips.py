"""What a hot request costs behind the web process, as a real Valkey sees it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import redis

from adapters.redis_locks.connections import connect
from adapters.redis_locks.inventory import ValkeyInventory
from application.commands.extend_hold import extend_hold
from application.commands.place_hold import place_hold
from application.queries.availability import availability
from tests.fakes import sales
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.unit.http.shop import Shop, answered, bearer

END = "the end of what is counted"


@dataclass(frozen=True)
class Watched:
    """A shop in memory whose inventory is a real Valkey, and a look over that server's shoulder."""

    shop: Shop
    inventory: ValkeyInventory
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
        rate_limiter=shop.rate_limiter(),
        clock=shop.fake_clock,
    )
    shop._availability = partial(
        availability, catalogue=shop.fake_catalogue, inventory=inventory, rebuild=shop._rebuild
    )
    with redis.Redis.from_url(redis_url) as watcher, redis.Redis.from_url(redis_url) as caller:
        yield Watched(shop, inventory, watcher, caller)
    client.close()


def test_a_hold_is_one_round_trip_and_no_sql(watched: Watched) -> None:
    """In the steady state: one script on Valkey, and Postgres may be away altogether."""
    client = watched.shop.client()
    watched.shop.hold(client, quantity=1)
    watched.shop.store.down = True

    assert watched.commands(lambda: watched.shop.hold(client, quantity=2)) == ["EVALSHA"]


@pytest.mark.parametrize(
    "item",
    [
        {"tiers": ["seat", "other"], "best_available": 2, "prefer": "price"},
        {"tier": "seat", "best_available": 7, "split": True},
        {"tier": "seat", "best_available": 2, "accessible": True},
        {"tier": "seat", "seats": ["RAMP-house-1-1", "RAMP-house-1-2"], "accessible": True},
    ],
)
def test_wishes_cost_no_more_and_nor_does_an_extension(
    watched: Watched, item: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the tickets are chosen and whoever says where to be reached: one script, as for the plainest hold."""
    shop, client = watched.shop, watched.shop.client()
    sale = sales.accessible_sale()
    other = sales.tier("other", sale.tiers[0].kind, sale.tiers[0].zones, cents=1_000, position=1)
    shop.announce(replace(sale, tiers=(*sale.tiers, other)), slug="ramp", name="Up the Ramp")
    sale = shop.fake_catalogue.on_sale(event="ramp")
    assert watched.inventory.load(sale=sale, stock=sales.stock_of(sale))
    extend = partial(extend_hold, catalogue=shop.fake_catalogue, inventory=watched.inventory)
    monkeypatch.setattr(shop, "extend_hold", extend)
    body = {"items": [item], "buyer": {"email": "ada@example.com", "phone": "+447700900123"}}
    made: list[dict[str, Any]] = []

    def hold() -> None:
        made.append(answered(client.post("/api/v1/events/ramp/holds", json=body), 201))

    def more_time(held: dict[str, Any]) -> None:
        path = f"/api/v1/holds/{held['id']}/extensions"
        made.append(answered(client.post(path, json={"number": 1}, headers=bearer(held)), 201))

    more_time(shop.hold(client, quantity=1))  # From here on the server knows both scripts.
    made.clear()
    shop.store.down = True
    assert watched.commands(hold) == ["EVALSHA"]
    assert watched.commands(lambda: more_time(made[0])) == ["EVALSHA"]
    assert made[1]["extensions"] == {"used": 1, "left": 0}
    assert made[1]["items"] == made[0]["items"]


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
