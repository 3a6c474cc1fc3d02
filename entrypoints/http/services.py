"""What the HTTP room needs from the composition root, and where a view finds it.

The container provides every member; naming them here keeps the room typed without importing any adapter, and lets
tests hand in an application that lives in memory.
"""

from collections.abc import Mapping
from typing import Protocol, cast

from flask import Flask, current_app

from application.access import Access
from application.commands.order_links import SendOrderLink
from application.commands.place_hold import PlaceHold
from application.commands.request_refund import RequestRefund
from application.commands.start_checkout import CheckoutStarted, StartCheckout
from application.queries.availability import Availability
from application.queries.order_details import OrderDetails
from domain.errors import Rejection
from domain.holds import ActiveHold, HoldId
from domain.order_links import OrderLinkId
from domain.orders import Order, OrderId
from domain.ports.backoffice import Backoffice
from domain.ports.catalogue import Catalogue, Listings
from domain.ports.inventory import Inventory
from domain.ports.rate_limits import EndpointSpending, RateLimiter
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Clock
from domain.quotes import Quote
from domain.refund_policies import RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.tickets import TicketId
from entrypoints.settings import Settings

_EXTENSION = "tessera"


class Services(Protocol):
    """One process's application: use cases with their ports filled in, and the few ports that a view may read."""

    def settings(self) -> Settings: ...

    def access(self) -> Access: ...

    def clock(self) -> Clock: ...

    def catalogue(self) -> Catalogue: ...

    def listings(self) -> Listings: ...

    def backoffice(self) -> Backoffice: ...

    def inventory(self) -> Inventory: ...

    def rate_limiter(self) -> RateLimiter: ...

    def provider_spending(self) -> Mapping[str, EndpointSpending]: ...

    def unit_of_work(self) -> UnitOfWork: ...

    def place_hold(self, command: PlaceHold, /) -> ActiveHold | Rejection: ...

    def release_hold(self, hold_id: HoldId, /) -> bool: ...

    def extend_hold(self, hold_id: HoldId, /, *, number: int | None) -> ActiveHold | Rejection: ...

    def start_checkout(self, command: StartCheckout, /) -> CheckoutStarted | Rejection: ...

    def settle_payment(self, order_id: OrderId, /) -> Order: ...

    def request_refund(self, command: RequestRefund, /) -> Refund | RefundRequest | Rejection: ...

    def refund_quote(
        self, order_id: OrderId, tickets: tuple[TicketId, ...] | None, reason: RefundReason, /
    ) -> Quote | Rejection: ...

    def send_order_link(self, command: SendOrderLink, /) -> None: ...

    def order_link_is_good(self, link_id: OrderLinkId, /) -> bool: ...

    def use_order_link(self, link_id: OrderLinkId, /) -> OrderId | None: ...

    def order_details(self, order_id: OrderId, /) -> OrderDetails: ...

    def availability(self, event: str, /) -> Availability: ...

    def receive_notice(self, payload: bytes, signature: str, /) -> bool: ...

    def receive_delivery_report(self, *, url: str, form: dict[str, str], signature: str) -> object: ...

    def receive_inbound_message(self, *, url: str, form: dict[str, str], signature: str) -> object: ...

    def readiness(self) -> Mapping[str, str | None]:
        """What this process leans on (``database``, ``valkey``, ``migrations``), each with what is wrong or None."""
        ...


def install(app: Flask, services: Services) -> None:
    """Give the application its services, once, before the first request."""
    app.extensions[_EXTENSION] = services


def current() -> Services:
    """The services of the application that handles this request."""
    return cast("Services", current_app.extensions[_EXTENSION])
