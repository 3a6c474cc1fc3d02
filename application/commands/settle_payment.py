"""Learn from the provider where a payment stands, and do what follows. Webhook, return page and poller all end here.

The provider is asked outside any transaction; what it says is then applied to locked rows, so that any number
of callers, in any order, arrive at the same end.
"""

from datetime import datetime, timedelta

from application import effects, trail
from application.access import Access
from application.commands.confirm_order import confirm
from application.commands.retake_places import Unheld, retake, unheld
from application.commands.return_money import return_money
from application.ending import (
    WAITING,
    call_it_off,
    let_go,
    moved,
    page_closed,
    pays_with_another,
    voided,
)
from application.exchanging import exchange_lost
from application.transactions import retrying
from domain import bookings
from domain.audit import SYSTEM
from domain.errors import InvariantBroken, ProviderRefused, Rejection, RejectionCode
from domain.events import EventState
from domain.fraud import Assessment, Signals, Verdict, assess
from domain.money import Money
from domain.orders import Order, OrderId, OrderState, StockState
from domain.payments import PAYABLE, TERMINAL, Payment, PaymentState
from domain.ports.inventory import Inventory
from domain.ports.payments import UNKNOWN_SESSION, PaymentGateway, ProviderPayment, ProviderStatus
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.velocity import Velocity
from domain.ports.world import Clock, Ids, Wakeup

CARD_WINDOW_HOURS = 24

PAID = frozenset({ProviderStatus.AUTHORISED, ProviderStatus.CAPTURED})


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
    return call_it_off(order, after, because=because, uow=uow, ids=ids, now=now)


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
    return call_it_off(order, after, because=because, uow=uow, ids=ids, now=now)
