"""Where parts of the money meet: goodwill and a fraud warning, an order paid twice and its dispute, and their kind.

Each rule holds by itself elsewhere. Here two of them want the same money at the same time.
"""

from dataclasses import replace

import pytest

from application.commands.prepare_batch import Decision
from application.commands.request_refund import RequestRefund, request_refund
from domain.disputes import DisputeState
from domain.errors import Rejection, RejectionCode
from domain.orders import OrderState
from domain.payments import PaymentState
from domain.ports.payments import ProviderStatus
from domain.refund_batches import ApprovalRule, BatchOrderState, BatchPurpose, Selection
from domain.refund_policies import STANDARD_POLICY, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund, RefundState
from domain.tickets import TicketState
from tests.fakes.sales import general
from tests.unit.application.batches import Batches
from tests.unit.application.house import House
from tests.unit.application.money_meetings import (
    attempts,
    gift,
    owed,
    page_of_nobody,
    paid_twice,
    refused,
)
from tests.unit.application.test_refund_approval import sold_under


class TestPagesNobodyHeardOf:
    def test_money_on_it_is_let_go_when_the_order_is_paid(self, house: House) -> None:
        """The webhook names an order of ours and a page that is not in our books: nobody is charged twice."""
        order = house.buy(general(house.sale, 2))
        session_id = page_of_nobody(house, order)
        house.pay_page(session_id)
        for _ in range(2):
            house.receive(*house.payment_notice(session_id))
            house.drain()

        assert house.order(order.id).state is OrderState.CONFIRMED
        assert house.look_up(session_id=session_id).status is ProviderStatus.CANCELLED
        assert [payment.state for payment in attempts(house, order)] == [PaymentState.CAPTURED, PaymentState.VOIDED]
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VALID}

    def test_it_buys_the_tickets_when_nothing_else_has(self, house: House) -> None:
        """The buyer paid in time; which of our pages it was is our business."""
        order = house.place_order(general(house.sale, 2))
        session_id = page_of_nobody(house, order)
        house.pay_page(session_id)
        house.receive(*house.payment_notice(session_id))
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert len(house.tickets(order.id)) == 2

    def test_it_is_let_go_when_the_order_has_ended(self, house: House) -> None:
        """Ended is ended (I6), whichever page the money is on."""
        order = house.place_order(general(house.sale, 2))
        session_id = page_of_nobody(house, order)
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        house.pay_page(session_id)
        house.receive(*house.payment_notice(session_id))
        house.drain()
        assert house.order(order.id).state is OrderState.EXPIRED
        assert house.look_up(session_id=session_id).status is ProviderStatus.CANCELLED

    def test_a_page_that_nobody_paid_on_is_left_alone(self, house: House) -> None:
        """A hint without money changes nothing."""
        order = house.place_order(general(house.sale, 2))
        house.receive(*house.payment_notice(page_of_nobody(house, order)))
        assert len(attempts(house, order)) == 1


