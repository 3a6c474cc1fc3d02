"""Forget answers that nobody may ask for again: an Idempotency-Key is good for a day."""

from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

ANSWERS_PER_ROUND_MAX = 1_000


def prune_answers(*, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Answers how many were forgotten, a bounded number at a time."""
    with unit_of_work() as uow:
        forgotten = uow.idempotency.prune(now=clock.now(), at_most=ANSWERS_PER_ROUND_MAX)
        uow.commit()
    return forgotten
