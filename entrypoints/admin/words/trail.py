"""The audit trail: who did what, and the details of it."""

from collections.abc import Mapping

from domain.money import CurrencyCode, Money
from entrypoints.admin.words.amounts import count, money

_POOLS = {"z": "zone", "t": "tier", "p": "promotion"}
"""What the letter in front of a pool's key means."""
HAPPENINGS = {
    "order.placed": "placed the order",
    "order.confirmed": "confirmed the order",
    "order.expired": "let the order expire",
    "order.given_up": "gave the order up",
    "order.cancelled": "cancelled the order",
    "order.payment_failed": "ended the order: the payment failed",
    "order.places_let_go": "let the places go: the provider had not said who won",
    "order.places_retaken": "took places again: it was paid in time",
    "payment.authorised": "authorised the payment",
    "payment.attempted_again": "opened another payment page",
    "payment.returned": "sent money back that had bought nothing",
    "provider.dispute": "reported a dispute",
    "provider.fraud_warning": "warned of fraud",
    "order.frozen": "froze the order",
    "order.unfrozen": "let the order go on",
    "order.charged_back": "ended the order: the bank returned the payment",
    "dispute.opened": "learned of a dispute",
    "dispute.needs_response": "learned that the dispute takes the money now",
    "dispute.under_review": "learned that the bank looks at our evidence",
    "dispute.won": "won the dispute",
    "dispute.lost": "lost the dispute",
    "dispute.withdrawn": "learned that nothing came of the dispute",
    "dispute.statement_kept": "wrote to the bank, without sending it",
    "dispute.evidence_sent": "sent the evidence to the bank",
    "dispute.accepted": "accepted the dispute",
    "dispute.answer_refused": "could not deliver our answer to the bank",
    "fraud_warning.received": "learned that the card's bank suspects fraud",
    "fraud_warning.refunded": "refunded after a fraud warning",
    "fraud_warning.dismissed": "dismissed a fraud warning",
    "refund.sent_anew": "sent a failed refund anew",
    "refund.paid_by_hand": "paid a failed refund in another way",
    "ticket.checked_in": "let somebody in",
    "review.approved": "approved the order",
    "review.rejected": "rejected the order",
    "refund.requested": "requested a refund",
    "refund.succeeded": "paid a refund back",
    "refund.failed": "could not pay a refund back",
    "batch.prepared": "prepared a batch of refunds",
    "batch.submitted": "went ahead with a batch of refunds",
    "batch.approved": "approved a batch of refunds",
    "batch.declined": "did not approve a batch of refunds",
    "batch.paused": "paused a batch of refunds",
    "batch.resumed": "let a batch of refunds go on",
    "batch.stopped": "stopped a batch of refunds",
    "batch.retried": "tried failed refunds again",
    "batch.finished": "finished a batch of refunds",
    "message.resent": "sent the link again",
    "event.created": "created the event",
    "event.published": "published the event",
    "event.cancelled": "cancelled the event",
    "event.postponed": "postponed the event",
    "event.terms_changed": "changed the terms of the sale",
    "event.capacity_changed": "changed a capacity",
    "event.prices_changed": "changed the prices",
    "promotion.created": "created a promotion",
    "promotion.changed": "changed a promotion",
    "promotion.stopped": "stopped a promotion",
    "venue.taxes_changed": "changed the taxes of the venue",
    "stock.blocked": "kept places back",
    "stock.unblocked": "gave places back",
    "books.differ": "found that the books and the provider's differ",
    "inventory.repaired": "put the inventory right",
    "venue.added": "added the venue",
    "seat_map.added": "added the seat map",
    "staff.added": "added the staff member",
    "outbox.revived": "had an effect tried again",
    "outbox.all_revived": "had all effects of a kind tried again",
    "outbox.discarded": "let an effect go for good",
    "webhook.added": "added a webhook",
    "webhook.changed": "changed a webhook",
    "webhook.rotated": "gave a webhook a new secret",
    "webhook.enabled": "turned a webhook on",
    "webhook.disabled": "turned a webhook off",
    "webhook.sent_again": "had a webhook sent again",
    "webhook.tested": "sent a test to a webhook",
    "phone.opted_out": "said STOP",
    "phone.opted_in": "said START",
}
SUBJECTS = (
    "order",
    "payment",
    "review",
    "refund",
    "dispute",
    "fraud_warning",
    "ticket",
    "batch",
    "message",
    "event",
    "promotion",
    "stock",
    "inventory",
    "venue",
    "seat_map",
    "staff",
    "outbox",
    "books",
    "provider",
    "phone",
    "webhook",
)
"""What actions are about: the noun in front of the dot."""


def happening(action: str) -> str:
    """What an audit entry says, in words; one that has none yet is shown as it is written."""
    return HAPPENINGS.get(action, action.replace("_", " ").replace(".", ": "))


def details(values: Mapping[str, object], currency: CurrencyCode | None = None) -> list[tuple[str, str]]:
    """An audit entry's details, one line each, empty ones left out; amounts as money where the currency is known."""
    before, after = values.get("before"), values.get("after")
    changes = _changes(before, after) if isinstance(before, Mapping) and isinstance(after, Mapping) else []
    told = {name: value for name, value in values.items() if not (changes and name in {"before", "after"})}
    return changes + [
        (name.replace("_", " "), _said(name, value, currency))
        for name, value in told.items()
        if value not in (None, "", [])
    ]


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[tuple[str, str]]:
    """One line for each thing that is another now: ``zone floor``, ``100 → 120``."""
    names = dict.fromkeys((*before, *after))
    return [(_thing(name), f"{_value(before.get(name))} → {_value(after.get(name))}") for name in names]


def _thing(name: str) -> str:
    """A field or a pool's key in words."""
    kind, _, key = name.partition(":")
    return f"{_POOLS[kind]} {key}" if key and kind in _POOLS else name.replace("_", " ")


def _value(value: object) -> str:
    match value:
        case None | "" | []:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return count(value)
        case list() | tuple():
            return ", ".join(map(str, value))
    return str(value)


def _said(name: str, value: object, currency: CurrencyCode | None) -> str:
    if name == "amount" and isinstance(value, int) and currency:
        return money(Money(value, currency))
    if name == "seats" and isinstance(value, list | tuple):
        return count(len(value))  # Seats are noted by their numbers in the map, which say nothing to people.
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
