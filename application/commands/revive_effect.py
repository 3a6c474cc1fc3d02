"""A person asks for a parked effect to be tried again."""

from uuid import UUID

from application import trail
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup


def revive_effect(
    row_id: UUID, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> bool:
    """False when the row is not parked (any more)."""
    now = clock.now()
    with unit_of_work() as uow:
        if not uow.outbox.revive(row_id=row_id, now=now):
            return False
        uow.audit.add(trail.entry(actor, "outbox.revived", kind="outbox", subject=row_id, ids=ids, now=now))
        uow.commit()
    wakeup.outbox_filled()
    return True
