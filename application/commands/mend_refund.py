"""A refund that failed is made good: sent anew, or paid by a person in another way. The failed one stays as it is.

The tickets are void and the money is not back, so somebody is owed: this is how the debt ends, once.
"""

from dataclasses import dataclass

from application import trail
from application.commands.send_refund import count_success
from application.mending import refusal_to_mend, send_anew
from application.transactions import retrying
from domain import bookings
from domain.errors import Rejection
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refunds import HandPayment, Refund, RefundId


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRefundAnew:
    refund_id: RefundId
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleRefundByHand:
    """``reference`` is how to find the payment in the bank's books."""

    refund_id: RefundId
    reference: str
    actor: str


def send_refund_anew(
    command: SendRefundAnew, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Refund | Rejection:
    """A new refund of the same money for the same tickets. A second click is refused. Raises NotFound."""
    answer = _send_anew(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _send_anew(
    command: SendRefundAnew, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Refund | Rejection:
    with unit_of_work() as uow:
        order, failed, others = _locked(command.refund_id, uow)
        if refusal := refusal_to_mend(order, failed, others, uow):
            return refusal
        refund = send_anew(order, failed, actor=command.actor, uow=uow, ids=ids, now=clock.now())
        uow.commit()
    return refund


@retrying
def settle_refund_by_hand(
    command: SettleRefundByHand, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Refund | Rejection:
    """Somebody has paid the buyer outside of the provider: our books follow. Raises NotFound."""
    now = clock.now()
    with unit_of_work() as uow:
        order, failed, others = _locked(command.refund_id, uow)
        if refusal := refusal_to_mend(order, failed, others, uow):
            return refusal
        payment = HandPayment(reference=command.reference, actor=command.actor)
        refund = failed.paid_by_hand(RefundId(ids.uuid()), payment, now=now)
        uow.refunds.add(refund)
        uow.ledger.post(bookings.refund_paid_by_hand(order, refund, at=now))
        count_success(order, refund, uow=uow, now=now)
        uow.audit.add(
            trail.entry(
                command.actor, "refund.paid_by_hand", kind="order", subject=order.id, ids=ids, now=now,
                refund=str(refund.id), replaces=str(failed.id), **trail.amount(refund.amount),
                reference=command.reference,
            )
        )  # fmt: skip
        uow.commit()
    return refund


def _locked(refund_id: RefundId, uow: UnitOfWork) -> tuple[Order, Refund, tuple[Refund, ...]]:
    order = uow.orders.get(uow.refunds.get(refund_id).order_id, lock=True)
    return order, uow.refunds.get(refund_id, lock=True), uow.refunds.of_order(order.id)
