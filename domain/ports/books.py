"""The books: everything in Postgres that must never be false, checked by comparing it with itself."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One invariant: how many things were compared, and every difference in words. No differences: it holds."""

    name: str
    compared: int
    differences: tuple[str, ...]


class Books(Protocol):
    def check(self) -> tuple[CheckResult, ...]:
        """Check every invariant that Postgres alone can tell, each in one consistent picture."""
        ...
