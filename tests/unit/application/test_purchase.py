"""A purchase from hold to ticket, told as stories over the whole protocol.

Here the house stands in memory. ``tests/contract/test_purchases.py`` inherits these classes and tells the same
stories in houses that stand on Postgres, Valkey and the sandbox, so a story opens its house by a fixture, moves time
by ``house.advance`` and plays buyers and banks by the house's verbs. Only the stories of TestAScriptedProvider reach
for the fake provider itself.
"""

from dataclasses import replace
from itertools import count
from uuid import uuid4

import pytest

from application.commands.expire_order import expire_order
from application.commands.start_checkout import CheckoutStarted
from domain.errors import NotFound, ProviderUnavailable, Rejection, RejectionCode
from domain.events import EventId
from domain.fraud import RiskLevel
from domain.holds import ActiveHold, HoldId
from domain.orders import Order, OrderId, OrderState, StockState
from domain.payments import POLL_SECONDS_FIRST, POLL_SECONDS_MAX, PaymentState
from domain.ports.payments import ProviderStatus, SignatureInvalid
from domain.ports.unit_of_work import UnitOfWork
from domain.refunds import Refund
from domain.tickets import TicketState
from tests.fakes.messages import INVALID_NUMBER
from tests.fakes.sales import buyer as device
from tests.fakes.sales import chosen, general, general_sale, reserved_sale, usd
from tests.unit.application.house import ADA, CAPACITY, House, OpenHouse

ENDING = 3
"""The transaction in which expiring an order ends it: it begins, it looks for a page, it ends."""


class TestTheStraightWay:
    def test_a_paid_order_has_tickets_captured_money_and_a_message(self, house: House) -> None:
        """What a buyer pays for arrives: tickets, one capture of exactly the total, and one SMS with the link."""
        order = house.buy(general(house.sale, 2))

        assert order.state is OrderState.CONFIRMED
        tickets = house.tickets(order.id)
        assert [ticket.state for ticket in tickets] == [TicketState.VALID, TicketState.VALID]
        assert len({ticket.code for ticket in tickets}) == 2
        seen = house.seen(order)
        assert seen.status is ProviderStatus.CAPTURED
        assert seen.amount == order.total == usd(2 * 4950)
        (text,) = house.texts()
        assert house.access.order_url(order.id) in text

    def test_both_counts_agree_afterwards(self, house: House) -> None:
        """Valkey and Postgres have the same number left once the outbox is drained."""
        house.buy(general(house.sale, 2))
        assert house.free() == house.free_in_truth() == CAPACITY - 2

    def test_chosen_seats_are_on_the_tickets(self, open_house: OpenHouse) -> None:
        """The seats that were chosen are the seats that were bought."""
        house = open_house(reserved_sale())
        order = house.buy(chosen(house.sale, 3, 4))
        assert [ticket.seat for ticket in house.tickets(order.id)] == [3, 4]
        assert [ticket.place for ticket in house.tickets(order.id)] == ["Row 1, seat 4", "Row 1, seat 5"]

    def test_webhook_return_page_and_poller_together_confirm_once(self, house: House) -> None:
        """However many hear of the payment, it is captured once and tickets are issued once."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        payload, signature = house.payment_notice(house.session(order))

        assert house.receive(payload, signature) is True
        house.settle(order.id)
        assert house.receive(payload, signature) is False
        house.drain()
        house.settle(order.id)
        house.drain()

        assert house.captures() == 1
        assert len(house.tickets(order.id)) == 2
        assert len(house.texts()) == 1

    def test_without_webhooks_the_poller_reaches_the_same_end(self, house: House) -> None:
        """Nobody tells us and the buyer closes the window: the payment is found, at growing intervals."""
        order = house.place_order(general(house.sale, 2))
        house.advance(seconds=POLL_SECONDS_FIRST)
        assert house.check_payments() == 1
        assert house.check_payments() == 0
        house.pay(order)
        house.advance(seconds=house.payment(order).poll_seconds)
        assert house.check_payments() == 1
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        house.advance(seconds=POLL_SECONDS_MAX)
        assert house.check_payments() == 0

    def test_an_unsigned_webhook_is_refused(self, house: House) -> None:
        """Nobody but the provider can say that somebody paid."""
        with pytest.raises(SignatureInvalid):
            house.receive(b"{}", "0:forged")

    def test_checking_out_twice_makes_one_order_and_one_page(self, house: House) -> None:
        """A double click continues the same order on the same payment page."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        first, second = house.checkout(hold.id), house.checkout(hold.id)
        assert isinstance(first, CheckoutStarted)
        assert isinstance(second, CheckoutStarted)
        assert first.order.id == second.order.id
        assert first.payment == second.payment
        assert house.pages() == 1

    def test_a_declined_card_may_be_followed_by_a_good_one(self, house: House) -> None:
        """A decline leaves the order waiting and the places kept; another card on the same page pays for it."""
        order = house.place_order(general(house.sale, 2))
        house.decline(order)
        assert house.settle(order.id).state is OrderState.AWAITING_PAYMENT
        assert house.payment(order).failure == "insufficient_funds"
        house.pay(order)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED

    def test_no_message_is_tried_twice_when_its_number_is_wrong(self, house: House) -> None:
        """An impossible number fails the message, never the order, and leaves nothing parked."""
        hold = house.hold(general(house.sale, 1))
        assert isinstance(hold, ActiveHold)
        started = house.checkout(hold.id, buyer=replace(ADA, phone=INVALID_NUMBER))
        assert isinstance(started, CheckoutStarted)
        house.pay(started.order)
        house.settle(started.order.id)
        house.drain()
        assert house.order(started.order.id).state is OrderState.CONFIRMED
        with house.uow() as uow:
            assert uow.outbox.parked(at_most=10) == ()
            assert uow.outbox.waiting() == 0


