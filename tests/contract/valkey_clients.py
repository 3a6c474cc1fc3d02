"""The servers that everything on Valkey is tried on: fakeredis (with Lua) and the real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fakeredis
import pytest

from adapters.redis_locks.connections import connect

FAKEREDIS, VALKEY = "fakeredis", "valkey"


@contextmanager
def client_of(kind: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of an empty server of this kind."""
    if kind == FAKEREDIS:
        yield fakeredis.FakeRedis(server=fakeredis.FakeServer())
        return
    client = connect(request.getfixturevalue("redis_url"))
    try:
        yield client
    finally:
        client.close()
