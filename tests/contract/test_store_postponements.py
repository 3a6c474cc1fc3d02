"""What every store promises about postponements: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import NotFound
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.postponements import Postponement, PostponementId
from tests.contract.stores import NOW, STORES, Wish, bought, opened, order_of, placed, store_of
from tests.fakes.sales import general_sale


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def test_a_postponement_is_kept_and_told_of_bit_by_bit(store: UnitOfWorkFactory) -> None:
    """The newest is what counts; one that was told of is never told of again; only paid orders of its time are."""
    sale = general_sale()
    opened(store, sale)
    wish = Wish(tier="general", quantity=1)
    orders = [bought(store, order_of(sale, wish, who=who)) for who in ("ada", "grace")]
    bought(store, order_of(sale, wish, who="late", placed_at=NOW + timedelta(minutes=1)))
    with store() as uow:
        placed(uow, order_of(sale, wish, who="unpaid"))
        uow.commit()
    first = Postponement(
        id=PostponementId(uuid4()), event_id=sale.event_id, at=NOW, actor="ada@house.example", was_at=sale.starts_at,
        starts_at=sale.starts_at + timedelta(days=1), refunds_until=NOW + timedelta(days=7), note="Sorry.",
    )  # fmt: skip
    second = replace(first, id=PostponementId(uuid4()), at=NOW + timedelta(seconds=1), refunds_until=None, note="")

    with store() as uow:
        assert uow.postponements.newest(sale.event_id) is None
        uow.postponements.add(first)
        uow.postponements.add(second)
        uow.commit()
    with store() as uow:
        assert uow.postponements.newest(sale.event_id) == second
        assert uow.postponements.untold() == first
        told = uow.postponements.orders_to_tell(sale.event_id, placed_by=NOW, after=None, at_most=1)
        uow.postponements.save(first.told(told, now=NOW))
        rest = uow.postponements.orders_to_tell(sale.event_id, placed_by=NOW, after=told[-1], at_most=9)
        assert (*told, *rest) == tuple(sorted(order.id for order in orders))
        uow.postponements.save(first.told((), now=NOW))
        uow.commit()
    with store() as uow:
        assert uow.postponements.untold() == second
        with pytest.raises(NotFound):
            uow.postponements.save(replace(first, id=PostponementId(uuid4())))
