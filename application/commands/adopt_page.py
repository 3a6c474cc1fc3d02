"""A payment page that the provider has for one of our orders, and that we never heard of, becomes an attempt of it.

How there can be one: the reply that named it got lost for longer than the provider remembers its key, or our books
were restored from yesterday's. Money on it must not stay where nobody looks: once it is an attempt like any other, it
buys the tickets if nothing else has, and goes back by itself otherwise.
"""

from dataclasses import replace
from datetime import datetime

from application import trail
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.errors import NotFound, ProviderRefused
from domain.orders import OrderId
from domain.payments import Payment, PaymentId, PaymentState
from domain.ports.payments import UNKNOWN_SESSION, PaymentGateway, ProviderPayment, ProviderStatus
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids

_PAID = frozenset({ProviderStatus.AUTHORISED, ProviderStatus.CAPTURED})


def adopt_page(
    order_id: OrderId,
    session_id: str,
    *,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
) -> bool:
    """Write a page down on which somebody has paid for this order. False: it is known, unpaid or nobody's order here.

    A webhook only hints: whose order it is, the provider says when it is asked.
    """
    with unit_of_work() as uow:
        if uow.payments.of_session(session_id) is not None:
            return False
        try:
            uow.orders.get(order_id)
        except NotFound:
            return False  # Others may take payments through the same account.
    try:
        seen = gateway.look_up(session_id=session_id)
    except ProviderRefused as refused:
        if refused.code != UNKNOWN_SESSION:
            raise
        return False
    if seen.order_id != order_id or seen.status not in _PAID:
        return False
    return _write_down(order_id, seen, unit_of_work=unit_of_work, ids=ids, now=clock.now())


@retrying
def _write_down(
    order_id: OrderId, seen: ProviderPayment, *, unit_of_work: UnitOfWorkFactory, ids: Ids, now: datetime
) -> bool:
    with unit_of_work() as uow:
        order = uow.orders.get(order_id, lock=True)
        attempts = uow.payments.of_order(order_id)
        if uow.payments.of_session(seen.session_id) is not None or seen.amount.currency != order.total.currency:
            return False
        unnamed = next((each for each in attempts if each.state is PaymentState.STARTING), None)
        if unnamed is not None:
            # Its page was made and the answer got lost: this is that page, or as good as it.
            uow.payments.save(replace(unnamed, state=PaymentState.OPEN, session_id=seen.session_id))
        else:
            number = attempts[-1].attempt + 1 if attempts else 1
            uow.payments.add(_attempt(order_id, number, seen, ids=ids, now=now))
        uow.audit.add(
            trail.entry(
                SYSTEM, "payment.page_found", kind="order", subject=order_id, ids=ids, now=now,
                session=seen.session_id, **trail.amount(seen.amount),
            )
        )  # fmt: skip
        uow.commit()
    return True


def _attempt(order_id: OrderId, number: int, seen: ProviderPayment, *, ids: Ids, now: datetime) -> Payment:
    return Payment(
        id=PaymentId(ids.uuid()),
        order_id=order_id,
        attempt=number,
        state=PaymentState.OPEN,
        amount=seen.amount,
        session_id=seen.session_id,
        created_at=now,
        next_check_at=now,
    )
