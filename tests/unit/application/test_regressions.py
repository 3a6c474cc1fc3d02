"""Defects that a hostile reading found, each told as the story in which it would have hurt somebody."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from application.commands.catalogue_changes import cancel_event
from application.commands.drain_outbox import drain_outbox
from application.commands.settle_stock import HOLDS_PER_SWEEP_MAX, sweep_sales
from domain.errors import InventoryUnavailable, ProviderRefused, ProviderUnavailable, Rejection, RejectionCode
from domain.events import EventId, Sale
from domain.holds import ActiveHold
from domain.orders import Order, OrderState
from domain.payments import POLL_SECONDS_FIRST, POLL_SECONDS_MAX, PaymentState
from domain.ports.outbox import LEASE_SECONDS, Effect
from domain.ports.payments import ProviderStatus
from domain.refunds import Refund, RefundState
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.inventory import FakeInventory
from tests.fakes.sales import general
from tests.unit.application.house import House


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


def test_places_under_review_are_offered_to_nobody_else(house: House) -> None:
    """A person may take hours to decide: Valkey keeps what Postgres keeps, long after its safety net's first end."""
    order = house.place_order(general(house.sale, 4))
    house.pay_riskily(order)
    house.settle(order.id)
    for _ in range(24):
        house.advance(seconds=POLL_SECONDS_MAX)
        house.check_payments()
        house.inventory.sweep(event_id=house.event_id, at_most=10)

    assert house.free() == house.free_in_truth() == 96
    house.review(order.id, approve=False)
    house.drain()
    assert house.free() == house.free_in_truth() == 100


def test_payments_go_on_while_valkey_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The safety net is a courtesy to the inventory: without one the poller still finds what was paid."""
    order = house.place_order(general(house.sale, 1))
    house.pay(order)
    house.advance(seconds=POLL_SECONDS_FIRST)

    def away(**_: object) -> None:
        raise InventoryUnavailable("nobody answers")

    monkeypatch.setattr(house.inventory, "begin_claim", away)
    house.check_payments()
    house.drain()

    assert house.order(order.id).state is OrderState.CONFIRMED


def test_a_hold_of_a_cancelled_event_cannot_be_paid(house: House) -> None:
    """Whoever holds tickets when the event is called off is told so instead of being sent to pay."""
    hold = house.hold(general(house.sale, 2))
    assert isinstance(hold, ActiveHold)
    cancel_event(
        house.event_id, actor="grace@example.com", unit_of_work=house.uow, clock=house.clock, ids=house.ids,
        wakeup=house.wakeup,
    )  # fmt: skip

    answer = house.checkout(hold.id)

    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.EVENT_CANCELLED
    assert house.pages() == 0
    assert house.release(hold.id), "nothing was claimed, so it can still be given back"


def two_refunds_on_their_way(house: House) -> tuple[Order, list[str]]:
    """Both tickets of an order, given back one by one; the bank takes its time over each."""
    house.let_refunds_wait()
    order = house.buy(general(house.sale, 2))
    for ticket in house.tickets(order.id):
        house.refund(order.id, ticket.id)
    house.drain()
    with house.uow() as uow:
        names = [refund.provider_id for refund in uow.refunds.of_order(order.id)]
    return order, [name for name in names if name]


def decide(house: House, name: str, state: RefundState) -> None:
    house.gateway.settle_refund(name, state)
    house.receive(*house.refund_notice(name))


def test_two_refunds_on_their_way_both_arrive(house: House) -> None:
    """The first to arrive does not end the order while the second one's money is still owed."""
    order, (first, second) = two_refunds_on_their_way(house)

    decide(house, first, RefundState.SUCCEEDED)
    assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
    decide(house, second, RefundState.SUCCEEDED)

    ended = house.order(order.id)
    assert (ended.state, ended.refunded) == (OrderState.REFUNDED, house.given_back(order))


def test_a_refund_that_fails_after_it_had_succeeded_is_not_counted(house: House) -> None:
    """A bank may send money back days later: the order says what was really returned."""
    order, (first, second) = two_refunds_on_their_way(house)
    decide(house, first, RefundState.SUCCEEDED)

    decide(house, first, RefundState.FAILED)
    assert house.order(order.id).refunded.amount == 0
    decide(house, second, RefundState.SUCCEEDED)

    assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
    assert house.order(order.id).refunded == house.given_back(order)


def test_one_sale_that_cannot_be_swept_holds_up_no_other(house: House) -> None:
    """On a cluster one node may be away: lapsed holds on the others still return."""

    class TwoSales(FakeCatalogue):
        def running(self) -> tuple[EventId, ...]:
            return (EventId(uuid4()), house.event_id)

    class OneAway(FakeInventory):
        def sweep(self, *, event_id: EventId, at_most: int) -> int:
            if event_id != house.event_id:
                raise InventoryUnavailable("this node is away")
            return at_most - 1

    swept = sweep_sales(catalogue=TwoSales(house.store), inventory=OneAway(clock=house.clock.now))

    assert swept == HOLDS_PER_SWEEP_MAX - 1


def test_an_effect_whose_lease_has_ended_is_left_to_who_has_it_now(house: House) -> None:
    """A slow provider keeps one worker busy: what it leased with the slow row is not done twice."""
    for _ in range(2):
        order = house.place_order(general(house.sale, 1))
        house.pay(order)
        house.settle(order.id)
    worked: list[object] = []

    def slow(payload: Mapping[str, object], _: int) -> None:
        worked.append(payload["payment"])
        house.advance(seconds=LEASE_SECONDS)

    drain_outbox(
        handlers={Effect.CAPTURE_PAYMENT: slow}, report=lambda row, failure: None, unit_of_work=house.uow,
        clock=house.clock,
    )  # fmt: skip

    assert len(worked) == 1


def test_an_outage_of_a_day_leaves_nothing_for_a_person_to_do(house: House) -> None:
    """A provider that is away is asked again for as long as it is away, and then everything ends as it should."""
    order = house.place_order(general(house.sale, 2))
    house.pay(order)
    house.settle(order.id)
    for _ in range(40):
        house.gateway.fail_next("capture", ProviderUnavailable("away"))
        house.drain()
        house.clock.advance(seconds=3_600)
    house.drain()

    assert house.order(order.id).state is OrderState.CONFIRMED
    with house.uow() as uow:
        assert uow.outbox.parked(at_most=1) == ()


def test_who_pays_for_an_event_that_was_just_cancelled_is_not_charged(house: House) -> None:
    """The order was waiting for its payment when the event was called off: the money is let go."""
    order = house.place_order(general(house.sale, 2))
    cancel_event(
        house.event_id, actor="grace@example.com", unit_of_work=house.uow, clock=house.clock, ids=house.ids,
        wakeup=house.wakeup,
    )  # fmt: skip
    house.pay(order)
    house.settle(order.id)
    house.drain()

    assert house.order(order.id).state is OrderState.CANCELLED
    assert house.gateway.status(house.intent(order)) is ProviderStatus.CANCELLED
