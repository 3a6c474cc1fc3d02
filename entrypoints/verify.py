"""`tessera verify`: what must never be false, checked on the live system and printed."""

from rich.console import Console
from rich.table import Table

from domain.ports.books import CheckResult
from entrypoints.container import Container


def run(container: Container, *, repair: bool = False) -> int:
    """Print a row per invariant; 0 when all held, 1 when any did not.

    ``repair`` loads sales anew whose inventory had drifted. That they had is still told, and still a 1.
    """
    results = container.verify_and_repair() if repair else container.verify()
    console = Console()
    console.print(_table(results))
    for result in results:
        for difference in result.differences:
            console.print(f"  {result.name}: {difference}", style="red", highlight=False)
    return 1 if any(result.differences for result in results) else 0


def _table(results: tuple[CheckResult, ...]) -> Table:
    table = Table(title="What must never be false")
    table.add_column("Invariant")
    table.add_column("Compared", justify="right")
    table.add_column("Result")
    for result in results:
        outcome = f"[red]{len(result.differences)} differences[/red]" if result.differences else "[green]holds[/green]"
        table.add_row(result.name, f"{result.compared:,}", outcome)
    return table
