"""Comparing what the inventory offers with what Postgres knows.

The equation, pool by pool, at one moment at which no order moves and every settlement has been applied:

    free in the inventory + held + claims that Postgres has no order for = free in Postgres

More on the left sells what is not there; more on the right keeps from sale what nobody has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.ports.inventory import SEAT_FREE, SEAT_HELD, SEATS_TO_BE_HAD, Account, StockLevels


class Drift(StrEnum):
    """Which way the inventory is wrong."""

    OFFERED = "offered"
    """It offers stock that is taken. Postgres would refuse the order, but the page is not true."""
    STRANDED = "stranded"
    """It keeps stock from sale that nobody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One pool or seat (``what``) about which the two disagree, and by how many places."""

    drift: Drift
    what: str
    units: int

    def __str__(self) -> str:
        return f"{self.what}: {self.units} {self.drift.value}"


def differences(account: Account, levels: StockLevels, *, settled: bool) -> tuple[Difference, ...]:
    """Everything on which the inventory and Postgres disagree.

    Unless everything is ``settled``, stock that came back in Postgres may not have come back in the inventory yet, and
    stock that was sold there is still a claim here: then only what is offered wrongly is told.
    """
    found = [*_of_pools(account, levels, settled=settled), *_of_seats(account, levels)]
    return tuple(found if settled else (one for one in found if one.drift is Drift.OFFERED))


def _of_pools(account: Account, levels: StockLevels, *, settled: bool) -> Iterator[Difference]:
    unknown = account.claims.keys() - {claim.hold_id.nonce for claim in levels.claimed}
    for pool in sorted({*account.free, *levels.free}):
        free = account.free.get(pool, 0)
        true = levels.free.get(pool, 0)
        if free > true:
            yield Difference(drift=Drift.OFFERED, what=pool, units=free - true)
        elif account.held is not None:
            kept = account.held.get(pool, 0) + sum(account.claims[nonce].get(pool, 0) for nonce in unknown)
            if free + kept < true:
                yield Difference(drift=Drift.STRANDED, what=pool, units=true - free - kept)
            elif settled and free >= 0 and free + kept > true:
                # Before everything is settled, a claim that Postgres has sold and no longer names is on both sides.
                yield Difference(drift=Drift.OFFERED, what=pool, units=free + kept - true)


def _of_seats(account: Account, levels: StockLevels) -> Iterator[Difference]:
    if len(account.seats) != len(levels.seats):
        yield Difference(drift=Drift.OFFERED, what="seats", units=abs(len(account.seats) - len(levels.seats)))
        return
    strays = frozenset(account.strays)
    for index, (here, true) in enumerate(zip(account.seats, levels.seats, strict=True)):
        if here in SEATS_TO_BE_HAD and true != SEAT_FREE:
            yield Difference(drift=Drift.OFFERED, what=f"seat {index}", units=1)
        elif true == SEAT_FREE and (index in strays or here not in SEATS_TO_BE_HAD | {SEAT_HELD}):
            yield Difference(drift=Drift.STRANDED, what=f"seat {index}", units=1)
