"""Reading the payment provider's books, and comparing them with ours."""

from datetime import datetime
from typing import Protocol

from domain.ports.books import CheckResult
from domain.provider_books import EntryKind, EntryPage


class ProviderBooks(Protocol):
    def entries(self, *, kind: EntryKind, since: datetime | None, after: str | None) -> EntryPage:
        """One page of what was made since then, the newest first.

        Buyers and refunds go first: this waits for slots that nobody else wants. Raises ProviderUnavailable: ask for
        the same page again.
        """
        ...


class Comparison(Protocol):
    def at_rest(self, *, until: datetime) -> tuple[CheckResult, ...]:
        """L2 to L4 as our own books tell them: nothing that began before ``until`` is still on its way."""
        ...

    def with_provider(self, *, since: datetime | None, until: datetime) -> tuple[CheckResult, ...]:
        """Orders and ledger against the entries that were read, both as of what happened between the two moments."""
        ...
