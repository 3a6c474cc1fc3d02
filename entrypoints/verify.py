"""`tessera verify`: what must never be false, checked on the live system and printed."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from domain.ports.books import CheckResult
from domain.provider_books import GRACE, Reading
from entrypoints.container import Container

OURS = "What must never be false"
THEIRS = "What the payment provider says"


def run(
    container: Container,
    *,
    repair: bool = False,
    offline: bool = False,
    since: datetime | None = None,
    grace: timedelta = GRACE,
) -> int:
    """Print a row per invariant; 0 when all held, 1 when any did not.

    ``repair`` loads sales anew whose inventory had drifted. That they had is still told, and still a 1. Unless
    ``offline``, the provider's books are read since then (None: everything) and compared as well. What began less than
    ``grace`` ago may still be under way.
    """
    console = Console()
    ours = container.verify_and_repair(grace=grace) if repair else container.verify(grace=grace)
    _print(console, OURS, ours)
    if offline:
        console.print("The provider was not asked.", style="yellow")
        return _outcome(ours)
    with console.status("Reading the provider's books…") as status:

        def report(reading: Reading) -> None:
            status.update(f"Reading the provider's books… {reading.entries:,} entries")

        reading = container.compare_with_provider(since=since, grace=grace, report=report)
    _print(console, f"{THEIRS} ({reading.entries:,} entries)", reading.results)
    return _outcome((*ours, *reading.results))


def _print(console: Console, title: str, results: tuple[CheckResult, ...]) -> None:
    console.print(_table(title, results))
    for result in results:
        for difference in result.differences:
            console.print(f"  {result.name}: {difference}", style="red", highlight=False, markup=False, soft_wrap=True)


def _outcome(results: tuple[CheckResult, ...]) -> int:
    return 1 if any(result.differences for result in results) else 0


def _table(title: str, results: tuple[CheckResult, ...]) -> Table:
    table = Table(title=title)
    table.add_column("Invariant")
    table.add_column("Compared", justify="right")
    table.add_column("Result")
    for result in results:
        outcome = f"[red]{len(result.differences)} differences[/red]" if result.differences else "[green]holds[/green]"
        table.add_row(result.name, f"{result.compared:,}", outcome)
    return table
