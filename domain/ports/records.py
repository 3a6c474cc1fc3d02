"""Where everything else that must not be forgotten is kept. Parts of a unit of work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.accounts import StaffId, StaffMember
from domain.audit import AuditEntry
from domain.errors import Rejection
from domain.fraud import Assessment
from domain.order_links import OrderLink, OrderLinkId
from domain.orders import OrderId
from domain.ports.messages import Message, MessageId


class OrderLinks(Protocol):
    def order_numbered(self, number: str) -> OrderId | None:
        """The order with this number, as printed on everything that its buyer was sent."""
        ...

    def add(self, link: OrderLink) -> None: ...

    def get(self, link_id: OrderLinkId, *, lock: bool = False) -> OrderLink:
        """Raises NotFound."""
        ...

    def save(self, link: OrderLink) -> None:
        """Raises InvariantBroken for a link that was used before."""
        ...


class Assessments(Protocol):
    def add(self, *, assessment_id: UUID, order_id: OrderId, assessment: Assessment, at: datetime) -> None: ...

    def of_order(self, order_id: OrderId) -> tuple[Assessment, ...]:
        """Oldest first."""
        ...

    def card_orders(self, *, fingerprint: str, since: datetime) -> int:
        """Payments with this card since then."""
        ...


class Messages(Protocol):
    def add(self, message: Message) -> None: ...

    def get(self, message_id: MessageId, *, lock: bool = False) -> Message:
        """Raises NotFound."""
        ...

    def of_provider(self, provider_id: str, *, lock: bool = False) -> Message | None: ...

    def of_order(self, order_id: OrderId) -> tuple[Message, ...]:
        """Oldest first."""
        ...

    def save(self, message: Message) -> None: ...

    def opted_out(self, phone: str) -> bool: ...

    def opt_out(self, phone: str, *, at: datetime) -> None: ...

    def opt_in(self, phone: str) -> None: ...


class Notices(Protocol):
    def first_time(self, *, provider: str, notice_id: str, type_: str, at: datetime) -> bool:
        """Remember a webhook. False when it was seen before."""
        ...

    def prune(self, *, before: datetime, at_most: int) -> int:
        """Forget those received before that: providers stop sending one again after days. Answers how many."""
        ...

    def read_until(self, *, provider: str) -> datetime | None:
        """Until when the provider's own log has been read, so that what no webhook brought is found there."""
        ...

    def have_read(self, *, provider: str, until: datetime) -> None:
        """Remember it. Never moves back."""
        ...


class Audit(Protocol):
    def add(self, entry: AuditEntry) -> None: ...


class Staff(Protocol):
    def add(self, member: StaffMember) -> None: ...

    def get(self, staff_id: StaffId) -> StaffMember:
        """Raises NotFound."""
        ...

    def find(self, *, email: str) -> StaffMember | None: ...


class IdempotencyKeys(Protocol):
    """Answers kept for 24 h under (scope, key), so that a repeated request is answered and not repeated."""

    def begin(
        self, *, scope: str, key: str, request_digest: str, now: datetime
    ) -> "Mapping[str, object] | Rejection | None":
        """None: go on, the key is now ours. A mapping: the answer given before. A rejection: the key was used for
        another request (IDEMPOTENCY_MISMATCH) or the first is still under way (CHECKOUT_IN_PROGRESS)."""
        ...

    def finish(self, *, scope: str, key: str, answer: Mapping[str, object]) -> None: ...

    def forget(self, *, scope: str, key: str) -> None:
        """The request failed: its key is free again. An answer that was given stays."""
        ...

    def prune(self, *, now: datetime, at_most: int) -> int:
        """Drop keys that are older than a day. Answers how many; fewer than ``at_most`` means that none is left."""
        ...
