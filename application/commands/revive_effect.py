"""What a person decides about effects that gave up: try one again, try all of a kind again, or let one go."""

from uuid import UUID

from application import trail
from domain.errors import Rejection, RejectionCode
from domain.ports.outbox import DISCARD_REASON_LENGTH_MAX, Effect
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup

REVIVED_TOGETHER_MAX = 10_000


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


def revive_effects(
    effect: Effect, *, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> int:
    """All parked effects of a kind, as after an outage or a repaired mistake. Answers how many."""
    now = clock.now()
    with unit_of_work() as uow:
        revived = uow.outbox.revive_all(effect=effect, now=now, at_most=REVIVED_TOGETHER_MAX)
        if revived == 0:
            return 0
        uow.audit.add(
            trail.entry(
                actor, "outbox.all_revived", kind="outbox", subject=effect.value, ids=ids, now=now, effects=revived
            )
        )
        uow.commit()
    wakeup.outbox_filled()
    return revived


def discard_effect(
    row_id: UUID, *, because: str, actor: str, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Rejection | None:
    """It shall never happen, and the trail says why. None when that is so now."""
    reason = because.strip()
    if not 0 < len(reason) <= DISCARD_REASON_LENGTH_MAX:
        return Rejection(
            code=RejectionCode.INVALID_REQUEST,
            message=f"Say why, in at most {DISCARD_REASON_LENGTH_MAX} characters.",
            details={"field": "because"},
        )
    with unit_of_work() as uow:
        if not uow.outbox.discard(row_id=row_id, because=reason):
            return Rejection(code=RejectionCode.WRONG_STATE, message="It is not parked any more: somebody was faster.")
        uow.audit.add(
            trail.entry(
                actor, "outbox.discarded", kind="outbox", subject=row_id, ids=ids, now=clock.now(), reason=reason
            )
        )
        uow.commit()
    return None
