"""Read the payment provider's books and compare them with ours: by hand for everything, by itself once a day.

Reading goes page by page, and each page is committed with the fees that it tells, so that whatever interrupts it costs
one page. The comparison then asks our own database.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from application import trail
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.ports.provider_books import Comparison, ProviderBooks
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.provider_books import (
    ENTRIES_KEPT,
    ENTRIES_PER_PRUNING_MAX,
    GRACE,
    READ_EVERY,
    RESUME_WITHIN,
    WINDOW,
    EntryPage,
    Reading,
    ReadingId,
)

PAGES_PER_ROUND = 10
"""So many pages are read before others have their turn. A round is repeated after half a minute."""
TURN = timedelta(minutes=5)
DIFFERENCES_NOTED_MAX = 20
BY_HAND = "verify"
"""Who asked, for readings by ``tessera verify``."""


def compare_with_provider(
    *,
    since: datetime | None,
    grace: timedelta = GRACE,
    unit_of_work: UnitOfWorkFactory,
    provider_books: ProviderBooks,
    comparison: Comparison,
    clock: Clock,
    ids: Ids,
    report: Callable[[Reading], None] = lambda _: None,
) -> Reading:
    """Read everything since then (None: ever) and compare. A reading that was interrupted lately goes on.

    ``report`` hears how far it is. Raises ProviderUnavailable: ask again, and it goes on from the last page.
    """
    reading = _interrupted(since, unit_of_work=unit_of_work, now=clock.now())
    if reading is None:
        reading = _begin(since, actor=BY_HAND, unit_of_work=unit_of_work, clock=clock, ids=ids)
    while reading.kind is not None:
        reading = _next_page(reading, unit_of_work=unit_of_work, provider_books=provider_books, clock=clock)
        report(reading)
    return _compare(reading, grace=grace, unit_of_work=unit_of_work, comparison=comparison, clock=clock, ids=ids)


def compare_daily(
    *,
    unit_of_work: UnitOfWorkFactory,
    provider_books: ProviderBooks,
    comparison: Comparison,
    clock: Clock,
    ids: Ids,
) -> int:
    """Go on with today's reading of the last weeks, a few pages a round. Answers how many pages were read.

    Several workers share it by turns. Differences go into the audit trail, and to whoever reads the metrics.
    """
    now = clock.now()
    with unit_of_work() as uow:
        reading = uow.readings.latest(actor=SYSTEM)
    if reading is None or reading.stale(now=now) or (reading.finished_at and now >= reading.began_at + READ_EVERY):
        reading = _begin(now - WINDOW, actor=SYSTEM, unit_of_work=unit_of_work, clock=clock, ids=ids)
    if reading.finished_at is not None or not _take_turn(reading.id, now=now, unit_of_work=unit_of_work):
        return 0
    pages = 0
    try:
        while reading.kind is not None and pages < PAGES_PER_ROUND:
            reading = _next_page(reading, unit_of_work=unit_of_work, provider_books=provider_books, clock=clock)
            pages += 1
        if reading.kind is None:
            _compare(reading, grace=GRACE, unit_of_work=unit_of_work, comparison=comparison, clock=clock, ids=ids)
    finally:
        _end_turn(reading.id, now=clock.now(), unit_of_work=unit_of_work)
    return pages


def prune_entries(*, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Forget what was copied of the provider's books and not read again since. Answers how many entries."""
    with unit_of_work() as uow:
        pruned = uow.readings.prune(before=clock.now() - ENTRIES_KEPT, at_most=ENTRIES_PER_PRUNING_MAX)
        uow.commit()
    return pruned


def _interrupted(since: datetime | None, *, unit_of_work: UnitOfWorkFactory, now: datetime) -> Reading | None:
    with unit_of_work() as uow:
        reading = uow.readings.latest(actor=BY_HAND)
    if reading is None or reading.finished_at is not None or reading.since != since:
        return None
    return reading if now - reading.began_at < RESUME_WITHIN else None


def _begin(since: datetime | None, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> Reading:
    reading = Reading(id=ReadingId(ids.uuid()), actor=actor, since=since, began_at=clock.now())
    with unit_of_work() as uow:
        uow.readings.add(reading)
        uow.commit()
    return reading


def _take_turn(reading_id: ReadingId, *, now: datetime, unit_of_work: UnitOfWorkFactory) -> bool:
    with unit_of_work() as uow:
        mine = uow.readings.take_turn(reading_id, now=now, until=now + TURN)
        uow.commit()
    return mine


def _end_turn(reading_id: ReadingId, *, now: datetime, unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.readings.end_turn(reading_id, now=now)
        uow.commit()


def _next_page(
    reading: Reading, *, unit_of_work: UnitOfWorkFactory, provider_books: ProviderBooks, clock: Clock
) -> Reading:
    assert reading.kind is not None, "all was read"
    page = provider_books.entries(kind=reading.kind, since=reading.reads_since, after=reading.cursor)
    return _keep(reading, page, unit_of_work=unit_of_work, now=clock.now())


@retrying
def _keep(reading: Reading, page: EntryPage, *, unit_of_work: UnitOfWorkFactory, now: datetime) -> Reading:
    further = reading.after(page)
    with unit_of_work() as uow:
        uow.readings.keep(page.entries, at=now)
        uow.ledger.post(*uow.readings.fees_to_tell(page.entries))
        uow.readings.save(further)
        uow.commit()
    return further


def _compare(
    reading: Reading,
    *,
    grace: timedelta,
    unit_of_work: UnitOfWorkFactory,
    comparison: Comparison,
    clock: Clock,
    ids: Ids,
) -> Reading:
    """What happened while it was read is not compared: the provider was asked too early for it."""
    results = comparison.with_provider(since=reading.since, until=reading.began_at - grace)
    now = clock.now()
    finished = reading.finish(results, now=now)
    with unit_of_work() as uow:
        uow.readings.save(finished)
        if finished.differences:
            told = [difference for result in results for difference in result.differences]
            uow.audit.add(
                trail.entry(
                    SYSTEM,
                    "books.differ",
                    kind="reading",
                    subject=reading.id,
                    ids=ids,
                    now=now,
                    differences=told[:DIFFERENCES_NOTED_MAX],
                    total=len(told),
                )
            )
        uow.commit()
    return finished
