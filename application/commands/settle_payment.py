"""Learn from the provider where a payment stands, and do what follows. Webhook, return page and poller all end here.

The provider is asked outside any transaction; what it says is then applied to locked rows, so that any number
of callers, in any order, arrive at the same end.
"""

from datetime import datetime, timedelta

from application import effects, telling, trail
from application.access import Access
from application.commands.confirm_order import confirm
from application.commands.retake_places import Unheld, retake, unheld
from application.commands.return_money import return_money
from application.exchanging import exchange_lost
from application.texts import tell_it_is_off
from application.transactions import retrying
from domain import bookings
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, ProviderRefused, Rejection, RejectionCode
from domain.events import EventState
from domain.fraud import Assessment, Signals, Verdict, assess
from domain.money import Money
from domain.orders import Order, OrderId, OrderState, StockState
from domain.outgoing_webhooks import HookKind
from domain.payments import PAYABLE, TERMINAL, Payment, PaymentState
from domain.ports.inventory import Inventory, Outcome
from domain.ports.payments import UNKNOWN_SESSION, PaymentGateway, ProviderPayment, ProviderStatus
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.velocity import Velocity
from domain.ports.world import Clock, Ids, Wakeup

CARD_WINDOW_HOURS = 24

PAID = frozenset({ProviderStatus.AUTHORISED, ProviderStatus.CAPTURED})
WAITING = frozenset({OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW})


def settle_payment(
    order_id: OrderId,
    *,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    inventory: Inventory,
    velocity: Velocity,
    clock: Clock,
    ids: Ids,
    access: Access,
    wakeup: Wakeup,
) -> Order:
    """Every attempt of the order whose end is not known. Idempotent.

    Raises NotFound, and ProviderUnavailable when the provider cannot say.
    """
    with unit_of_work() as uow:
        order = uow.orders.get(order_id)
        attempts = uow.payments.of_order(order_id)
    moved_on = False
    for payment in attempts:
        seen = None if payment.state in TERMINAL or payment.session_id is None else _look(payment, gateway)
        if seen is None or not _says_something_new(payment, seen):
            continue
        counts = velocity.counts(device=order.fingerprint.device, address=order.fingerprint.address)
        late = order.stock is StockState.RELEASED and seen.status in PAID
        order = _apply(
            payment, seen, counts.device, counts.address, unheld(order, inventory) if late else None,
            unit_of_work=unit_of_work, clock=clock, ids=ids, access=access,
        )  # fmt: skip
        moved_on = True
    if moved_on:
        wakeup.outbox_filled()
    return order


def _look(payment: Payment, gateway: PaymentGateway) -> ProviderPayment | None:
    """The payment at the provider, or None when it knows no such page."""
    assert payment.session_id is not None, "only pages that were opened are looked at"
    try:
        return gateway.look_up(session_id=payment.session_id)
    except ProviderRefused as refused:
        if refused.code != UNKNOWN_SESSION or payment.state not in PAYABLE:
            raise
        return _nowhere(payment, payment.session_id)


def _nowhere(payment: Payment, session_id: str) -> ProviderPayment:
    return ProviderPayment(
        session_id=session_id,
        intent_id=None,
        session_open=False,
        status=ProviderStatus.UNKNOWN,
        amount=payment.amount,
        order_id=payment.order_id,
        risk=payment.risk,
        review_opened=False,
        card=None,
        failure=None,
    )


def _says_something_new(payment: Payment, seen: ProviderPayment) -> bool:
    """Most looks find a buyer who is still typing: nothing to write down, and no row to lock."""
    if seen.status is ProviderStatus.PENDING and seen.session_open:
        return seen.failure != payment.failure
    return True


