"""A refund that failed is made good: sent anew, or paid by a person in another way. The failed one stays as it is.

The tickets are void and the money is not back, so somebody is owed: this is how the debt ends, once.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from application import effects, trail
from application.commands.send_refund import count_success
from application.transactions import retrying
from domain import ledger
from domain.audit import SYSTEM
from domain.disputes import DisputeState
from domain.errors import Rejection
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refunds import (
    OVERTAKEN_BY_DISPUTE,
    HandPayment,
    Refund,
    RefundBatchId,
    RefundId,
    bank_was_faster,
    mend_refusal,
)


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
        uow.ledger.post(ledger.refund_paid_by_hand(order, refund, at=now))
        count_success(order, refund, uow=uow, now=now)
        uow.audit.add(
            trail.entry(
                command.actor, "refund.paid_by_hand", kind="order", subject=order.id, ids=ids, now=now,
                refund=str(refund.id), replaces=str(failed.id), amount=refund.amount.amount,
                reference=command.reference,
            )
        )  # fmt: skip
        uow.commit()
    return refund


def send_anew(
    order: Order,
    failed: Refund,
    *,
    actor: str,
    batch_id: RefundBatchId | None = None,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Refund:
    """Inside the caller's transaction, when nothing refuses it. ``batch_id``: a batch tries it, among many."""
    refund = replace(failed.anew(RefundId(ids.uuid()), now=now), batch_id=batch_id)
    uow.refunds.add(refund)
    tickets = uow.tickets.of_order(order.id)
    uow.ledger.post(ledger.refund_requested(order, refund, tickets, at=now))
    uow.outbox.add(effects.send_refund(refund, ids=ids, now=now))
    uow.audit.add(
        trail.entry(
            actor, "refund.sent_anew", kind="order", subject=refund.order_id, ids=ids, now=now,
            refund=str(refund.id), replaces=str(failed.id), amount=refund.amount.amount,
        )
    )  # fmt: skip
    return refund


def mend_after_dispute(order: Order, *, uow: UnitOfWork, ids: Ids, now: datetime) -> tuple[Refund, ...]:
    """The money is ours again: refunds that a dispute had overtaken are owed, and leave by themselves."""
    refunds = uow.refunds.of_order(order.id)
    return tuple(
        send_anew(order, refund, actor=SYSTEM, uow=uow, ids=ids, now=now)
        for refund in refunds
        if refund.failure in OVERTAKEN_BY_DISPUTE and refusal_to_mend(order, refund, refunds, uow) is None
    )


def refusal_to_mend(order: Order, failed: Refund, others: tuple[Refund, ...], uow: UnitOfWork) -> Rejection | None:
    """Why a failed refund cannot be made good now. Money that a bank returned itself is not owed any more."""
    disputes = uow.disputes.of_order(order.id)
    if any(each.payment_id == failed.payment_id and each.state is DisputeState.LOST for each in disputes):
        return bank_was_faster()
    return mend_refusal(order, failed, others)


def _locked(refund_id: RefundId, uow: UnitOfWork) -> tuple[Order, Refund, tuple[Refund, ...]]:
    order = uow.orders.get(uow.refunds.get(refund_id).order_id, lock=True)
    return order, uow.refunds.get(refund_id, lock=True), uow.refunds.of_order(order.id)
