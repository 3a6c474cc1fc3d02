"""Take stock for a buyer for a limited time."""

from dataclasses import dataclass

from application.commands.rebuild_sale import rebuild_sale
from domain.errors import InventoryUnavailable, Rejection, RejectionCode
from domain.events import Sale
from domain.holds import ActiveHold, BuyerFingerprint, HoldId, HoldLine, demand, fingerprint, price
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, SaleDoubt
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.waiting_room import WaitingRoom
from domain.waiting_room import Admission, DoorPolicy

DOUBTS_MAX = 3
"""How often one request may find its idea of the sale, or the inventory, out of date before it gives up."""

DOOR = DoorPolicy(admitted_per_second=50)
"""How fast a waiting room lets people in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """``event`` is an id or a slug. ``hold_id`` comes from the caller's side, so that a retry finds its hold."""

    hold_id: HoldId
    event: str
    lines: tuple[HoldLine, ...]
    buyer: BuyerFingerprint
    access_code: str | None = None


def place_hold(
    command: PlaceHold,
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    waiting_room: WaitingRoom,
    unit_of_work: UnitOfWorkFactory,
) -> ActiveHold | Rejection:
    """All lines or none. Idempotent by hold id.

    In the steady state: the sale from memory, one round trip to the inventory, no SQL (a waiting room costs one
    more round trip). Raises NotFound for an unknown event and InventoryUnavailable when Valkey cannot answer: a
    hold fails closed.
    """
    sale = catalogue.on_sale(event=command.event)
    if sale.terms.admission_required and (rejection := _not_admitted(sale, command.buyer, waiting_room)):
        return rejection
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


def _not_admitted(sale: Sale, buyer: BuyerFingerprint, waiting_room: WaitingRoom) -> Rejection | None:
    """Whoever knocks without an admission stands in the queue from then on, and is told where."""
    place = waiting_room.join(event_id=sale.event_id, visitor=buyer.device, policy=DOOR)
    if isinstance(place, Admission):
        return None
    soon = "soon" if place.wait_seconds is None else f"in about {place.wait_seconds} seconds"
    return Rejection(
        code=RejectionCode.NOT_ADMITTED,
        message=f"You are in the queue, {place.ahead} ahead of you. It will be your turn {soon}.",
        details={"ahead": place.ahead, "wait_seconds": place.wait_seconds},
    )
