"""How things are said in the portal: money, times, states and what happened."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.numbers import format_currency

from application.commands.manage_webhooks import BY_HAND
from domain.accounts import Role
from domain.disputes import AnswerKind, DisputeKind, DisputeState
from domain.events import EventState, LimitSubject
from domain.fraud import RiskLevel, Verdict
from domain.fraud_warnings import WarningState
from domain.ledger import Account, JournalKind, Owner
from domain.money import CurrencyCode, Money
from domain.orders import OrderState, StockState
from domain.outgoing_webhooks import DeliveryState, Endpoint, HookKind
from domain.payments import PaymentState
from domain.ports.aftersales import Bond, RefundQueue
from domain.ports.backoffice import EventFigures
from domain.ports.messages import MessageState
from domain.ports.outbox import Effect
from domain.promotions import Promotion, PromotionKind
from domain.provider_books import Reading
from domain.refund_batches import BatchPurpose, BatchState, Outcome
from domain.refund_policies import RefundReason
from domain.refunds import RefundState
from domain.settlements import Basis
from domain.tickets import TicketState

_LOCALE = "en"
_POOLS = {"z": "zone", "t": "tier", "p": "promotion"}
"""What the letter in front of a pool's key means."""


class Label(NamedTuple):
    """Words for a state, and how it should look: good, bad, waiting or plain."""

    text: str
    tone: str


DECIDED_SOON = Label("Decided by itself soon", "attention")

_LABELS: Mapping[object, Label] = {
    EventState.DRAFT: Label("Draft", "plain"),
    EventState.PUBLISHED: Label("Published", "good"),
    EventState.CANCELLED: Label("Cancelled", "bad"),
    OrderState.AWAITING_PAYMENT: Label("Awaiting payment", "waiting"),
    OrderState.IN_REVIEW: Label("In review", "attention"),
    OrderState.CONFIRMED: Label("Confirmed", "good"),
    OrderState.PARTIALLY_REFUNDED: Label("Partly refunded", "plain"),
    OrderState.REFUNDED: Label("Refunded", "plain"),
    OrderState.EXPIRED: Label("Expired", "plain"),
    OrderState.CANCELLED: Label("Cancelled", "plain"),
    OrderState.PAYMENT_FAILED: Label("Payment failed", "bad"),
    OrderState.CHARGED_BACK: Label("Charged back", "bad"),
    StockState.CLAIMED: Label("Places claimed", "waiting"),
    StockState.RELEASING: Label("Places being released", "waiting"),
    StockState.ALLOCATED: Label("Places allocated", "good"),
    StockState.RELEASED: Label("Places given back", "plain"),
    PaymentState.STARTING: Label("Starting", "waiting"),
    PaymentState.OPEN: Label("Open", "waiting"),
    PaymentState.AUTHORISED: Label("Authorised", "waiting"),
    PaymentState.CAPTURE_REQUESTED: Label("Being captured", "waiting"),
    PaymentState.CAPTURED: Label("Captured", "good"),
    PaymentState.VOID_REQUESTED: Label("Being let go", "waiting"),
    PaymentState.VOIDED: Label("Let go", "plain"),
    PaymentState.LOST: Label("Unknown to the provider", "waiting"),
    PaymentState.EXPIRED: Label("Expired", "plain"),
    PaymentState.FAILED: Label("Failed", "bad"),
    RefundState.REQUESTED: Label("Requested", "waiting"),
    RefundState.PENDING: Label("Pending at the bank", "waiting"),
    RefundState.SUCCEEDED: Label("Paid back", "good"),
    RefundState.FAILED: Label("Failed", "bad"),
    TicketState.VALID: Label("Valid", "good"),
    TicketState.VOID: Label("Void", "plain"),
    TicketState.CHECKED_IN: Label("Used at the door", "plain"),
    MessageState.QUEUED: Label("Queued", "waiting"),
    MessageState.UNKNOWN: Label("Unknown", "attention"),
    MessageState.SENT: Label("Sent", "waiting"),
    MessageState.DELIVERED: Label("Delivered", "good"),
    MessageState.FAILED: Label("Failed", "bad"),
    DisputeKind.INQUIRY: Label("Inquiry", "plain"),
    DisputeKind.CHARGEBACK: Label("Chargeback", "attention"),
    DisputeState.NEEDS_RESPONSE: Label("Needs an answer", "attention"),
    DisputeState.UNDER_REVIEW: Label("With the bank", "waiting"),
    DisputeState.WON: Label("Won", "good"),
    DisputeState.LOST: Label("Lost", "bad"),
    DisputeState.WITHDRAWN: Label("Came to nothing", "plain"),
    AnswerKind.EVIDENCE: Label("Evidence", "plain"),
    AnswerKind.ACCEPTED: Label("Accepted", "plain"),
    WarningState.WAITING: Label("Waits for a person", "attention"),
    WarningState.REFUNDED: Label("Refunded", "plain"),
    WarningState.DISMISSED: Label("Dismissed", "plain"),
    WarningState.SETTLED: Label("Settled", "plain"),
    RiskLevel.NORMAL: Label("Normal risk", "plain"),
    RiskLevel.ELEVATED: Label("Elevated risk", "attention"),
    RiskLevel.HIGHEST: Label("Highest risk", "bad"),
    RiskLevel.NOT_ASSESSED: Label("Risk not assessed", "plain"),
    RiskLevel.UNKNOWN: Label("Risk unknown", "plain"),
    Verdict.APPROVE: Label("Approve", "good"),
    Verdict.REVIEW: Label("Review", "attention"),
    Verdict.REJECT: Label("Reject", "bad"),
    RefundReason.BUYERS_WISH: Label("The buyer's wish (the policy decides)", "plain"),
    RefundReason.EVENT_CANCELLED: Label("The event is cancelled (everything)", "plain"),
    RefundReason.POSTPONED: Label("The event is postponed (everything)", "plain"),
    RefundReason.EXCHANGE: Label("An exchange for another date", "plain"),
    RefundReason.GOODWILL: Label("Goodwill (everything)", "plain"),
    RefundReason.FRAUD: Label("Fraud (everything)", "plain"),
    RefundReason.NO_TICKETS: Label("Money that bought nothing (by itself)", "plain"),
    Role.ADMIN: Label("Administrator", "plain"),
    Role.VENUE_MANAGER: Label("Venue manager", "plain"),
    Role.SUPPORT: Label("Support", "plain"),
    Role.FINANCE: Label("Finance", "plain"),
}

