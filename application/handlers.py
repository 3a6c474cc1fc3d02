"""Which use case brings about which effect: the table that drains the outbox."""

from collections.abc import Callable, Mapping
from typing import Protocol, cast
from uuid import UUID

from application.commands.drain_outbox import Handler
from application.effects import read_settlement
from domain.disputes import DisputeId
from domain.events import EventId
from domain.orders import OrderId
from domain.outgoing_webhooks import HookKind
from domain.payments import PaymentId
from domain.ports.inventory import Settlement
from domain.ports.mail import LetterKind
from domain.ports.messages import MessageId
from domain.ports.outbox import Effect
from domain.refunds import RefundId


class VoidPayment(Protocol):
    def __call__(self, payment_id: PaymentId, *, intent_id: str) -> None: ...


class SettleStock(Protocol):
    def __call__(self, settlement: Settlement, *, attempt: int) -> None: ...


class RenewTerms(Protocol):
    def __call__(self, event_id: EventId, *, reload: bool) -> None: ...


class SpreadMessage(Protocol):
    def __call__(
        self, kind: HookKind, *, message_id: UUID, event_id: EventId, body: Mapping[str, object]
    ) -> object: ...


def effect_handlers(
    *,
    capture_payment: Callable[[PaymentId], None],
    void_payment: VoidPayment,
    send_refund: Callable[[RefundId], None],
    send_sms: Callable[[MessageId], None],
    send_email: Callable[[LetterKind, OrderId, UUID], None],
    settle_stock: SettleStock,
    renew_terms: RenewTerms,
    answer_dispute: Callable[[DisputeId], None],
    spread_message: SpreadMessage,
) -> Mapping[Effect, Handler]:
    """Payloads (see :mod:`application.effects`) read back into calls."""

    def tell_organisers(payload: Mapping[str, object], _: int) -> None:
        spread_message(
            HookKind(str(payload["kind"])),
            message_id=_id(payload, "message"),
            event_id=EventId(_id(payload, "event")),
            body=cast("Mapping[str, object]", payload["body"]),
        )

    return {
        Effect.CAPTURE_PAYMENT: lambda payload, _: capture_payment(PaymentId(_id(payload, "payment"))),
        Effect.VOID_PAYMENT: lambda payload, _: void_payment(
            PaymentId(_id(payload, "payment")), intent_id=str(payload["intent"])
        ),
        Effect.SEND_REFUND: lambda payload, _: send_refund(RefundId(_id(payload, "refund"))),
        Effect.SEND_SMS: lambda payload, _: send_sms(MessageId(_id(payload, "message"))),
        Effect.SEND_EMAIL: lambda payload, _: send_email(
            LetterKind(str(payload["kind"])), OrderId(_id(payload, "order")), _id(payload, "about")
        ),
        Effect.SETTLE_STOCK: lambda payload, attempt: settle_stock(read_settlement(payload), attempt=attempt),
        Effect.RENEW_TERMS: lambda payload, _: renew_terms(
            EventId(_id(payload, "event")), reload=bool(payload.get("reload"))
        ),
        Effect.ANSWER_DISPUTE: lambda payload, _: answer_dispute(DisputeId(_id(payload, "dispute"))),
        Effect.TELL_ORGANISERS: tell_organisers,
    }


def _id(payload: Mapping[str, object], name: str) -> UUID:
    return UUID(str(payload[name]))
