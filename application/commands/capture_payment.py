"""The effects that move money for an order: capture it, or let it go."""

from application import effects
from application.access import Access
from application.commands.settle_payment import captured
from application.ending import WAITING, give_back, let_go, moved, voided
from application.exchanging import exchange_lost
from application.transactions import retrying
from domain.errors import ProviderRefused, Rejection
from domain.events import EventState
from domain.money import Money
from domain.orders import Order
from domain.payments import PaymentId, PaymentState
from domain.ports.payments import PaymentGateway, ProviderPayment, ProviderStatus
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids


def capture_payment(
    payment_id: PaymentId,
    *,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> None:
    """Take authorised money and confirm its order. Idempotent.

    Raises ProviderUnavailable when the result is unknown: the places are kept and the outbox asks again. A
    refusal is believed only after the payment was looked up, because a lost reply may have captured it. Money for an
    event that was cancelled meanwhile, or for an exchange whose old tickets are gone, is not taken any more.
    """
    with unit_of_work() as uow:
        payment = uow.payments.get(payment_id)
        because = _not_worth_taking(uow.orders.get(payment.order_id), uow)
    if payment.state is not PaymentState.CAPTURE_REQUESTED or payment.intent_id is None or payment.session_id is None:
        return
    if because is not None:
        _let_go_instead(payment_id, because, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access)
        return
    refusal, stands, taken = None, ProviderStatus.CAPTURED, payment.amount
    try:
        taken = gateway.capture(intent_id=payment.intent_id, amount=payment.amount, key=f"{payment.key}-capture")
    except ProviderRefused as refused:
        seen = gateway.look_up(session_id=payment.session_id)
        refusal, stands, taken = str(refused), seen.status, seen.amount
    _record(payment_id, stands, taken, refusal, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access)


@retrying
def _record(
    payment_id: PaymentId,
    stands: ProviderStatus,
    taken: Money,
    refusal: str | None,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> Order:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(uow.payments.get(payment_id).order_id, lock=True)
        payment = uow.payments.get(payment_id, lock=True)
        because = f"the capture was refused: {refusal}"
        if stands is ProviderStatus.CAPTURED:
            order = captured(order, payment, taken=taken, uow=uow, ids=ids, now=now, access=access)
        elif stands is ProviderStatus.AUTHORISED and payment.state is PaymentState.CAPTURE_REQUESTED:
            # Refused for another reason than that it is gone: the buyer's money must not stay set aside.
            uow.outbox.add(effects.void(payment, intent_id=str(payment.intent_id), ids=ids, now=now))
            uow.payments.save(moved(payment, PaymentState.VOID_REQUESTED))
            failed = order.fail(now=now, because=because)
            if not isinstance(failed, Rejection):
                order = give_back(failed, "order.payment_failed", before=order, uow=uow, ids=ids, now=now)
        else:
            order = voided(order, payment, because=because, uow=uow, ids=ids, now=now)
        uow.commit()
    return order


def _not_worth_taking(order: Order, uow: UnitOfWork) -> str | None:
    """Why the money would only go back again. What changes after this question is found when it was taken."""
    if order.state in WAITING and uow.events.get(order.event_id).state is EventState.CANCELLED:
        return "the event was cancelled"
    return exchange_lost(order, uow=uow) if order.state in WAITING else None


@retrying
def _let_go_instead(
    payment_id: PaymentId, because: str, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access
) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(uow.payments.get(payment_id).order_id, lock=True)
        payment = uow.payments.get(payment_id, lock=True)
        if payment.state is not PaymentState.CAPTURE_REQUESTED:
            return
        let_go(order, payment, because=because, uow=uow, ids=ids, now=now, access=access)
        uow.commit()


def void_payment(
    payment_id: PaymentId,
    *,
    intent_id: str,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> None:
    """Let authorised money go. Idempotent.

    If somebody took it by hand in the meantime, it goes back as a refund. Raises ProviderRefused when the provider
    will do neither: a person must look.
    """
    with unit_of_work() as uow:
        payment = uow.payments.get(payment_id)
    if payment.state is not PaymentState.VOID_REQUESTED:
        return
    seen: ProviderPayment | None = None
    try:
        gateway.void(intent_id=intent_id, key=f"{payment.key}-void")
    except ProviderRefused:
        seen = gateway.look_up(session_id=str(payment.session_id))
        if seen.status not in {ProviderStatus.CAPTURED, ProviderStatus.CANCELLED}:
            raise
    _end_void(payment_id, seen, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access)


@retrying
def _end_void(
    payment_id: PaymentId,
    seen: ProviderPayment | None,
    *,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    access: Access,
) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(uow.payments.get(payment_id).order_id, lock=True)
        payment = uow.payments.get(payment_id, lock=True)
        if payment.state is PaymentState.VOID_REQUESTED:
            if seen is not None and seen.status is ProviderStatus.CAPTURED:
                captured(order, payment, taken=seen.amount, uow=uow, ids=ids, now=now, access=access)
            else:
                uow.payments.save(moved(payment, PaymentState.VOIDED))
            uow.commit()
