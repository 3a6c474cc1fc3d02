"""Refunds that failed and are owed: whether they can be made good, and those that a dispute overtook.

A person mends what a closed card sent back (``mend_refund``). What a dispute overtook mends itself when that is
decided: won, the same money leaves anew; lost, the bank has paid it for us. The end of the dispute and the failure of
the refund are heard of in any order, so both ask here.
"""

from dataclasses import replace
from datetime import datetime

from application import effects, trail
from domain import bookings
from domain.audit import SYSTEM
from domain.disputes import Dispute, DisputeState, frozen_because
from domain.errors import Rejection
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids
from domain.refunds import (
    OVERTAKEN_BY_DISPUTE,
    Refund,
    RefundBatchId,
    RefundId,
    bank_was_faster,
    frozen,
    mend_refusal,
    overtaken,
)


def refusal_to_mend(order: Order, failed: Refund, others: tuple[Refund, ...], uow: UnitOfWork) -> Rejection | None:
    """Why a failed refund cannot be made good now. Money that a bank returned itself is not owed any more, and while it
    has the money nobody can send it.
    """
    disputes = [each for each in uow.disputes.of_order(order.id) if each.payment_id == failed.payment_id]
    if any(each.state is DisputeState.LOST for each in disputes):
        return bank_was_faster()
    if why := frozen_because(disputes):
        return frozen(why)
    return mend_refusal(order, failed, others)


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
    uow.ledger.post(bookings.refund_requested(order, refund, tickets, at=now))
    uow.outbox.add(effects.send_refund(refund, ids=ids, now=now))
    uow.audit.add(
        trail.entry(
            actor, "refund.sent_anew", kind="order", subject=refund.order_id, ids=ids, now=now,
            refund=str(refund.id), replaces=str(failed.id), **trail.amount(refund.amount),
        )
    )  # fmt: skip
    return refund


def mend_after_dispute(
    order: Order, dispute: Dispute, *, uow: UnitOfWork, ids: Ids, now: datetime
) -> tuple[Refund, ...]:
    """The money is ours again: refunds that the dispute had overtaken are owed, and leave by themselves.

    Those for tickets first: there may not be enough for a gift as well.
    """
    own = (refund for refund in uow.refunds.of_order(order.id) if refund.payment_id == dispute.payment_id)
    stopped = [refund for refund in own if refund.failure in OVERTAKEN_BY_DISPUTE]
    return tuple(
        send_anew(order, refund, actor=SYSTEM, uow=uow, ids=ids, now=now)
        for refund in sorted(stopped, key=lambda each: not each.parts)
        # Read again for each: what was sent anew a moment ago counts.
        if refusal_to_mend(order, refund, uow.refunds.of_order(order.id), uow) is None
    )


def heard_too_late(order: Order, failed: Refund, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """A refund has just failed. Where a dispute that has ended meanwhile overtook it, do what its end would have done.

    Money that a lost dispute took stays paid by the bank. What one that was won had overtaken leaves anew, if it was
    asked for before that end: whatever fails later is another dispute's doing, and waits for that.
    """
    if failed.failure not in OVERTAKEN_BY_DISPUTE:
        return
    ended = [
        dispute
        for dispute in uow.disputes.of_order(order.id)
        if dispute.payment_id == failed.payment_id and dispute.closed_at is not None
    ]
    lost = next((dispute for dispute in ended if dispute.state is DisputeState.LOST), None)
    overtook = [dispute for dispute in ended if dispute.closed_at and failed.requested_at <= dispute.closed_at]
    if lost is not None:
        amount = lost.facts.amount
        own = tuple(each for each in uow.refunds.of_order(order.id) if each.payment_id == lost.payment_id)
        told = overtaken(own, amount.currency) - failed.amount  # It is among them by now.
        paid = min(failed.amount, amount - min(told, amount))
        uow.ledger.post(bookings.overtaken_late(order, failed, dispute_id=lost.facts.provider_id, paid=paid, at=now))
    elif overtook:
        mend_after_dispute(order, overtook[-1], uow=uow, ids=ids, now=now)
