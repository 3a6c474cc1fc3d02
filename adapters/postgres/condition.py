"""How the database is: asked by people (``tessera doctor``) and by load balancers (``/readyz``)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.postgres import migrate
from domain.errors import StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCondition:
    """What one connection saw. ``clock`` is the server's, in UTC; revisions are alembic's."""

    server: str
    clock: datetime
    is_replica: bool
    revision: str | None
    newest_revision: str

    @property
    def is_migrated(self) -> bool:
        return self.revision == self.newest_revision


def database_condition(engine: Engine) -> DatabaseCondition:
    """Ask once. Raises StoreUnavailable with the reason when there is no answer."""
    question = text("SELECT current_setting('server_version'), clock_timestamp(), pg_is_in_recovery()")
    try:
        with engine.connect() as connection:
            version, clock, is_replica = connection.execute(question).one()
        revision = migrate.current(engine)
    except (DBAPIError, PoolTimeoutError) as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
        raise StoreUnavailable(reason) from error
    return DatabaseCondition(
        server=f"PostgreSQL {version.split()[0]}",
        clock=clock,
        is_replica=is_replica,
        revision=revision,
        newest_revision=migrate.head(),
    )
