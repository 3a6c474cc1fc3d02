"""The sandbox's memory: JSON documents in one SQLite file.

One connection behind one lock. A stand-in has no need for parallel writers, and a single order of events is what
makes "fifty threads capture the same intent" come out right without any further thought. A transaction rolls back
as a whole when its block raises.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import orjson

Document = dict[str, Any]
Scalar = str | int | bool | None

SELECT_LIMIT_MAX = 10_000
_GLOB_SPECIAL = re.compile(r"[?\[]")
"""What SQLite's GLOB understands besides the star."""
_FIELD = re.compile(r"[a-z_]+(\.[a-z_]+)*")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS documents_in_order ON documents (kind, seq);
CREATE INDEX IF NOT EXISTS documents_by_payment_intent
    ON documents (kind, json_extract(body, '$.payment_intent'), seq);
CREATE INDEX IF NOT EXISTS documents_by_charge ON documents (kind, json_extract(body, '$.charge'), seq);
CREATE INDEX IF NOT EXISTS documents_by_to ON documents (kind, json_extract(body, '$.to'), seq);
CREATE TABLE IF NOT EXISTS schedule (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    due     REAL NOT NULL,
    action  TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS schedule_by_due ON schedule (due);
CREATE TABLE IF NOT EXISTS deliveries (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    status  TEXT NOT NULL,
    due     REAL NOT NULL,
    vendor  TEXT NOT NULL,
    type    TEXT NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (status, due);
"""


class Database:
    """The SQLite connection, its lock, and transactions that may nest (the outermost one commits)."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            str(path) if path is not None else ":memory:", check_same_thread=False, isolation_level=None
        )
        # WAL without syncing survives a killed process, which is all that a sandbox promises.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if outermost:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: tuple[object, ...] = ()) -> int:
        """Run a statement that writes; the number of rows that it touched."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def clear(self) -> None:
        with self.transaction():
            for table in ("documents", "schedule", "deliveries"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  (names above, not input)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class Documents:
    """One vendor's documents by kind and id, in the order in which they were first put."""

    def __init__(self, database: Database, *, vendor: str) -> None:
        self._database = database
        self._vendor = vendor

    def transaction(self) -> AbstractContextManager[None]:
        """All of what is put inside happens, or nothing."""
        return self._database.transaction()

    def get(self, kind: str, document_id: str) -> Document | None:
        rows = self._database.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (self._kind(kind), document_id)
        )
        return orjson.loads(rows[0][0]) if rows else None

    def put(self, kind: str, document_id: str, document: Mapping[str, Any]) -> None:
        self._database.change(
            "INSERT INTO documents (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (self._kind(kind), document_id, orjson.dumps(document).decode()),
        )

    def delete(self, kind: str, document_id: str) -> bool:
        sql = "DELETE FROM documents WHERE kind = ? AND id = ?"
        return self._database.change(sql, (self._kind(kind), document_id)) > 0

    def trim(self, kind: str, *, keep: int) -> None:
        """Forget all but about the newest ``keep`` documents of a kind."""
        self._database.change(
            "DELETE FROM documents WHERE kind = ? AND seq <= ("
            "SELECT seq FROM documents WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (self._kind(kind), self._kind(kind), keep),
        )

    def select(
        self,
        kind: str,
        *,
        where: Mapping[str, Scalar] | None = None,
        any_of: Mapping[str, list[str]] | None = None,
        between: Mapping[str, tuple[int | None, int | None]] | None = None,
        limit: int = 100,
        after: str | None = None,
        before: str | None = None,
    ) -> list[Document]:
        """Documents, newest first.

        ``where`` compares dotted fields for equality; ``any_of`` names texts of which a field must be one (none: any
        text), where a ``*`` stands for anything; ``between`` bounds fields, both ends included. ``after`` and
        ``before`` are ids of documents of the same kind: only what follows (is older), or what precedes it.
        """
        if not 1 <= limit <= SELECT_LIMIT_MAX:
            raise ValueError(f"limit must be between 1 and {SELECT_LIMIT_MAX}")
        conditions = ["kind = ?"]
        parameters: list[object] = [self._kind(kind)]
        for name, value in (where or {}).items():
            conditions.append(f"{_json_path(name)} IS ?")
            parameters.append(value)
        for name, texts in (any_of or {}).items():
            if texts:
                conditions.append(f"({' OR '.join([f'{_json_path(name)} GLOB ?'] * len(texts))})")
                parameters += [_GLOB_SPECIAL.sub(r"[\g<0>]", text) for text in texts]
        for name, (low, high) in (between or {}).items():
            conditions.append(f"{_json_path(name)} BETWEEN ? AND ?")
            parameters += [-(2**62) if low is None else low, 2**62 if high is None else high]
        for comparison, anchor in (("<", after), (">", before)):
            if anchor is not None:
                conditions.append(f"seq {comparison} ?")
                parameters.append(self._seq(kind, anchor))
        # The page before an anchor is the one next to it, so it is read upwards and turned round.
        direction = "ASC" if before is not None else "DESC"
        sql = (
            f"SELECT body FROM documents WHERE {' AND '.join(conditions)}"  # noqa: S608  (fields are checked)
            f" ORDER BY seq {direction} LIMIT {limit}"
        )
        found = [orjson.loads(row[0]) for row in self._database.execute(sql, tuple(parameters))]
        return found[::-1] if before is not None else found

    def _seq(self, kind: str, document_id: str) -> int:
        rows = self._database.execute(
            "SELECT seq FROM documents WHERE kind = ? AND id = ?", (self._kind(kind), document_id)
        )
        return int(rows[0][0]) if rows else 0

    def _kind(self, kind: str) -> str:
        return f"{self._vendor}/{kind}"


def _json_path(name: str) -> str:
    if not _FIELD.fullmatch(name):
        raise ValueError(f"not a field name: {name!r}")
    return f"json_extract(body, '$.{name}')"
