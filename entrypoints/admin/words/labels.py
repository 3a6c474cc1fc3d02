"""States in words: what a badge says, and how it looks."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.accounts import Role
from domain.disputes import AnswerKind, DisputeKind, DisputeState
from domain.events import EventState
from domain.fraud import RiskLevel, Verdict
from domain.fraud_warnings import WarningState
from domain.orders import OrderState, StockState
from domain.payments import PaymentState
from domain.ports.messages import MessageState
from domain.refund_policies import RefundReason
from domain.refunds import RefundState
from domain.tickets import TicketState


class Label(NamedTuple):
    """Words for a state, and how it should look: good, bad, waiting or plain."""

    text: str
    tone: str


DECIDED_SOON = Label("Decided by itself soon", "attention")
FROZEN = Label("Frozen by a dispute", "attention")
EXCHANGED = Label("Exchanged", "plain")
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


def label(state: object) -> Label:
    """A state in words."""
    return _LABELS[state]
