"""Check everything that must never be false, and say what was compared."""

from collections.abc import Callable

from application.commands.reconcile_sales import Reconciliation
from domain.events import EventId
from domain.ports.books import Books, CheckResult
from domain.ports.catalogue import Catalogue

DIFFERENCES_SHOWN_MAX = 20


def verify(
    *, books: Books, catalogue: Catalogue, reconcile: Callable[[EventId], Reconciliation]
) -> tuple[CheckResult, ...]:
    """The books' own checks, then Valkey against Postgres for every running sale.

    ``reconcile`` looks at one sale, and repairs it or not. What still waits in the outbox is no difference.
    """
    return (*books.check(), _inventory_agrees(catalogue, reconcile))


def _inventory_agrees(catalogue: Catalogue, reconcile: Callable[[EventId], Reconciliation]) -> CheckResult:
    compared, told = 0, []
    for event_id in catalogue.running():
        seen = reconcile(event_id)
        compared += seen.compared
        repaired = " (repaired)" if seen.repaired else ""
        told += [f"event {event_id}: {difference}{repaired}" for difference in seen.differences]
    return CheckResult(
        name="Valkey offers nothing that Postgres has sold, and strands nothing",
        compared=compared,
        differences=tuple(told[:DIFFERENCES_SHOWN_MAX]),
    )
