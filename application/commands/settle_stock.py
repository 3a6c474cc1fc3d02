"""Tell the inventory what Postgres decided about stock, and what the organiser changed about a sale."""

from typing import Protocol

from application.each import for_each
from domain.errors import InventoryUnavailable
from domain.events import EventId, Sale
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, SaleDoubt, Settlement

PATIENT_ATTEMPTS = 3
"""A load may be under way, so the first attempts only wait for it; a later one rebuilds."""

HOLDS_PER_SWEEP_MAX = 100
"""At most so many in one step: everybody else waits for a few milliseconds meanwhile."""

SWEEPS_PER_SALE_MAX = 100
"""So a rush of 10,000 holds that lapse together returns in one turn, and no sale keeps the others waiting for ever."""


class Rebuild(Protocol):
    def __call__(self, event_id: EventId, *, above: int) -> Sale: ...


def settle_stock(settlement: Settlement, *, attempt: int, inventory: Inventory, rebuild: Rebuild) -> None:
    """Idempotent. Raises InventoryUnavailable to be asked again later."""
    if inventory.settle(settlement=settlement) is not SaleDoubt.REBUILD:
        return
    if attempt <= PATIENT_ATTEMPTS:
        raise InventoryUnavailable("the sale is not loaded at this epoch yet")
    rebuild(settlement.event_id, above=settlement.epoch)


def renew_terms(
    event_id: EventId, *, reload: bool, catalogue: Catalogue, inventory: Inventory, rebuild: Rebuild
) -> None:
    """Make older copies of the sale in web processes known as old. Nothing loaded means nothing to tell.

    ``reload``: the change is written into the stock itself, so that is loaded anew. Twice does no harm.
    """
    sale = catalogue.fresh(event_id=event_id)
    inventory.renew_terms(sale=sale)
    if reload:
        rebuild(event_id, above=sale.epoch)


def sweep_sales(*, catalogue: Catalogue, inventory: Inventory) -> int:
    """Return lapsed holds of all sales to stock, with or without traffic. Answers how many holds lapsed.

    A sale whose server is away waits for the next sweep; the others are on other servers of a cluster, perhaps.
    """
    lapsed = []

    def sweep(event_id: EventId) -> None:
        for _ in range(SWEEPS_PER_SALE_MAX):
            lapsed.append(inventory.sweep(event_id=event_id, at_most=HOLDS_PER_SWEEP_MAX))
            if lapsed[-1] < HOLDS_PER_SWEEP_MAX:
                break

    for_each(catalogue.running(), sweep, what="sales could not be swept")
    return sum(lapsed)
