"""What leaves the house: effects in the outbox, webhooks, messages."""

import json
import re
from collections.abc import Mapping

from application.commands.manage_webhooks import BY_HAND
from domain.outgoing_webhooks import DeliveryState, Endpoint, HookKind
from domain.ports.outbox import Effect
from entrypoints.admin.words.labels import Label

EFFECTS = {
    Effect.CAPTURE_PAYMENT: "Capture a payment",
    Effect.VOID_PAYMENT: "Let a payment go",
    Effect.SEND_REFUND: "Send a refund",
    Effect.SEND_SMS: "Send an SMS",
    Effect.SEND_EMAIL: "Send an e-mail",
    Effect.SETTLE_STOCK: "Tell the inventory about stock",
    Effect.RENEW_TERMS: "Tell the inventory about new terms",
    Effect.ANSWER_DISPUTE: "Answer a dispute",
    Effect.TELL_ORGANISERS: "Tell organisers' systems",
}
HOOKS = {
    HookKind.ORDER_CONFIRMED: "An order is confirmed",
    HookKind.ORDER_CANCELLED: "An order is cancelled",
    HookKind.REFUND_REQUESTED: "A refund is asked for",
    HookKind.REFUND_COMPLETED: "A refund has arrived",
    HookKind.REFUND_FAILED: "A refund failed",
    HookKind.DISPUTE_OPENED: "A bank asks for money back",
    HookKind.EVENT_PUBLISHED: "An event is published",
    HookKind.EVENT_CANCELLED: "An event is cancelled",
    HookKind.EVENT_SOLD_OUT: "An event is sold out",
    HookKind.EVENT_BACK_ON_SALE: "Places are back on sale",
    HookKind.TICKET_CHECKED_IN: "Somebody is let in",
}
DELIVERIES = {
    DeliveryState.WAITING: Label("Waiting", "waiting"),
    DeliveryState.DELIVERED: Label("Taken", "good"),
    DeliveryState.FAILED: Label("Given up", "bad"),
}


def hook_status(endpoint: Endpoint) -> Label:
    """How a webhook is, in one word."""
    if not endpoint.enabled:
        return Label("Off", "plain" if endpoint.disabled_because == BY_HAND else "bad")
    return Label("Failing", "attention") if endpoint.failing_since else Label("On", "good")


def without_keys(body: str) -> str:
    """A message as support may see it: the link's secret opens the buyer's tickets and is for the buyer only."""
    return re.sub(r"token=[0-9A-Za-z_.~-]+", "token=…", body)


def pretty_text(body: str) -> str:
    """A message's JSON for people."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def pretty(payload: Mapping[str, object]) -> str:
    """JSON for people."""
    return json.dumps(payload, indent=2, ensure_ascii=False, default=str)
