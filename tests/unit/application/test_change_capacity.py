"""Capacities changed while a sale runs: never below what somebody has, and right for what was sold before."""

from typing import Any
from uuid import uuid4

import pytest

from application.commands.block_stock import BlockStock, block_stock
from application.commands.change_capacity import (
    CapacityChanged,
    ChangeTierLimit,
    ChangeZoneCapacity,
    change_capacity,
)
from domain.errors import Rejection, RejectionCode
from domain.holds import ActiveHold
from domain.seat_maps import ZONE_CAPACITY_MAX
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tiers import TierId
from tests.fakes.sales import general, mixed_sale, tier_of
from tests.unit.application.house import House

ADA = "ada@house.example"


class Desk:
    """A floor of 12, of which ``vip`` may have 4; stalls and a balcony with numbered seats."""

    def __init__(self) -> None:
        self.house = house = House(sale=mixed_sale())
        house.rebuild(house.event_id, above=0)
        self.ports: dict[str, Any] = {
            "catalogue": house.catalogue, "inventory": house.inventory, "unit_of_work": house.uow,
            "clock": house.clock, "ids": house.ids,
        }  # fmt: skip

    def zone(self, capacity: int, zone: str = "floor") -> CapacityChanged | Rejection:
        command = ChangeZoneCapacity(event_id=self.house.event_id, zone=zone, capacity=capacity, actor=ADA)
        return change_capacity(command, **self.ports)

    def tier(self, limit: int | None, key: str = "vip") -> CapacityChanged | Rejection:
        tier = tier_of(self.house.sale, key)
        command = ChangeTierLimit(event_id=self.house.event_id, tier_id=tier.id, limit=limit, actor=ADA)
        return change_capacity(command, **self.ports)

    def free(self) -> dict[str, int]:
        """What the shop can still give of the floor and of its tiers."""
        snapshot = self.house.inventory.snapshot(event_id=self.house.event_id)
        assert snapshot is not None
        return {key: units for key, units in snapshot.free.items() if key in {"z:floor", "t:vip", "t:general"}}

    def block(self, quantity: int) -> None:
        command = BlockStock(
            block_id=StockBlockId(uuid4()), event_id=self.house.event_id, label="Press", reason="",
            stock=BlockedStock(zone="floor", quantity=quantity), actor=ADA,
        )  # fmt: skip
        assert isinstance(block_stock(command, **self.ports), StockBlock)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refusal(answer: object) -> Rejection:
    assert isinstance(answer, Rejection), answer
    return answer


def test_a_floor_gets_more_or_fewer_places(desk: Desk) -> None:
    """The shop knows at once, in a new epoch and a new version of the sale; the trail says what it was."""
    assert desk.zone(20) == CapacityChanged(epoch=1, version=2)
    assert desk.free()["z:floor"] == 20
    assert isinstance(desk.zone(5), CapacityChanged)
    assert desk.free()["z:floor"] == 5

    entries = [entry for entry in desk.house.store.state.audit.values() if entry.action == "event.capacity_changed"]
    assert [(entry.actor, entry.details) for entry in entries] == [
        (ADA, {"before": {"z:floor": 12}, "after": {"z:floor": 20}}),
        (ADA, {"before": {"z:floor": 20}, "after": {"z:floor": 5}}),
    ]


def test_a_larger_floor_is_sold_to_its_last_place(desk: Desk) -> None:
    """Beyond what the seat map says, and not one place further."""
    desk.zone(14)

    desk.house.buy(general(desk.house.sale, 10))
    desk.house.buy(general(desk.house.sale, 4))

    assert refusal(desk.house.hold(general(desk.house.sale, 1))).code is RejectionCode.SOLD_OUT


