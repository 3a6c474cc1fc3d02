"""A person decides about an order that looked risky."""

from dataclasses import dataclass

from application import effects, trail
from application.commands.settle_payment import give_back, moved, request_capture
from application.transactions import retrying
from domain.errors import Rejection, RejectionCode
from domain.orders import Order, OrderId, OrderState
from domain.payments import PaymentState
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOrder:
    order_id: OrderId
    approve: bool
    actor: str
    note: str = ""


def review_order(
    command: ReviewOrder, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Order | Rejection:
    """Approve (the money is captured and tickets follow) or reject (the money is let go, the places return)."""
    answer = _decide(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _decide(command: ReviewOrder, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> Order | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(command.order_id, lock=True)
        payment = uow.payments.latest(command.order_id, lock=True)
        waits = order.state is OrderState.IN_REVIEW and payment is not None
        if not waits or payment is None or payment.state is not PaymentState.AUTHORISED:
            return Rejection(code=RejectionCode.WRONG_STATE, message="This order is not waiting for a review.")
        verb = "approved" if command.approve else "rejected"
        uow.audit.add(
            trail.entry(
                command.actor, f"review.{verb}", kind="order", subject=order.id, ids=ids, now=now, note=command.note
            )
        )
        if command.approve:
            request_capture(payment, uow=uow, ids=ids, now=now)
        else:
            assert payment.intent_id is not None, "an authorised payment has an intent"
            uow.outbox.add(effects.void(payment, intent_id=payment.intent_id, ids=ids, now=now))
            uow.payments.save(moved(payment, PaymentState.VOID_REQUESTED))
            cancelled = order.cancel(now=now, because="the payment was not accepted after a review")
            assert not isinstance(cancelled, Rejection), "an order in review can be cancelled"
            order = give_back(cancelled, "order.cancelled", uow=uow, ids=ids, now=now, actor=command.actor)
        uow.commit()
    return order
