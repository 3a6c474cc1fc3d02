"""A webhook from the payment provider: a hint where to look, checked for its signature and handled once."""

from collections.abc import Callable
from contextlib import suppress

from domain.errors import NotFound
from domain.orders import Order, OrderId
from domain.ports.payments import Notice, NoticeKind, PaymentGateway
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock

PROVIDER = "stripe"


def receive_notice(
    payload: bytes,
    signature: str,
    *,
    handle: Callable[[Notice], bool],
    gateway: PaymentGateway,
) -> bool:
    """False for one that was handled before. Raises SignatureInvalid."""
    return handle(gateway.read_notice(payload=payload, signature=signature))


def handle_notice(
    notice: Notice,
    *,
    adopt_page: Callable[[OrderId, str], bool],
    settle: Callable[[OrderId], Order],
    refresh_refund: Callable[[str], None],
    follow_dispute: Callable[[str], object],
    follow_fraud_warning: Callable[[str], object],
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
) -> bool:
    """Look where it points, whether a webhook brought it or the provider's log. False: it was handled before.

    Handled first, remembered afterwards: a crash in between repeats the handling, which is idempotent, and a
    failure is answered with an error so that the provider sends it again.
    """
    now = clock.now()
    with unit_of_work() as uow:
        if not uow.notices.first_time(provider=PROVIDER, notice_id=notice.id, type_=notice.type, at=now):
            return False
        order_id = _order_of(notice, uow)
    if notice.kind is NoticeKind.PAYMENT and order_id is not None:
        if notice.session_id is not None:
            adopt_page(order_id, notice.session_id)
        # Others may take payments through the same account. Their orders are none of our business.
        with suppress(NotFound):
            settle(order_id)
    elif notice.kind is NoticeKind.REFUND and notice.refund_id is not None:
        refresh_refund(notice.refund_id)
    elif notice.kind is NoticeKind.DISPUTE and notice.dispute_id is not None:
        follow_dispute(notice.dispute_id)
    elif notice.kind is NoticeKind.FRAUD_WARNING and notice.warning_id is not None:
        follow_fraud_warning(notice.warning_id)
    with unit_of_work() as uow:
        uow.notices.first_time(provider=PROVIDER, notice_id=notice.id, type_=notice.type, at=now)
        uow.commit()
    return True


def _order_of(notice: Notice, uow: UnitOfWork) -> OrderId | None:
    if notice.order_id is not None:
        return notice.order_id
    payment = uow.payments.of_session(notice.session_id) if notice.session_id else None
    if payment is None and notice.intent_id:
        payment = uow.payments.of_intent(notice.intent_id)
    return payment.order_id if payment else None
