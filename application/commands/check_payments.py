"""The poller: asks the provider about open payments by itself, so that a lost webhook changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from domain.errors import Unavailable
from domain.orders import Order, OrderId
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

PAYMENTS_PER_ROUND_MAX = 100


def check_payments(*, settle: Callable[[OrderId], Order], unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Look at payments that are due for it, each at growing intervals. Answers how many were asked about."""
    now = clock.now()
    with unit_of_work() as uow:
        due = uow.payments.to_check(now=now, at_most=PAYMENTS_PER_ROUND_MAX)
        for payment in due:
            checked = replace(payment, checks=payment.checks + 1)
            uow.payments.save(replace(checked, next_check_at=now + timedelta(seconds=checked.poll_seconds)))
        uow.commit()
    for payment in due:
        try:
            settle(payment.order_id)
        except Unavailable:
            continue  # It is asked about again after its interval.
    return len(due)
