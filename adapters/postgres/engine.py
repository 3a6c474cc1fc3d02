"""Connections: one bounded pool a process, with a time limit on everything a connection may wait for."""

from sqlalchemy import Engine, make_url
from sqlalchemy import create_engine as create_vendor_engine
from sqlalchemy.pool import QueuePool

__all__ = ["Engine", "create_engine", "vendor_url"]

POOL_SIZE_DEFAULT = 10
POOL_WAIT_SECONDS = 3
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
LOCK_SECONDS = 4
IDLE_IN_TRANSACTION_SECONDS = 15
KEEPALIVE_IDLE_SECONDS = 20
RECYCLE_SECONDS = 1_800


def create_engine(
    database_url: str,
    *,
    application_name: str,
    pool_size: int = POOL_SIZE_DEFAULT,
    statement_seconds: int = STATEMENT_SECONDS,
    lock_seconds: int = LOCK_SECONDS,
    pool_wait_seconds: int = POOL_WAIT_SECONDS,
) -> Engine:
    """An engine whose transactions are READ COMMITTED and whose every wait ends.

    A request waits at most ``pool_wait_seconds`` for a connection: better a clear 503 than a queue nobody sees.
    ``application_name`` shows up in ``pg_stat_activity``. SQLAlchemy's own pool with a ping before use: after a
    restart of Postgres the next request works.
    """
    limits = {
        "statement_timeout": f"{statement_seconds}s",
        "lock_timeout": f"{lock_seconds}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
        "timezone": "UTC",
    }
    return create_vendor_engine(
        vendor_url(database_url),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_seconds,
        pool_recycle=RECYCLE_SECONDS,
        pool_pre_ping=True,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # Buyers' names and numbers have no business in a log of errors.
        connect_args={
            "application_name": application_name,
            "connect_timeout": CONNECT_SECONDS,
            "keepalives_idle": KEEPALIVE_IDLE_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
    )


def vendor_url(database_url: str) -> str:
    """The same address, naming the driver that we use."""
    url = make_url(database_url)
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
