"""What our client of a cluster promises beyond redis-py's, on a real one."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from redis.cluster import ClusterNode
from redis.exceptions import ConnectionError as ValkeyConnectionError
from redis.exceptions import MaxConnectionsError
from redis.exceptions import TimeoutError as ValkeyTimeoutError

from adapters.redis_locks import connections
from adapters.redis_locks.condition import serving, valkey_condition
from adapters.redis_locks.connections import SalesCluster, connect
from adapters.redis_locks.inventory import ValkeyInventory
from adapters.redis_locks.keys import feed_key
from domain.errors import InventoryUnavailable
from domain.events import EventId
from entrypoints.launcher.process import free_port
from tests.valkey_cluster import NODES, SLOTS, ValkeyCluster

COUNT = "return redis.call('INCR', KEYS[1])"
CALLERS, CALLS_EACH = 16, 3
Connect = Callable[..., SalesCluster]


@pytest.fixture
def connected() -> Iterator[Connect]:
    """Makes clients that are closed after the test."""
    made: list[SalesCluster] = []

    def make(url: str, **limits: Any) -> SalesCluster:
        client = connect(url, **limits)
        assert isinstance(client, SalesCluster)
        made.append(client)
        return client

    yield make
    for thread in threading.enumerate():
        if thread.name.startswith("valkey-condition"):
            thread.join()  # One that asked a hanging node: other tests count who knocks at its door.
    for client in made:
        client.close()


def a_key() -> str:
    return feed_key(EventId(uuid4()))


def count(client: SalesCluster, key: str) -> object:
    return client.execute_command("EVAL", COUNT, 1, key)


def test_a_process_starts_without_its_cluster(connected: Connect) -> None:
    """Making the client asks nobody. Using it says what a hold is told whenever Valkey is away, each time again."""
    client = connected(f"redis+cluster://127.0.0.1:{free_port()}")

    for ask in (
        partial(ValkeyInventory(client).snapshot, event_id=EventId(uuid4())),
        partial(valkey_condition, client),
    ):
        for _ in range(2):
            with pytest.raises(InventoryUnavailable):
                ask()


def test_nodes_are_named_in_every_way_that_addresses_have(connected: Connect) -> None:
    """By name and by IPv6, with and without a port; account and options belong to all of them."""
    client = connected("redis+cluster://ada:p%40ss@[::1]:7000,two.invalid,[fe80::2]:7002?protocol=3")

    assert client._seeds == (("::1", 7000), ("two.invalid", 6379), ("fe80::2", 7002))
    assert client._url == "redis://ada:p%40ss@[::1]:7000?protocol=3"


def test_one_living_node_of_those_named_is_enough(connected: Connect, cluster_url: str) -> None:
    """A process that starts while the first node is away finds the cluster all the same."""
    scheme, account, hosts = cluster_url.replace("//", "@").split("@")
    client = connected(f"{scheme}//{account}@127.0.0.1:{free_port()},{hosts}")

    assert count(client, a_key()) == 1


def test_a_cluster_that_moved_is_found_by_its_names(connected: Connect, cluster_url: str) -> None:
    """Every address that the client has learnt is dead: one command fails, the next has asked those of its URL."""
    client = connected(cluster_url)
    count(client, a_key())
    gone = ClusterNode("127.0.0.1", free_port(), "primary")  # type: ignore[no-untyped-call]  # redis-py's
    nodes = client.nodes_manager
    nodes.startup_nodes = nodes.nodes_cache = {gone.name: gone}
    nodes.slots_cache = {slot: [gone] for slot in range(SLOTS)}

    with pytest.raises(ValkeyConnectionError):
        count(client, a_key())
    assert count(client, a_key()) == 1


def test_silence_is_not_answered_with_the_same_question(
    connected: Connect, cluster_url: str, valkey_cluster: ValkeyCluster
) -> None:
    """A server that hangs is asked once, and the caller is told after one wait."""
    client, key = connected(cluster_url, answer_seconds=0.2), a_key()
    count(client, key)
    owner = valkey_cluster.owner(key)
    before = valkey_cluster.info(owner)["total_connections_received"]

    with valkey_cluster.paused(owner), pytest.raises(ValkeyTimeoutError):
        count(client, key)
    valkey_cluster.ask(owner, "PING")  # Whoever was waiting at the door has been let in after this.

    assert valkey_cluster.info(owner)["total_connections_received"] == before, "each further try would knock again"
    assert count(client, key) == 3, "it was asked once before, once in vain and once now"


def test_callers_wait_for_a_connection(connected: Connect, cluster_url: str) -> None:
    """Many threads share few connections: nobody is refused because the others were faster."""
    client, key = connected(cluster_url, connections_max=1), a_key()

    with ThreadPoolExecutor(CALLERS) as threads:
        counted = list(threads.map(lambda _: count(client, key), range(CALLERS * CALLS_EACH)))

    assert sorted(map(int, map(str, counted))) == list(range(1, CALLERS * CALLS_EACH + 1))


def test_a_used_up_pool_is_no_dead_server(
    connected: Connect, cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited in vain for a connection is told so; the cluster is not looked for anew because of it."""
    monkeypatch.setattr(connections, "POOL_WAIT_SECONDS", 0.01)
    client, key = connected(cluster_url, connections_max=1), a_key()
    count(client, key)
    pool = client.get_redis_connection(client.get_node_from_key(key)).connection_pool  # type: ignore[no-untyped-call]
    taken = pool.get_connection()
    with pytest.raises(MaxConnectionsError):
        count(client, key)
    pool.release(taken)
    assert count(client, key) == 2


