"""Keep stock out of sale under a label, and give it back: house seats, production, press, a camera platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from application import trail
from application.commands.rebuild_sale import rebuild_sale
from application.transactions import retrying
from domain.errors import NotFound, Rejection, RejectionCode, StockConflict
from domain.events import EventId, EventState
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import SEAT_HELD, Inventory, Snapshot
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids
from domain.seat_maps import SeatMap
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId, named, refuses_stock, refuses_words
from domain.tiers import zone_pool

SEATS_NAMED_MAX = 10
"""A message names so many seats; ``details`` has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStock:
    """``actor``: the e-mail of the staff member who asks."""

    block_id: StockBlockId
    event_id: EventId
    label: str
    reason: str
    stock: BlockedStock
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseBlock:
    """``part``: what to give back; None for everything that the block still keeps."""

    block_id: StockBlockId
    part: BlockedStock | None
    actor: str


def block_stock(
    command: BlockStock,
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> StockBlock | Rejection:
    """Take free stock out of sale. What is sold or in somebody's basket is refused by name.

    Idempotent by ``block_id``: after a failure the same call continues. A hold that slips in between the look at the
    inventory and our commit is decided by Postgres when its buyer checks out. Raises NotFound, InventoryUnavailable (if
    the block stands by then, the same call tells the inventory).
    """
    if rejection := refuses_words(label=command.label, reason=command.reason):
        return rejection
    snapshot = inventory.snapshot(event_id=command.event_id)
    answer = _keep(command, snapshot, unit_of_work=unit_of_work, clock=clock, ids=ids)
    if isinstance(answer, Rejection):
        return answer
    block, epoch = answer
    rebuild_sale(block.event_id, above=epoch, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work)
    return block


def release_block(
    command: ReleaseBlock,
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> BlockedStock | Rejection:
    """Put all or part of a block back on sale, and answer what that was.

    Raises NotFound when the block keeps nothing (any more), and InventoryUnavailable: the stock is free in Postgres
    then, and the inventory learns of it with its next rebuild.
    """
    answer = _give_back(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    if isinstance(answer, Rejection):
        return answer
    event_id, given, epoch = answer
    rebuild_sale(event_id, above=epoch, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work)
    return given


@retrying
def _keep(
    command: BlockStock, snapshot: Snapshot | None, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> tuple[StockBlock, int] | Rejection:
    """The block and the epoch in which it was made."""
    now = clock.now()
    with unit_of_work() as uow:
        epoch = uow.stock.epoch(command.event_id)
        if (standing := uow.stock.find_block(command.block_id)) is not None:
            return _same(standing, command, epoch)
        if uow.stock.was_blocked(command.block_id):
            return Rejection(
                code=RejectionCode.IDEMPOTENCY_MISMATCH, message="This block was made and has been given back since."
            )
        event = uow.events.get(command.event_id)
        if event.state is EventState.CANCELLED:
            return Rejection(code=RejectionCode.EVENT_CANCELLED, message="This event is cancelled.")
        seat_map = uow.venues.get_map(event.seat_map_id)
        if rejection := refuses_stock(command.stock, seat_map=seat_map) or _not_sold_here(command, uow, seat_map):
            return rejection
        block = StockBlock(
            id=command.block_id,
            event_id=event.id,
            label=command.label.strip(),
            reason=command.reason.strip(),
            actor=command.actor,
            at=now,
            stock=command.stock,
        )
        try:
            uow.stock.block(block)
        except StockConflict as conflict:
            return _taken(conflict, command.stock, uow=uow, event_id=event.id, seat_map=seat_map)
        wait = timedelta(seconds=event.terms.hold_seconds)
        if snapshot is not None and (rejection := _in_baskets(snapshot, command.stock, seat_map=seat_map, wait=wait)):
            return rejection  # Nothing is committed: the block never was.
        uow.audit.add(
            trail.entry(
                command.actor, "stock.blocked", kind="event", subject=event.id, ids=ids, now=now,
                block=str(block.id), label=block.label, reason=block.reason, **_told(block.stock),
            )
        )  # fmt: skip
        uow.commit()
    return block, epoch


@retrying
def _give_back(
    command: ReleaseBlock, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> tuple[EventId, BlockedStock, int] | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        block = uow.stock.find_block(command.block_id, lock=True)
        if block is None:
            raise NotFound("block")
        part = block.part(command.part)
        if isinstance(part, Rejection):
            return part
        epoch = uow.stock.epoch(block.event_id)
        uow.stock.unblock(block, part)
        uow.audit.add(
            trail.entry(
                command.actor, "stock.unblocked", kind="event", subject=block.event_id, ids=ids, now=now,
                block=str(block.id), label=block.label, **_told(part),
            )
        )  # fmt: skip
        uow.commit()
    return block.event_id, part, epoch


def _same(standing: StockBlock, command: BlockStock, epoch: int) -> tuple[StockBlock, int] | Rejection:
    if (standing.event_id, standing.stock) == (command.event_id, command.stock):
        return standing, epoch
    return Rejection(
        code=RejectionCode.IDEMPOTENCY_MISMATCH, message="This key was already used for a different block."
    )


def _not_sold_here(command: BlockStock, uow: UnitOfWork, seat_map: SeatMap) -> Rejection | None:
    """Zones that no tier of the event sells have nothing to keep out of sale."""
    stock = command.stock
    zones = {stock.zone} if stock.zone else {seat_map.seats[index].zone for index in stock.seats}
    pools = uow.stock.pools(command.event_id)
    unsold = sorted(zone for zone in zones if zone and zone_pool(zone) not in pools)
    if not unsold:
        return None
    names = ", ".join(seat_map.zone(key).name for key in unsold)
    return Rejection(
        code=RejectionCode.INVALID_REQUEST,
        message=f"No ticket of this event is sold for {names}, so there is nothing to keep back.",
        details={"zones": unsold},
    )


def _taken(
    conflict: StockConflict, wanted: BlockedStock, *, uow: UnitOfWork, event_id: EventId, seat_map: SeatMap
) -> Rejection:
    if conflict.seats:
        return Rejection(
            code=RejectionCode.SEATS_TAKEN,
            message=f"Sold or kept back already: {_listed(conflict.seats, seat_map)}.",
            details={"seats": list(conflict.seats)},
        )
    assert wanted.zone is not None, "a conflict without seats is about the zone's pool"
    left = uow.stock.pools(event_id)[zone_pool(wanted.zone)].untaken
    return _too_few(seat_map.zone(wanted.zone).name, wanted.quantity, left)


def _in_baskets(snapshot: Snapshot, wanted: BlockedStock, *, seat_map: SeatMap, wait: timedelta) -> Rejection | None:
    """What Postgres would give us though somebody holds it at present. A basket ends within the sale's hold length."""
    minutes = -(-wait // timedelta(minutes=1))
    if wanted.zone is not None:
        left = snapshot.free.get(zone_pool(wanted.zone), 0)
        if left >= wanted.quantity:
            return None
        return _too_few(seat_map.zone(wanted.zone).name, wanted.quantity, left, held_minutes=minutes)
    held = [index for index in wanted.seats if snapshot.seats[index] == SEAT_HELD]
    if not held:
        return None
    return Rejection(
        code=RejectionCode.SEATS_TAKEN,
        message=f"In somebody's basket for {minutes} minutes at most: {_listed(held, seat_map)}. Try again then.",
        details={"seats": held, "retry_after_seconds": int(wait.total_seconds())},
    )


def _too_few(zone: str, wanted: int, left: int, *, held_minutes: int | None = None) -> Rejection:
    baskets = f" Baskets come back within {held_minutes} minutes." if held_minutes is not None else ""
    return Rejection(
        code=RejectionCode.SOLD_OUT,
        message=f"{zone} has {left:,} free places, not {wanted:,}.{baskets}",
        details={"free": left, "wanted": wanted},
    )


def _listed(seats: Iterable[int], seat_map: SeatMap) -> str:
    all_of_them = named(tuple(seats), seat_map=seat_map)
    more = len(all_of_them) - SEATS_NAMED_MAX
    return "; ".join(all_of_them[:SEATS_NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")


def _told(stock: BlockedStock) -> dict[str, object]:
    """Stock as an audit entry tells it."""
    if stock.zone is not None:
        return {"zone": stock.zone, "quantity": stock.quantity}
    return {"seats": list(stock.seats)}
