"""Give a hold's stock back before its time."""

from domain.holds import HoldId
from domain.ports.inventory import Inventory


def release_hold(hold_id: HoldId, *, inventory: Inventory) -> bool:
    """False when there was nothing to give back. A hold whose order is being paid is ended by its order, not here."""
    return inventory.release(hold_id=hold_id)
