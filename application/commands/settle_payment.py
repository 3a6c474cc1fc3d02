"""Learn from the provider where a payment stands, and do what follows. Webhook, return page and poller all end here.

The provider is asked outside any transaction; what it says is then applied to locked rows, so that any number
of callers, in any order, arrive at the same end.
"""

from datetime import datetime, timedelta

from application import effects, trail
from application.access import Access
from application.commands.confirm_order import confirm
from application.transactions import retrying
from domain import ledger
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, Rejection
from domain.events import EventState
from domain.fraud import Assessment, Signals, Verdict, assess
from domain.orders import Order, OrderId, OrderState, StockState
from domain.payments import TERMINAL, Payment, PaymentState
from domain.ports.inventory import Outcome
from domain.ports.payments import PaymentGateway, ProviderPayment, ProviderStatus
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.velocity import Velocity
from domain.ports.world import Clock, Ids, Wakeup

CARD_WINDOW_HOURS = 24


def settle_payment(
    order_id: OrderId,
    *,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    velocity: Velocity,
    clock: Clock,
    ids: Ids,
    access: Access,
    wakeup: Wakeup,
) -> Order:
    """Idempotent. Raises NotFound, and ProviderUnavailable when the provider cannot say."""
    with unit_of_work() as uow:
        order = uow.orders.get(order_id)
        payment = uow.payments.latest(order_id)
    if payment is None or payment.state in TERMINAL or payment.session_id is None:
        return order
    seen = gateway.look_up(session_id=payment.session_id)
    if seen.status is ProviderStatus.PENDING and seen.failure == payment.failure:
        return order
    counts = velocity.counts(device=order.fingerprint.device, address=order.fingerprint.address)
    order = _apply(
        order_id, seen, counts.device, counts.address, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access
    )
    wakeup.outbox_filled()
    return order


