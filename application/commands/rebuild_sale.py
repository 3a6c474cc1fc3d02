"""Load an inventory from the truth, in a new epoch."""

from dataclasses import replace

from application.transactions import retrying
from domain.events import EventId, Sale
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory
from domain.ports.unit_of_work import UnitOfWorkFactory


def rebuild_sale(
    event_id: EventId, *, above: int, catalogue: Catalogue, inventory: Inventory, unit_of_work: UnitOfWorkFactory
) -> Sale:
    """Raise the sale's epoch above ``above`` and load free stock from the primary. Answers the sale as it is then.

    Everybody who finds the inventory empty may call it at once: one raises the epoch, the others find it
    raised and only read the sale again. Live holds go on in the new epoch if their stock is still there. A crash
    between the commit and the load leaves the inventory behind the sale, which the next caller finds and repairs in
    the same way.
    """
    raised = _raise_epoch(event_id, above=above, unit_of_work=unit_of_work)
    sale = catalogue.fresh(event_id=event_id)
    return sale if raised is None else _load(sale, at_least=raised, inventory=inventory, unit_of_work=unit_of_work)


@retrying
def _raise_epoch(event_id: EventId, *, above: int, unit_of_work: UnitOfWorkFactory) -> int | None:
    with unit_of_work() as uow:
        raised = uow.stock.raise_epoch(event_id, above=above)
        uow.commit()
    return raised


def _load(sale: Sale, *, at_least: int, inventory: Inventory, unit_of_work: UnitOfWorkFactory) -> Sale:
    """Load what Postgres knows now, under the epoch it has now: others may have raised it again meanwhile.

    The one place where the inventory is called inside a transaction. Stock that was read under one epoch and loaded
    under a later one would lack whatever was settled in between, for good, because settlements of the earlier epoch
    count as known. So the sale's gate stays shut from the reading to the loading; nothing is written, and a crash
    opens it.
    """
    with unit_of_work() as uow:
        uow.stock.raise_epoch(sale.event_id, above=at_least - 1)  # Raised before: this only passes the gate alone.
        loaded = replace(sale, epoch=uow.stock.epoch(sale.event_id))
        inventory.load(sale=loaded, stock=uow.stock.levels(sale.event_id))
    return loaded
