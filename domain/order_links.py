"""Links that open an order once: sent to whoever can name the order and already has its address or telephone.

The link itself is a signature over its id (:class:`application.access.Access`), so nothing that is stored opens
anything. Opening it spends it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.orders import OrderId

OrderLinkId = NewType("OrderLinkId", UUID)

LINK_MINUTES = 15


class LinkChannel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLink:
    """One way to one order, by one channel, until then, once."""

    id: OrderLinkId
    order_id: OrderId
    channel: LinkChannel
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    @classmethod
    def fresh(cls, link_id: OrderLinkId, order_id: OrderId, channel: LinkChannel, *, now: datetime) -> "OrderLink":
        """Good for :data:`LINK_MINUTES` minutes."""
        expires_at = now + timedelta(minutes=LINK_MINUTES)
        return cls(id=link_id, order_id=order_id, channel=channel, created_at=now, expires_at=expires_at)

    def use(self, *, now: datetime) -> "OrderLink | None":
        """The link, spent; None when it was spent before or is too old."""
        if self.used_at is not None or now >= self.expires_at:
            return None
        return replace(self, used_at=now)