def test_a_feed_is_read_from_its_own_node_only(
    connected: Connect, cluster_url: str, valkey_cluster: ValkeyCluster
) -> None:
    """Whichever other node hangs, XREAD of a sale does not ask it where the sale is."""
    for asked, hanging in product(valkey_cluster.members[:3], repeat=2):
        if asked == hanging:
            continue
        client = connected(cluster_url, answer_seconds=0.5)
        key = next(key for key in iter(a_key, None) if valkey_cluster.owner(key) == asked)
        client.replace_default_node(client.get_node("127.0.0.1", hanging.port))  # type: ignore[no-untyped-call]
        with valkey_cluster.paused(hanging):
            assert not client.xread({key: "0-0"})


def test_replicas_alone_are_no_cluster(connected: Connect, cluster_url: str, valkey_cluster: ValkeyCluster) -> None:
    """Who may only listen cannot sell: a machine that reaches nobody else is not ready."""
    client = connected(cluster_url, answer_seconds=0.6)
    valkey_condition(client)
    with ExitStack() as hanging:
        for member in valkey_cluster.members:
            if valkey_cluster.is_primary(member):
                hanging.enter_context(valkey_cluster.paused(member))
        with pytest.raises(InventoryUnavailable, match="no primary"):
            valkey_condition(client)


def test_every_node_is_asked_how_it_is(connected: Connect, cluster_url: str, valkey_cluster: ValkeyCluster) -> None:
    """One node that evicts drops the holds of its sales, however well the others are set. One that hangs is named."""
    client = connected(cluster_url, answer_seconds=0.6)
    well = valkey_condition(client)
    odd = valkey_cluster.members[-1]
    valkey_cluster.ask(odd, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        ill = valkey_condition(client)
    finally:
        valkey_cluster.ask(odd, "CONFIG", "SET", "maxmemory-policy", "noeviction")

    with valkey_cluster.paused(odd):
        partly = valkey_condition(client)

    assert (well.nodes, well.away, well.keeps_holds) == (NODES, (), True)
    assert (partly.nodes, partly.away) == (NODES - 1, (f"127.0.0.1:{odd.port}",))
    assert (ill.eviction_policy, ill.keeps_holds) == ("allkeys-lru", False)


def test_a_sale_knows_its_servers_life(connected: Connect, cluster_url: str, valkey_cluster: ValkeyCluster) -> None:
    """The same word as long as one server serves it, another on another server, none where nobody answers."""
    client = connected(cluster_url, answer_seconds=0.2)
    sales = [EventId(uuid4()) for _ in range(20)]
    owners = {sale: valkey_cluster.owner(feed_key(sale)) for sale in sales}
    words = serving(client, sales)
    hanging = owners[sales[0]]
    with valkey_cluster.paused(hanging):
        partly = serving(client, [sales[0], next(sale for sale in sales if owners[sale] != hanging)])

    assert serving(client, sales) == words
    assert len(set(words.values())) == len({(words[sale], owners[sale]) for sale in sales}) == len(set(owners.values()))
    assert len(partly) == 1
    assert partly.items() <= words.items()