# Tables of their own: words that are equal as text ("draft", "failed") mean other things elsewhere.
BATCH_PURPOSES = {
    BatchPurpose.EVENT_CANCELLED: Label("An event is cancelled", "plain"),
    BatchPurpose.EVENT_POSTPONED: Label("An event has a new date", "plain"),
    BatchPurpose.VENUE_CLOSED: Label("A venue is closed", "plain"),
    BatchPurpose.ORDERS_CHOSEN: Label("Something else", "plain"),
}
BATCH_STATES = {
    BatchState.DRAFT: Label("Being counted", "waiting"),
    BatchState.PREVIEWED: Label("Preview", "attention"),
    BatchState.AWAITING_APPROVAL: Label("Waits for approval", "attention"),
    BatchState.RUNNING: Label("Running", "waiting"),
    BatchState.PAUSED: Label("Paused", "attention"),
    BatchState.FINISHED: Label("Finished", "good"),
    BatchState.STOPPED: Label("Stopped", "plain"),
}
OUTCOMES = {
    Outcome.COUNTING: Label("Being counted", "waiting"),
    Outcome.WAITING: Label("Waiting", "plain"),
    Outcome.FROZEN: Label("Frozen", "waiting"),
    Outcome.REQUESTED: Label("On its way", "waiting"),
    Outcome.PENDING: Label("At the bank", "waiting"),
    Outcome.SUCCEEDED: Label("Paid back", "good"),
    Outcome.FAILED: Label("Failed", "bad"),
    Outcome.SKIPPED: Label("Skipped", "plain"),
}
FROZEN = Label("Frozen by a dispute", "attention")

DISPUTE_REASONS = {
    "credit_not_processed": "A promised refund did not arrive",
    "duplicate": "Charged twice",
    "fraudulent": "The card's owner says it was not them",
    "general": "No particular reason",
    "product_not_received": "Tickets not received",
    "product_unacceptable": "Not what was promised",
    "subscription_canceled": "Cancelled before",
    "unrecognized": "The card's owner does not recognise the charge",
}
FRAUD_TYPES = {
    "card_never_received": "The card never reached its owner",
    "fraudulent_card_application": "The card was applied for by a fraudster",
    "made_with_counterfeit_card": "Paid with a forged card",
    "made_with_lost_card": "Paid with a lost card",
    "made_with_stolen_card": "Paid with a stolen card",
    "misc": "Fraud of another kind",
    "unauthorized_use_of_card": "The card was used without its owner's leave",
}
REFUND_FAILURES = {
    "already_refunded": "The provider says that all of it had gone back before.",
    "charge_disputed": "A dispute was faster: the bank had taken the money.",
    "charge_for_pending_refund_disputed": "A dispute was faster: the bank had taken the money.",
    "declined": "The buyer's bank declined it.",
    "expired_or_canceled_card": "The card has expired or was closed.",
    "insufficient_funds": "Our balance at the provider was too low.",
    "lost_or_stolen_card": "The card was reported lost or stolen.",
    "merchant_request": "Somebody stopped it in the provider's dashboard.",
    "not_refundable": "The provider finds nothing to give back.",
    "refund_too_large": "More than is left of the payment.",
    "unknown": "The bank gave no reason.",
    "unknown_intent": "The provider does not know the payment.",
}
BONDS = {Bond.EMAIL: "e-mail", Bond.PHONE: "telephone", Bond.CARD: "card", Bond.DEVICE: "device"}
QUEUES = {
    RefundQueue.OWED: "Failed",
    RefundQueue.LATE: "Pending too long",
    RefundQueue.PENDING: "Pending",
    RefundQueue.REQUESTED: "Not sent yet",
}

