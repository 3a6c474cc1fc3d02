"""Give a buyer who is still choosing more time."""

from domain.errors import Rejection
from domain.holds import ActiveHold, HoldId
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory
from domain.refusals import checkout_in_progress, hold_lapsed


def extend_hold(
    hold_id: HoldId, *, number: int | None, catalogue: Catalogue, inventory: Inventory
) -> ActiveHold | Rejection:
    """The hold's ``number``-th extension, from 1; without one, the next. By the sale's terms as they are now.

    Idempotent by number, so whoever may have to repeat the call says it. Raises NotFound for an unknown event and
    InventoryUnavailable.
    """
    terms = catalogue.on_sale(event=str(hold_id.event_id)).terms
    if number is None:
        found = inventory.find(hold_id=hold_id)
        if not isinstance(found, ActiveHold):
            return hold_lapsed() if found is None else checkout_in_progress()
        number = found.extensions + 1
    return inventory.extend(hold_id=hold_id, number=number, terms=terms)
