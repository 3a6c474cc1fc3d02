"""Pages by position: a cursor is the place (a time and a name) of the last row that was shown."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, tuple_

from domain.ports.backoffice import PAGE_LIMIT

Item = TypeVar("Item")


def cursor(at: datetime, name: UUID) -> str:
    """The place of one row, opaque to whoever carries it."""
    return urlsafe_b64encode(f"{at.isoformat()} {name}".encode()).decode()


def paged(
    statement: Select[Any],
    *,
    at: ColumnElement[Any],
    name: ColumnElement[Any],
    after: str | None,
    newest_first: bool,
) -> Select[Any]:
    """The next page of a statement and one row more, which tells whether there is another page."""
    place = tuple_(at, name)
    if after:
        last = _read(after)
        statement = statement.where(place < last if newest_first else place > last)
    order = (at.desc(), name.desc()) if newest_first else (at, name)
    return statement.order_by(*order).limit(PAGE_LIMIT + 1)


def cut(items: Sequence[Item], cursors: Sequence[str]) -> tuple[tuple[Item, ...], str | None]:
    """A page without the row that was one too many, and where the next begins."""
    return tuple(items[:PAGE_LIMIT]), cursors[PAGE_LIMIT - 1] if len(items) > PAGE_LIMIT else None


def _read(written: str) -> tuple[datetime, UUID]:
    """Raises ValueError for anything that :func:`cursor` did not write."""
    moment, name = urlsafe_b64decode(written.encode()).decode().split(" ")
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError("no cursor of ours has a local time")
    return at, UUID(name)
