"""Compare what the inventory offers with Postgres, sale by sale, and put right what is wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from application import trail
from application.commands.rebuild_sale import rebuild_sale
from application.each import for_each
from domain.audit import SYSTEM
from domain.events import EventId
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.reconciliation import Difference, differences

SALES_PER_ROUND = 10
"""How many sales one round looks at. A sale whose server was replaced is looked at in the same round."""
DIFFERENCES_NOTED_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """How one sale's inventory compares with Postgres: pools and seats looked at, and what was wrong of them."""

    compared: int = 0
    differences: tuple[Difference, ...] = ()
    repaired: bool = False


@dataclass(slots=True)
class Watch:
    """What a worker remembers from one round to the next: whose turn it is, and which servers it knew."""

    turn: int = 0
    servers: dict[EventId, str] = field(default_factory=dict)


def reconcile_sales(
    watch: Watch, *, catalogue: Catalogue, inventory: Inventory, reconcile: Callable[[EventId], Reconciliation]
) -> int:
    """Look at the next few running sales, and at all whose server is not the one it was. Answers how many drifted."""
    running = catalogue.running()
    if not running:
        return 0
    serving = inventory.serving(event_ids=running)
    replaced = [sale for sale, server in serving.items() if watch.servers.get(sale) != server]
    watch.servers = {sale: server for sale, server in {**watch.servers, **serving}.items() if sale in running}
    start = watch.turn % len(running)
    watch.turn = start + SALES_PER_ROUND
    drifted = []

    def look(event_id: EventId) -> None:
        if reconcile(event_id).differences:
            drifted.append(event_id)

    turns = (*replaced, *(*running, *running)[start : start + min(SALES_PER_ROUND, len(running))])
    for_each(tuple(dict.fromkeys(turns)), look, what="sales could not be reconciled")
    return len(drifted)


def reconcile_sale(
    event_id: EventId,
    *,
    repair: bool = True,
    catalogue: Catalogue,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> Reconciliation:
    """What the inventory has wrong about a sale. It is loaded anew when it has, and the trail says what it was.

    Looks twice: at no cost to anybody while the sale goes on, which may see things that are only under way, and, if it
    saw any, with the sale's gate shut, which does not. Live holds survive the repair. Raises InventoryUnavailable and
    StoreUnavailable; the next round looks again.
    """
    seen = _at_a_glance(event_id, inventory=inventory, unit_of_work=unit_of_work)
    if not seen.differences:
        return seen
    epoch, found = _with_gate_shut(event_id, inventory=inventory, unit_of_work=unit_of_work)
    if not found or not repair:
        return replace(seen, differences=found)
    rebuild_sale(event_id, above=epoch, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work)
    with unit_of_work() as uow:
        uow.audit.add(
            trail.entry(
                SYSTEM,
                "inventory.repaired",
                kind="event",
                subject=event_id,
                ids=ids,
                now=clock.now(),
                differences=[str(difference) for difference in found[:DIFFERENCES_NOTED_MAX]],
                total=len(found),
            )
        )
        uow.commit()
    return replace(seen, differences=found, repaired=True)


def _at_a_glance(event_id: EventId, *, inventory: Inventory, unit_of_work: UnitOfWorkFactory) -> Reconciliation:
    account = inventory.account(event_id=event_id)
    if account is None:
        return Reconciliation()  # Nothing is loaded: the next buyer's request loads it from Postgres.
    with unit_of_work() as uow:
        found = differences(account, uow.stock.levels(event_id, with_buyers=False), settled=True)
    return Reconciliation(compared=len(account.free) + len(account.seats), differences=found)


def _with_gate_shut(
    event_id: EventId, *, inventory: Inventory, unit_of_work: UnitOfWorkFactory
) -> tuple[int, tuple[Difference, ...]]:
    """The sale's epoch, and what differs while no order of it can move.

    Like the loading of a sale, it asks the inventory inside a transaction, because the gate must stay shut meanwhile.
    """
    with unit_of_work() as uow:
        uow.stock.raise_epoch(event_id, above=-1)  # Raises nothing: it passes the gate alone.
        epoch = uow.stock.epoch(event_id)
        settled = not uow.outbox.unsettled(event_id=event_id)
        account = inventory.account(event_id=event_id)
        if account is None or account.epoch != epoch:
            return epoch, ()  # It is being loaded at this moment, or will be by whoever asks next.
        return epoch, differences(account, uow.stock.levels(event_id, with_buyers=False), settled=settled)
