"""Check everything that must never be false, and say what was compared."""

from collections.abc import Callable
from datetime import timedelta

from application.commands.reconcile_sales import Reconciliation
from domain.events import EventId
from domain.ports.books import Books, CheckResult
from domain.ports.catalogue import Catalogue
from domain.ports.provider_books import Comparison
from domain.ports.world import Clock
from domain.provider_books import GRACE

DIFFERENCES_SHOWN_MAX = 20


def verify(
    *,
    books: Books,
    comparison: Comparison,
    catalogue: Catalogue,
    reconcile: Callable[[EventId], Reconciliation],
    clock: Clock,
    grace: timedelta = GRACE,
) -> tuple[CheckResult, ...]:
    """The books' own checks, what should have ended by now, then Valkey against Postgres for every running sale.

    ``reconcile`` looks at one sale, and repairs it or not. What began less than ``grace`` ago may be under way.
    """
    at_rest = comparison.at_rest(until=clock.now() - grace)
    return (*books.check(), *at_rest, _inventory_agrees(catalogue, reconcile))


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
