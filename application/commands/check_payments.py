"""The poller: asks the provider about open payments by itself, so that a lost webhook changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from application.each import for_each
from application.transactions import retrying
from domain.orders import Order, OrderId
from domain.payments import Payment, PaymentId
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

PAYMENTS_PER_ROUND_MAX = 100


def check_payments(*, settle: Callable[[OrderId], Order], unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Look at payments that are due for it, each at growing intervals. Answers how many were asked about.

    Several pollers share the work: whoever moves a payment's next check on is the one who asks. What the provider
    cannot say is asked again after the interval. Raises ExceptionGroup at the end for what failed otherwise.
    """
    now = clock.now()
    with unit_of_work() as uow:
        due = uow.payments.to_check(now=now, at_most=PAYMENTS_PER_ROUND_MAX)

    def check(payment: Payment) -> bool:
        if not _take_turn(payment.id, now=now, unit_of_work=unit_of_work):
            return False
        settle(payment.order_id)
        return True

    return for_each(due, check, what="payments could not be checked")


@retrying
def _take_turn(payment_id: PaymentId, *, now: datetime, unit_of_work: UnitOfWorkFactory) -> bool:
    """Move the next check on, on a locked row: a webhook may be changing this payment at the same moment."""
    with unit_of_work() as uow:
        payment = uow.payments.get(payment_id, lock=True)
        if payment.next_check_at is None or payment.next_check_at > now:
            return False
        checked = replace(payment, checks=payment.checks + 1)
        uow.payments.save(replace(checked, next_check_at=now + timedelta(seconds=checked.poll_seconds)))
        uow.commit()
    return True
