"""Outbox rows in words: what a use case wants to happen outside, written with the fact that wants it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import UUID

from domain.disputes import Dispute
from domain.events import EventId
from domain.holds import HoldId
from domain.limits import counted_under
from domain.orders import Order, OrderId
from domain.outgoing_webhooks import HookKind
from domain.payments import Payment
from domain.ports.inventory import Outcome, Settlement
from domain.ports.mail import LetterKind
from domain.ports.messages import Message
from domain.ports.outbox import Effect, Lane, OutboxRow
from domain.ports.world import Ids
from domain.refunds import Refund
from domain.seat_maps import SeatIndex


def capture(payment: Payment, *, ids: Ids, now: datetime) -> OutboxRow:
    """Take the authorised money."""
    return _row(Effect.CAPTURE_PAYMENT, str(payment.id), {"payment": str(payment.id)}, ids, now)


def void(payment: Payment, *, intent_id: str, ids: Ids, now: datetime) -> OutboxRow:
    """Let the authorised money go."""
    payload = {"payment": str(payment.id), "intent": intent_id}
    return _row(Effect.VOID_PAYMENT, intent_id, payload, ids, now)


def send_refund(refund: Refund, *, ids: Ids, now: datetime) -> OutboxRow:
    """Give captured money back. Refunds of a batch wait where they hold up nobody else's."""
    lane = Lane.BULK if refund.batch_id is not None else None
    return _row(Effect.SEND_REFUND, str(refund.id), {"refund": str(refund.id)}, ids, now, lane=lane)


def answer_dispute(dispute: Dispute, *, ids: Ids, now: datetime) -> OutboxRow:
    """Tell a buyer's bank what was decided."""
    payload = {"dispute": str(dispute.id), "order": str(dispute.order_id)}
    return _row(Effect.ANSWER_DISPUTE, dispute.key, payload, ids, now)


def send_sms(message: Message, *, ids: Ids, now: datetime, bulk: bool = False) -> OutboxRow:
    """Hand a stored message to the provider. ``bulk``: one of thousands, so it waits where it holds up nobody's."""
    lane = Lane.BULK if bulk else None
    return _row(Effect.SEND_SMS, str(message.id), {"message": str(message.id)}, ids, now, lane=lane)


def send_email(
    kind: LetterKind, order_id: OrderId, about: UUID, *, ids: Ids, now: datetime, lane: Lane | None = None
) -> OutboxRow:
    """Write to an order's buyer about the order, a refund or a link. The letter is composed when it leaves."""
    payload = {"kind": kind.value, "order": str(order_id), "about": str(about)}
    return _row(Effect.SEND_EMAIL, f"{kind.value}-{about}", payload, ids, now, lane=lane)


def renew_terms(event_id: EventId, *, version: int, reload: bool = False, ids: Ids, now: datetime) -> OutboxRow:
    """Tell the inventory that the sale changed; ``reload``: in a way that is written into the stock itself."""
    payload = {"event": str(event_id), "reload": reload}
    return _row(Effect.RENEW_TERMS, f"{event_id}-{version}", payload, ids, now)


def tell_organisers(
    kind: HookKind, *, event_id: EventId, once: str, body: Mapping[str, object], ids: Ids, now: datetime
) -> OutboxRow:
    """Let the endpoints that want to hear of this know. ``once`` names the fact; ``body`` is what they are told."""
    row = _row(Effect.TELL_ORGANISERS, f"{kind.value}-{once}", {}, ids, now)
    payload = {"kind": kind.value, "message": str(row.id), "event": str(event_id), "body": dict(body)}
    return replace(row, payload=payload)


def settle_order(
    order: Order, outcome: Outcome, *, epoch: int, ids: Ids, now: datetime, retaking: bool = False
) -> OutboxRow:
    """Tell the inventory how the order's claim ended; or, ``retaking``, that it took places anew.

    Places that were taken anew count as sold at once, under one key: an inventory that has heard so is not told again.
    If they come back it has no claim to end, and gets sold stock back, unless a rebuild has given it the claim since.
    """
    key = f"{order.id}-{outcome.value}"
    hold_id: HoldId | None = order.hold_id
    if retaking or (order.retaken_epoch == epoch and outcome is Outcome.SOLD):
        key = f"{order.id}-retaken"
    elif order.retaken_epoch == epoch:
        key, hold_id = f"{order.id}-returned", None
    elif order.retaken_epoch is not None:
        key = f"{order.id}-{outcome.value}-{epoch}"
    settlement = Settlement(
        key=key,
        event_id=order.event_id,
        epoch=epoch,
        hold_id=hold_id,
        outcome=outcome,
        pools=order.pools,
        seats=order.seats,
        buyers=counted_under(order.fingerprint),
    )
    return _settle(settlement, ids, now)


def restock(
    order: Order,
    cause: UUID,
    *,
    pools: Mapping[str, int],
    seats: tuple[SeatIndex, ...],
    epoch: int,
    ids: Ids,
    now: datetime,
) -> OutboxRow:
    """Tell the inventory that sold stock came back because of this refund or dispute."""
    settlement = Settlement(
        key=f"{cause}-{Outcome.RELEASED.value}",
        event_id=order.event_id,
        epoch=epoch,
        hold_id=None,
        outcome=Outcome.RELEASED,
        pools=pools,
        seats=seats,
        buyers=counted_under(order.fingerprint),
    )
    return _settle(settlement, ids, now)


def read_settlement(payload: Mapping[str, object]) -> Settlement:
    """What :func:`settle_order` or :func:`restock` wrote. Raises ValueError or KeyError when it is not that."""
    hold = payload["hold"]
    pools = cast("Mapping[str, int]", payload["pools"])
    return Settlement(
        key=str(payload["key"]),
        event_id=EventId(UUID(str(payload["event"]))),
        epoch=int(str(payload["epoch"])),
        hold_id=HoldId.parse(str(hold)) if hold else None,
        outcome=Outcome(str(payload["outcome"])),
        pools=dict(pools),
        seats=tuple(cast("list[int]", payload["seats"])),
        buyers=tuple(cast("list[str]", payload["buyers"])),
    )


def _settle(settlement: Settlement, ids: Ids, now: datetime) -> OutboxRow:
    payload: dict[str, object] = {
        "key": settlement.key,
        "event": str(settlement.event_id),
        "epoch": settlement.epoch,
        "hold": str(settlement.hold_id) if settlement.hold_id else None,
        "outcome": settlement.outcome.value,
        "pools": dict(settlement.pools),
        "seats": list(settlement.seats),
        "buyers": list(settlement.buyers),
    }
    return _row(Effect.SETTLE_STOCK, settlement.key, payload, ids, now)


def _row(
    effect: Effect, name: str, payload: Mapping[str, object], ids: Ids, now: datetime, *, lane: Lane | None = None
) -> OutboxRow:
    row = OutboxRow(
        id=ids.uuid(), key=f"{effect.value}:{name}", effect=effect, payload=payload, created_at=now, not_before=now
    )
    return replace(row, lane=lane or row.rule.lane)
