"""Load an inventory from the truth, in a new epoch."""

from application.transactions import retrying
from domain.events import EventId, Sale
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, StockLevels
from domain.ports.unit_of_work import UnitOfWorkFactory


def rebuild_sale(
    event_id: EventId, *, above: int, catalogue: Catalogue, inventory: Inventory, unit_of_work: UnitOfWorkFactory
) -> Sale:
    """Raise the sale's epoch above ``above`` and load free stock from the primary. Answers the sale as it is then.

    Everybody who finds the inventory empty may call it at once: one raises the epoch, the others find it
    raised and only read the sale again. All holds of older epochs are void. A crash between the commit and
    the load leaves the inventory behind the sale, which the next caller finds and repairs in the same way.
    """
    stock = _new_epoch(event_id, above=above, unit_of_work=unit_of_work)
    sale = catalogue.fresh(event_id=event_id)
    if stock is not None:
        inventory.load(sale=sale, stock=stock)
    return sale


@retrying
def _new_epoch(event_id: EventId, *, above: int, unit_of_work: UnitOfWorkFactory) -> StockLevels | None:
    with unit_of_work() as uow:
        if uow.stock.raise_epoch(event_id, above=above) is None:
            return None
        stock = uow.stock.levels(event_id)
        uow.commit()
    return stock
