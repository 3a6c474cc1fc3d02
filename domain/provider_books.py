"""The provider's own books, in our words, and how far we have come in reading them.

A reading goes through everything the provider tells of a span of time, kind by kind and page by page. What it has read
is kept, so a reading that was interrupted goes on where it was, and the comparison asks our own database alone.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.money import Money
from domain.orders import OrderId
from domain.ports.books import CheckResult

ReadingId = NewType("ReadingId", UUID)

WINDOW = timedelta(days=35)
"""How far back the daily reading looks: refunds fail and disputes are decided weeks after their sale."""
READ_EVERY = timedelta(hours=24)
GRACE = timedelta(minutes=15)
"""What is younger than this is under way, and not compared yet."""
CLOCKS_APART = timedelta(hours=1)
"""So much more is read than is compared, for clocks that differ."""
RESUME_WITHIN = timedelta(hours=6)
"""An interrupted reading that is older than this begins anew."""
READING_LASTS_MAX = timedelta(days=7)
"""A reading that nobody has finished for so long begins anew: what it read first is no longer how things stand."""
ENTRIES_KEPT = timedelta(days=30)
"""A copy of an entry is kept for so long after it was read last. No reading lasts as long, so whatever one compares is
still there; what is wanted of older days is read again."""
ENTRIES_PER_PRUNING_MAX = 1_000
DIFFERENCES_KEPT_MAX = 50
"""Of each check."""


class EntryKind(StrEnum):
    """What is read, in this order."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"


class EntryState(StrEnum):
    """Where an entry stands at the provider."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    RELEASED = "released"
    """Authorised once, and let go."""
    DECLINED = "declined"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    INQUIRY = "inquiry"
    """A bank asks; no money has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEntry:
    """One charge, refund or dispute, as the provider has it now.

    ``amount`` is what was captured (authorised, while nothing is), given back, or disputed. ``withdrawn`` is what a
    dispute has taken and not returned. ``fee`` is what the provider keeps for it all, in the currency it settles in.
    ``order_id`` and ``order_number`` are what we wrote into its metadata, if it is one of ours.
    """

    id: str
    kind: EntryKind
    state: EntryState
    intent_id: str
    order_id: OrderId | None
    order_number: str | None
    amount: Money
    withdrawn: Money
    fee: Money
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """``next_cursor`` None: that was the last."""

    entries: tuple[ProviderEntry, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """``since`` None: everything there ever was. ``kind`` None: all was read. ``actor`` as in the audit trail."""

    id: ReadingId
    actor: str
    since: datetime | None
    began_at: datetime
    kind: EntryKind | None = EntryKind.CHARGE
    cursor: str | None = None
    entries: int = 0
    finished_at: datetime | None = None
    results: tuple[CheckResult, ...] = ()

    @property
    def reads_since(self) -> datetime | None:
        return self.since - CLOCKS_APART if self.since else None

    def stale(self, *, now: datetime) -> bool:
        """Whether it was left alone for so long that going on makes no sense."""
        return self.finished_at is None and now - self.began_at >= READING_LASTS_MAX

    @property
    def differences(self) -> int:
        return sum(len(result.differences) for result in self.results)

    def after(self, page: EntryPage) -> "Reading":
        """Go on with the next page, or the next kind."""
        assert self.kind is not None, "all was read"
        entries = self.entries + len(page.entries)
        if page.next_cursor is not None:
            return replace(self, cursor=page.next_cursor, entries=entries)
        kinds = list(EntryKind)
        following = kinds[kinds.index(self.kind) + 1 :]
        return replace(self, kind=following[0] if following else None, cursor=None, entries=entries)

    def finish(self, results: tuple[CheckResult, ...], *, now: datetime) -> "Reading":
        """It was compared. Of many differences the first are kept."""
        kept = tuple(replace(one, differences=one.differences[:DIFFERENCES_KEPT_MAX]) for one in results)
        return replace(self, kind=None, finished_at=now, results=kept)
