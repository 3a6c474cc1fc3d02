"""An organiser words another refund policy. Orders keep the one that they were sold under."""

from dataclasses import dataclass, replace

from application import trail
from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.refund_policies import RefundPolicy
from domain.refund_policy_json import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRefundPolicy:
    """``version`` is the one that was looked at: who was overtaken by somebody else is told and looks again."""

    event_id: EventId
    policy: RefundPolicy
    version: int
    actor: str


def change_refund_policy(
    command: ChangeRefundPolicy, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> RefundPolicy | Rejection:
    """Put a policy in force for whoever buys from now on. The same rules again change nothing. Raises NotFound."""
    with unit_of_work() as uow:
        event = uow.events.get(command.event_id, lock=True)
        before = uow.events.policy(event.id)
        if before.version != command.version:
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message="Somebody changed this policy in the meantime. Look at it again.",
                details={"version": before.version},
            )
        if strangers := {rule.tier_id for rule in command.policy.tiers} - {tier.id for tier in event.tiers}:
            return Rejection(
                code=RejectionCode.UNKNOWN_TIER,
                message="This policy has a rule for a tier that the event does not have.",
                details={"tiers": sorted(str(each) for each in strangers)},
            )
        if before == command.policy:
            return before
        version = uow.events.replace_policy(event.id, command.policy)
        uow.audit.add(
            trail.entry(
                command.actor, "event.refund_policy_changed", kind="event", subject=event.id, ids=ids, now=clock.now(),
                version=version, currency=event.currency, before=to_json(before), after=to_json(command.policy),
            )
        )  # fmt: skip
        uow.commit()
    return replace(command.policy, version=version)
