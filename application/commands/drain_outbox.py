"""The outbox, drained: lease rows, bring their effects about, and keep account of each."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

from domain.errors import InvariantBroken, NotFound, ProviderRefused, Unavailable
from domain.ports.outbox import KEPT, LEASE_SECONDS, Effect, Lane, OutboxRow
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

ROWS_PER_LEASE = 20
ROWS_PER_PRUNING_MAX = 1_000
ERROR_LENGTH_MAX = 2_000

FINAL = (ProviderRefused, NotFound, InvariantBroken, KeyError, ValueError)
"""Trying these again would end the same way."""

Handler = Callable[[Mapping[str, object], int], None]
"""Brings one effect about, given its payload and its attempt (from 1). Idempotent, because a lease may be lost."""

Holding = Callable[[OutboxRow], AbstractContextManager[object]]
"""What surrounds the work on a row: whoever works for long keeps its lease meanwhile."""


def drain_outbox(
    *,
    handlers: Mapping[Effect, Handler],
    report: Callable[[OutboxRow, Exception], None],
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    lanes: tuple[Lane, ...] = tuple(Lane),
    at_most: int = ROWS_PER_LEASE,
    holding: Holding = nullcontext,
) -> int:
    """Lease due rows and work on them one by one. Answers how many were leased (0: nothing is due).

    A service that is away is asked again for as long as it is away, with backoff: an outage of a day needs nobody,
    unless the effect's own rule says that it has become too late. What cannot succeed, or failed otherwise too often,
    is parked where support sees it. ``report`` is told of every failure.
    """
    leased_at = clock.now()
    with unit_of_work() as uow:
        rows = uow.outbox.lease(now=leased_at, at_most=at_most, effects=frozenset(handlers), lanes=lanes)
        uow.commit()
    for row in rows:
        if clock.now() >= leased_at + timedelta(seconds=LEASE_SECONDS):
            break  # The first ones took so long that the rest is somebody else's by now.
        with holding(row):
            failure = _perform(row, handlers[row.effect])
            if failure is not None:
                report(row, failure)
            _account(row, failure, unit_of_work=unit_of_work, clock=clock)
    return len(rows)


def keep_leases(rows: tuple[OutboxRow, ...], *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Work on these goes on. Answers how many of them are still ours."""
    with unit_of_work() as uow:
        kept = uow.outbox.renew(rows, now=clock.now())
        uow.commit()
    return kept


def hand_back(rows: tuple[OutboxRow, ...], *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Work on these was interrupted: somebody else may begin at once. Answers how many were still ours."""
    with unit_of_work() as uow:
        returned = uow.outbox.hand_back(rows, now=clock.now())
        uow.commit()
    return returned


def prune_outbox(*, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Forget what happened long ago: effects, and webhooks that were seen. Answers how much of it."""
    before = clock.now() - KEPT
    with unit_of_work() as uow:
        effects = uow.outbox.prune(before=before, at_most=ROWS_PER_PRUNING_MAX)
        notices = uow.notices.prune(before=before, at_most=ROWS_PER_PRUNING_MAX)
        uow.commit()
    return effects + notices


def _perform(row: OutboxRow, handle: Handler) -> Exception | None:
    try:
        handle(row.payload, row.attempts)
    except Exception as failure:  # noqa: BLE001 - whatever went wrong with one row is kept with it, and others go on
        return failure
    return None


def _account(row: OutboxRow, failure: Exception | None, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        if failure is None:
            uow.outbox.done(row)
        elif _hopeless(row, failure) or row.too_late(now=now):
            uow.outbox.park(row, error=_words(failure), now=now)
        else:
            uow.outbox.retry(row, at=row.retry_at(now=now), error=_words(failure), now=now)
        uow.commit()


def _hopeless(row: OutboxRow, failure: Exception) -> bool:
    return isinstance(failure, FINAL) or (row.spent and not isinstance(failure, Unavailable))


def _words(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"[:ERROR_LENGTH_MAX]
