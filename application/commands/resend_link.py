"""Send a buyer the secret link to their order once more, because somebody of the staff was asked to."""

from dataclasses import dataclass

from application import effects, trail
from application.access import Access
from domain.errors import NotFound, Rejection, RejectionCode
from domain.orders import PAID, OrderId
from domain.ports.messages import Message, MessageId, MessageState
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendLink:
    """``message_id`` comes with the request: the same one again sends nothing new."""

    order_id: OrderId
    message_id: MessageId
    actor: str


def resend_link(
    command: ResendLink, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access, wakeup: Wakeup
) -> Message | Rejection:
    """Queue the message. Refused for orders without tickets, and for numbers that are missing or said STOP.

    Idempotent by ``message_id``. Raises NotFound.
    """
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(command.order_id, lock=True)
        if (sent := _sent_before(uow, command.message_id)) is not None:
            return sent
        if order.state not in PAID:
            return Rejection(code=RejectionCode.WRONG_STATE, message="Only a confirmed order has tickets to link to.")
        if order.buyer.phone is None:
            return Rejection(code=RejectionCode.INVALID_BUYER, message="The buyer left no telephone number.")
        if uow.messages.opted_out(order.buyer.phone):
            return Rejection(
                code=RejectionCode.INVALID_BUYER, message="This number has said STOP and must not be written to."
            )
        message = Message(
            id=command.message_id,
            order_id=order.id,
            to=order.buyer.phone,
            body=f"Your tickets for order {order.number}: {access.order_url(order.id)}",
            state=MessageState.QUEUED,
            created_at=now,
        )
        uow.messages.add(message)
        uow.outbox.add(effects.send_sms(message, ids=ids, now=now))
        uow.audit.add(
            trail.entry(
                command.actor,
                "message.resent",
                kind="order",
                subject=order.id,
                ids=ids,
                now=now,
                message=str(message.id),
            )
        )
        uow.commit()
    wakeup.outbox_filled()
    return message


def _sent_before(uow: UnitOfWork, message_id: MessageId) -> Message | None:
    try:
        return uow.messages.get(message_id)
    except NotFound:
        return None
