"""A webhook from the payment provider: a hint where to look, checked for its signature and handled once."""

from collections.abc import Callable
from contextlib import suppress

from application import trail
from domain.audit import SYSTEM
from domain.errors import NotFound
from domain.orders import Order, OrderId
from domain.ports.payments import Notice, NoticeKind, PaymentGateway
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids

PROVIDER = "stripe"


def receive_notice(
    payload: bytes,
    signature: str,
    *,
    settle: Callable[[OrderId], Order],
    refresh_refund: Callable[[str], None],
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
) -> bool:
    """False for one that was handled before. Raises SignatureInvalid.

    Handled first, remembered afterwards: a crash in between repeats the handling, which is idempotent, and a
    failure is answered with an error so that the provider sends it again.
    """
    notice = gateway.read_notice(payload=payload, signature=signature)
    now = clock.now()
    with unit_of_work() as uow:
        if not uow.notices.first_time(provider=PROVIDER, notice_id=notice.id, type_=notice.type, at=now):
            return False
        order_id = _order_of(notice, uow)
    if notice.kind is NoticeKind.PAYMENT and order_id is not None:
        # Others may take payments through the same account. Their orders are none of our business.
        with suppress(NotFound):
            settle(order_id)
    elif notice.kind is NoticeKind.REFUND and notice.refund_id is not None:
        refresh_refund(notice.refund_id)
    with unit_of_work() as uow:
        uow.notices.first_time(provider=PROVIDER, notice_id=notice.id, type_=notice.type, at=now)
        if notice.kind in {NoticeKind.DISPUTE, NoticeKind.FRAUD_WARNING}:
            uow.audit.add(
                trail.entry(
                    SYSTEM, f"provider.{notice.kind.value}", kind="order", subject=order_id, ids=ids, now=now,
                    type=notice.type,
                )
            )  # fmt: skip
        uow.commit()
    return True


def _order_of(notice: Notice, uow: UnitOfWork) -> OrderId | None:
    if notice.order_id is not None:
        return notice.order_id
    payment = uow.payments.of_session(notice.session_id) if notice.session_id else None
    if payment is None and notice.intent_id:
        payment = uow.payments.of_intent(notice.intent_id)
    return payment.order_id if payment else None
