"""The payment provider, in our words. Every method may raise ProviderUnavailable (the outcome is *unknown*)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.disputes import DisputeFacts
from domain.errors import TesseraError
from domain.evidence import Evidence
from domain.fraud import CardFacts, RiskLevel
from domain.fraud_warnings import WarningFacts
from domain.money import Money
from domain.orders import OrderId
from domain.refunds import RefundState


class SignatureInvalid(TesseraError):
    """A webhook that the provider did not sign, or signed too long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutItem:
    name: str
    description: str
    unit: Money
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """What the provider's page must show and remember. ``key`` makes asking twice harmless."""

    key: str
    order_id: OrderId
    order_number: str
    items: tuple[CheckoutItem, ...]
    email: str
    success_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutOpened:
    session_id: str
    url: str


class Closing(StrEnum):
    CLOSED = "closed"
    """Nobody can pay any more, and nobody had."""
    COMPLETED = "completed"
    """The buyer was faster: look the payment up."""


KEYS_REMEMBERED = timedelta(hours=20)
"""The provider promises a day; the rest is for clocks that differ and for calls that waited."""

UNKNOWN_SESSION = "unknown_session"
"""Code of the ProviderRefused for a page that the provider does not have: nobody can pay there."""


class ProviderStatus(StrEnum):
    PENDING = "pending"
    """Nothing is authorised (the buyer is still typing, or a card was declined)."""
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """The provider has no such page: nobody can pay there, as far as it knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """A payment as the provider sees it now, always retrieved and never taken from a webhook.

    ``order_id`` is what we wrote into its metadata; ``session_open`` says whether money may still come of it.
    ``amount`` is what is authorised or captured (zero while pending); ``capture_before`` is until when the authorised
    money may be taken, if the provider says.
    """

    session_id: str
    intent_id: str | None
    session_open: bool
    status: ProviderStatus
    amount: Money
    order_id: OrderId | None
    risk: RiskLevel
    review_opened: bool
    card: CardFacts | None
    failure: str | None
    capture_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    id: str
    state: RefundState
    failure: str | None


class NoticeKind(StrEnum):
    """What a webhook is about. It says where to look, never what to believe."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FRAUD_WARNING = "fraud_warning"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One signed webhook. ``id`` is the provider's event id (delivery is at least once, in any order)."""

    id: str
    kind: NoticeKind
    type: str
    order_id: OrderId | None
    session_id: str | None
    intent_id: str | None
    refund_id: str | None
    dispute_id: str | None = None
    warning_id: str | None = None


class PaymentGateway(Protocol):
    """Raises ProviderUnavailable (unknown outcome, ask again) or ProviderRefused (final)."""

    def open_checkout(self, *, request: CheckoutRequest) -> CheckoutOpened:
        """A page where the buyer pays; money is only authorised there. Idempotent by ``request.key``."""
        ...

    def close_checkout(self, *, session_id: str) -> Closing:
        """Make paying impossible, or learn that it has happened. Idempotent. ProviderRefused: UNKNOWN_SESSION."""
        ...

    def look_up(self, *, session_id: str) -> ProviderPayment:
        """The payment as it is now. ProviderRefused: UNKNOWN_SESSION."""
        ...

    def capture(self, *, intent_id: str, amount: Money, key: str) -> Money:
        """Take authorised money, and answer how much was taken. ProviderRefused: it cannot be captured.

        Idempotent: captured before is success, and somebody may have taken less in the provider's own dashboard.
        """
        ...

    def void(self, *, intent_id: str, key: str) -> None:
        """Let authorised money go. Idempotent: voided before is success. ProviderRefused: it was captured."""
        ...

    def refund(
        self, *, intent_id: str, amount: Money, key: str, order_id: OrderId, bulk: bool = False, fresh: bool = False
    ) -> ProviderRefund:
        """Give captured money back. Idempotent by ``key``, also after the provider has forgotten it.

        ``bulk``: one of thousands, so everything else goes first. ``fresh``: ``key`` was used for the first time less
        than KEYS_REMEMBERED ago if at all, so the provider's own memory is enough and need not be searched first.
        """
        ...

    def find_refund(self, *, refund_id: str) -> ProviderRefund:
        """Where a refund stands now."""
        ...

    def find_dispute(self, *, dispute_id: str) -> DisputeFacts:
        """Where a dispute stands now. ProviderRefused: ``unknown_dispute``."""
        ...

    def submit_evidence(self, *, dispute_id: str, evidence: Evidence, statement: str, key: str) -> DisputeFacts:
        """Send our side to the bank, for good. ProviderRefused: it has ended, or takes no evidence any more."""
        ...

    def accept_dispute(self, *, dispute_id: str, key: str) -> DisputeFacts:
        """Give in. Idempotent: accepted before is success. ProviderRefused: it ended otherwise."""
        ...

    def find_warning(self, *, warning_id: str) -> WarningFacts:
        """A fraud warning as it is now. ProviderRefused: ``unknown_warning``."""
        ...

    def after_sales(self, *, since: datetime) -> Iterator[Notice]:
        """What happened since then to disputes, fraud warnings and refunds that failed, from the provider's own log.

        Oldest first, some of it perhaps known already: the same notices that webhooks would have brought.
        """
        ...

    def read_notice(self, *, payload: bytes, signature: str) -> Notice:
        """Check a webhook's signature over its raw body and say what it is about. Raises SignatureInvalid."""
        ...
