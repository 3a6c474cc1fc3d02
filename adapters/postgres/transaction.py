"""One transaction on one connection, as the repositories see it: statements in, rows out, errors in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, RowMapping, text
from sqlalchemy.exc import SQLAlchemyError

from adapters.postgres.faults import translated
from domain.errors import InvariantBroken

Row = RowMapping
"""A row by column name."""

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_WITHOUT_WAITING = text("SET LOCAL synchronous_commit = off")
_ALL_ON_DISK = text("SELECT pg_logical_emit_message(true, 'tessera', '')")
"""The least that makes a commit wait for the log, and so for all that was logged before it."""


class Transaction:
    """Begins by itself with its first statement. After a failed statement only a rollback is possible."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed = False
        self._hot = False

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

    def let_go_early(self) -> None:
        """Locks that many wait for are about to be taken: they shall not be kept while the disk writes.

        Postgres lets go of locks when a commit is on disk. Told not to wait, it lets go at once; ``commit`` then waits
        by a second, empty commit, together with everybody else's. Whoever saw our rows meanwhile and commits is
        behind us in the same log, so nothing that depends on us is ever on disk without us (decision 0010).
        """
        if not self._hot:
            self.run(_WITHOUT_WAITING)
            self._hot = True

    def commit(self) -> None:
        """Make it true, on disk. Postgres answers COMMIT of a failed transaction with a silent rollback: refused."""
        if self._failed:
            raise InvariantBroken("a statement of this transaction failed: it cannot be committed")
        with speaking_our_words():
            self._connection.commit()
            if self._hot:
                self._connection.execute(_ALL_ON_DISK)
                self._connection.commit()
                self._hot = False


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