def test_a_floor_keeps_what_is_taken(desk: Desk) -> None:
    """Sold, kept back and in baskets: the refusal counts each and names the least that is possible, which is right."""
    desk.house.buy(general(desk.house.sale, 2))
    desk.block(3)
    assert isinstance(desk.house.hold(general(desk.house.sale, 4)), ActiveHold)

    answer = refusal(desk.zone(8))

    assert answer.code is RejectionCode.WRONG_STATE
    assert answer.details == {"lowest": 9, "sold": 2, "blocked": 3, "held": 4}
    assert "9 are taken (2 sold, 3 kept back, 4 in baskets), so 9 is the least" in answer.message
    assert isinstance(desk.zone(9), CapacityChanged)


def test_a_tier_keeps_what_is_taken(desk: Desk) -> None:
    """A limit below what the tier has sold and holds is refused with the least that is possible."""
    desk.house.buy(general(desk.house.sale, 2, "vip"))
    assert isinstance(desk.house.hold(general(desk.house.sale, 1, "vip")), ActiveHold)

    assert refusal(desk.tier(2)).details == {"lowest": 3, "sold": 2, "blocked": 0, "held": 1}
    assert isinstance(desk.tier(3), CapacityChanged)
    assert desk.free()["t:vip"] <= 1


def test_a_limit_that_comes_while_it_sells_counts_what_was_sold(desk: Desk) -> None:
    """A tier that never had one: what was bought through it is inside the new limit."""
    desk.house.buy(general(desk.house.sale, 3))

    assert refusal(desk.tier(2, "general")).details["lowest"] == 3
    assert isinstance(desk.tier(5, "general"), CapacityChanged)

    assert desk.free()["t:general"] == 2
    assert refusal(desk.house.hold(general(desk.house.sale, 3))).code is RejectionCode.SOLD_OUT
    assert isinstance(desk.house.hold(general(desk.house.sale, 2)), ActiveHold)


def test_a_limit_that_goes_and_comes_back_forgets_nothing(desk: Desk) -> None:
    """Without a limit a tier sells as long as its floor has places; a new limit counts all of them."""
    desk.house.buy(general(desk.house.sale, 4, "vip"))

    assert isinstance(desk.tier(None), CapacityChanged)
    desk.house.buy(general(desk.house.sale, 3, "vip"))

    assert refusal(desk.tier(6)).details["lowest"] == 7
    assert isinstance(desk.tier(8), CapacityChanged)
    assert desk.free() == {"z:floor": 5, "t:vip": 1}


def test_numbered_seats_are_not_made_fewer(desk: Desk) -> None:
    """Whoever wants to sell fewer of them blocks seats."""
    assert "Block seats" in refusal(desk.zone(9, "stalls")).message


@pytest.mark.parametrize("capacity", [-1, ZONE_CAPACITY_MAX + 1])
def test_a_capacity_has_bounds(desk: Desk, capacity: int) -> None:
    """No zone and no tier is less than empty or larger than any house."""
    assert refusal(desk.zone(capacity)).code is RejectionCode.INVALID_REQUEST
    assert refusal(desk.tier(capacity)).code is RejectionCode.INVALID_REQUEST


def test_only_zones_and_tiers_of_the_event_are_changed(desk: Desk) -> None:
    """Other names are refused."""
    stranger = ChangeTierLimit(event_id=desk.house.event_id, tier_id=TierId(uuid4()), limit=3, actor=ADA)

    assert refusal(desk.zone(5, "attic")).code is RejectionCode.INVALID_REQUEST
    assert refusal(change_capacity(stranger, **desk.ports)).code is RejectionCode.UNKNOWN_TIER


def test_a_cancelled_event_keeps_its_capacities(desk: Desk) -> None:
    """Nothing is sold any more, so nothing is changed any more."""
    with desk.house.uow() as uow:
        uow.events.save(uow.events.get(desk.house.event_id).cancel())
        uow.commit()

    assert refusal(desk.zone(20)).code is RejectionCode.EVENT_CANCELLED
    assert refusal(desk.tier(None)).code is RejectionCode.EVENT_CANCELLED
