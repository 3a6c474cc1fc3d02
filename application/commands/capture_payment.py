"""The effects that move money for an order: capture it, or let it go."""

from application import effects
from application.access import Access
from application.commands.settle_payment import captured, moved, voided
from application.transactions import retrying
from domain.errors import ProviderRefused
from domain.orders import Order
from domain.payments import PaymentId, PaymentState
from domain.ports.payments import PaymentGateway, ProviderStatus
from domain.ports.unit_of_work import UnitOfWorkFactory
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
    refusal is believed only after the payment was looked up, because a lost reply may have captured it.
    """
    with unit_of_work() as uow:
        payment = uow.payments.get(payment_id)
    if payment.state is not PaymentState.CAPTURE_REQUESTED or payment.intent_id is None or payment.session_id is None:
        return
    refusal, stands = None, ProviderStatus.CAPTURED
    try:
        gateway.capture(intent_id=payment.intent_id, amount=payment.amount, key=f"{payment.key}-capture")
    except ProviderRefused as refused:
        refusal, stands = str(refused), gateway.look_up(session_id=payment.session_id).status
    _record(payment_id, stands, refusal, unit_of_work=unit_of_work, clock=clock, ids=ids, access=access)


@retrying
def _record(
    payment_id: PaymentId,
    stands: ProviderStatus,
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
        if stands is ProviderStatus.CAPTURED:
            order = captured(order, payment, uow=uow, ids=ids, now=now, access=access)
        else:
            if stands is ProviderStatus.AUTHORISED and payment.intent_id is not None:
                # Refused for another reason than that it is gone: the buyer's money must not stay set aside.
                uow.outbox.add(effects.void(payment, intent_id=payment.intent_id, ids=ids, now=now))
            order = voided(order, payment, because=f"the capture was refused: {refusal}", uow=uow, ids=ids, now=now)
        uow.commit()
    return order


def void_payment(
    payment_id: PaymentId, *, intent_id: str, unit_of_work: UnitOfWorkFactory, gateway: PaymentGateway
) -> None:
    """Let authorised money go. Idempotent.

    Raises ProviderRefused when it was captured after all: a person must look.
    """
    with unit_of_work() as uow:
        key = f"{uow.payments.get(payment_id).key}-void"
    gateway.void(intent_id=intent_id, key=key)
    with unit_of_work() as uow:
        payment = uow.payments.get(payment_id, lock=True)
        if payment.state is PaymentState.VOID_REQUESTED:
            uow.payments.save(moved(payment, PaymentState.VOIDED))
        uow.commit()
