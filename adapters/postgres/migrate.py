"""Bring a database to the newest schema, by code: safe to call from every process that starts."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from adapters.postgres.engine import vendor_url
from domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic takes a third of a second to import, and most processes never migrate: it is imported where it is used.
ADVISORY_LOCK = 0x7E55E7A
"""Key of the advisory lock under which migrations run: the second process waits, then finds nothing to do."""


def upgrade(database_url: str) -> None:
    """Run every missing migration in one transaction: all of them or none. Raises StoreUnavailable."""
    from alembic import command

    engine = create_engine(vendor_url(database_url), poolclass=NullPool)
    config = _config()
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise StoreUnavailable("the database cannot be migrated now") from error


@cache
def head() -> str:
    """The newest revision this code knows."""
    from alembic.script import ScriptDirectory

    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None, "there is at least one migration"
    return revision


def current(database: str | Engine) -> str | None:
    """The revision a database is at (by URL, or through an engine that is there already). Raises StoreUnavailable."""
    from alembic.runtime.migration import MigrationContext

    engine = database if isinstance(database, Engine) else create_engine(vendor_url(database), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise StoreUnavailable("the database does not answer") from error


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
