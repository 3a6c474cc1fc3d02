"""The reconciler: what it sees, what it puts right, and what it leaves alone."""

from collections.abc import Callable
from functools import partial

from application.commands.reconcile_sales import (
    SALES_PER_ROUND,
    Reconciliation,
    Watch,
    reconcile_sale,
    reconcile_sales,
)
from domain.audit import AuditEntry
from domain.errors import InventoryUnavailable
from domain.events import EventId
from domain.holds import ActiveHold
from domain.ports.inventory import Outcome
from domain.reconciliation import Drift
from tests.contract.houses import settlement
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.inventory import FakeInventory
from tests.fakes.sales import general, general_sale
from tests.unit.application.house import House


def reconcile(house: House, event_id: EventId | None = None, *, repair: bool = True) -> Reconciliation:
    return reconcile_sale(
        event_id or house.event_id,
        repair=repair,
        catalogue=house.catalogue,
        inventory=house.inventory,
        unit_of_work=house.store,
        clock=house.clock,
        ids=house.ids,
    )


def lose_a_sale(house: House) -> ActiveHold:
    """The inventory believes in four tickets that Postgres never sold."""
    hold = house.hold(general(house.sale, 4))
    assert isinstance(hold, ActiveHold)
    house.inventory.settle(settlement=settlement(hold, Outcome.SOLD, key="never happened"))
    return hold


def test_a_sale_in_full_swing_has_no_differences(house: House) -> None:
    """Holds, claims, paid orders and refunds, each told or still on its way."""
    house.hold(general(house.sale, 1))
    house.place_order(general(house.sale, 2))
    paid = house.buy(general(house.sale, 3))
    house.refund(paid.id, house.tickets(paid.id)[0].id)

    for _ in range(2):
        assert reconcile(house).differences == ()
        house.drain()


def test_stranded_stock_returns_and_the_trail_says_so(house: House) -> None:
    """What nobody has is for sale again; live holds are kept; the next look finds nothing."""
    lose_a_sale(house)
    keeper = house.hold(general(house.sale, 2))
    assert isinstance(keeper, ActiveHold)

    seen = reconcile(house)

    assert [(one.drift, one.units) for one in seen.differences] == [(Drift.STRANDED, 4)]
    assert seen.repaired
    assert house.inventory.find(hold_id=keeper.id) is not None
    assert house.free("z:floor") == house.free_in_truth("z:floor") - 2
    entry = next(entry for entry in _trail(house) if entry.action == "inventory.repaired")
    assert entry.details == {"differences": ["z:floor: 4 stranded"], "total": 1}
    assert reconcile(house) == Reconciliation(compared=seen.compared)


def test_what_is_only_looked_at_is_left_as_it_is(house: House) -> None:
    """`tessera verify` without --repair changes nothing."""
    lose_a_sale(house)

    first, second = reconcile(house, repair=False), reconcile(house, repair=False)

    assert first == second
    assert first.differences
    assert not first.repaired


def test_what_is_still_in_the_outbox_is_not_stranded(house: House) -> None:
    """A refund that the inventory has not heard of is late, not lost."""
    order = house.buy(general(house.sale, 3))
    house.drain()
    house.refund(order.id, house.tickets(order.id)[0].id)

    assert reconcile(house).differences == ()


def test_every_sale_has_its_turn(house: House) -> None:
    """So many a round, all of them in the end, and again from the start."""
    seen: list[EventId] = []
    sales = tuple(general_sale().event_id for _ in range(SALES_PER_ROUND * 2 + 3))
    catalogue, inventory = _Running(sales), _Servers(dict.fromkeys(sales, "one"))
    go = partial(reconcile_sales, Watch(), catalogue=catalogue, inventory=inventory, reconcile=_looking(seen))
    go()
    assert set(seen) == set(sales), "a worker that has just started has seen none of them"
    seen.clear()

    for _ in range(3):
        go()

    assert set(seen) == set(sales)
    assert len(seen) == SALES_PER_ROUND * 3


def test_sales_whose_server_was_replaced_are_looked_at_at_once() -> None:
    """A takeover or a restart may have lost what was acknowledged: nobody waits for their turn."""
    seen: list[EventId] = []
    sales = tuple(general_sale().event_id for _ in range(SALES_PER_ROUND * 3))
    servers = _Servers(dict.fromkeys(sales, "one"))
    go = partial(reconcile_sales, Watch(), catalogue=_Running(sales), inventory=servers, reconcile=_looking(seen))
    go()
    servers.words[sales[-1]] = "another"
    seen.clear()

    go()

    assert sales[-1] in seen


def test_one_sale_that_cannot_be_reached_does_not_hold_up_the_others() -> None:
    """Its server is away; the next round asks again."""
    seen: list[EventId] = []
    sales = tuple(general_sale().event_id for _ in range(3))

    def look(event_id: EventId) -> Reconciliation:
        if event_id == sales[0]:
            raise InventoryUnavailable("away")
        return _looking(seen)(event_id)

    reconcile_sales(Watch(), catalogue=_Running(sales), inventory=_Servers({}), reconcile=look)

    assert set(seen) == set(sales[1:])


def _trail(house: House) -> list[AuditEntry]:
    return list(house.store.state.audit.values())


def _looking(seen: list[EventId]) -> Callable[[EventId], Reconciliation]:
    def look(event_id: EventId) -> Reconciliation:
        seen.append(event_id)
        return Reconciliation()

    return look


class _Running(FakeCatalogue):
    """A catalogue of running sales, and nothing else."""

    def __init__(self, sales: tuple[EventId, ...]) -> None:
        self._sales = sales

    def running(self) -> tuple[EventId, ...]:
        return self._sales


class _Servers(FakeInventory):
    """An inventory that knows which server each sale is on."""

    def __init__(self, words: dict[EventId, str]) -> None:
        self.words = words

    def serving(self, *, event_ids: tuple[EventId, ...]) -> dict[EventId, str]:
        return {event_id: self.words[event_id] for event_id in event_ids if event_id in self.words}
