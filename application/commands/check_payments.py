"""The poller: asks the provider about open payments by itself, so that a lost webhook changes nothing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from application.commands.start_checkout import safety_net
from application.each import for_each
from application.transactions import retrying
from domain.errors import InventoryUnavailable
from domain.orders import ENDED, Order, OrderId, StockState
from domain.payments import Payment, PaymentId
from domain.ports.inventory import Inventory
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock

PAYMENTS_PER_ROUND_MAX = 100


def check_payments(
    *, settle: Callable[[OrderId], Order], inventory: Inventory, unit_of_work: UnitOfWorkFactory, clock: Clock
) -> int:
    """Look at payments that are due for it, each at growing intervals. Answers how many were asked about.

    As long as an order waits for its payment the inventory's safety net stays ahead of it, however long a review or
    an outage of the provider lasts: otherwise places that Postgres keeps would be offered to others.

    Several pollers share the work: whoever moves a payment's next check on is the one who asks. What the provider
    cannot say is asked again after the interval. Raises ExceptionGroup at the end for what failed otherwise.
    """
    now = clock.now()
    with unit_of_work() as uow:
        due = uow.payments.to_check(now=now, at_most=PAYMENTS_PER_ROUND_MAX)

    def check(payment: Payment) -> bool:
        order = _take_turn(payment.id, now=now, unit_of_work=unit_of_work)
        if order is None:
            return False
        # Without an inventory there is nothing to keep, and payments go on. What it gave back stays given back.
        with suppress(InventoryUnavailable):
            if order.state not in ENDED and order.stock is not StockState.RELEASED:
                inventory.begin_claim(hold_id=order.hold_id, until=safety_net(now))
        settle(payment.order_id)
        return True

    return for_each(due, check, what="payments could not be checked")


@retrying
def _take_turn(payment_id: PaymentId, *, now: datetime, unit_of_work: UnitOfWorkFactory) -> Order | None:
    """Move the next check on, on a locked row: a webhook may be changing this payment at the same moment.

    Answers the payment's order, or None when somebody else has asked.
    """
    with unit_of_work() as uow:
        payment = uow.payments.get(payment_id, lock=True)
        if payment.next_check_at is None or payment.next_check_at > now:
            return None
        checked = replace(payment, checks=payment.checks + 1)
        uow.payments.save(replace(checked, next_check_at=now + timedelta(seconds=checked.poll_seconds)))
        order = uow.orders.get(payment.order_id)
        uow.commit()
    return order