@retrying
def _apply(
    order_id: OrderId,
    seen: ProviderPayment,
    device_orders: int,
    address_orders: int,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> Order:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(order_id, lock=True)
        payment = uow.payments.latest(order_id, lock=True)
        if payment is None or payment.session_id != seen.session_id:
            return order
        payment = payment.seen(intent_id=seen.intent_id, risk=seen.risk, card=seen.card, failure=seen.failure)
        uow.payments.save(payment)
        if seen.status is ProviderStatus.AUTHORISED and payment.state in {PaymentState.OPEN, PaymentState.EXPIRED}:
            signals = _signals(uow, seen, device_orders, address_orders, now)
            order = _authorised(order, payment, seen, assess(signals), uow=uow, ids=ids, now=now)
        elif seen.status is ProviderStatus.CAPTURED:
            order = captured(order, payment, uow=uow, ids=ids, now=now, access=access)
        elif seen.status is ProviderStatus.CANCELLED:
            order = voided(order, payment, because="the payment was cancelled", uow=uow, ids=ids, now=now)
        uow.commit()
    return order


def _signals(uow: UnitOfWork, seen: ProviderPayment, device_orders: int, address_orders: int, now: datetime) -> Signals:
    since = now - timedelta(hours=CARD_WINDOW_HOURS)
    return Signals(
        risk=seen.risk,
        review_opened=seen.review_opened,
        device_orders_last_hour=device_orders,
        address_orders_last_hour=address_orders,
        card_orders_last_day=(
            uow.assessments.card_orders(fingerprint=seen.card.fingerprint, since=since) if seen.card else 0
        ),
    )


def _authorised(
    order: Order,
    payment: Payment,
    seen: ProviderPayment,
    assessment: Assessment,
    *,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Order:
    """The money is set aside. Keep the places first, then let the verdict decide what happens to the money."""
    if seen.amount != order.total or seen.order_id != order.id:
        return _let_go(order, payment, seen, because="the payment does not fit the order", uow=uow, ids=ids, now=now)
    if uow.events.get(order.event_id).state is EventState.CANCELLED:
        return _let_go(order, payment, seen, because="the event was cancelled", uow=uow, ids=ids, now=now)
    allocated = order.allocate()
    if isinstance(allocated, Rejection):
        return _let_go(order, payment, seen, because=allocated.message, uow=uow, ids=ids, now=now)
    uow.stock.epoch(order.event_id)  # The sale's gate before its pools, as everywhere: no two wait for each other.
    uow.stock.allocate(allocated)
    uow.assessments.add(assessment_id=ids.uuid(), order_id=order.id, assessment=assessment, at=now)
    uow.audit.add(
        trail.entry(
            SYSTEM,
            "payment.authorised",
            kind="order",
            subject=order.id,
            ids=ids,
            now=now,
            verdict=assessment.verdict.value,
            reasons=[reason.code for reason in assessment.reasons],
        )
    )
    authorised = moved(payment, PaymentState.AUTHORISED)
    if assessment.verdict is Verdict.REJECT:
        uow.payments.save(authorised)
        return _let_go(allocated, authorised, seen, because="the payment looked fraudulent", uow=uow, ids=ids, now=now)
    if assessment.verdict is Verdict.REVIEW:
        in_review = allocated.hold_for_review()
        assert not isinstance(in_review, Rejection), "an order that was just allocated can be reviewed"
        uow.payments.save(authorised)
        uow.orders.save(in_review)
        return in_review
    uow.orders.save(allocated)
    request_capture(authorised, uow=uow, ids=ids, now=now)
    return allocated


def request_capture(payment: Payment, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """Say that authorised money shall be taken. The places of its order are allocated (I3)."""
    requested = moved(payment, PaymentState.CAPTURE_REQUESTED)
    uow.payments.save(requested)
    uow.outbox.add(effects.capture(requested, ids=ids, now=now))


def captured(order: Order, payment: Payment, *, uow: UnitOfWork, ids: Ids, now: datetime, access: Access) -> Order:
    """The provider has the money: confirm. Inside the caller's transaction, rows locked. Idempotent.

    Money that a person took by hand in the provider's dashboard counts, if its places are allocated.
    """
    if payment.state is PaymentState.CAPTURED:
        return order
    uow.payments.save(moved(payment, PaymentState.CAPTURED))
    uow.ledger.post(ledger.money_captured(order, payment, at=now))
    if order.stock is not StockState.ALLOCATED:
        raise InvariantBroken(f"payment {payment.id} was captured without places for order {order.id}")
    return confirm(order, uow=uow, ids=ids, now=now, access=access)


def voided(order: Order, payment: Payment, *, because: str, uow: UnitOfWork, ids: Ids, now: datetime) -> Order:
    """The provider let the money go for good: whatever still waits for it ends. Idempotent."""
    if payment.state in TERMINAL:
        return order
    ended = PaymentState.FAILED if payment.state is PaymentState.OPEN else PaymentState.VOIDED
    uow.payments.save(moved(payment, ended))
    failed = order.fail(now=now, because=because)
    if isinstance(failed, Rejection):
        return order
    return give_back(failed, "order.payment_failed", uow=uow, ids=ids, now=now)


def give_back(order: Order, action: str, *, uow: UnitOfWork, ids: Ids, now: datetime, actor: str = SYSTEM) -> Order:
    """Store an ended order and return its places: to Postgres now, to the inventory through the outbox."""
    epoch = uow.stock.epoch(order.event_id)
    uow.orders.save(order)
    uow.stock.release(order)
    uow.outbox.add(effects.settle_order(order, Outcome.RELEASED, epoch=epoch, ids=ids, now=now))
    uow.audit.add(
        trail.entry(actor, action, kind="order", subject=order.id, ids=ids, now=now, because=order.ended_because)
    )
    return order


def _let_go(
    order: Order,
    payment: Payment,
    seen: ProviderPayment,
    *,
    because: str,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Order:
    """Void authorised money and end the order, if it has not ended already."""
    if seen.intent_id is not None:
        uow.outbox.add(effects.void(payment, intent_id=seen.intent_id, ids=ids, now=now))
    if payment.state is not PaymentState.EXPIRED:
        uow.payments.save(moved(payment, PaymentState.VOID_REQUESTED))
    if order.state in {OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW}:
        cancelled = order.cancel(now=now, because=because)
        assert not isinstance(cancelled, Rejection), "a waiting order can be cancelled"
        return give_back(cancelled, "order.cancelled", uow=uow, ids=ids, now=now)
    return order


def moved(payment: Payment, state: PaymentState) -> Payment:
    """The payment in its next state. Raises InvariantBroken for a step that does not exist."""
    after = payment.become(state)
    if isinstance(after, Rejection):
        raise InvariantBroken(f"payment {payment.id}: {after.message}")
    return after
