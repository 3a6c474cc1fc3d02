"""The accounts of a sale after trouble: what is free, held, claimed and sold adds up, pool by pool and seat by seat."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.events import Sale
from domain.holds import ActiveHold, ClaimedHold, HoldId
from domain.ports.inventory import SEAT_BLOCKED, SEAT_HELD, SEAT_SOLD, Inventory
from domain.seat_maps import SeatIndex

SWEPT_AT_ONCE = 500


class Stock(Protocol):
    """Anything that owns places: a hold, a claim, an order."""

    @property
    def pools(self) -> Mapping[str, int]: ...

    @property
    def seats(self) -> tuple[SeatIndex, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What was found when the accounts were taken and did add up."""

    live: Mapping[HoldId, ActiveHold | ClaimedHold]
    free: Mapping[str, int]


def balanced(inventory: Inventory, sale: Sale, *, known: Iterable[HoldId], sold: Iterable[Stock] = ()) -> Accounts:
    """Prove that capacity = free + held + claimed + sold for every pool, and that seats tell the same story.

    ``known`` are all hold ids that anybody ever used: one that was forgotten and owns stock is a difference. ``sold``
    is what Postgres would call sold. The sale must be quiet, and what has lapsed is swept first, because a lapsed hold
    is nobody's and its stock is not yet free. No sale of these tests has blocked seats.
    """
    while inventory.sweep(event_id=sale.event_id, at_most=SWEPT_AT_ONCE):
        pass
    now = inventory.snapshot(event_id=sale.event_id)
    assert now is not None, "nothing is loaded"
    found = {hold_id: inventory.find(hold_id=hold_id) for hold_id in set(known)}
    live = {hold_id: hold for hold_id, hold in found.items() if hold is not None}
    owners: list[Stock] = [*live.values(), *sold]

    owned = Counter[str]()
    for owner in owners:
        owned.update(owner.pools)
    assert {pool: now.free[pool] + owned[pool] for pool in now.free} == dict(sale.capacities())

    taken = Counter(seat for owner in owners for seat in owner.seats)
    twice = [seat for seat, count in taken.items() if count > 1]
    assert not twice, f"seats {twice} have more than one owner"
    assert SEAT_BLOCKED not in now.seats
    shown = {seat for seat, letter in enumerate(now.seats) if letter in {SEAT_HELD, SEAT_SOLD}}
    assert shown == set(taken)
    return Accounts(live=live, free=now.free)