ROLE_MAY = {
    Role.ADMIN: "everything",
    Role.VENUE_MANAGER: "events, their sales and webhooks",
    Role.SUPPORT: "orders, reviews, the outbox",
    Role.FINANCE: "orders and refunds",
}

RECOGNISED_BY = {
    LimitSubject.DEVICE: "device",
    LimitSubject.ACCOUNT: "account",
    LimitSubject.EMAIL: "e-mail",
    LimitSubject.PHONE: "phone",
}

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


ACCOUNTS = {
    Account.PROVIDER: "At the payment provider",
    Account.PAID_BY_HAND: "Paid by hand",
    Account.BUYERS: "Taken, not yet tickets",
    Account.REFUNDS_PENDING: "Refunds on their way",
    Account.REFUNDS_OWED: "Refunds that failed, owed to buyers",
    Account.DISPUTES: "Kept by banks while they decide",
    Account.FACE_VALUES: "Face values",
    Account.DISCOUNTS: "Discounts",
    Account.FEES_BORNE: "Fees that the organiser pays",
    Account.TAXES_INCLUDED: "Taxes inside the prices",
    Account.ADMISSION_RETURNED: "Prices given back",
    Account.CHARGEBACKS: "Disputes that were lost",
    Account.FEES_PASSED_ON: "Fees that buyers paid",
    Account.FEES_ABSORBED: "Fees that the organiser paid",
    Account.FEES_RETURNED: "Fees given back",
    Account.PROVIDER_FEES: "Kept by the payment provider",
    Account.DISPUTE_FEES: "Fees for disputes",
    Account.TAXES: "Taxes",
}
OWNERS = {
    Owner.PROVIDER: "Provider",
    Owner.BUYERS: "Buyers",
    Owner.BANKS: "Banks",
    Owner.ORGANISER: "Organiser",
    Owner.HOUSE: "House",
    Owner.STATE: "Tax office",
}
BASES = {
    Basis.EVENTS: "Events that take place",
    Basis.MONEY: "Money that moved",
}
JOURNALS = {
    JournalKind.MONEY_CAPTURED: "Money was taken from the buyer",
    JournalKind.ORDER_CONFIRMED: "The money became tickets",
    JournalKind.REFUND_REQUESTED: "A refund was set aside",
    JournalKind.REFUND_SUCCEEDED: "The refund reached the buyer",
    JournalKind.REFUND_FAILED: "The refund failed: the buyer is owed it",
    JournalKind.REFUND_PAID_BY_HAND: "The refund was paid by hand",
    JournalKind.DISPUTE_OPENED: "A bank took the money back and decides",
    JournalKind.DISPUTE_WON: "The dispute was won: the money is back",
    JournalKind.DISPUTE_LOST: "The dispute was lost",
    JournalKind.PROVIDER_FEE: "The provider kept its fee",
}


def dispute_reason(reason: str) -> str:
    """A bank's reason in words; one that is new is shown as it is written."""
    return DISPUTE_REASONS.get(reason, reason.replace("_", " "))


def fraud_type(name: str) -> str:
    """What the card's bank suspects."""
    return FRAUD_TYPES.get(name, name.replace("_", " "))


def refund_failure(why: str | None) -> str:
    """Why a refund did not arrive; what the provider says in a sentence of its own is shown as it is."""
    return REFUND_FAILURES.get(why or "unknown", (why or "").replace("_", " "))


def bonds(of: frozenset[Bond]) -> str:
    """``e-mail, card``: what an order has in common with another."""
    return ", ".join(name for bond, name in BONDS.items() if bond in of)


def comparison(reading: Reading) -> Label:
    """What came of a comparison with the provider."""
    if not reading.differences:
        return Label("Everything agrees", "good")
    return Label("1 difference" if reading.differences == 1 else f"{count(reading.differences)} differences", "bad")


def label(state: object) -> Label:
    """A state in words."""
    return _LABELS[state]


def money(amount: Money) -> str:
    """``$1,234.50``, with as many decimals as the currency has; what is owed has a minus, not a hyphen."""
    shown = format_currency(Decimal(amount.amount).scaleb(-amount.exponent), amount.currency, locale=_LOCALE)
    return shown.replace("-", "\N{MINUS SIGN}")