@retrying
def _apply(
    payment: Payment,
    seen: ProviderPayment,
    device_orders: int,
    address_orders: int,
    free: Unheld | None,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> Order:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(payment.order_id, lock=True)
        payment = uow.payments.get(payment.id, lock=True)
        if payment.state in TERMINAL or payment.session_id != seen.session_id:
            return order
        payment = payment.seen(intent_id=seen.intent_id, risk=seen.risk, card=seen.card, failure=seen.failure)
        uow.payments.save(payment)
        if seen.status in PAID and payment.state in PAYABLE:
            signals = _signals(uow, order, seen, device_orders, address_orders, now)
            order = _paid(order, payment, seen, assess(signals), free, uow=uow, ids=ids, now=now, access=access)
        elif seen.status is ProviderStatus.CAPTURED:
            order = captured(order, payment, taken=seen.amount, uow=uow, ids=ids, now=now, access=access)
        elif seen.status is ProviderStatus.CANCELLED:
            order = voided(order, payment, because="the payment was cancelled", uow=uow, ids=ids, now=now)
        elif payment.state in PAYABLE and not seen.session_open:
            known = seen.status is not ProviderStatus.UNKNOWN
            order = page_closed(order, payment, known=known, uow=uow, ids=ids, now=now)
        uow.commit()
    return order


def _signals(
    uow: UnitOfWork, order: Order, seen: ProviderPayment, device_orders: int, address_orders: int, now: datetime
) -> Signals:
    since = now - timedelta(hours=CARD_WINDOW_HOURS)
    return Signals(
        risk=seen.risk,
        review_opened=seen.review_opened,
        device_orders_last_hour=device_orders,
        address_orders_last_hour=address_orders,
        card_orders_last_day=(
            uow.assessments.card_orders(fingerprint=seen.card.fingerprint, since=since) if seen.card else 0
        ),
        troubled_orders=uow.fraud_warnings.troubled_orders(
            card=seen.card.fingerprint if seen.card else None, device=order.fingerprint.device
        ),
    )


def _paid(
    order: Order,
    payment: Payment,
    seen: ProviderPayment,
    assessment: Assessment,
    free: Unheld | None,
    *,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
    access: Access,
) -> Order:
    """The money is set aside, or taken by hand. Keep the places first, then let the verdict decide about the money."""
    authorised = payment.authorise(capture_before=seen.capture_before, now=now)
    if isinstance(authorised, Rejection):
        raise InvariantBroken(f"payment {payment.id}: {authorised.message}")
    uow.payments.save(authorised)
    taken = seen.amount if seen.status is ProviderStatus.CAPTURED else None
    allocated = _allocate(order, authorised, seen, free, uow=uow, ids=ids, now=now)
    if isinstance(allocated, Rejection):
        return _send_back(order, authorised, taken, because=allocated.message, uow=uow, ids=ids, now=now, access=access)
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
    if taken is not None:
        # Somebody who may do so took the money by hand: that was the review.
        return captured(allocated, authorised, taken=taken, uow=uow, ids=ids, now=now, access=access)
    if assessment.verdict is Verdict.REJECT:
        because = "the payment was not accepted"  # Why is kept with the assessment, and told to nobody else.
        return let_go(allocated, authorised, because=because, uow=uow, ids=ids, now=now, access=access)
    if assessment.verdict is Verdict.REVIEW:
        in_review = allocated.hold_for_review()
        assert not isinstance(in_review, Rejection), "an order that was just allocated can be reviewed"
        uow.orders.save(in_review)
        return in_review
    uow.orders.save(allocated)
    request_capture(authorised, uow=uow, ids=ids, now=now)
    return allocated


def _allocate(
    order: Order,
    payment: Payment,
    seen: ProviderPayment,
    free: Unheld | None,
    *,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> Order | Rejection:
    """The order with its places for good: those that it kept, or those that it can have now. Or why it gets none."""
    if rejection := _misfit(order, payment, seen, uow=uow):
        return rejection
    if order.state is OrderState.AWAITING_PAYMENT and order.stock is StockState.RELEASED:
        retaken = retake(order, free, uow=uow, ids=ids, now=now)
        if isinstance(retaken, Rejection):
            return retaken
        order = retaken
    allocated = order.allocate()
    if isinstance(allocated, Order):
        uow.stock.epoch(order.event_id)  # The sale's gate before its pools, as everywhere: no two wait for each other.
        uow.stock.allocate(allocated)
    return allocated


def _misfit(order: Order, payment: Payment, seen: ProviderPayment, *, uow: UnitOfWork) -> Rejection | None:
    """Why this money must not buy this order."""
    if seen.amount != payment.amount or payment.amount != order.total or seen.order_id != order.id:
        return _no("the payment does not fit the order")
    if uow.events.get(order.event_id).state is EventState.CANCELLED:
        return _no("the event was cancelled")
    if pays_with_another(order, payment, uow=uow):
        return _no("the order is paid already")
    if order.state is not OrderState.AWAITING_PAYMENT:
        return _no(order.ended_because or "the order had ended")
    lost = exchange_lost(order, uow=uow)
    return _no(lost) if lost else None


def _no(why: str) -> Rejection:
    """``why`` in words that a buyer is told as well."""
    return Rejection(code=RejectionCode.WRONG_STATE, message=why)


def pays_with_another(order: Order, payment: Payment, *, uow: UnitOfWork) -> bool:
    """Whether another attempt of the order has its money, or is about to."""
    return any(other.id != payment.id and other.has_money for other in uow.payments.of_order(order.id))


def request_capture(payment: Payment, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """Say that authorised money shall be taken. The places of its order are allocated (I3)."""
    requested = moved(payment, PaymentState.CAPTURE_REQUESTED)
    uow.payments.save(requested)
    uow.outbox.add(effects.capture(requested, ids=ids, now=now))


def captured(
    order: Order, payment: Payment, *, taken: Money, uow: UnitOfWork, ids: Ids, now: datetime, access: Access
) -> Order:
    """The provider has the money: confirm. Inside the caller's transaction, rows locked. Idempotent.

    Money that a person took by hand in the provider's dashboard counts, if its places are allocated. Money that buys
    nothing (the order has ended, less was taken than it costs, its event was cancelled meanwhile) goes back by itself.
    """
    if payment.state is PaymentState.CAPTURED:
        return order
    after = payment.take(taken)
    if isinstance(after, Rejection):
        raise InvariantBroken(f"payment {payment.id}: {after.message}")
    uow.payments.save(after)
    uow.ledger.post(bookings.money_captured(order, after, at=now))
    because = _buys_nothing(order, after, taken, uow=uow)
    if because is None:
        return confirm(order, uow=uow, ids=ids, now=now, access=access)
    return_money(order, after, because=because, uow=uow, ids=ids, now=now, access=access)
    return _call_it_off(order, after, because=because, uow=uow, ids=ids, now=now)


def _buys_nothing(order: Order, payment: Payment, taken: Money, *, uow: UnitOfWork) -> str | None:
    if order.state not in WAITING or order.stock is not StockState.ALLOCATED:
        return order.ended_because or "the order had ended"
    if pays_with_another(order, payment, uow=uow):
        return "the order is paid already"
    if taken != order.total:
        return "another amount was taken than the order costs"
    if uow.events.get(order.event_id).state is EventState.CANCELLED:
        return "the event was cancelled"
    return exchange_lost(order, uow=uow)


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


_OVER = TERMINAL | {PaymentState.LOST}


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
    return _call_it_off(order, payment, because=because, uow=uow, ids=ids, now=now, actor=actor)


def _send_back(
    order: Order,
    payment: Payment,
    taken: Money | None,
    *,
    because: str,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
    access: Access,
) -> Order:
    """Money that buys nothing: let go while it is only set aside, refunded when it was taken."""
    if taken is None:
        return let_go(order, payment, because=because, uow=uow, ids=ids, now=now, access=access)
    after = payment.take(taken)
    assert not isinstance(after, Rejection), "authorised money can have been taken"
    uow.payments.save(after)
    uow.ledger.post(bookings.money_captured(order, after, at=now))
    return_money(order, after, because=because, uow=uow, ids=ids, now=now, access=access)
    return _call_it_off(order, after, because=because, uow=uow, ids=ids, now=now)


def _call_it_off(
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


def moved(payment: Payment, state: PaymentState) -> Payment:
    """The payment in its next state. Raises InvariantBroken for a step that does not exist."""
    after = payment.become(state)
    if isinstance(after, Rejection):
        raise InvariantBroken(f"payment {payment.id}: {after.message}")
    return after
