"""One transaction on one connection, as the repositories see it: statements in, rows out, errors in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from adapters.postgres.faults import translated
from domain.errors import InvariantBroken

Row = RowMapping
"""A row by column name."""

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Transaction:
    """Begins by itself with its first statement. After a failed statement only a rollback is possible."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed = False

    def run(self, statement: Executable, parameters: Parameters | None = None) -> "CursorResult[Any]":
        """Execute one statement (once for each mapping in a sequence)."""
        with speaking_our_words():
            try:
                return self._connection.execute(statement, parameters)
            except SQLAlchemyError:
                self._failed = True
                raise

    def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """All rows."""
        return self.run(statement, parameters).mappings().all()

    def first(self, statement: Executable, parameters: Parameters | None = None) -> Row | None:
        """The first row, if any."""
        return self.run(statement, parameters).mappings().first()

    def changed(self, statement: Executable, parameters: Parameters | None = None) -> int:
        """Execute a write and answer how many rows it touched."""
        return self.run(statement, parameters).rowcount

    def commit(self) -> None:
        """Make it true. Postgres answers COMMIT of a failed transaction with a silent rollback, so we refuse it."""
        if self._failed:
            raise InvariantBroken("a statement of this transaction failed: it cannot be committed")
        with speaking_our_words():
            self._connection.commit()


def connect(engine: Engine) -> Connection:
    """A connection out of the pool. Raises StoreUnavailable."""
    with speaking_our_words():
        return engine.connect()


@contextmanager
def speaking_our_words() -> Iterator[None]:
    """Translate whatever the vendor raises inside."""
    try:
        yield
    except SQLAlchemyError as error:
        ours = translated(error)
        if ours is None:
            raise
        raise ours from error
