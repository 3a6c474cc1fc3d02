"""What leaves the house: effects in the outbox, webhooks, messages."""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from application.commands.manage_webhooks import BY_HAND
from domain.outgoing_webhooks import DeliveryState, Endpoint, HookKind
from domain.ports.mail import LetterKind
from domain.ports.outbox import Effect, OutboxRow
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
LETTERS = {
    LetterKind.ORDER_CONFIRMED: "the confirmation of an order",
    LetterKind.REFUND_COMPLETED: "a refund has arrived",
    LetterKind.REFUND_FAILED: "a refund came back",
    LetterKind.ORDER_LINK: "a one-time link to an order",
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


class Trouble(NamedTuple):
    """What stopped an effect, in a sentence, and what helps."""

    said: str
    helps: str


def effect(row: OutboxRow) -> str:
    """What an effect would do: ``Send an e-mail: a refund has arrived``."""
    kind = row.payload.get("kind")
    known = row.effect is Effect.SEND_EMAIL and kind in set(LetterKind)
    return f"{EFFECTS[row.effect]}: {LETTERS[LetterKind(str(kind))]}" if known else EFFECTS[row.effect]


def trouble(error: str) -> Trouble:
    """An error of the outbox, ``ProviderRefused: no such mailbox``, for people at a desk."""
    kind, _, said = error.partition(": ")
    what = f": {said.rstrip('.')}." if said else "."
    if kind == "ProviderRefused":
        return Trouble(f"The other side refused it{what}", "Trying again helps once something has changed there.")
    if kind.endswith("Unavailable"):
        return Trouble(f"The other side did not answer{what}", "Try it again when the service is back.")
    return Trouble(
        f"Our own program failed: {error.rstrip('.')}.", "Show this to whoever looks after it, then try again."
    )


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
