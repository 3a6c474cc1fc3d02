"""Ends that a payment seldom comes to: late, twice, by hand, too little, or not at all."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from application.commands.decide_reviews import DECIDED_SECONDS_BEFORE, LapseRule
from application.commands.start_checkout import CheckoutStarted
from domain.errors import ProviderRefused, ProviderUnavailable, Rejection, RejectionCode
from domain.holds import ActiveHold, BuyerFingerprint
from domain.money import Money
from domain.orders import PROVIDER_SILENCE_SECONDS_MAX, Order, OrderId, OrderState, StockState
from domain.payments import ATTEMPTS_MAX, PaymentState
from domain.ports.payments import ProviderPayment, ProviderStatus
from domain.refund_policies import RefundReason
from domain.refunds import RefundState
from domain.tickets import TicketState
from tests.fakes.payments import FakeGateway
from tests.fakes.sales import chosen, general, general_sale, reserved_sale, usd
from tests.unit.application.house import CAPACITY, House, OpenHouse


def somebody_else(house: House) -> BuyerFingerprint:
    return BuyerFingerprint(device=f"device-{uuid4()}", address=f"address-{uuid4()}")


def silent_past_the_deadline(house: House) -> None:
    """The provider says nothing for so long that the places go back on sale."""
    house.advance(seconds=house.sale.terms.payment_seconds)
    for seconds in (PROVIDER_SILENCE_SECONDS_MAX, 0):
        with house.broken("close_checkout"):
            house.expire_due()
        house.advance(seconds=seconds)
    house.drain()


class TestPaidLate:
    """The buyer paid in time, and the provider told us when the places were on sale again."""

    def test_places_do_not_wait_for_a_silent_provider_for_ever(self, house: House) -> None:
        """L1: they return within a bound; the order waits on, and ends when the provider says that nobody paid."""
        order = house.place_order(general(house.sale, 2))
        silent_past_the_deadline(house)
        assert house.order(order.id).state is OrderState.AWAITING_PAYMENT
        assert house.free() == house.free_in_truth() == CAPACITY

        house.expire_due()

        assert house.order(order.id).state is OrderState.EXPIRED
        house.drain()
        assert house.free() == house.free_in_truth() == CAPACITY

    def test_the_same_seats_are_taken_again(self, open_house: OpenHouse) -> None:
        """Nobody wanted them meanwhile, so nothing is different for the buyer."""
        house = open_house(reserved_sale())
        order = house.place_order(chosen(house.sale, 4, 5))
        house.pay(order)
        silent_past_the_deadline(house)
        assert house.free_in_truth("z:stalls") == 30

        house.settle(order.id)
        house.drain()

        assert house.order(order.id).seats == (4, 5)
        assert [ticket.seat for ticket in house.tickets(order.id)] == [4, 5]
        assert house.free("z:stalls") == house.free_in_truth("z:stalls") == 28

    def test_other_seats_side_by_side_instead(self, open_house: OpenHouse) -> None:
        """One of two neighbours was sold: two others of the tier, next to each other, and the tickets say which."""
        house = open_house(reserved_sale())
        order = house.place_order(chosen(house.sale, 4, 5))
        house.pay(order)
        silent_past_the_deadline(house)
        hold = house.hold(chosen(house.sale, 5), buyer=somebody_else(house))
        assert isinstance(hold, ActiveHold)

        house.settle(order.id)
        house.drain()

        after = house.order(order.id)
        assert after.state is OrderState.CONFIRMED
        assert after.seats[1] == after.seats[0] + 1
        assert 5 not in after.seats, "what somebody holds is left to them"
        assert [ticket.seat for ticket in house.tickets(order.id)] == list(after.seats)
        assert house.free("z:stalls") == 27
        assert house.free_in_truth("z:stalls") == 28

    def test_nothing_left_lets_the_money_go(self, open_house: OpenHouse) -> None:
        """Sold out meanwhile: nobody is charged, and the buyer hears why at once."""
        house = open_house(general_sale(capacity=2))
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        silent_past_the_deadline(house)
        assert isinstance(house.hold(general(house.sale, 1), buyer=somebody_else(house)), ActiveHold)

        house.settle(order.id)
        house.drain()

        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.payment(order).state is PaymentState.VOIDED
        assert house.seen(order).status is ProviderStatus.CANCELLED
        assert "too late" in house.texts()[-1]
        assert "not charged" in house.texts()[-1]
        assert house.free() == 1

    def test_places_taken_again_come_back_if_the_review_says_no(self, house: House) -> None:
        """Once, in both worlds, though the inventory had counted them as sold."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        silent_past_the_deadline(house)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.IN_REVIEW
        assert house.free() == house.free_in_truth() == CAPACITY - 2

        house.review(order.id, approve=False)
        house.drain()

        assert house.free() == house.free_in_truth() == CAPACITY

    def test_places_taken_again_survive_a_rebuild(self, house: House) -> None:
        """After it the order has a claim like any other, and that is what is settled."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        silent_past_the_deadline(house)
        house.settle(order.id)
        house.drain()
        house.lose_stock()
        house.hold(general(house.sale, 1))
        house.review(order.id, approve=True)
        house.drain()

        assert house.order(order.id).state is OrderState.CONFIRMED
        assert house.free() == CAPACITY - 3
        assert house.free_in_truth() == CAPACITY - 2


class TestAnotherPage:
    """A page that is over is replaced while there is time."""

    def test_a_lost_page_is_replaced_and_its_money_is_not_kept_twice(self, house: House) -> None:
        """The provider forgot the first page, and remembers it when both are paid: one buys, the other goes back."""
        order = house.place_order(general(house.sale, 2))
        first = house.payment(order)
        house.forget_page(order)
        house.settle(order.id)
        assert house.payment(order).state is PaymentState.LOST
        started = house.checkout(order.hold_id)
        assert isinstance(started, CheckoutStarted)
        assert started.payment is not None
        assert started.payment.key == f"{order.id}-2"
        house.pay(order)
        house.settle(order.id)
        with house.uow() as uow:
            uow.payments.save(replace(uow.payments.get(first.id), session_id=first.session_id))
            uow.commit()
        assert first.session_id is not None
        house.pay_page(first.session_id)

        house.settle(order.id)
        house.drain()

        assert house.captures() == 1
        with house.uow() as uow:
            states = [payment.state for payment in uow.payments.of_order(order.id)]
        assert states == [PaymentState.VOIDED, PaymentState.CAPTURED]
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert len(house.tickets(order.id)) == 2

    def test_a_declined_card_is_tried_again_on_the_same_page(self, house: House) -> None:
        """No second attempt, and the way to the page is the same."""
        order = house.place_order(general(house.sale, 2))
        house.decline(order)
        house.settle(order.id)
        before = house.payment(order)
        started = house.checkout(order.hold_id)
        assert isinstance(started, CheckoutStarted)
        assert started.payment == before
        house.pay(order)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED


class TestScripted:
    """What only the fake provider can be told to do."""

    def test_pages_are_not_opened_without_end(self, house: House) -> None:
        """After so many the buyer is told to choose again."""
        order = house.place_order(general(house.sale, 1))
        for _ in range(ATTEMPTS_MAX - 1):
            house.gateway.expire(house.session(order))
            assert isinstance(house.checkout(order.hold_id), CheckoutStarted)
        house.gateway.expire(house.session(order))

        answer = house.checkout(order.hold_id)

        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.PAYMENT_REFUSED

    @pytest.mark.parametrize("taken", [usd(100), usd(9_899)])
    def test_money_taken_in_part_goes_back_whole(self, house: House, taken: Money) -> None:
        """Somebody captures less than the order costs: no tickets for it, and every cent of it returns."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        house.gateway.capture(intent_id=house.intent(order), amount=taken, key="by hand")

        house.settle(order.id)
        house.drain()

        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.tickets(order.id) == ()
        assert house.given_back(order) == taken
        assert house.free() == house.free_in_truth() == CAPACITY
        assert "goes back" in house.texts()[-1]

    def test_money_taken_by_hand_for_an_order_that_ended_goes_back(self, house: House) -> None:
        """Rejected here, captured in the dashboard in the same minute: the refund needs nobody."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        house.review(order.id, approve=False)
        house.capture_by_hand(order)

        house.drain()

        with house.uow() as uow:
            (refund,) = uow.refunds.of_order(order.id)
            assert uow.outbox.parked(at_most=1) == ()
        assert (refund.reason, refund.state, refund.tickets) == (RefundReason.NO_TICKETS, RefundState.SUCCEEDED, ())
        assert house.given_back(order) == order.total
        assert house.order(order.id).refunded.amount == 0, "the order sold nothing"

    def test_money_taken_by_hand_before_we_looked_buys_the_tickets(self, house: House) -> None:
        """Authorised and captured between two looks: places first, then tickets, as ever."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        intent = house.seen(order).intent_id
        assert intent is not None
        house.gateway.capture(intent_id=intent, amount=order.total, key="by hand")
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert house.free() == house.free_in_truth() == CAPACITY - 2

    def test_a_payment_of_another_order_buys_nothing(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its page says that it is for somebody else: it is let go."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        look_up = FakeGateway.look_up

        def somebody_elses(gateway: FakeGateway, *, session_id: str) -> ProviderPayment:
            return replace(look_up(gateway, session_id=session_id), order_id=OrderId(uuid4()))

        monkeypatch.setattr(FakeGateway, "look_up", somebody_elses)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.payment(order).state is PaymentState.VOIDED

    def test_a_capture_that_is_refused_and_taken_by_hand_goes_back(self, house: House) -> None:
        """Refused, let go, and captured before that: the machine decides, the buyer has the money."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        house.gateway.fail_next("capture", ProviderRefused("refused", "Captures are paused for this account."))
        house.gateway.fail_next("void", ProviderUnavailable("away"))
        house.drain()
        assert house.payment(order).state is PaymentState.VOID_REQUESTED
        house.capture_by_hand(order)
        house.advance(seconds=120)
        house.drain()
        assert house.order(order.id).state is OrderState.PAYMENT_FAILED
        assert house.given_back(order) == order.total

    def test_a_forgotten_page_that_is_paid_gives_the_money_back(self, house: House) -> None:
        """The order expired because the provider knew no page; it did after all. Ended is ended (I6)."""
        order = house.place_order(general(house.sale, 2))
        first = house.payment(order)
        house.forget_page(order)
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        assert house.order(order.id).state is OrderState.EXPIRED
        with house.uow() as uow:
            uow.payments.save(replace(uow.payments.get(first.id), session_id=first.session_id))
            uow.commit()
        house.pay(order)

        house.advance(seconds=300)
        house.check_payments()
        house.drain()

        assert house.order(order.id).state is OrderState.EXPIRED
        assert house.seen(order).status is ProviderStatus.CANCELLED
        assert house.payment(order).state is PaymentState.VOIDED


class TestReviewsThatCannotWait:
    def in_review(self, house: House) -> Order:
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        return house.order(order.id)

    def until_the_rule_decides(self, house: House, order: Order) -> float:
        until = house.payment(order).capture_before
        assert until is not None
        return (until - house.clock.now() - timedelta(seconds=DECIDED_SECONDS_BEFORE)).total_seconds()

    @pytest.mark.parametrize(
        ("rule", "state"), [(LapseRule.REJECT, OrderState.CANCELLED), (LapseRule.APPROVE, OrderState.CONFIRMED)]
    )
    def test_the_rule_decides_before_the_money_is_gone(self, house: House, rule: LapseRule, state: OrderState) -> None:
        """Not a second earlier, and with time left for an outage."""
        order = self.in_review(house)
        house.clock.advance(seconds=self.until_the_rule_decides(house, order) - 1)
        assert house.decide_reviews(rule) == 0

        house.clock.advance(seconds=2)
        assert house.decide_reviews(rule) == 1

        house.drain()
        assert house.order(order.id).state is state

    def test_a_cancelled_event_is_no_matter_of_opinion(self, house: House) -> None:
        """What was in review is let go at once, whatever the rule says of lapsing."""
        order = self.in_review(house)
        house.cancel_event()
        assert house.decide_reviews(LapseRule.APPROVE) == 1
        house.drain()
        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.payment(order).state is PaymentState.VOIDED

    def test_money_that_lapsed_all_the_same_ends_its_order(self, house: House) -> None:
        """Nobody decided, the workers were away: no order stays in review with money that is gone."""
        order = self.in_review(house)
        house.gateway.lapse(house.intent(order))
        house.advance(seconds=300)
        house.check_payments()
        house.drain()
        assert house.order(order.id).state is OrderState.PAYMENT_FAILED
        assert house.free() == house.free_in_truth() == CAPACITY


class TestCalledOff:
    def test_unpaid_orders_end_at_once(self, house: House) -> None:
        """Their pages are closed, and nobody is told that they were too slow."""
        order = house.place_order(general(house.sale, 2))
        house.cancel_event()
        house.expire_due()
        house.drain()
        ended = house.order(order.id)
        assert (ended.state, ended.ended_because) == (OrderState.CANCELLED, "the event was cancelled")
        assert not house.seen(order).session_open
        assert house.order(order.id).stock is StockState.RELEASED

    def test_money_that_is_only_set_aside_is_not_taken_any_more(self, house: House) -> None:
        """The capture was asked for and not done when the event was called off."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        house.cancel_event()
        house.drain()
        assert house.captures() == 0
        assert house.payment(order).state is PaymentState.VOIDED
        assert house.order(order.id).state is OrderState.CANCELLED

    def test_money_captured_in_that_moment_goes_back_with_all_fees(self, house: House) -> None:
        """The capture was under way when the event was called off."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        with house.replies_lost("capture"):
            house.drain()
        house.cancel_event()
        house.advance(seconds=120)
        house.drain()
        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.given_back(order) == order.total
        assert {ticket.state for ticket in house.tickets(order.id)} <= {TicketState.VOID}
