"""How a view reaches the use cases. The shop needs a little more of the composition root than the API does."""

from typing import Protocol, cast

from domain.errors import Rejection
from domain.orders import Order, OrderId
from entrypoints.http.services import Services, current


class House(Services, Protocol):
    """The services of this process, with what only buyers at the storefront do."""

    def cancel_order(self, order_id: OrderId, /) -> Order | Rejection: ...


def house() -> House:
    """Those of the application that handles this request."""
    return cast("House", current())