class TestNobodyPays:
    def test_an_unpaid_order_gives_its_places_back(self, house: House) -> None:
        """After the deadline the page is closed, the order is expired, and both counts are whole again."""
        order = house.place_order(general(house.sale, 3))
        assert house.free() == CAPACITY - 3
        house.advance(seconds=house.sale.terms.payment_seconds)
        assert house.expire_due() == 1
        house.drain()
        assert house.order(order.id).state is OrderState.EXPIRED
        assert house.free() == house.free_in_truth() == CAPACITY
        assert not house.seen(order).session_open
        assert house.payment(order).state is PaymentState.EXPIRED

    def test_an_order_is_not_expired_before_its_time(self, house: House) -> None:
        """One second before the deadline nothing is taken away."""
        house.place_order(general(house.sale, 1))
        house.advance(seconds=house.sale.terms.payment_seconds - 1)
        assert house.expire_due() == 0

    def test_who_pays_in_the_moment_of_expiry_wins(self, house: House) -> None:
        """The provider says that the page is complete: the order is confirmed instead of expired."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert house.free_in_truth() == CAPACITY - 2

    def test_a_buyer_who_gives_up_frees_the_places_at_once(self, house: House) -> None:
        """Cancelling before paying needs no waiting."""
        order = house.place_order(general(house.sale, 2))
        house.cancel(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.EXPIRED
        assert house.free() == house.free_in_truth() == CAPACITY

    def test_giving_up_after_paying_is_too_late(self, house: House) -> None:
        """Between the authorisation and its capture the order is bought already: the buyer gets what is charged."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        answer = house.cancel(order.id)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.WRONG_STATE
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert len(house.tickets(order.id)) == 2

    def test_who_gives_up_when_the_bank_has_said_yes_keeps_the_order(self, house: House) -> None:
        """Paid on one tab and cancelled on another: the provider says who was first."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.cancel(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED

    def test_a_lapsed_hold_cannot_be_checked_out(self, house: House) -> None:
        """Too late is said plainly, and nothing is charged."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        house.advance(seconds=house.sale.terms.hold_seconds + 1)
        answer = house.checkout(hold.id)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.HOLD_LAPSED
        assert house.pages() == 0

    def test_an_expired_order_is_not_opened_again(self, house: House) -> None:
        """Checking the same hold out after its order ended is refused; the terminal state stays."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        house.checkout(hold.id)
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        answer = house.checkout(hold.id)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.HOLD_LAPSED


class TestTrouble:
    def test_a_lost_reply_when_the_page_was_opened_opens_one_page(self, house: House) -> None:
        """The buyer is told to try again, and trying again finds the page that exists."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        with house.replies_lost("open_checkout"), pytest.raises(ProviderUnavailable):
            house.checkout(hold.id)
        started = house.checkout(hold.id)
        assert isinstance(started, CheckoutStarted)
        assert started.payment is not None
        assert started.payment.state is PaymentState.OPEN
        assert house.pages() == 1

    def test_a_capture_with_a_lost_reply_is_asked_again_and_charges_once(self, house: House) -> None:
        """Unknown is not failed: the places are kept and the provider is asked until it answers."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        with house.replies_lost("capture"):
            house.drain()
        assert house.order(order.id).state is OrderState.AWAITING_PAYMENT
        assert house.free_in_truth() == CAPACITY - 2
        house.advance(seconds=60)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert house.seen(order).amount == order.total

    def test_a_capture_that_takes_longer_than_the_deadline_still_confirms(self, house: House) -> None:
        """Once the places are allocated, no deadline takes them away from the money that is being captured."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        with house.replies_lost("capture"):
            house.drain()
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert len(house.tickets(order.id)) == 2

    def test_a_page_that_fails_to_open_opens_when_asked_again(self, house: House) -> None:
        """A provider that fails inside, and remembers so for a day, costs the buyer a click, not the places."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        with house.broken("open_checkout"), pytest.raises(ProviderUnavailable):
            house.checkout(hold.id)
        started = house.checkout(hold.id)
        assert isinstance(started, CheckoutStarted)
        house.pay(started.order)
        house.settle(started.order.id)
        house.drain()
        assert house.order(started.order.id).state is OrderState.CONFIRMED

    def test_an_order_whose_page_never_opened_expires(self, house: House) -> None:
        """A provider that was down at checkout, and still is, leaves no stock behind: nobody knows where to pay."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        with house.broken("open_checkout"), pytest.raises(ProviderUnavailable):
            house.checkout(hold.id)
        house.advance(seconds=house.sale.terms.payment_seconds)
        with house.broken("open_checkout"), house.broken("close_checkout"):
            assert house.expire_due() == 1
        house.drain()
        assert house.free() == house.free_in_truth() == CAPACITY

    def test_a_page_that_opens_while_its_order_ends_is_closed_first(self, house: House) -> None:
        """The buyer's second try succeeds between the look for a page and the end: who can pay is asked again."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        with house.broken("open_checkout"), pytest.raises(ProviderUnavailable):
            house.checkout(hold.id)
        house.advance(seconds=house.sale.terms.payment_seconds)
        transactions = count(1)

        def interrupted() -> UnitOfWork:
            if next(transactions) == ENDING:
                assert isinstance(house.checkout(hold.id), CheckoutStarted)
            return house.uow()

        order = house.order_of(hold.id)
        expire_order(order.id, settle=house.settle, wakeup=house.wakeup, **{**house.step, "unit_of_work": interrupted})

        assert house.order(order.id).state is OrderState.AWAITING_PAYMENT
        house.expire_due()
        assert house.order(order.id).state is OrderState.EXPIRED
        assert not house.seen(order).session_open

    def test_a_page_may_open_late(self, house: House) -> None:
        """Whoever finds the provider back a minute before the deadline can still pay."""
        hold = house.hold(general(house.sale, 2))
        assert isinstance(hold, ActiveHold)
        with house.broken("open_checkout"), pytest.raises(ProviderUnavailable):
            house.checkout(hold.id)
        house.advance(seconds=house.sale.terms.payment_seconds - 60)
        started = house.checkout(hold.id)
        assert isinstance(started, CheckoutStarted)
        house.pay(started.order)
        house.settle(started.order.id)
        house.drain()
        assert house.order(started.order.id).state is OrderState.CONFIRMED

    def test_money_taken_by_hand_is_confirmed(self, house: House) -> None:
        """Somebody captures in the provider's own dashboard while we wait for a review: the buyer gets the tickets."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        house.capture_by_hand(order)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        assert len(house.tickets(order.id)) == 2

    def test_a_webhook_about_somebody_elses_order_is_noted_and_left_alone(self, house: House) -> None:
        """Another shop on the same account is not an error, so its webhooks are not sent again for days."""
        other = house.strangers_notice()
        assert house.receive(*other) is True
        assert house.receive(*other) is False

    def test_one_order_that_cannot_be_ended_holds_up_nobody(self, house: House) -> None:
        """Its page is unknown to the provider, so nobody can pay there: it ends, and so do those after it."""
        orders = [house.place_order(general(house.sale, 1)) for _ in range(3)]
        house.forget_page(orders[0])
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        house.drain()
        assert {house.order(order.id).state for order in orders} == {OrderState.EXPIRED}
        assert house.free() == house.free_in_truth() == CAPACITY

    def test_an_emptied_valkey_comes_back_without_selling_anything_twice(self, house: House) -> None:
        """After a flush the next hold rebuilds the sale: what is sold or being paid stays taken, holds are void."""
        house.buy(general(house.sale, 2))
        waiting = house.place_order(general(house.sale, 3))
        void = house.hold(general(house.sale, 4))
        assert isinstance(void, ActiveHold)
        house.lose_stock()

        hold = house.hold(general(house.sale, 1))

        assert isinstance(hold, ActiveHold)
        assert house.free() == CAPACITY - 2 - 3 - 1
        answer = house.checkout(void.id)
        assert isinstance(answer, Rejection)
        house.pay(waiting)
        house.settle(waiting.id)
        house.drain()
        assert house.order(waiting.id).state is OrderState.CONFIRMED
        assert house.free_in_truth() == CAPACITY - 2 - 3

    def test_a_settlement_older_than_the_rebuild_changes_nothing(self, house: House) -> None:
        """A release that was written before a rebuild and delivered after it is not counted twice."""
        order = house.place_order(general(house.sale, 3))
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.expire_due()
        house.lose_stock()
        house.hold(general(house.sale, 1))
        house.drain()
        assert house.order(order.id).state is OrderState.EXPIRED
        assert house.free() == CAPACITY - 1


