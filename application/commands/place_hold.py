"""Take stock for a buyer for a limited time."""

from dataclasses import dataclass

from application.commands.rebuild_sale import rebuild_sale
from domain.errors import InventoryUnavailable, Rejection
from domain.holds import ActiveHold, BuyerFingerprint, HoldId, HoldLine, demand, fingerprint, price
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, SaleDoubt
from domain.ports.unit_of_work import UnitOfWorkFactory

DOUBTS_MAX = 3
"""How often one request may find its idea of the sale, or the inventory, out of date before it gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """``event`` is an id or a slug. ``hold_id`` comes from the caller's side, so that a retry finds its hold."""

    hold_id: HoldId
    event: str
    lines: tuple[HoldLine, ...]
    buyer: BuyerFingerprint
    access_code: str | None = None


def place_hold(
    command: PlaceHold, *, catalogue: Catalogue, inventory: Inventory, unit_of_work: UnitOfWorkFactory
) -> ActiveHold | Rejection:
    """All lines or none. Idempotent by hold id.

    In the steady state: the sale from memory, one round trip to the inventory, no SQL. Raises NotFound for an
    unknown event and InventoryUnavailable when Valkey cannot answer: a hold fails closed.
    """
    sale = catalogue.on_sale(event=command.event)
    for _ in range(DOUBTS_MAX):
        wanted = demand(sale, command.lines, access_code=command.access_code)
        if isinstance(wanted, Rejection):
            return wanted
        answer = inventory.hold(
            hold_id=command.hold_id,
            sale=sale,
            demand=wanted,
            lines=price(sale, command.lines),
            fingerprint=fingerprint(command.lines),
            buyer=command.buyer,
        )
        if answer is SaleDoubt.REBUILD:
            sale = rebuild_sale(
                sale.event_id, above=sale.epoch, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work
            )
        elif answer is SaleDoubt.STALE:
            sale = catalogue.fresh(event_id=sale.event_id)
        else:
            return answer
    raise InventoryUnavailable("the sale keeps being rebuilt")
