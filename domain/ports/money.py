"""Where the money's story is kept: payments, refunds, disputes and the books. Parts of a unit of work."""

from datetime import datetime
from typing import Protocol

from domain.disputes import Dispute, DisputeId
from domain.fraud_warnings import FraudWarning, FraudWarningId
from domain.ledger import Journal
from domain.orders import OrderId
from domain.payments import Payment, PaymentId
from domain.provider_books import ProviderEntry, Reading, ReadingId
from domain.refund_requests import RefundRequest, RefundRequestId
from domain.refunds import Refund, RefundId


class Payments(Protocol):
    def add(self, payment: Payment) -> None: ...

    def get(self, payment_id: PaymentId, *, lock: bool = False) -> Payment:
        """Raises NotFound."""
        ...

    def latest(self, order_id: OrderId, *, lock: bool = False) -> Payment | None:
        """The newest attempt for an order."""
        ...

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Payment, ...]:
        """Every attempt for an order, the first one first."""
        ...

    def of_intent(self, intent_id: str) -> Payment | None: ...

    def of_session(self, session_id: str) -> Payment | None: ...

    def save(self, payment: Payment) -> None: ...

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Payment, ...]:
        """Open payments whose ``next_check_at`` has passed: the poller's work when webhooks stay away."""
        ...

    def to_decide(self, *, lapsing_before: datetime, at_most: int) -> tuple[Payment, ...]:
        """Authorised payments of orders in review that cannot wait for a person: the soonest to lapse first.

        Their money is gone before that time, or their event was cancelled.
        """
        ...


class Refunds(Protocol):
    def add(self, refund: Refund) -> None:
        """Store a refund and reserve its amount. Raises StockConflict never; InvariantBroken when more than was
        captured would be given back (a constraint, not a check)."""
        ...

    def get(self, refund_id: RefundId, *, lock: bool = False) -> Refund:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId) -> tuple[Refund, ...]: ...

    def of_provider(self, provider_id: str) -> Refund | None: ...

    def save(self, refund: Refund) -> None: ...

    def to_check(self, *, before: datetime, at_most: int) -> tuple[Refund, ...]:
        """Refunds that are pending at the provider since before that time."""
        ...


class RefundRequests(Protocol):
    def add(self, request: RefundRequest) -> None:
        """Store a request. One an order may wait at a time (a constraint)."""
        ...

    def get(self, request_id: RefundRequestId, *, lock: bool = False) -> RefundRequest:
        """Raises NotFound."""
        ...

    def of_order(self, order_id: OrderId) -> tuple[RefundRequest, ...]:
        """Oldest first."""
        ...

    def waiting_of(self, order_id: OrderId) -> RefundRequest | None:
        """The one of this order that waits."""
        ...

    def waiting(self, *, at_most: int) -> tuple[RefundRequest, ...]:
        """Everything that waits for somebody, oldest first."""
        ...

    def save(self, request: RefundRequest) -> None: ...


class Ledger(Protocol):
    """Journals, written in the transaction of the fact that they tell. Append-only."""

    def post(self, *journals: Journal | None) -> int:
        """Write journals and answer how many were new. A key that is there already is left as it is; None is nothing.

        Raises InvariantBroken for a journal of an order that is not there.
        """
        ...

    def of_order(self, order_id: OrderId) -> tuple[Journal, ...]:
        """In the order they were written."""
        ...


class Readings(Protocol):
    """Readings of the provider's books, and what they have read so far."""

    def add(self, reading: Reading) -> None: ...

    def save(self, reading: Reading) -> None:
        """Store how far it has come. Raises NotFound."""
        ...

    def latest(self, *, actor: str | None = None, finished: bool | None = None) -> Reading | None:
        """The one that began last, of those somebody asked for, or of those that are finished or are not."""
        ...

    def take_turn(self, reading_id: ReadingId, *, now: datetime, until: datetime) -> bool:
        """Have a reading to oneself for a while. False while somebody else has it."""
        ...

    def end_turn(self, reading_id: ReadingId, *, now: datetime) -> None:
        """Let others have it from now on."""
        ...

    def keep(self, entries: tuple[ProviderEntry, ...], *, at: datetime) -> None:
        """What the provider says of these from now on."""
        ...

    def fees_to_tell(self, entries: tuple[ProviderEntry, ...]) -> tuple[Journal, ...]:
        """Fees of these entries that belong to payments of ours, as journals; those told before are among them."""
        ...

    def prune(self, *, before: datetime, at_most: int) -> int:
        """Forget entries that were last read before this moment, the longest unread first. Answers how many."""
        ...


class Disputes(Protocol):
    """Read and changed under the lock of their order: two webhooks about one dispute take turns there."""

    def add(self, dispute: Dispute) -> None: ...

    def get(self, dispute_id: DisputeId) -> Dispute:
        """Raises NotFound."""
        ...

    def of_provider(self, provider_id: str) -> Dispute | None: ...

    def of_order(self, order_id: OrderId) -> tuple[Dispute, ...]:
        """Oldest first."""
        ...

    def save(self, dispute: Dispute) -> None: ...

    def to_check(self, *, now: datetime, at_most: int) -> tuple[Dispute, ...]:
        """Open disputes whose ``next_check_at`` has passed, the longest due first."""
        ...


class FraudWarnings(Protocol):
    """Read and changed under the lock of their order."""

    def add(self, warning: FraudWarning) -> None: ...

    def get(self, warning_id: FraudWarningId) -> FraudWarning:
        """Raises NotFound."""
        ...

    def of_provider(self, provider_id: str) -> FraudWarning | None: ...

    def of_order(self, order_id: OrderId) -> tuple[FraudWarning, ...]:
        """Oldest first."""
        ...

    def save(self, warning: FraudWarning) -> None: ...

    def troubled_orders(self, *, card: str | None, device: str) -> int:
        """Orders with this card (its fingerprint) or from this device that a bank warned of or disputed as fraud.

        Warnings that a person dismissed, and disputes that were won or withdrawn, do not count.
        """
        ...
