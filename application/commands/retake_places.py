"""The buyer paid in time, the provider could not say so for too long, and the places went back on sale: take others.

The same places if they are still free, else equivalent ones (``domain.second_choice``). What somebody holds at the
moment is left to them: the inventory says what that is. Postgres decides, under the same constraints as any claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from application import effects, trail
from domain.audit import SYSTEM
from domain.errors import InventoryUnavailable, Rejection, RejectionCode, StockConflict
from domain.orders import Order
from domain.ports.inventory import SEAT_FREE, SEATS_TO_BE_HAD, Inventory, Outcome
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Ids
from domain.second_choice import SecondChoice, second_choice

GONE = Rejection(
    code=RejectionCode.SOLD_OUT,
    message="the payment arrived too late, and no equivalent places were left",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheld:
    """What nobody holds, as the inventory sees it: free stock, and what it still keeps for the order itself."""

    free: Mapping[str, int]
    seats: str


def unheld(order: Order, inventory: Inventory) -> Unheld | None:
    """Asked before the transaction. None when the inventory cannot say."""
    try:
        snapshot = inventory.snapshot(event_id=order.event_id)
        mine = inventory.find(hold_id=order.hold_id)
    except InventoryUnavailable:
        return None
    if snapshot is None:
        return None
    free, seats = dict(snapshot.free), list(snapshot.seats)
    if mine is not None:  # It has not heard yet that the places went back.
        for pool, units in mine.pools.items():
            free[pool] = free.get(pool, 0) + units
        for seat in mine.seats:
            seats[seat] = SEAT_FREE
    return Unheld(free=free, seats="".join(seats))


def retake(order: Order, free: Unheld | None, *, uow: UnitOfWork, ids: Ids, now: datetime) -> Order | Rejection:
    """Claim places again for an order that has none. Inside the caller's transaction, the order locked.

    ``free``: see :func:`unheld`; without it only what Postgres knows counts.
    """
    epoch = uow.stock.epoch(order.event_id)
    choice = _choose(order, free, uow=uow)
    if choice is None:
        return GONE
    retaken = order.retake(lines=choice.lines, pools=choice.pools, epoch=epoch)
    if isinstance(retaken, Rejection):
        return retaken
    uow.orders.reseat(retaken)
    try:
        uow.stock.claim(retaken)
    except StockConflict:  # Only for what was looked at without a lock: nothing was written by the refused claim.
        uow.orders.reseat(order)
        return GONE
    uow.orders.save(retaken)
    uow.outbox.add(effects.settle_order(retaken, Outcome.SOLD, epoch=epoch, ids=ids, now=now, retaking=True))
    uow.audit.add(
        trail.entry(
            SYSTEM, "order.places_retaken", kind="order", subject=order.id, ids=ids, now=now,
            same=choice.same, seats=list(retaken.seats),
        )
    )  # fmt: skip
    return retaken


def _choose(order: Order, free: Unheld | None, *, uow: UnitOfWork) -> SecondChoice | None:
    event = uow.events.get(order.event_id)
    truth = uow.stock.levels(event.id, with_buyers=False)
    seats, pools = truth.seats, dict(truth.free)
    if free is not None:
        seats = "".join(
            letter if held in SEATS_TO_BE_HAD else held for letter, held in zip(seats, free.seats, strict=True)
        )
        pools = {pool: min(units, free.free.get(pool, units)) for pool, units in pools.items()}
    return second_choice(
        order, tiers=event.tiers, seat_map=uow.venues.get_map(event.seat_map_id), seats=seats, free=pools
    )