class TestPaidTwice:
    def test_money_that_bought_nothing_does_not_eat_up_the_refund(self, house: House) -> None:
        """It went back by itself; the tickets' own money is still there to give back, all of it."""
        order = house.buy(general(house.sale, 2))
        second = paid_twice(house, order)
        house.drain()
        assert (second.state, second.in_vain) == (PaymentState.CAPTURED, True)

        refund = house.refund(order.id)
        house.drain()

        assert isinstance(refund, Refund)
        assert refund.amount == order.lines[0].unit.admission * 2, "all but the fee, as the policy says"
        assert house.order(order.id).state is OrderState.REFUNDED

    @pytest.mark.parametrize("won", [True, False])
    def test_a_dispute_of_it_leaves_the_tickets_alone(self, house: House, won: bool) -> None:
        """They stand on the other payment: nobody is kept out, whoever wins."""
        order = house.buy(general(house.sale, 2))
        first, second = house.payment(order), paid_twice(house, order)
        assert second.intent_id is not None
        assert second.id != first.id
        dispute_id = house.dispute(order)
        house.receive(*house.dispute_notice(dispute_id))
        house.drain()
        assert house.order(order.id).frozen_because is None
        house.decide_dispute(dispute_id, won=won)
        house.receive(*house.dispute_notice(dispute_id))
        house.drain()

        assert house.dispute_of(order).state is (DisputeState.WON if won else DisputeState.LOST)
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VALID}
        # The refund that the dispute overtook: owed again if it was won, and paid by the bank if not.
        (failed, *anew) = house.refunds(order.id)
        assert failed.state is RefundState.FAILED
        assert [refund.state for refund in anew] == ([RefundState.SUCCEEDED] if won else [])
        if not won:
            assert refused(house.settle_by_hand(failed.id)) is RejectionCode.NOT_REFUNDABLE
            assert refused(house.send_anew(failed.id)) is RejectionCode.NOT_REFUNDABLE

    @pytest.mark.parametrize("tickets_first", [True, False])
    def test_it_goes_back_though_the_tickets_own_money_was_lost(self, house: House, tickets_first: bool) -> None:
        """Two disputes of one order, one of each payment, decided in any order: what was won is the buyer's."""
        order = house.buy(general(house.sale, 2))
        about_tickets = house.dispute(order)
        house.receive(*house.dispute_notice(about_tickets))
        paid_twice(house, order)
        about_nothing = house.dispute(order)
        house.receive(*house.dispute_notice(about_nothing))
        house.drain()
        (failed,) = house.refunds(order.id)
        assert failed.failure == "charge_disputed"
        assert refused(house.send_anew(failed.id)) is RejectionCode.FROZEN

        verdicts = [(about_tickets, False), (about_nothing, True)]
        for dispute_id, won in verdicts if tickets_first else reversed(verdicts):
            house.decide_dispute(dispute_id, won=won)
            house.receive(*house.dispute_notice(dispute_id))
            house.drain()

        assert house.order(order.id).state is OrderState.CHARGED_BACK
        assert [refund.state for refund in house.refunds(order.id)] == [RefundState.FAILED, RefundState.SUCCEEDED]
        assert owed(house, order) == 0

    def test_what_the_bank_returned_is_owed_no_more_however_often_it_was_tried(self, house: House) -> None:
        """Nobody had heard that it was disputed: sent, sent anew by hand, and both came back. The ledger knows once."""
        order = house.buy(general(house.sale, 2))
        about_tickets = house.dispute(order)
        paid_twice(house, order)
        about_nothing = house.dispute(order)
        house.drain()
        house.decide_dispute(about_tickets, won=True)
        house.receive(*house.dispute_notice(about_tickets))
        (failed,) = house.refunds(order.id)
        assert isinstance(house.send_anew(failed.id), Refund)
        house.decide_dispute(about_nothing, won=False)
        house.receive(*house.dispute_notice(about_nothing))
        house.drain()

        assert [refund.state for refund in house.refunds(order.id)] == [RefundState.FAILED] * 2
        assert owed(house, order) == 0
        assert house.order(order.id).state is OrderState.CONFIRMED

    def test_a_dispute_may_be_over_before_anybody_knew_of_the_money(self, house: House) -> None:
        """Taken by hand, disputed and lost while we thought it was let go: the bank has paid what we owe for it."""
        order = house.buy(general(house.sale, 2))
        session_id = page_of_nobody(house, order)
        house.pay_page(session_id)
        house.receive(*house.payment_notice(session_id))
        house.capture_by_hand(order)
        dispute_id = house.dispute(order)
        house.decide_dispute(dispute_id, won=False)
        house.receive(*house.dispute_notice(dispute_id))
        house.advance(seconds=1)
        house.drain()

        (refund,) = house.refunds(order.id)
        assert (refund.reason, refund.state) == (RefundReason.NO_TICKETS, RefundState.FAILED)
        assert owed(house, order) == 0
        assert house.order(order.id).state is OrderState.CONFIRMED


