"""Where webhooks to organisers are kept, and how one leaves the house."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from domain.events import EventId
from domain.outgoing_webhooks import (
    Answer,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointFigures,
    EndpointId,
    HookKind,
    LogPage,
    SentDelivery,
)


class HookSender(Protocol):
    def refuses(self, url: str) -> str | None:
        """Why nothing may be sent to such an address, in words for whoever typed it; None: it may be tried."""
        ...

    def send(self, *, url: str, headers: Mapping[str, str], body: str) -> Answer:
        """Post a message. Never raises for what a receiver or the network does; bounded in time and size.

        Names are looked up once and the connection goes to the address that was checked: never to one of a private
        network, whatever a name server says a moment later. Redirects are not followed.
        """
        ...


class Webhooks(Protocol):
    """Part of a unit of work."""

    def wanted(self, kind: HookKind) -> bool:
        """Whether any endpoint wants to hear of this: most houses have none, and their orders write nothing."""
        ...

    def add_endpoint(self, endpoint: Endpoint) -> None: ...

    def get_endpoint(self, endpoint_id: EndpointId, *, lock: bool = False) -> Endpoint:
        """Raises NotFound."""
        ...

    def save_endpoint(self, endpoint: Endpoint) -> None: ...

    def endpoints(self) -> tuple[EndpointFigures, ...]:
        """All of them, oldest first."""
        ...

    def add_delivery(self, delivery: Delivery) -> bool:
        """False when this endpoint has this message already."""
        ...

    def get_delivery(self, delivery_id: DeliveryId) -> SentDelivery:
        """Raises NotFound."""
        ...

    def send_again(self, delivery: Delivery) -> None:
        """Store ``Delivery.again``: its attempts go on counting, its tries begin anew."""
        ...

    def lease(self, *, now: datetime, at_most: int, failing: bool) -> tuple[Delivery, ...]:
        """Take due deliveries for DELIVERY_LEASE_SECONDS, and raise ``attempts`` of each by one.

        ``failing``: only to endpoints whose last try failed, one at a time each; otherwise only to the others, about
        IN_FLIGHT_PER_ENDPOINT at a time each. So whoever is slow or away keeps nobody else waiting.
        """
        ...

    def report(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Store what came of a try. False when the lease was lost (fenced by ``attempts``)."""
        ...

    def log(self, endpoint_id: EndpointId, *, state: DeliveryState | None, cursor: str | None) -> LogPage:
        """Raises ValueError for a cursor that this port did not write."""
        ...

    def prune(self, *, before: datetime, at_most: int) -> int:
        """Forget deliveries made before that, with their tries. Answers how many."""
        ...

    def told_sold_out(self, event_id: EventId) -> bool:
        """Whether organisers were last told that this event is sold out. Nobody else changes it meanwhile."""
        ...

    def tell_sold_out(self, event_id: EventId, *, sold_out: bool, at: datetime) -> None: ...
