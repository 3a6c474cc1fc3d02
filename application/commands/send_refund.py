"""A refund on its way: sent to the provider, and followed until the provider says how it ended."""

from datetime import datetime, timedelta

from application import effects, telling, trail
from application.each import for_each
from application.mending import heard_too_late
from application.transactions import retrying
from domain import bookings
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, ProviderRefused, Rejection
from domain.orders import Order
from domain.outgoing_webhooks import HookKind
from domain.ports.mail import LetterKind
from domain.ports.outbox import Lane
from domain.ports.payments import KEYS_REMEMBERED, PaymentGateway, ProviderRefund
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundId, RefundState, tickets_left

PENDING_CHECK_SECONDS = 60
REFUNDS_PER_ROUND_MAX = 100
UNNAMED = "refused"
"""Code of a refusal that says nothing but what its message says."""

_LETTERS = {RefundState.SUCCEEDED: LetterKind.REFUND_COMPLETED, RefundState.FAILED: LetterKind.REFUND_FAILED}
_TOLD = {RefundState.SUCCEEDED: HookKind.REFUND_COMPLETED, RefundState.FAILED: HookKind.REFUND_FAILED}
"""What organisers' systems hear of."""


def send_refund(
    refund_id: RefundId, *, unit_of_work: UnitOfWorkFactory, gateway: PaymentGateway, clock: Clock, ids: Ids
) -> None:
    """Ask the provider to give the money back. Idempotent by the refund's key.

    Raises ProviderUnavailable when the outcome is unknown. A refusal ends the refund as failed, where support
    sees it and may try anew.
    """
    with unit_of_work() as uow:
        refund = uow.refunds.get(refund_id)
        if refund.state is not RefundState.REQUESTED:
            return
        assert refund.payment_id is not None, "only money that was paid is sent back"
        payment = uow.payments.get(refund.payment_id)
    assert payment.intent_id is not None, "only captured payments are refunded"
    try:
        answer = gateway.refund(
            intent_id=payment.intent_id,
            amount=refund.amount,
            key=refund.key,
            order_id=refund.order_id,
            bulk=refund.batch_id is not None,
            fresh=clock.now() - refund.requested_at < KEYS_REMEMBERED,
        )
    except ProviderRefused as refused:
        why = str(refused) if refused.code == UNNAMED else refused.code
        answer = ProviderRefund(id=refund.provider_id or "", state=RefundState.FAILED, failure=why)
    _report(refund, answer, unit_of_work=unit_of_work, clock=clock, ids=ids)


def refresh_refund(
    provider_id: str, *, unit_of_work: UnitOfWorkFactory, gateway: PaymentGateway, clock: Clock, ids: Ids
) -> None:
    """The provider hinted that a refund changed: ask where it stands. One that is not ours is none of our business."""
    with unit_of_work() as uow:
        refund = uow.refunds.of_provider(provider_id)
    if refund is not None:
        answer = gateway.find_refund(refund_id=provider_id)
        _report(refund, answer, unit_of_work=unit_of_work, clock=clock, ids=ids)


def check_refunds(*, unit_of_work: UnitOfWorkFactory, gateway: PaymentGateway, clock: Clock, ids: Ids) -> int:
    """Ask about refunds that have been pending for a while, webhook or not. Answers how many.

    Raises ExceptionGroup at the end for what failed otherwise than by an absent provider.
    """
    before = clock.now() - timedelta(seconds=PENDING_CHECK_SECONDS)
    with unit_of_work() as uow:
        pending = uow.refunds.to_check(before=before, at_most=REFUNDS_PER_ROUND_MAX)

    def check(refund: Refund) -> bool:
        if refund.provider_id is None:
            return False
        answer = gateway.find_refund(refund_id=refund.provider_id)
        _report(refund, answer, unit_of_work=unit_of_work, clock=clock, ids=ids)
        return True

    return for_each(pending, check, what="refunds could not be checked")


@retrying
def _report(refund: Refund, answer: ProviderRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(refund.order_id, lock=True)
        before = uow.refunds.get(refund.id, lock=True)
        after = before.report(answer.state, provider_id=answer.id, failure=answer.failure, now=now)
        uow.refunds.save(after)
        uow.ledger.post(bookings.refund_moved(order, before, after, at=now))
        if after.state is RefundState.FAILED and before.state is not RefundState.FAILED:
            heard_too_late(order, after, uow=uow, ids=ids, now=now)
        if after.state is not before.state:
            uow.audit.add(
                trail.entry(
                    SYSTEM, f"refund.{after.state.value}", kind="order", subject=order.id, ids=ids, now=now,
                    refund=str(refund.id), failure=after.failure,
                )
            )  # fmt: skip
            if kind := _TOLD.get(after.state):
                telling.refund_happened(kind, after, event_id=order.event_id, uow=uow, ids=ids, now=now)
        if after.state is not before.state and after.state in _LETTERS:
            lane = Lane.BULK if after.batch_id is not None else Lane.SETTLING
            uow.outbox.add(effects.send_email(_LETTERS[after.state], order.id, refund.id, ids=ids, now=now, lane=lane))
        if after.state is RefundState.SUCCEEDED and before.state is not RefundState.SUCCEEDED:
            count_success(order, after, uow=uow, now=now)
        elif (
            before.state is RefundState.SUCCEEDED
            and after.state is RefundState.FAILED
            and after.reason is not RefundReason.NO_TICKETS
        ):
            uow.orders.save(order.take_back_refund(after.amount))
        uow.commit()


def count_success(order: Order, refund: Refund, *, uow: UnitOfWork, now: datetime) -> None:
    """The money of a stored refund is back with the buyer: the order says so. Inside the caller's transaction."""
    if refund.reason is RefundReason.NO_TICKETS:
        return  # The order sold nothing: what went back is counted with its payment.
    left = tickets_left(uow.tickets.of_order(order.id), uow.refunds.of_order(order.id))
    changed = order.add_refund(refund.amount, tickets_left=left, now=now)
    if isinstance(changed, Rejection):
        raise InvariantBroken(f"refund {refund.id} succeeded but {changed.message}")
    uow.orders.save(changed)
