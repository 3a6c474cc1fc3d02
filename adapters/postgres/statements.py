"""Statements that are made once: building one for each call costs as much again as sending it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Select, Table, Update, bindparam, update

WANTED: BindParameter[Any] = bindparam("wanted")
"""What a statement is about: the id that it asks for or changes. No column is called so."""


@dataclass(frozen=True, slots=True)
class Lockable:
    """A question that can be asked with or without a lock on the rows that it finds."""

    plain: "Select[Any]"
    locking: "Select[Any]"

    def with_lock(self, lock: bool) -> "Select[Any]":  # noqa: FBT001 - it is the one thing that is asked
        return self.locking if lock else self.plain


def lockable(wanted: "Select[Any]") -> Lockable:
    """The lock lets others refer to the rows by foreign key, which is all they do who do not lock them too."""
    return Lockable(wanted, wanted.with_for_update(key_share=True))


def saving(table: Table) -> Update:
    """Changes the row whose id is ``wanted``; the columns that change are the other parameters of a call."""
    return update(table).where(table.c.id == WANTED)
