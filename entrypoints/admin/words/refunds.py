"""Refunds, one by one and by the thousand."""

from domain.ports.aftersales import RefundQueue
from domain.refund_batches import BatchPurpose, BatchState, Outcome
from domain.refund_requests import RequestState
from entrypoints.admin.words.labels import Label

QUEUES = {
    RefundQueue.OWED: "Failed",
    RefundQueue.LATE: "Pending too long",
    RefundQueue.PENDING: "Pending",
    RefundQueue.REQUESTED: "Not sent yet",
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
REQUESTS = {
    RequestState.WAITING: Label("Waits for approval", "attention"),
    RequestState.APPROVED: Label("Approved", "good"),
    RequestState.DECLINED: Label("Not approved", "plain"),
    RequestState.LAPSED: Label("Withdrawn", "plain"),
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


def batch_why(why: str | None) -> str:
    """Why an order of a batch stands where it does: a sentence of ours, or what the provider said of its refund."""
    return REFUND_FAILURES.get(why or "", why or "")


def refund_failure(why: str | None) -> str:
    """Why a refund did not arrive; what the provider says in a sentence of its own is shown as it is."""
    return REFUND_FAILURES.get(why or "unknown", (why or "").replace("_", " "))
