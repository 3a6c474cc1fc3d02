"""How other ticket shops lost money or places (FACTS, "How others failed"): each once, named by its failure."""

from itertools import count
from typing import Any

import pytest

from domain.errors import Rejection, RejectionCode
from domain.fraud import CARD_ORDERS_PER_DAY_MAX
from domain.holds import ActiveHold, BuyerFingerprint
from domain.orders import Buyer, Order, OrderState
from domain.payments import PaymentState
from domain.ports.payments import ProviderStatus
from tests.fakes.sales import general, general_sale
from tests.unit.application.house import CAPACITY, House


class Died(BaseException):
    """The process is gone."""


def test_money_taken_and_quota_gone(house: House) -> None:
    """pretix 74: an authorised order has its places before its money is taken, whoever asks for places meanwhile."""
    order = house.place_order(general(house.sale, CAPACITY // 10))
    house.pay(order)
    house.settle(order.id)
    buyers = count(1)
    while isinstance(
        house.hold(general(house.sale, 10), buyer=BuyerFingerprint(device=f"d{next(buyers)}", address="a")), ActiveHold
    ):
        pass
    assert house.free() == 0

    house.drain()

    assert house.order(order.id).state is OrderState.CONFIRMED
    assert len(house.tickets(order.id)) == CAPACITY // 10
    assert house.free_in_truth() == CAPACITY - CAPACITY // 10


def test_paid_after_expiry(house: House) -> None:
    """pretix 92, Hi.Events 513: the page is closed before the places go, and whoever was faster keeps them."""
    late = house.place_order(general(house.sale, 1))
    house.advance(seconds=house.sale.terms.payment_seconds)
    house.pay(late)
    house.expire_due()
    house.drain()
    assert house.order(late.id).state is OrderState.CONFIRMED

    slow = house.place_order(general(house.sale, 1))
    house.advance(seconds=house.sale.terms.payment_seconds)
    house.expire_due()
    assert not house.seen(slow).session_open, "nobody can pay for what is on sale again"


def test_cancelling_leaks_capacity(house: House) -> None:
    """Hi.Events 466: ten buyers give up, by themselves, by review and by the clock; every place is back, once."""
    given_up, rejected, expired = (house.place_order(general(house.sale, 2)) for _ in range(3))
    house.cancel(given_up.id)
    house.cancel(given_up.id)
    house.pay_riskily(rejected)
    house.settle(rejected.id)
    house.review(rejected.id, approve=False)
    house.advance(seconds=house.sale.terms.payment_seconds)
    house.expire_due()
    house.drain()
    house.drain()

    assert house.order(expired.id).state is OrderState.EXPIRED
    assert house.free() == house.free_in_truth() == CAPACITY


def test_paid_and_no_ticket_after_a_crash(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """alf.io 1421: the process dies between the provider's answer and the tickets; its successor writes them."""
    order = house.place_order(general(house.sale, 2))
    house.pay(order)
    house.settle(order.id)
    capture = type(house.gateway).capture

    def captures_and_dies(*args: Any, **kwargs: Any) -> Any:
        capture(*args, **kwargs)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(type(house.gateway), "capture", captures_and_dies)
        with pytest.raises(Died):
            house.drain()
    assert house.tickets(order.id) == ()

    house.advance(seconds=120)
    house.drain()

    assert len(house.tickets(order.id)) == 2


def test_the_order_id_as_key_breaks_the_retry_after_a_decline(house: House) -> None:
    """alf.io 1254: a new page has a key of its own, so the provider does not answer with the dead one."""
    order = house.place_order(general(house.sale, 1))
    house.decline(order)
    house.settle(order.id)
    first = house.payment(order)
    house.gateway.expire(house.session(order))

    house.checkout(order.hold_id)
    house.pay(order)
    house.settle(order.id)
    house.drain()

    assert house.payment(order).key != first.key
    assert house.payment(order).session_id != first.session_id
    assert house.order(order.id).state is OrderState.CONFIRMED


def test_two_checkouts_and_one_ticket(house: House) -> None:
    """eventyay 1359: one hold is one order and one payment, however often it is checked out and by whom."""
    hold = house.hold(general(house.sale, 1))
    assert isinstance(hold, ActiveHold)
    house.checkout(hold.id)
    house.checkout(hold.id, Buyer(name="Grace", email="grace@example.com", phone=None))
    order = house.order_of(hold.id)
    house.pay(order)
    house.settle(order.id)
    house.drain()
    again = house.checkout(hold.id)

    assert not isinstance(again, Rejection)
    assert again.order.id == order.id
    assert house.pages() == 1
    assert len(house.tickets(order.id)) == 1


def test_webhook_and_client_both_capture(house: House) -> None:
    """Medusa 13301: webhook, return page and poller all see the payment; it is taken once."""
    order = house.place_order(general(house.sale, 1))
    house.pay(order)
    session = house.session(order)
    for _ in range(3):
        house.settle(order.id)
        house.receive(*house.payment_notice(session))
        house.advance(seconds=10)
        house.check_payments()
        house.drain()

    assert house.captures() == 1
    assert house.gateway.captured(house.intent(order)) == order.total
    assert len(house.tickets(order.id)) == 1


def test_two_lines_of_one_cart_share_stock(house: House) -> None:
    """Medusa 16502: lines that draw from one pool are counted together, so nobody pays for a place that is not."""
    house = House(sale=general_sale(capacity=3, vip_capacity=3))
    answer = house.hold(general(house.sale, 2), general(house.sale, 2, "vip"))

    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.SOLD_OUT
    assert house.free_in_truth() == 3


def test_a_payment_keeps_places_no_longer_than_its_time(house: House) -> None:
    """pretix 1575, where clicking kept a cart alive: checking out again, however often, moves no deadline."""
    order = house.place_order(general(house.sale, 1))
    for _ in range(14):
        house.advance(seconds=60)
        house.checkout(order.hold_id)
    assert house.order(order.id).deadline_at == order.deadline_at

    house.advance(seconds=60)
    house.expire_due()

    assert house.order(order.id).state is OrderState.EXPIRED


def test_fraud_from_ever_new_addresses(house: House) -> None:
    """Gumroad 6372: one card behind ever new devices and addresses is noticed by the card."""
    orders = [_bought_by(house, number) for number in range(CARD_ORDERS_PER_DAY_MAX + 1)]

    assert {order.state for order in orders[:-1]} == {OrderState.CONFIRMED}
    assert orders[-1].state is OrderState.IN_REVIEW
    assert house.seen(orders[-1]).status is ProviderStatus.AUTHORISED
    assert house.payment(orders[-1]).state is PaymentState.AUTHORISED


def _bought_by(house: House, number: int) -> Order:
    who = BuyerFingerprint(device=f"device-{number}", address=f"address-{number}")
    hold = house.hold(general(house.sale, 1), buyer=who)
    assert isinstance(hold, ActiveHold), hold
    house.checkout(hold.id, Buyer(name="Anybody", email=f"n{number}@example.com", phone=None))
    order = house.order_of(hold.id)
    house.pay(order)
    house.settle(order.id)
    house.drain()
    return house.order(order.id)
