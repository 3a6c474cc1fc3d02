"""Where postponements are kept: part of a unit of work."""

from datetime import datetime
from typing import Protocol

from domain.events import EventId
from domain.orders import OrderId
from domain.postponements import Postponement


class Postponements(Protocol):
    def add(self, postponement: Postponement) -> None: ...

    def newest(self, event_id: EventId) -> Postponement | None:
        """The last time this event was moved."""
        ...

    def untold(self) -> Postponement | None:
        """The oldest whose buyers were not all told, locked; one that another worker tells of is passed over."""
        ...

    def save(self, postponement: Postponement) -> None:
        """Store how far its buyers were told."""
        ...

    def orders_to_tell(
        self, event_id: EventId, *, placed_by: datetime, after: OrderId | None, at_most: int
    ) -> tuple[OrderId, ...]:
        """Paid orders of the event that were placed by then, in the order of their ids, behind ``after``."""
        ...
