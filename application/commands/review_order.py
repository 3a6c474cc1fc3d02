"""A person decides about an order that looked risky."""

from dataclasses import dataclass

from application import trail
from application.access import Access
from application.commands.settle_payment import request_capture
from application.ending import let_go
from application.transactions import retrying
from domain.errors import Rejection, RejectionCode
from domain.orders import Order, OrderId, OrderState
from domain.payments import PaymentState
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOrder:
    """``because`` is what the buyer of a rejected order is told."""

    order_id: OrderId
    approve: bool
    actor: str
    note: str = ""
    because: str = "the payment was not accepted after a review"


def review_order(
    command: ReviewOrder, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access, wakeup: Wakeup
) -> Order | Rejection:
    """Approve (the money is captured and tickets follow) or reject (the money is let go, the places return)."""
    answer = _decide(command, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access)
    wakeup.outbox_filled()
    return answer


@retrying
def _decide(
    command: ReviewOrder, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access
) -> Order | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(command.order_id, lock=True)
        attempts = (uow.payments.get(each.id, lock=True) for each in uow.payments.of_order(order.id))
        payment = next((each for each in attempts if each.state is PaymentState.AUTHORISED), None)
        if order.state is not OrderState.IN_REVIEW or payment is None:
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
            order = let_go(
                order, payment, because=command.because, uow=uow, ids=ids, now=now, access=access, actor=command.actor
            )
        uow.commit()
    return order
