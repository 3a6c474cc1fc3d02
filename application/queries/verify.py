"""Check everything that must never be false, and say what was compared."""

from domain.events import EventId
from domain.ports.books import Books, CheckResult
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import SEAT_BLOCKED, SEAT_FREE, SEAT_SOLD, Inventory, Snapshot, StockLevels
from domain.ports.unit_of_work import UnitOfWorkFactory

DIFFERENCES_SHOWN_MAX = 20


def verify(
    *, books: Books, catalogue: Catalogue, inventory: Inventory, unit_of_work: UnitOfWorkFactory
) -> tuple[CheckResult, ...]:
    """The books' own checks, then Valkey against Postgres for every running sale.

    Effects that still wait in the outbox may show as differences for a moment; asked again they are gone.
    """
    return (*books.check(), _inventory_agrees(catalogue, inventory, unit_of_work))


def _inventory_agrees(catalogue: Catalogue, inventory: Inventory, unit_of_work: UnitOfWorkFactory) -> CheckResult:
    compared, differences = 0, []
    for event_id in catalogue.running():
        snapshot = inventory.snapshot(event_id=event_id)
        if snapshot is None:
            continue  # Not loaded: the next buyer's request loads it from Postgres.
        with unit_of_work() as uow:
            levels = uow.stock.levels(event_id)
        compared += len(snapshot.free) + len(snapshot.seats)
        differences.extend(_differences(event_id, snapshot, levels))
    return CheckResult(
        name="Valkey offers nothing that Postgres has sold, and strands nothing",
        compared=compared,
        differences=tuple(differences[:DIFFERENCES_SHOWN_MAX]),
    )


def _differences(event_id: EventId, snapshot: Snapshot, levels: StockLevels) -> list[str]:
    found = [
        f"event {event_id}: pool {pool} has {free} free in Valkey and only {levels.free.get(pool, 0)} in Postgres"
        for pool, free in snapshot.free.items()
        if free > levels.free.get(pool, 0)
    ]
    for index, (fast, true) in enumerate(zip(snapshot.seats, levels.seats, strict=True)):
        if fast == SEAT_FREE and true != SEAT_FREE:
            found.append(f"event {event_id}: seat {index} is free in Valkey and taken in Postgres")
        if fast in {SEAT_SOLD, SEAT_BLOCKED} and true == SEAT_FREE:
            found.append(f"event {event_id}: seat {index} is taken in Valkey and free in Postgres")
    return found