class TestAScriptedProvider:
    """What only the fake provider can be told to do."""

    def test_stock_is_kept_while_the_provider_cannot_say_who_won(self, house: House) -> None:
        """An unreachable provider delays the end of an order; its places stay taken until the answer is known."""
        order = house.place_order(general(house.sale, 2))
        house.advance(seconds=house.sale.terms.payment_seconds)
        house.gateway.fail_next("close_checkout", ProviderUnavailable("down"))
        house.expire_due()
        assert house.order(order.id).stock is StockState.RELEASING
        assert house.free_in_truth() == CAPACITY - 2
        house.expire_due()
        assert house.order(order.id).state is OrderState.EXPIRED

    def test_a_refused_capture_ends_the_order_and_frees_the_places(self, house: House) -> None:
        """An authorisation that lapsed before its capture costs nobody anything."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        house.gateway.lapse(house.intent(order))
        house.drain()
        assert house.order(order.id).state is OrderState.PAYMENT_FAILED
        assert house.free() == house.free_in_truth() == CAPACITY
        assert house.tickets(order.id) == ()

    def test_a_payment_of_another_amount_is_let_go(self, house: House) -> None:
        """What was authorised must be what is owed, or nothing is captured."""
        order = house.place_order(general(house.sale, 2))
        intent = house.gateway.pay(house.gateway.session_of(order.id), amount=usd(100))
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.gateway.status(intent) is ProviderStatus.CANCELLED
        assert house.free_in_truth() == CAPACITY

    def test_the_highest_risk_is_let_go_at_once(self, house: House) -> None:
        """What Radar finds highly risky is never captured."""
        order = house.place_order(general(house.sale, 2))
        intent = house.gateway.pay(house.gateway.session_of(order.id), risk=RiskLevel.HIGHEST)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.gateway.status(intent) is ProviderStatus.CANCELLED


class TestRisk:
    def test_an_elevated_card_waits_for_a_person_with_its_places(self, house: House) -> None:
        """The money is only authorised and the seats are kept until somebody decides."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.IN_REVIEW
        assert house.seen(order).status is ProviderStatus.AUTHORISED
        assert house.free_in_truth() == CAPACITY - 2

    def test_an_approved_review_is_captured_and_confirmed(self, house: House) -> None:
        """Support lets the buyer through."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        assert isinstance(house.review(order.id, approve=True), Order)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED

    def test_a_rejected_review_voids_the_money_and_frees_the_places(self, house: House) -> None:
        """Support says no: nobody is charged and the places return to sale."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        house.review(order.id, approve=False)
        house.drain()
        assert house.order(order.id).state is OrderState.CANCELLED
        assert house.seen(order).status is ProviderStatus.CANCELLED
        assert house.payment(order).state is PaymentState.VOIDED
        assert house.free() == house.free_in_truth() == CAPACITY

    def test_a_review_is_decided_once(self, house: House) -> None:
        """Two people deciding at once cannot both be right: the second is told."""
        order = house.place_order(general(house.sale, 2))
        house.pay_riskily(order)
        house.settle(order.id)
        house.review(order.id, approve=True)
        assert isinstance(house.review(order.id, approve=False), Rejection)

    def test_a_limit_per_buyer_holds_over_several_orders(self, open_house: OpenHouse) -> None:
        """One e-mail address cannot buy more by coming back."""
        house = open_house(general_sale(per_order_max=3, per_buyer_max=4))
        house.buy(general(house.sale, 3))
        hold = house.hold(general(house.sale, 3), buyer=device("somebody else"))
        assert isinstance(hold, ActiveHold)
        answer = house.checkout(hold.id)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.LIMIT_REACHED
        assert house.release(hold.id), "what was refused is still a hold, and can be given back"
        house.drain()
        assert house.free() == house.free_in_truth()


