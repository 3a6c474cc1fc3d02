"""The outbox, drained: lease rows, bring their effects about, and keep account of each."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from domain.errors import InvariantBroken, NotFound, ProviderRefused, Unavailable
from domain.ports.outbox import LEASE_SECONDS, Effect, OutboxRow
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

ROWS_PER_LEASE = 20

FINAL = (ProviderRefused, NotFound, InvariantBroken, KeyError, ValueError)
"""Trying these again would end the same way."""

Handler = Callable[[Mapping[str, object], int], None]
"""Brings one effect about, given its payload and its attempt (from 1). Idempotent, because a lease may be lost."""


def drain_outbox(
    *,
    handlers: Mapping[Effect, Handler],
    report: Callable[[OutboxRow, Exception], None],
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
) -> int:
    """Lease due rows and work on them one by one. Answers how many were leased (0: nothing is due).

    A service that is away is asked again for as long as it is away, with backoff: an outage of a day needs nobody.
    What cannot succeed, or failed otherwise too often, is parked where support sees it. ``report`` is told of every
    failure.
    """
    leased_at = clock.now()
    with unit_of_work() as uow:
        rows = uow.outbox.lease(now=leased_at, at_most=ROWS_PER_LEASE, effects=frozenset(handlers))
        uow.commit()
    for row in rows:
        if clock.now() >= leased_at + timedelta(seconds=LEASE_SECONDS):
            break  # The first ones took so long that the rest is somebody else's by now.
        failure = _perform(row, handlers[row.effect])
        if failure is not None:
            report(row, failure)
        _account(row, failure, unit_of_work=unit_of_work, clock=clock)
    return len(rows)


def _perform(row: OutboxRow, handle: Handler) -> Exception | None:
    try:
        handle(row.payload, row.attempts)
    except Exception as failure:  # noqa: BLE001 - whatever went wrong with one row is kept with it, and others go on
        return failure
    return None


def _account(row: OutboxRow, failure: Exception | None, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
    with unit_of_work() as uow:
        if failure is None:
            uow.outbox.done(row)
        elif isinstance(failure, FINAL) or (row.spent and not isinstance(failure, Unavailable)):
            uow.outbox.park(row, error=_words(failure))
        else:
            uow.outbox.retry(row, at=row.retry_at(now=clock.now()), error=_words(failure))
        uow.commit()


def _words(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"[:2_000]
