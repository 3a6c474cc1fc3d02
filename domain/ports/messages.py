"""Short messages to a buyer's phone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from domain.orders import OrderId

MessageId = NewType("MessageId", UUID)

BODY_LENGTH_MAX = 1_600


class MessageState(StrEnum):
    """Where a message stands; it only moves forward (provider callbacks come in any order)."""

    QUEUED = "queued"
    UNKNOWN = "unknown"
    """The provider did not answer: it may or may not have been sent, so it is never sent again blindly."""
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


RANK = {
    MessageState.QUEUED: 0,
    MessageState.UNKNOWN: 1,
    MessageState.SENT: 2,
    MessageState.FAILED: 3,
    MessageState.DELIVERED: 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """``delivered_at``: when the carrier's report that it had arrived reached us."""

    id: MessageId
    order_id: OrderId | None
    to: str
    body: str
    state: MessageState
    created_at: datetime
    provider_id: str | None = None
    failure: str | None = None
    delivered_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether it is still to be handed over. The provider has a queue of its own, and names what is in it."""
        return self.state is MessageState.QUEUED and self.provider_id is None

    def report(self, report: "DeliveryReport", *, now: datetime) -> "Message":
        """What became of it. Reports come in any order and more than once: it only moves forward.

        The first one that names it also settles whether it was sent at all.
        """
        if self.provider_id not in {None, report.provider_id}:
            return self
        settled = self.provider_id is None and self.state is MessageState.UNKNOWN
        if RANK[report.state] <= RANK[self.state] and not settled:
            return replace(self, provider_id=report.provider_id)
        return replace(
            self,
            state=report.state,
            provider_id=report.provider_id,
            failure=report.failure,
            delivered_at=now if report.state is MessageState.DELIVERED else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What the provider says of a message. ``provider_id`` is its name for it.

    ``message_id`` is ours, if it tells that too: a report may be faster than the answer in which we learn its name.
    """

    provider_id: str
    state: MessageState
    failure: str | None
    message_id: MessageId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """Somebody wrote back. ``opt_out``/``opt_in``: the words that carriers oblige us to obey."""

    provider_id: str
    sender: str
    body: str
    opt_out: bool
    opt_in: bool


class SmsSender(Protocol):
    def send(self, *, to: str, body: str, message_id: MessageId) -> DeliveryReport:
        """Hand a message to the provider. There is no idempotency: call it once.

        Raises ProviderUnavailable (unknown whether it went), or ProviderRefused with a stable ``code``:
        ``invalid_number``, ``opted_out``, ``too_long``, ``not_mobile``, ``rate_limited`` (certainly not sent:
        may be tried again), ``refused``.
        """
        ...


class SmsCallbacks(Protocol):
    """Signed calls from the provider. Raise SignatureInvalid (domain.ports.payments) when they are not its own."""

    def read_report(self, *, url: str, form: dict[str, str], signature: str) -> DeliveryReport: ...

    def read_inbound(self, *, url: str, form: dict[str, str], signature: str) -> InboundMessage: ...