class TestTheWaitingRoom:
    def test_nobody_holds_before_their_turn(self, open_house: OpenHouse) -> None:
        """In a rush, whoever asks joins the queue, is told how many are ahead, and holds when let in."""
        house = open_house(general_sale(capacity=1_000, admission_required=True))
        crowd = [device(f"visitor {number}") for number in range(300)]
        answers = [house.hold(general(house.sale, 1), buyer=visitor) for visitor in crowd]
        last = answers[-1]
        assert isinstance(last, Rejection)
        assert last.code is RejectionCode.NOT_ADMITTED
        assert isinstance(last.details["ahead"], int)
        house.advance(seconds=10)
        assert isinstance(house.hold(general(house.sale, 1), buyer=crowd[-1]), ActiveHold)


class TestRefunds:
    def test_a_refund_voids_tickets_at_once_and_money_follows(self, house: House) -> None:
        """Tickets stop working with the request; the places return; the provider completes it."""
        order = house.buy(general(house.sale, 2))
        refund = house.refund(order.id)
        assert isinstance(refund, Refund)
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VOID}
        house.drain()
        after = house.order(order.id)
        assert after.state is OrderState.REFUNDED
        assert after.refunded == refund.amount == usd(2 * 4500)
        assert house.free() == house.free_in_truth() == CAPACITY

    def test_one_of_two_tickets_leaves_the_other_valid(self, house: House) -> None:
        """A part refund touches only what was asked."""
        order = house.buy(general(house.sale, 2))
        house.refund(order.id, house.tickets(order.id)[0].id)
        house.drain()
        assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
        assert [ticket.state for ticket in house.tickets(order.id)] == [TicketState.VOID, TicketState.VALID]
        assert house.free() == house.free_in_truth() == CAPACITY - 1

    def test_asking_twice_refunds_once(self, house: House) -> None:
        """A double click is told that there is nothing left."""
        order = house.buy(general(house.sale, 2))
        first, second = house.refund(order.id), house.refund(order.id)
        assert isinstance(first, Refund)
        assert isinstance(second, Rejection)
        house.drain()
        assert house.given_back(order) == first.amount

    def test_a_pending_refund_completes_by_webhook(self, house: House) -> None:
        """Only the provider's word completes a refund."""
        house.let_refunds_wait()
        order = house.buy(general(house.sale, 1))
        house.refund(order.id)
        house.drain()
        assert house.order(order.id).state is OrderState.CONFIRMED
        with house.uow() as uow:
            provider_id = uow.refunds.of_order(order.id)[0].provider_id
        assert provider_id is not None
        house.let_refund_succeed(provider_id)
        house.receive(*house.refund_notice(provider_id))
        assert house.order(order.id).state is OrderState.REFUNDED

    def test_a_lost_reply_to_a_refund_gives_money_back_once(self, house: House) -> None:
        """The same key is asked again until the answer is known."""
        order = house.buy(general(house.sale, 1))
        house.refund(order.id)
        with house.replies_lost("refund"):
            house.drain()
        house.advance(seconds=60)
        house.drain()
        after = house.order(order.id)
        assert after.state is OrderState.REFUNDED
        assert house.given_back(order) == after.refunded

    def test_foreign_tickets_are_refused(self, house: House) -> None:
        """A ticket of somebody else's order cannot be refunded through mine."""
        mine, other = house.buy(general(house.sale, 1)), house.buy(general(house.sale, 1))
        answer = house.refund(mine.id, house.tickets(other.id)[0].id)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.UNKNOWN_TICKET


class TestTheUnknown:
    def test_an_unknown_order_is_not_found(self, house: House) -> None:
        """Settling what does not exist says so."""
        with pytest.raises(NotFound):
            house.settle(OrderId(uuid4()))

    def test_a_hold_of_a_stranger_event_is_not_found(self, house: House) -> None:
        """A hold id of an event that does not exist leads nowhere and costs nothing."""
        with pytest.raises(NotFound):
            house.checkout(HoldId(EventId(uuid4()), uuid4()))
