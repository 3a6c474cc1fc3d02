"""Orders that end without a sale: their places go back, and money that was set aside is let go.

Everything here happens inside the caller's transaction, on an order and a payment that it has locked.
"""

from datetime import datetime

from application import effects, telling, trail
from application.access import Access
from application.texts import tell_it_is_off
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, Rejection
from domain.events import EventState
from domain.orders import Order, OrderState, StockState
from domain.outgoing_webhooks import HookKind
from domain.payments import PAYABLE, TERMINAL, Payment, PaymentState
from domain.ports.inventory import Outcome
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids

WAITING = frozenset({OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW})

_OVER = TERMINAL | {PaymentState.LOST}


def moved(payment: Payment, state: PaymentState) -> Payment:
    """The payment in its next state. Raises InvariantBroken for a step that does not exist."""
    after = payment.become(state)
    if isinstance(after, Rejection):
        raise InvariantBroken(f"payment {payment.id}: {after.message}")
    return after


def pays_with_another(order: Order, payment: Payment, *, uow: UnitOfWork) -> bool:
    """Whether another attempt of the order has its money, or is about to."""
    return any(other.id != payment.id and other.has_money for other in uow.payments.of_order(order.id))


def voided(order: Order, payment: Payment, *, because: str, uow: UnitOfWork, ids: Ids, now: datetime) -> Order:
    """The provider let the money go for good: whatever still waits for it ends. Idempotent."""
    if payment.state in TERMINAL:
        return order
    ended = PaymentState.FAILED if payment.state in PAYABLE else PaymentState.VOIDED
    uow.payments.save(moved(payment, ended))
    failed = order.fail(now=now, because=because)
    others = (other for other in uow.payments.of_order(order.id) if other.id != payment.id)
    if isinstance(failed, Rejection) or any(other.state not in _OVER for other in others):
        return order
    return give_back(failed, "order.payment_failed", before=order, uow=uow, ids=ids, now=now)


def page_closed(order: Order, payment: Payment, *, known: bool, uow: UnitOfWork, ids: Ids, now: datetime) -> Order:
    """Nobody paid on this page and nobody can: a buyer who still has time opens another; an order whose time is over
    ends. ``known``: the provider said so; otherwise it only does not know the page.
    """
    if known or payment.state is PaymentState.STARTING or now >= payment.provider_expires_at:
        uow.payments.save(moved(payment, PaymentState.EXPIRED))
    elif payment.state is not PaymentState.LOST:
        uow.payments.save(moved(payment, PaymentState.LOST))
    others = (other for other in uow.payments.of_order(order.id) if other.id != payment.id)
    if any(other.state not in _OVER for other in others):
        return order
    return end_unpaid(order, uow=uow, ids=ids, now=now)


def end_unpaid(order: Order, *, uow: UnitOfWork, ids: Ids, now: datetime) -> Order:
    """End an order that nobody paid and nobody can pay, if its time is over; one whose event is off says so."""
    expired = order.expire(now=now)
    if isinstance(expired, Rejection):
        return order
    if uow.events.get(order.event_id).state is EventState.CANCELLED:
        cancelled = order.cancel(now=now, because="the event was cancelled")
        assert not isinstance(cancelled, Rejection), "an order that can expire can be cancelled"
        return give_back(cancelled, "order.cancelled", before=order, uow=uow, ids=ids, now=now)
    return give_back(expired, "order.expired", before=order, uow=uow, ids=ids, now=now)


def let_go(
    order: Order,
    payment: Payment,
    *,
    because: str,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
    access: Access,
    actor: str = SYSTEM,
) -> Order:
    """Void authorised money and end the order that it was for, if it has not ended already."""
    assert payment.intent_id is not None, "an authorised payment has an intent"
    uow.outbox.add(effects.void(payment, intent_id=payment.intent_id, ids=ids, now=now))
    uow.payments.save(moved(payment, PaymentState.VOID_REQUESTED))
    if order.state in WAITING and not pays_with_another(order, payment, uow=uow):
        tell_it_is_off(order, because=because, taken=False, uow=uow, ids=ids, now=now, access=access)
    return call_it_off(order, payment, because=because, uow=uow, ids=ids, now=now, actor=actor)


def call_it_off(
    order: Order,
    payment: Payment,
    *,
    because: str,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
    actor: str = SYSTEM,
) -> Order:
    """End an order that waited for this money and no other."""
    if order.state not in WAITING or pays_with_another(order, payment, uow=uow):
        return order
    cancelled = order.cancel(now=now, because=because)
    assert not isinstance(cancelled, Rejection), "a waiting order can be cancelled"
    return give_back(cancelled, "order.cancelled", before=order, uow=uow, ids=ids, now=now, actor=actor)


def give_back(
    order: Order,
    action: str,
    *,
    before: Order,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
    actor: str = SYSTEM,
) -> Order:
    """Store an ended order and return the places it had ``before``: to Postgres now, to the inventory by the outbox."""
    uow.orders.save(order)
    if before.stock is not StockState.RELEASED:
        release_places(order, uow=uow, ids=ids, now=now)
    uow.audit.add(
        trail.entry(actor, action, kind="order", subject=order.id, ids=ids, now=now, because=order.ended_because)
    )
    if order.state is OrderState.CANCELLED:
        telling.order_happened(HookKind.ORDER_CANCELLED, order, uow=uow, ids=ids, now=now)
    return order


def release_places(order: Order, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """The order's places are free again: in Postgres now, and in the inventory in a moment."""
    epoch = uow.stock.epoch(order.event_id)
    uow.stock.release(order)
    uow.outbox.add(effects.settle_order(order, Outcome.RELEASED, epoch=epoch, ids=ids, now=now))
