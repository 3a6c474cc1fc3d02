"""Fixtures that every kind of test shares: real servers, one of each per pytest process, isolated per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import settings
from sqlalchemy import make_url

from entrypoints.launcher.postgres import EmbeddedPostgres
from entrypoints.launcher.valkey import EmbeddedValkey
from tests.live_house import live
from tests.servers import database, postgres_running, valkey_running
from tests.valkey_cluster import cluster_url, valkey_cluster

__all__ = ["cluster_url", "live", "valkey_cluster"]  # Fixtures for everybody.

# How long an example takes says nothing on a machine that is shared; what it finds must be found again.
settings.register_profile("tessera", deadline=None, derandomize=True)
settings.load_profile("tessera")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL, not durable, for the whole session."""
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The name of a database at the newest migration, to copy from. Nobody connects to it."""
    from adapters.postgres import migrate

    with database(postgres_server) as url:
        migrate.upgrade(url)
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """A migrated, empty database of this test's own."""
    with database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table, for tests of the migrations themselves."""
    with database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[EmbeddedValkey]:
    """A real Valkey, not durable, for the whole session."""
    with valkey_running() as server:
        yield server


@pytest.fixture
def redis_url(valkey_server: EmbeddedValkey) -> str:
    """An empty Valkey for this test: each pytest process has its own, flushed between the tests that use it."""
    url = valkey_server.url()
    with redis.Redis.from_url(url) as client:
        client.flushall()
        client.script_flush()
    return url
