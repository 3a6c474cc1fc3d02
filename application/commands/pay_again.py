"""Another way to pay for the same order: a page that expired or got lost is replaced by a new attempt with a new key.

A declined card needs none of this: it is tried again on the same page.
"""

from datetime import datetime, timedelta

from application import trail
from application.ending import page_closed
from application.transactions import retrying
from domain.audit import BUYER
from domain.errors import ProviderRefused, ProviderUnavailable, Rejection, RejectionCode
from domain.orders import Order, OrderState, StockState
from domain.payments import ATTEMPTS_MAX, POLL_SECONDS_FIRST, Payment, PaymentId, PaymentState
from domain.ports.payments import UNKNOWN_SESSION, PaymentGateway, ProviderStatus
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids

_OVER = frozenset({PaymentState.EXPIRED, PaymentState.LOST})
_GOOD_FOR_ANOTHER = _OVER | {PaymentState.OPEN}


def pay_again(
    order: Order,
    payment: Payment,
    *,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
) -> Payment | Rejection:
    """The attempt by which the order is paid: its latest, or a new one if that is over and there is still time.

    A provider that cannot say whether the page is still good is given the benefit of the doubt.
    """
    if not _payable(order, now=clock.now()):
        return payment
    known: bool | None = None
    if payment.state is PaymentState.OPEN:
        known = _says_it_is_closed(payment, gateway)
        if known is None:
            return payment
    elif payment.state not in _OVER:
        return payment
    return _next_attempt(payment, known=bool(known), unit_of_work=unit_of_work, clock=clock, ids=ids)


def new_attempt(order: Order, *, number: int, ids: Ids, now: datetime) -> Payment:
    return Payment(
        id=PaymentId(ids.uuid()),
        order_id=order.id,
        attempt=number,
        state=PaymentState.STARTING,
        amount=order.total,
        created_at=now,
        next_check_at=now + timedelta(seconds=POLL_SECONDS_FIRST),
    )


def _payable(order: Order, *, now: datetime) -> bool:
    waits = order.state is OrderState.AWAITING_PAYMENT and order.stock is StockState.CLAIMED
    return waits and now < order.deadline_at


def _says_it_is_closed(payment: Payment, gateway: PaymentGateway) -> bool | None:
    """Whether the provider knows that the page is over (True) or knows no such page (False). None: it is still good."""
    assert payment.session_id is not None, "an open page has a name"
    try:
        seen = gateway.look_up(session_id=payment.session_id)
    except ProviderUnavailable:
        return None
    except ProviderRefused as refused:
        if refused.code != UNKNOWN_SESSION:
            raise
        return False
    return True if seen.status is ProviderStatus.PENDING and not seen.session_open else None


@retrying
def _next_attempt(
    before: Payment, *, known: bool, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Payment | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(before.order_id, lock=True)
        latest = uow.payments.latest(order.id, lock=True)
        assert latest is not None, "there was an attempt before"
        if latest.id != before.id or latest.state not in _GOOD_FOR_ANOTHER or not _payable(order, now=now):
            return latest  # Somebody was faster, or the time is over.
        if latest.state is PaymentState.OPEN:
            page_closed(order, latest, known=known, uow=uow, ids=ids, now=now)
        if latest.attempt >= ATTEMPTS_MAX:
            uow.commit()
            return Rejection(
                code=RejectionCode.PAYMENT_REFUSED,
                message="This order was tried to be paid too often. Please let it go and choose again.",
            )
        payment = new_attempt(order, number=latest.attempt + 1, ids=ids, now=now)
        uow.payments.add(payment)
        uow.audit.add(
            trail.entry(
                BUYER, "payment.attempted_again", kind="order", subject=order.id, ids=ids, now=now,
                attempt=payment.attempt,
            )
        )  # fmt: skip
        uow.commit()
    return payment
