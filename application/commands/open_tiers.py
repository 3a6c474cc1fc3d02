"""Open the tiers that waited for another one, as soon as nobody can buy that any more."""

from dataclasses import replace

from application import effects, trail
from application.each import for_each
from application.queries.availability import counted
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.events import EventId, EventState, Sale
from domain.openings import due, waited_for
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.tiers import TierId


def open_tiers(
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> int:
    """Look at every running sale with a tier that waits. Answers how many tiers were opened.

    What lies in baskets counts as gone, as it does for a shopper who looks: no moment passes in which one tier is sold
    out and the next not open. Raises ExceptionGroup at the end for sales that could not be looked at.
    """
    opened: list[TierId] = []

    def look(event_id: EventId) -> None:
        sale = catalogue.on_sale(event=str(event_id))
        if wanted := _due(sale, inventory=inventory, clock=clock):
            opened.extend(_open(event_id, wanted, unit_of_work=unit_of_work, clock=clock, ids=ids))
            catalogue.fresh(event_id=event_id)

    for_each(catalogue.running(), look, what="sales could not be looked at for tiers to open")
    if opened:
        wakeup.outbox_filled()
    return len(opened)


def _due(sale: Sale, *, inventory: Inventory, clock: Clock) -> frozenset[TierId]:
    if not any(tier.waits for tier in sale.tiers):
        return frozenset()
    snapshot = inventory.snapshot(event_id=sale.event_id)
    # While no stock is loaded nothing is known of it. The next shopper has it loaded.
    known = snapshot if snapshot and snapshot.epoch >= sale.epoch else None
    free = counted(sale, free=known.free, seats=known.seats).tiers if known else None
    return due(sale.tiers, free, now=clock.now())


@retrying
def _open(
    event_id: EventId, wanted: frozenset[TierId], *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> tuple[TierId, ...]:
    """Once, whoever else looks at the same moment."""
    with unit_of_work() as uow:
        opened = _opened(event_id, wanted, uow=uow, clock=clock, ids=ids)
        uow.commit()
    return opened


def _opened(
    event_id: EventId, wanted: frozenset[TierId], *, uow: UnitOfWork, clock: Clock, ids: Ids
) -> tuple[TierId, ...]:
    now = clock.now()
    event = uow.events.get(event_id, lock=True)
    waiting = [tier for tier in event.tiers if tier.waits and tier.id in wanted]
    if event.state is not EventState.PUBLISHED or not waiting:
        return ()
    tiers = tuple(replace(tier, opened_at=now) if tier in waiting else tier for tier in event.tiers)
    version = uow.events.save(replace(event, tiers=tiers))
    uow.outbox.add(effects.renew_terms(event.id, version=version, reload=False, ids=ids, now=now))
    for tier in waiting:
        first = waited_for(tier, event.tiers)
        uow.audit.add(
            trail.entry(
                SYSTEM, "tier.opened", kind="event", subject=event.id, ids=ids, now=now,
                tier=tier.name, after=first.name if first else None,
            )
        )  # fmt: skip
    return tuple(tier.id for tier in waiting)
