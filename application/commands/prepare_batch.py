"""What people do with a batch of refunds: prepare it, go ahead, agree to it, pause it, stop it, try failures again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from application import trail
from domain.errors import Rejection, RejectionCode
from domain.orders import OrderId, OrderState
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.refund_batches import (
    ORDERS_PER_BATCH_MAX,
    ApprovalRule,
    BatchId,
    BatchPurpose,
    BatchState,
    RefundBatch,
    Selection,
)
from domain.refund_policies import RefundReason

UNKNOWN_NUMBERS_TOLD_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareBatch:
    """``batch_id`` makes it idempotent: the same form sent twice is one batch."""

    batch_id: BatchId
    purpose: BatchPurpose
    reason: RefundReason
    selection: Selection
    note: str
    tell_buyers: bool
    actor: str


class Decision(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class SteerBatch:
    """``note`` is why; kept for approving and declining, and told by the trail for all."""

    batch_id: BatchId
    decision: Decision
    actor: str
    note: str = ""


def prepare_batch(
    command: PrepareBatch, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> RefundBatch | Rejection:
    """Take the list of orders, now and for good. Nothing moves; a worker asks each what it would give back."""
    selection = command.selection
    if selection.numbers:
        # Named one by one, every order is answered for, whatever became of it.
        selection = replace(selection, states=frozenset(OrderState))
    if rejection := selection.refuses():
        return rejection
    now = clock.now()
    batch = RefundBatch(
        id=command.batch_id,
        purpose=command.purpose,
        reason=command.reason,
        selection=selection,
        note=command.note,
        tell_buyers=command.tell_buyers,
        state=BatchState.DRAFT,
        requested_by=command.actor,
        requested_at=now,
    )
    with unit_of_work() as uow:
        if (before := uow.refund_batches.find(command.batch_id)) is not None:
            return before
        if unknown := uow.refund_batches.unknown_numbers(selection.numbers):
            return _unknown(unknown)
        orders = uow.refund_batches.add(batch, at_most=ORDERS_PER_BATCH_MAX)
        if not orders:
            return _invalid("No order is like that, so there is nothing to give back.")
        if orders > ORDERS_PER_BATCH_MAX:
            return _invalid(f"These are more than {ORDERS_PER_BATCH_MAX:,} orders. Make several batches of them.")
        _note(uow, command.actor, "prepared", batch, ids, now, orders=orders, purpose=batch.purpose.value)
        uow.commit()
    return batch


def submit_batch(
    batch_id: BatchId, *, actor: str, rule: ApprovalRule, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> RefundBatch | Rejection:
    """Go ahead with what the preview shows: at once, or once a second person agrees. Raises NotFound."""
    now = clock.now()
    with unit_of_work() as uow:
        batch = uow.refund_batches.get(batch_id, lock=True)
        total = uow.refund_batches.approvable(batch_id)
        if batch.state is BatchState.PREVIEWED and not total.orders:
            return Rejection(
                code=RejectionCode.NOT_REFUNDABLE, message="None of these orders has anything to give back."
            )
        submitted = batch.submit(because=rule.because(orders=total.orders, amounts=total.amounts), now=now)
        if isinstance(submitted, Rejection):
            return submitted
        uow.refund_batches.save(submitted)
        amounts = [f"{amount.amount} {amount.currency}" for amount in total.amounts]
        _note(uow, actor, "submitted", submitted, ids, now, orders=total.orders, amounts=amounts)
        uow.commit()
    return submitted


def steer_batch(
    command: SteerBatch, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> RefundBatch | Rejection:
    """Agree to it or not, pause, go on, or end it. Raises NotFound.

    Waits for the transactions that are giving money back this very moment: when this returns, no new one begins.
    """
    now = clock.now()
    with unit_of_work() as uow:
        batch = uow.refund_batches.get(command.batch_id, lock=True)
        steered = _STEPS[command.decision](batch, command, now)
        if isinstance(steered, Rejection):
            return steered
        uow.refund_batches.save(steered)
        _note(uow, command.actor, _PAST[command.decision], steered, ids, now, note=command.note or None)
        uow.commit()
    return steered


def retry_batch(
    batch_id: BatchId,
    *,
    order_id: OrderId | None = None,
    actor: str,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> int | Rejection:
    """Try again what failed: all of it, or one order. Answers how many wait again. Raises NotFound."""
    now = clock.now()
    with unit_of_work() as uow:
        again = uow.refund_batches.get(batch_id, lock=True).begin_again()
        if isinstance(again, Rejection):
            return again
        orders = uow.refund_batches.retry(batch_id, order_id=order_id, now=now)
        if not orders:
            return Rejection(code=RejectionCode.WRONG_STATE, message="Nothing of this has failed.")
        uow.refund_batches.save(again)
        _note(uow, actor, "retried", again, ids, now, orders=orders)
        uow.commit()
    return orders


_STEPS: dict[Decision, Callable[[RefundBatch, SteerBatch, datetime], RefundBatch | Rejection]] = {
    Decision.APPROVE: lambda batch, command, now: batch.approve(actor=command.actor, note=command.note, now=now),
    Decision.DECLINE: lambda batch, command, now: batch.decline(note=command.note, now=now),
    Decision.PAUSE: lambda batch, _, now: batch.pause(),
    Decision.RESUME: lambda batch, _, now: batch.resume(),
    Decision.STOP: lambda batch, _, now: batch.stop(now=now),
}
_PAST = {
    Decision.APPROVE: "approved",
    Decision.DECLINE: "declined",
    Decision.PAUSE: "paused",
    Decision.RESUME: "resumed",
    Decision.STOP: "stopped",
}


def _unknown(numbers: tuple[str, ...]) -> Rejection:
    told = ", ".join(numbers[:UNKNOWN_NUMBERS_TOLD_MAX])
    more = len(numbers) - UNKNOWN_NUMBERS_TOLD_MAX
    rest = f" and {more} more" if more > 0 else ""
    return Rejection(
        code=RejectionCode.INVALID_REQUEST,
        message=f"There is no order {told}{rest}. Correct the list, or leave them out.",
        details={"field": "numbers"},
    )


def _invalid(message: str) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message)


def _note(
    uow: UnitOfWork, actor: str, done: str, batch: RefundBatch, ids: Ids, now: datetime, **details: object
) -> None:
    uow.audit.add(
        trail.entry(actor, f"batch.{done}", kind="refund_batch", subject=batch.id, ids=ids, now=now, **details)
    )
