"""What the desk sees after a sale: the same on memory and on Postgres, for the same story."""

from collections.abc import Iterator

import pytest

from adapters.postgres.backoffice import PostgresAftersales
from domain.errors import NotFound
from domain.orders import Order
from domain.ports.aftersales import REFUND_LATE, Aftersales, Bond, RefundQueue
from domain.refunds import Refund
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.contract.stores import MEMORY, STORES
from tests.fakes.aftersales import FakeAftersales
from tests.fakes.sales import general, general_sale
from tests.unit.application.house import House
from tests.unit.application.test_disputes import bought, waved_through


@pytest.fixture(params=STORES)
def desk(request: pytest.FixtureRequest) -> Iterator[tuple[House, Aftersales]]:
    sale = general_sale(capacity=100)
    if request.param == MEMORY:
        house = House(sale=sale)
        yield house, FakeAftersales(house.store)
        return
    urls = {name: request.getfixturevalue(name) for name in ("database_url", "redis_url")}
    with servers_at(**urls) as servers:
        yield ServerHouse(sale=sale, servers=servers), PostgresAftersales(servers.engine)


def refunded(house: House, order: Order) -> Refund:
    """Everything of it, as far as the provider goes along."""
    assert isinstance(house.refund(order.id), Refund)
    house.drain()
    return house.refunds(order.id)[-1]


def test_disputes_are_listed_by_when_they_are_due(desk: tuple[House, Aftersales]) -> None:
    """Open ones until they end; those that wait for an answer press."""
    house, seen = desk
    order = bought(house)
    house.let_in(house.tickets(order.id)[0].id)
    dispute_id = house.dispute(order)
    assert seen.disputes(ended=False) == ()
    house.receive(*house.dispute_notice(dispute_id))

    (row,) = seen.disputes(ended=False)
    assert row.dispute == house.dispute_of(order)
    assert (row.order.number, row.order.frozen) == (order.number, True)
    assert (row.order.tickets_valid, row.order.tickets_used) == (1, 1)
    assert seen.dispute(row.dispute.id) == row
    assert seen.of_order(order.id) == ((row.dispute,), ())
    pressing = seen.pressing(now=house.clock.now())
    assert (pressing.disputes, pressing.disputes_to_answer) == ((row,), 1)

    house.decide_dispute(dispute_id, won=True)
    house.receive(*house.dispute_notice(dispute_id))
    assert seen.disputes(ended=False) == ()
    assert [ended.dispute.id for ended in seen.disputes(ended=True)] == [row.dispute.id]
    assert seen.pressing(now=house.clock.now()).disputes_to_answer == 0


def test_a_dispute_that_is_not_there_is_missed(desk: tuple[House, Aftersales]) -> None:
    """As everywhere."""
    house, seen = desk
    with pytest.raises(NotFound):
        seen.dispute(house.ids.uuid())  # type: ignore[arg-type]  # nobody's


def test_warnings_wait_until_somebody_decides(desk: tuple[House, Aftersales]) -> None:
    """Then they are history, and no longer pressing."""
    house, seen = desk
    order = bought(house)
    house.receive(*house.warning_notice(house.warn(order)))
    (row,) = seen.warnings(waiting=True)
    assert (row.warning, row.order.number) == (house.warnings(order)[0], order.number)
    assert seen.pressing(now=house.clock.now()).warnings_waiting == 1
    house.decide_warning(row.warning.id, refund=False)
    assert seen.warnings(waiting=True) == ()
    assert [one.warning.id for one in seen.warnings(waiting=False)] == [row.warning.id]


def test_a_failed_refund_is_owed_until_it_is_made_good(desk: tuple[House, Aftersales]) -> None:
    """Pending, late, failed, sent anew: each in its queue and in no other."""
    house, seen = desk
    house.let_refunds_wait()
    refund = refunded(house, bought(house))

    def queues() -> list[RefundQueue]:
        now = house.clock.now()
        return [queue for queue in RefundQueue if seen.refunds(queue=queue, now=now, cursor=None).items]

    assert queues() == [RefundQueue.PENDING]
    house.advance(seconds=REFUND_LATE.total_seconds() + 1)
    assert queues() == [RefundQueue.LATE, RefundQueue.PENDING]
    assert seen.pressing(now=house.clock.now()).refunds_late == 1

    assert refund.provider_id is not None
    house.let_refund_fail(refund.provider_id)
    house.catch_up()
    assert queues() == [RefundQueue.OWED]
    (row,) = seen.refunds(queue=RefundQueue.OWED, now=house.clock.now(), cursor=None).items
    assert row.refund == house.refunds(refund.order_id)[0]
    assert seen.pressing(now=house.clock.now()).refunds_owed == 1

    house.settle_by_hand(refund.id)
    assert queues() == []
    with pytest.raises(ValueError, match=r"."):
        seen.refunds(queue=RefundQueue.OWED, now=house.clock.now(), cursor="no cursor of ours")


def test_nobody_is_owed_what_a_bank_has_returned(desk: tuple[House, Aftersales]) -> None:
    """A refund that a lost dispute overtook is not on the list."""
    house, seen = desk
    order = bought(house)
    house.refund(order.id, house.tickets(order.id)[0].id)
    dispute_id = house.dispute(order)
    house.drain()
    assert seen.pressing(now=house.clock.now()).refunds_owed == 1
    house.decide_dispute(dispute_id, won=False)
    house.receive(*house.dispute_notice(dispute_id))
    assert seen.pressing(now=house.clock.now()).refunds_owed == 0


def test_orders_of_one_buyer_are_found_by_what_they_share(desk: tuple[House, Aftersales]) -> None:
    """Newest first, with what banks said of them."""
    house, seen = desk
    first = bought(house, 1)
    house.receive(*house.dispute_notice(house.dispute(first)))
    house.advance(seconds=60)
    second = waved_through(house)
    house.advance(seconds=60)
    unpaid = house.place_order(general(house.sale, 1))

    (newest, oldest) = seen.related_orders(second.id)
    assert (newest.id, newest.bonds) == (unpaid.id, frozenset({Bond.EMAIL, Bond.PHONE, Bond.DEVICE}))
    assert (oldest.id, oldest.bonds) == (first.id, frozenset(Bond))
    assert (oldest.disputed, oldest.warned, newest.disputed) == (True, False, False)
    assert not any(Bond.CARD in other.bonds for other in seen.related_orders(unpaid.id)), "it has no card to share"