class TestGoodwillAndTheRest:
    def test_a_fraud_warning_gives_back_what_is_left(self, house: House) -> None:
        """Not what was paid: some of it went back before."""
        order = house.buy(general(house.sale, 2))
        gift(house, order, 1_000)
        house.receive(*house.warning_notice(house.warn(order)))
        (warning,) = house.warnings(order)
        assert not isinstance(house.decide_warning(warning.id, refund=True), Rejection)
        house.drain()

        assert house.given_back(order) == order.total
        assert [refund.state for refund in house.refunds(order.id)] == [RefundState.SUCCEEDED] * 2
        assert house.order(order.id).state is OrderState.REFUNDED

    def test_money_that_is_owed_for_void_tickets_is_no_gift(self, house: House) -> None:
        """A refund failed and is owed: goodwill cannot spend the same money, so the desk can still make it good."""
        order = house.buy(general(house.sale, 2))
        first, _ = house.tickets(order.id)
        refund = house.refund(order.id, first.id)
        assert isinstance(refund, Refund)
        house.drain()
        (sent,) = house.refunds(order.id)
        assert sent.provider_id is not None
        house.let_refund_fail(sent.provider_id)
        house.receive(*house.refund_notice(sent.provider_id))

        everything = RequestRefund(
            order_id=order.id, tickets=None, reason=RefundReason.GOODWILL, actor="grace@example.com", amount=order.total
        )
        answer = request_refund(
            everything, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup
        )  # fmt: skip
        assert refused(answer) is RejectionCode.NOT_REFUNDABLE

        assert isinstance(house.settle_by_hand(sent.id), Refund)
        assert house.order(order.id).refunded == refund.amount

    def test_a_failed_gift_is_not_made_good_beyond_the_price(self, house: House) -> None:
        """The tickets gave everything back meanwhile: sending the gift anew is refused, and nothing breaks."""
        order = house.buy(general(house.sale, 2))
        given = gift(house, order, 1_000)
        (sent,) = house.refunds(order.id)
        assert sent.provider_id is not None
        house.let_refund_fail(sent.provider_id)
        house.receive(*house.refund_notice(sent.provider_id))
        assert isinstance(house.refund(order.id), Refund)
        house.drain()
        assert house.order(order.id).state is OrderState.REFUNDED

        for mend in (house.send_anew, house.settle_by_hand):
            assert refused(mend(given.id)) is RejectionCode.ALREADY_REFUNDED
        assert house.order(order.id).refunded <= order.total

    def test_a_second_gift_does_not_pay_for_a_first_that_failed(self, house: House) -> None:
        """They are of one amount and for no ticket, and still two: the first is owed until it is sent anew."""
        order = house.buy(general(house.sale, 2))
        first = gift(house, order, 1_000)
        (sent,) = house.refunds(order.id)
        assert sent.provider_id is not None
        house.let_refund_fail(sent.provider_id)
        house.receive(*house.refund_notice(sent.provider_id))
        gift(house, order, 1_000)
        assert owed(house, order) == -1_000

        assert isinstance(house.send_anew(first.id), Refund)
        house.drain()
        assert owed(house, order) == 0
        assert house.order(order.id).refunded.amount == 2_000

    def test_tickets_come_before_a_gift_when_a_dispute_is_won(self, house: House) -> None:
        """It had overtaken both, and together they are more than was paid: the dispute ends all the same."""
        order = house.buy(general(house.sale, 2))
        dispute_id = house.dispute(order)
        gift(house, order, 1_000)
        whole = RequestRefund(
            order_id=order.id, tickets=None, reason=RefundReason.EVENT_CANCELLED, actor="grace@example.com"
        )
        request_refund(whole, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup)
        house.drain()
        assert [refund.failure for refund in house.refunds(order.id)] == ["charge_disputed"] * 2

        house.decide_dispute(dispute_id, won=True)
        house.receive(*house.dispute_notice(dispute_id))
        house.drain()

        assert house.order(order.id).frozen_because is None
        assert house.order(order.id).refunded == house.given_back(order) == order.total


class TestSecondPersons:
    def test_a_batch_is_no_way_around_the_terms_of_an_order(self, house: House) -> None:
        """The order's terms want a second person over 50: one person's batch does not do it, an approved one does."""
        order = sold_under(house, replace(STANDARD_POLICY, version=2, approval_minor_over=5_000))
        batches = Batches(house)
        wanted = {"purpose": BatchPurpose.ORDERS_CHOSEN, "reason": RefundReason.GOODWILL}
        one = batches.running(Selection(numbers=(order.number,)), **wanted)
        batches.complete(one.id)
        assert batches.row(one, order).state is BatchOrderState.FAILED
        assert batches.refunds(order) == ()

        two = batches.previewed(Selection(numbers=(order.number,)), **wanted)
        batches.submit(two.id, ApprovalRule(orders_max=0))
        batches.steer(two.id, Decision.APPROVE)
        batches.complete(two.id)
        assert batches.row(two, order).state is BatchOrderState.REQUESTED
        assert house.order(order.id).state is OrderState.REFUNDED

    def test_many_small_refunds_are_one_large_one(self, house: House) -> None:
        """What one person may give is a bound of the order, not of each click."""
        order = sold_under(house, replace(STANDARD_POLICY, version=2, approval_minor_over=5_000))
        first, second = house.tickets(order.id)
        assert isinstance(house.refund(order.id, first.id), Refund)
        house.drain()
        assert isinstance(house.refund(order.id, second.id), RefundRequest)
