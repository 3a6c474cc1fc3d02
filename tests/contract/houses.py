"""An inventory and the clock it believes in, of every kind the contract suite runs on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from adapters.redis_locks.inventory import ValkeyInventory
from domain.demands import Demand, demand, price
from domain.errors import Rejection
from domain.events import Sale
from domain.holds import ActiveHold, BuyerFingerprint, HoldId, HoldLine, fingerprint
from domain.limits import counted_under
from domain.ports.inventory import Inventory, Outcome, SaleDoubt, Settlement, Snapshot, StockLevels
from domain.promotions import Promotion
from tests.contract.valkey_clients import CLUSTER, FAKEREDIS, VALKEY, client_of
from tests.fakes.inventory import FakeInventory
from tests.fakes.sales import OPENED, buyer, new_hold_id, stock_of

MEMORY = "memory"
HOUSES = (MEMORY, FAKEREDIS, VALKEY, CLUSTER)


class House(Protocol):
    """What a test needs: the port, and a way to move time without sleeping."""

    @property
    def inventory(self) -> Inventory:
        """The inventory under test."""
        ...

    def now(self) -> datetime:
        """The inventory's time, as near as a client can know."""
        ...

    def advance(self, **duration: float) -> None:
        """Move the inventory's clock forward (arguments of timedelta)."""
        ...


@dataclass
class MemoryHouse:
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.inventory = FakeInventory(self.now)

    def now(self) -> datetime:
        return self.time

    def advance(self, **duration: float) -> None:
        self.time += timedelta(**duration)


@dataclass
class ValkeyHouse:
    client: Any
    shift: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.inventory = ValkeyInventory(self.client)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def advance(self, **duration: float) -> None:
        self.shift += timedelta(**duration)
        self.inventory = ValkeyInventory(self.client, shift_ms=self.shift // timedelta(milliseconds=1))


@contextmanager
def house_of(kind: str, request: pytest.FixtureRequest) -> Iterator[House]:
    """An inventory of this kind with nothing loaded."""
    if kind == MEMORY:
        yield MemoryHouse()
        return
    with client_of(kind, request) as client:
        yield ValkeyHouse(client)


def opened(house: House, sale: Sale, stock: StockLevels | None = None) -> Sale:
    """Load a sale, everything free unless told otherwise."""
    assert house.inventory.load(sale=sale, stock=stock or stock_of(sale))
    return sale


def ask(
    house: House,
    sale: Sale,
    *lines: HoldLine,
    hold_id: HoldId | None = None,
    who: BuyerFingerprint | None = None,
    promotion: Promotion | None = None,
) -> ActiveHold | Rejection | SaleDoubt:
    """Ask for a hold as the use case does."""
    wanted = demand(sale, lines, now=OPENED, promotion=promotion)
    assert isinstance(wanted, Demand), wanted
    key = promotion.key if promotion else None
    return house.inventory.hold(
        hold_id=hold_id or new_hold_id(sale),
        sale=sale,
        demand=wanted,
        lines=price(sale, lines, now=OPENED, promotion=promotion),
        fingerprint=fingerprint(lines, promotion=key),
        buyer=replace(who or buyer(), promotion=key),
    )


def held(
    house: House,
    sale: Sale,
    *lines: HoldLine,
    hold_id: HoldId | None = None,
    who: BuyerFingerprint | None = None,
    promotion: Promotion | None = None,
) -> ActiveHold:
    """Ask for a hold and get it."""
    answer = ask(house, sale, *lines, hold_id=hold_id, who=who, promotion=promotion)
    assert isinstance(answer, ActiveHold), answer
    return answer


def refused(
    house: House,
    sale: Sale,
    *lines: HoldLine,
    hold_id: HoldId | None = None,
    who: BuyerFingerprint | None = None,
) -> Rejection:
    """Ask for a hold and be refused."""
    answer = ask(house, sale, *lines, hold_id=hold_id, who=who)
    assert isinstance(answer, Rejection), answer
    return answer


def snapshot(house: House, sale: Sale) -> Snapshot:
    """What is free now."""
    taken = house.inventory.snapshot(event_id=sale.event_id)
    assert taken is not None
    return taken


def settlement(hold: ActiveHold, outcome: Outcome, *, key: str = "order-1", refund: bool = False) -> Settlement:
    """Postgres' word about all of a hold's stock."""
    return Settlement(
        key=key,
        event_id=hold.id.event_id,
        epoch=hold.epoch,
        hold_id=None if refund else hold.id,
        outcome=outcome,
        pools=hold.pools,
        seats=hold.seats,
        buyers=counted_under(hold.buyer),
    )
