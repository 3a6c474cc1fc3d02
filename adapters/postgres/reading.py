"""Reading without deciding: several statements that see one moment, and write nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import ColumnElement, Engine

from adapters.postgres.tables import events
from adapters.postgres.transaction import Transaction, connect

NAME_LENGTH_MAX = 200


@contextmanager
def picture(engine: Engine) -> Iterator[Transaction]:
    """A read-only transaction in which every statement sees the same. Raises StoreUnavailable."""
    with connect(engine) as connection:
        yield Transaction(connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True))


def event_named(word: str) -> ColumnElement[bool] | None:
    """The condition that finds an event by id (as we write ids) or slug, or None when ``word`` can be neither."""
    if not 0 < len(word) <= NAME_LENGTH_MAX or "\x00" in word:
        return None
    try:
        event_id = UUID(word)
    except ValueError:
        return events.c.slug == word
    return events.c.id == event_id if str(event_id) == word else events.c.slug == word
