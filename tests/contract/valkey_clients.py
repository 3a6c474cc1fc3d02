"""The servers that everything on Valkey is tried on: fakeredis (with Lua), a real one, and a real Cluster of six."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fakeredis
import pytest

from adapters.redis_locks.connections import connect

FAKEREDIS, VALKEY, CLUSTER = "fakeredis", "valkey", "cluster"
_URLS = {VALKEY: "redis_url", CLUSTER: "cluster_url"}


@contextmanager
def client_of(kind: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of an empty server of this kind."""
    if kind == FAKEREDIS:
        yield fakeredis.FakeRedis(server=fakeredis.FakeServer())
        return
    client = connect(request.getfixturevalue(_URLS[kind]))
    try:
        yield client
    finally:
        client.close()
