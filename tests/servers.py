"""Real servers for tests: the launcher's own PostgreSQL and Valkey, thrown away afterwards.

They run with durability off (a test's data need not survive the machine) and end with the process that started them.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from entrypoints.launcher.postgres import EmbeddedPostgres
from entrypoints.launcher.process import ChildProcess, ProcessSpec, free_port
from entrypoints.launcher.valkey import EmbeddedValkey


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's unprivileged account may walk through (pytest's own are closed to it)."""
    path = Path(tempfile.mkdtemp(prefix="tessera-test-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def running(spec: ProcessSpec) -> Iterator[ChildProcess]:
    """Start a process, wait until it is ready, and stop it at the end."""
    process = ChildProcess(spec)
    process.start()
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def postgres_running(*, durable: bool = False) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of its own. Fault tests ask for a durable one."""
    with scratch_directory() as folder:
        server = EmbeddedPostgres(
            directory=folder / "postgres",
            port=free_port(),
            password=secrets.token_hex(16),
            log_path=folder / "postgres.log",
            durable=durable,
        )
        with running(server.prepare()):
            yield server


@contextmanager
def valkey_running(*, durable: bool = False) -> Iterator[EmbeddedValkey]:
    """A Valkey of its own. Fault tests ask for a durable one."""
    with scratch_directory() as folder:
        server = EmbeddedValkey(
            directory=folder / "valkey",
            port=free_port(),
            password=secrets.token_hex(16),
            log_path=folder / "valkey.log",
            durable=durable,
        )
        with running(server.prepare()):
            yield server


@contextmanager
def database(server: EmbeddedPostgres, *, template: str = "template0") -> Iterator[str]:
    """A database of its own, copied file by file from ``template``: yields its URL, drops it at the end.

    ``template`` must have no connections; FILE_COPY takes 30 ms where the default strategy takes 200.
    """
    name = f"test_{secrets.token_hex(8)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield server.url(name)
    finally:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
