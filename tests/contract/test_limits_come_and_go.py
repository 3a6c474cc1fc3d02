"""A tier's own limit that comes or goes while it is sold: everybody keeps what they have, and the books agree."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from application.commands.block_stock import BlockStock, block_stock
from application.commands.change_capacity import CapacityChanged, ChangeTierLimit, change_capacity
from application.commands.reconcile_sales import Reconciliation, reconcile_sale
from application.commands.start_checkout import CheckoutStarted
from domain.errors import Rejection, RejectionCode
from domain.events import Sale
from domain.holds import ActiveHold, HoldLine
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.fakes.sales import general, general_sale, tier_of
from tests.unit.application.house import DEVICE, House

OpenHouse = Callable[[Sale], House]


@pytest.fixture(params=["memory", "servers"])
def open_house(request: pytest.FixtureRequest) -> Iterator[OpenHouse]:
    """A house whose sale is loaded, in memory or on Postgres and Valkey."""

    def loaded(house: House) -> House:
        house.rebuild(house.event_id, above=0)
        return house

    if request.param == "memory":
        yield lambda sale: loaded(House(sale=sale))
        return
    urls = {name: request.getfixturevalue(name) for name in ("database_url", "redis_url")}
    with servers_at(**urls) as servers:
        yield lambda sale: loaded(ServerHouse(sale=sale, servers=servers))


def ports(house: House) -> dict[str, Any]:
    return {
        "catalogue": house.catalogue,
        "inventory": house.inventory,
        "unit_of_work": house.uow,
        "clock": house.clock,
        "ids": house.ids,
    }


def limit(house: House, maximum: int | None) -> None:
    command = ChangeTierLimit(
        event_id=house.event_id, tier_id=tier_of(house.sale, "vip").id, limit=maximum, actor="an organiser"
    )
    assert isinstance(change_capacity(command, **ports(house)), CapacityChanged)


def look(house: House) -> Reconciliation:
    return reconcile_sale(house.event_id, **ports(house))


def hold(house: House, line: HoldLine) -> ActiveHold:
    held = house.hold(line, buyer=replace(DEVICE, device=uuid4().hex))
    assert isinstance(held, ActiveHold), held
    return held


def test_a_tier_that_lost_its_limit_sells_on(open_house: OpenHouse) -> None:
    """Postgres goes on counting it, for what was sold under the limit; nobody is offered or denied anything by that."""
    house = open_house(general_sale())
    order = house.buy(general(house.sale, 2, "vip"))
    limit(house, None)

    house.buy(general(house.sale, 1, "vip"))
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()

    assert look(house).differences == ()


def test_a_limit_that_is_lifted_empties_no_basket(open_house: OpenHouse) -> None:
    """It is good news for everybody; what was held under it can be bought."""
    house = open_house(general_sale())
    held = hold(house, general(house.sale, 2, "vip"))

    limit(house, None)

    assert house.inventory.find(hold_id=held.id) is not None
    started = house.checkout(held.id)
    assert isinstance(started, CheckoutStarted)
    house.pay(started.order)
    house.settle(started.order.id)
    house.drain()
    assert look(house).differences == ()


def test_a_basket_from_before_a_limit_counts_against_it_once_it_is_bought(open_house: OpenHouse) -> None:
    """Whoever was first is served, and the limit knows of it."""
    house = open_house(general_sale(vip_capacity=None))
    held = hold(house, general(house.sale, 2, "vip"))
    limit(house, 10)

    started = house.checkout(held.id)
    assert isinstance(started, CheckoutStarted)
    house.pay(started.order)
    house.settle(started.order.id)
    house.drain()

    assert look(house).differences == ()
    assert house.free("t:vip") == 8


def test_who_loses_at_the_checkout_loses_once(open_house: OpenHouse) -> None:
    """Stock was kept back under a basket: its buyer is told, and its places are given up."""
    house = open_house(general_sale(capacity=10))
    held = hold(house, general(house.sale, 6))
    with house.uow() as uow:
        uow.stock.block(
            StockBlock(
                id=StockBlockId(uuid4()), event_id=house.event_id, label="press", reason="", actor="an organiser",
                at=house.clock.now(), stock=BlockedStock(zone="floor", quantity=6),
            )
        )  # fmt: skip
        uow.commit()

    told = [house.checkout(held.id) for _ in range(3)]

    assert [answer.code for answer in told if isinstance(answer, Rejection)] == [
        RejectionCode.SOLD_OUT, RejectionCode.HOLD_LAPSED, RejectionCode.HOLD_LAPSED,
    ]  # fmt: skip
    assert house.free() == 4
    assert look(house).differences == ()


def test_a_block_that_was_given_back_is_not_made_again(open_house: OpenHouse) -> None:
    """A form that is sent once more after all of it was given back meets a refusal, not a failure."""
    house = open_house(general_sale())
    command = BlockStock(
        block_id=StockBlockId(uuid4()), event_id=house.event_id, label="press", reason="", actor="an organiser",
        stock=BlockedStock(zone="floor", quantity=6),
    )  # fmt: skip
    block_stock(command, **ports(house))
    with house.uow() as uow:
        block = uow.stock.find_block(command.block_id)
        assert block is not None
        uow.stock.unblock(block, block.stock)
        uow.commit()

    again = block_stock(command, **ports(house))

    assert isinstance(again, Rejection)
    assert again.code is RejectionCode.IDEMPOTENCY_MISMATCH
