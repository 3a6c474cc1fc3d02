"""Whether this process can do its work: what it leans on, and what is wrong with each."""

from collections.abc import Callable, Mapping
from typing import Protocol

from domain.errors import Unavailable


class Migrated(Protocol):
    @property
    def is_migrated(self) -> bool: ...


def readiness(*, database: Callable[[], Migrated], valkey: Callable[[], object]) -> Mapping[str, str | None]:
    """``database``, ``migrations`` and ``valkey``, each with what is wrong or None. Never raises Unavailable."""
    try:
        migrations = None if database().is_migrated else "not at the newest migration: run `tessera db upgrade`"
        answered = None
    except Unavailable:
        answered, migrations = "does not answer", "unknown"
    try:
        valkey()
        fast = None
    except Unavailable:
        fast = "does not answer"
    return {"database": answered, "migrations": migrations, "valkey": fast}
