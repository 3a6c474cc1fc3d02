"""Reviews that cannot wait for a person any longer: the bank is about to let the money go, or the event is off.

An order must never stay in review with money that is gone. What happens instead is the house's own rule.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from application.commands.review_order import ReviewOrder
from application.each import for_each
from domain.audit import SYSTEM
from domain.errors import Rejection
from domain.events import EventState
from domain.orders import Order
from domain.payments import Payment
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

DECIDED_SECONDS_BEFORE = 6 * 3_600
"""How long before the money is gone the rule decides: time enough for an outage of the provider to pass."""
WARNED_SECONDS_BEFORE = 24 * 3_600
"""From when on the queue says that an order will soon be decided without a person."""
REVIEWS_PER_ROUND_MAX = 100


class LapseRule(StrEnum):
    """What becomes of an order that nobody has judged in time."""

    REJECT = "reject"
    APPROVE = "approve"


def decide_reviews(
    *,
    rule: LapseRule,
    review: Callable[[ReviewOrder], Order | Rejection],
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
) -> int:
    """Decide what cannot wait. Answers how many were decided; a person who is faster is right."""
    before = clock.now() + timedelta(seconds=DECIDED_SECONDS_BEFORE)
    with unit_of_work() as uow:
        due = uow.payments.to_decide(lapsing_before=before, at_most=REVIEWS_PER_ROUND_MAX)

    def decide(payment: Payment) -> bool:
        return isinstance(review(_verdict(payment, rule, unit_of_work=unit_of_work)), Order)

    return for_each(due, decide, what="reviews could not be decided")


def _verdict(payment: Payment, rule: LapseRule, *, unit_of_work: UnitOfWorkFactory) -> ReviewOrder:
    with unit_of_work() as uow:
        event = uow.events.get(uow.orders.get(payment.order_id).event_id)
    if event.state is EventState.CANCELLED:
        because = "the event was cancelled"
        return ReviewOrder(order_id=payment.order_id, approve=False, actor=SYSTEM, note=because, because=because)
    return ReviewOrder(
        order_id=payment.order_id,
        approve=rule is LapseRule.APPROVE,
        actor=SYSTEM,
        note=f"Nobody decided, and the bank would let the money go at {payment.capture_before}.",
        because="it could not be checked in time",
    )