def moneys(amounts: Iterable[Money]) -> str:
    """One amount a currency, with commas between them."""
    return ", ".join(map(money, amounts)) or "nothing"


def zone(timezone: str) -> ZoneInfo:
    """The clock of a place."""
    return ZoneInfo(timezone)


def orders(number: int) -> str:
    """``1 order`` or ``1,200 orders``."""
    return "1 order" if number == 1 else f"{count(number)} orders"


def count(number: int) -> str:
    """With thousands set apart."""
    return f"{number:,}"


def places(units: int, *, are: bool = False) -> str:
    """``1 place`` or ``1,200 places``, with its verb if something is to be said of them."""
    many = "1 place" if units == 1 else f"{count(units)} places"
    return f"{many} {'is' if units == 1 else 'are'}" if are else many


def moment(at: datetime, timezone: str = "UTC") -> str:
    """``22 Nov 2026, 16:44``, on the clock of ``timezone``."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def clock_time(at: datetime) -> str:
    """``22 Nov 16:44:05`` UTC, for lists of what happened."""
    local = at.astimezone(UTC)
    return f"{local.day} {local:%b %H:%M:%S}"


def machine_time(at: datetime) -> str:
    """For ``<time datetime>``."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def for_input(at: datetime, timezone: str) -> str:
    """For ``<input type=datetime-local>``, on the venue's clock."""
    local = at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def span(duration: timedelta) -> str:
    """``3 days``, ``2 hours``, ``5 minutes``, ``12 seconds``: the largest unit that is at least one."""
    seconds = int(abs(duration).total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            units = seconds // size
            return f"{units} {unit}{'s' if units > 1 else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def minutes(seconds: int) -> str:
    """``10`` or ``7.5``: for typing, and exact to the second."""
    return f"{seconds / 60:.3f}".rstrip("0").rstrip(".")


def lasting(seconds: int) -> str:
    """``10 minutes``, ``1 minute``, ``7.5 minutes``."""
    return f"{minutes(seconds)} minute{'' if seconds == 60 else 's'}"


def recognised(by: frozenset[LimitSubject]) -> str:
    """``device, account, e-mail or phone``: what one person is known by when tickets are counted."""
    names = [name for subject, name in RECOGNISED_BY.items() if subject in by]
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def ago(at: datetime, now: datetime) -> str:
    """``5 minutes ago`` or ``in 2 hours``."""
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def sale_status(event: EventFigures, now: datetime) -> Label:
    """Whether tickets can be had, and until or from when."""
    if event.state is not EventState.PUBLISHED:
        return label(event.state)
    if now < event.sale_opens_at:
        return Label(f"Opens in {span(event.sale_opens_at - now)}", "waiting")
    if now < event.sale_closes_at:
        return Label("On sale", "good")
    return Label("Sale closed", "plain")


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


def without_keys(body: str) -> str:
    """A message as support may see it: the link's secret opens the buyer's tickets and is for the buyer only."""
    return re.sub(r"token=[0-9A-Za-z_.~-]+", "token=…", body)


def hook_status(endpoint: Endpoint) -> Label:
    """How a webhook is, in one word."""
    if not endpoint.enabled:
        return Label("Off", "plain" if endpoint.disabled_because == BY_HAND else "bad")
    return Label("Failing", "attention") if endpoint.failing_since else Label("On", "good")


def pretty_text(body: str) -> str:
    """A message's JSON for people."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def pretty(payload: Mapping[str, object]) -> str:
    """JSON for people."""
    return json.dumps(payload, indent=2, ensure_ascii=False, default=str)


def plain_amount(amount: Money) -> str:
    """An amount as it is typed into a field: ``45.00``, ``4500``, ``4.500``."""
    return format(Decimal(amount.amount).scaleb(-amount.exponent), "f")


def plain_percent(basis_points: int) -> str:
    """A share as it is typed into a field: ``8.25``."""
    return f"{basis_points / 100:g}"


def promotion_does(promotion: Promotion, currency: CurrencyCode) -> str:
    """``10% off``, ``$5.00 off each ticket``, ``opens what it is for``."""
    match promotion.kind:
        case PromotionKind.PERCENT:
            return f"{plain_percent(promotion.value)}% off"
        case PromotionKind.AMOUNT:
            return f"{money(Money(promotion.value, currency))} off each ticket"
        case PromotionKind.NONE:
            return "opens what it is for"


def promotion_state(promotion: Promotion, now: datetime) -> Label:
    """Whether it can be used now."""
    if not promotion.active:
        return Label("Stopped", "plain")
    if promotion.ends_at and promotion.ends_at <= now:
        return Label("Over", "plain")
    if promotion.starts_at and now < promotion.starts_at:
        return Label(f"Starts in {span(promotion.starts_at - now)}", "waiting")
    return Label("Running", "good")
