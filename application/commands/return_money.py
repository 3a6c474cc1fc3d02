"""Money that was taken and bought nothing goes back by itself: nobody has to notice, and nobody has to ask."""

from dataclasses import replace
from datetime import datetime

from application import trail
from application.access import Access
from application.commands.request_refund import begin_refund
from application.texts import tell_it_is_off
from domain.audit import SYSTEM
from domain.errors import Rejection
from domain.orders import Order
from domain.payments import Payment
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids
from domain.quotes import Quote
from domain.refund_policies import RefundReason
from domain.refunds import Refund


def return_money(
    order: Order, payment: Payment, *, because: str, uow: UnitOfWork, ids: Ids, now: datetime, access: Access
) -> Refund:
    """A refund of all that was taken, for no tickets. Inside the caller's transaction, the payment just captured."""
    in_vain = replace(payment, in_vain=True)
    uow.payments.save(in_vain)
    refund = begin_refund(
        order, (), Quote(lines=(), total=payment.taken or payment.amount), reason=RefundReason.NO_TICKETS,
        actor=SYSTEM, payment=in_vain, uow=uow, ids=ids, now=now,
    )  # fmt: skip
    assert not isinstance(refund, Rejection), "what was just captured can go back"
    uow.audit.add(
        trail.entry(
            SYSTEM, "payment.returned", kind="order", subject=order.id, ids=ids, now=now,
            refund=str(refund.id), because=because,
        )
    )  # fmt: skip
    tell_it_is_off(order, because=because, taken=True, uow=uow, ids=ids, now=now, access=access)
    return refund
