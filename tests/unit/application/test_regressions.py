"""Defects that a hostile reading found, each told as the story in which it would have hurt somebody."""

import pytest

from domain.errors import ProviderRefused
from domain.events import EventId, Sale
from domain.orders import OrderState
from domain.payments import PaymentState
from domain.ports.payments import ProviderStatus
from domain.refunds import Refund, RefundState
from tests.fakes.sales import general
from tests.unit.application.house import House


@pytest.fixture
def house() -> House:
    """A house with one general-admission event of 100 places."""
    return House()


def test_what_is_settled_while_a_sale_is_rebuilt_twice_is_not_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two find Valkey empty and a refund comes between: the stock that is loaded is that of its own epoch."""
    order = house.buy(general(house.sale, 3))
    house.lose_stock()
    fresh = house.catalogue.fresh

    def overtaken(*, event_id: EventId) -> Sale:
        monkeypatch.setattr(house.catalogue, "fresh", fresh)
        house.refund(order.id)
        with house.uow() as uow:
            uow.stock.raise_epoch(event_id, above=uow.stock.epoch(event_id))
            uow.commit()
        return fresh(event_id=event_id)

    monkeypatch.setattr(house.catalogue, "fresh", overtaken)
    house.rebuild(house.event_id, above=house.catalogue.on_sale(event=house.sale.slug).epoch)
    house.drain()

    assert house.free() == house.free_in_truth() == 100


def test_a_capture_that_is_refused_lets_go_of_what_is_still_set_aside(house: House) -> None:
    """A refusal for any other reason than a lapsed authorisation must not leave the buyer's money blocked."""
    order = house.place_order(general(house.sale, 2))
    house.pay(order)
    house.settle(order.id)
    house.gateway.fail_next("capture", ProviderRefused("refused", "Captures are paused for this account."))
    house.drain()

    assert house.order(order.id).state is OrderState.PAYMENT_FAILED
    assert house.payment(order).state is PaymentState.VOIDED
    assert house.gateway.status(house.intent(order)) is ProviderStatus.CANCELLED
    assert house.free() == house.free_in_truth() == 100


def test_refused_refunds_are_nameless_and_do_not_stand_in_each_others_way(house: House) -> None:
    """Every refund that the provider refuses ends as failed, not only the first one ever."""
    refunds = []
    for _ in range(2):
        order = house.buy(general(house.sale, 1))
        refund = house.refund(order.id)
        assert isinstance(refund, Refund)
        house.gateway.fail_next("refund", ProviderRefused("charge_disputed", "This charge is disputed."))
        house.drain()
        refunds.append(refund.id)

    with house.uow() as uow:
        found = [uow.refunds.get(refund_id) for refund_id in refunds]
    assert [(refund.state, refund.provider_id) for refund in found] == [(RefundState.FAILED, None)] * 2
