"""Exchanges where other things happen to the same orders: batches, disputes, reviews, new rules, codes, more exchanges.

Here the house stands in memory; ``tests/contract/test_exchanges.py`` tells the same stories on Postgres and Valkey.
"""

from dataclasses import replace

import pytest

from application.commands.catalogue_changes import cancel_event
from application.commands.send_refund import PENDING_CHECK_SECONDS, check_refunds
from application.commands.start_checkout import CheckoutStarted
from domain.errors import Rejection, RejectionCode
from domain.events import Event
from domain.holds import ActiveHold
from domain.ledger import Account, balances
from domain.orders import Order, OrderState
from domain.promotions import promotion_pool
from domain.refund_batches import BatchOrderState, RefundBatch, Selection
from domain.refund_policies import STANDARD_POLICY
from domain.refund_requests import RefundRequest
from domain.refunds import Refund, RefundState
from domain.tickets import TicketState
from tests.fakes.sales import FLOOR_CAPACITY, general, general_sale, promotion, usd
from tests.unit.application.batches import Batches
from tests.unit.application.house import OpenHouse
from tests.unit.application.money_meetings import gift
from tests.unit.application.test_exchanges import KEPT, POLICY, TwoNights, with_a_free_tier

VALID, VOID, USED = TicketState.VALID, TicketState.VOID, TicketState.CHECKED_IN
FREELY = replace(POLICY, approval_minor_over=None)
"""Exchanges as in POLICY, and wishes that wait for nobody."""


@pytest.fixture
def nights(open_house: OpenHouse) -> TwoNights:
    return TwoNights(open_house(with_a_free_tier(general_sale())), FREELY)


def call_off(nights: TwoNights, night: Event) -> RefundBatch:
    """The night is cancelled, and its money goes back."""
    house = nights.house
    cancel_event(
        night.id, actor="grace@example.com", unit_of_work=house.uow, clock=house.clock, ids=house.ids,
        wakeup=house.wakeup,
    )  # fmt: skip
    batches = Batches(house)
    return batches.complete(batches.running(Selection(event_ids=(night.id,)), tell_buyers=False).id)


def refusal(answer: object) -> RejectionCode:
    assert isinstance(answer, Rejection), answer
    return answer.code


class TestExchangesAndBatches:
    def test_after_the_batch_there_is_nothing_to_exchange(self, nights: TwoNights) -> None:
        """The old night is called off while the new tickets are being paid: one way back for the money, not two."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        call_off(nights, nights.first)
        captures = house.captures()
        assert nights.paid(new).state is OrderState.CANCELLED
        assert (house.captures(), house.tickets(new.id)) == (captures, ())
        assert house.given_back(old) == old.total
        assert [refund.state for refund in house.refunds(old.id)] == [RefundState.SUCCEEDED]

    def test_after_the_exchange_the_batch_gives_back_the_rest(self, nights: TwoNights) -> None:
        """What was exchanged is over; the ticket that stayed comes back with its fee; the new one admits."""
        house, old = nights.house, nights.buy(2)
        new = nights.paid(nights.placed(old))
        batch = call_off(nights, nights.first)
        assert Batches(house).row(batch, old).state is BatchOrderState.REQUESTED
        assert nights.states(old) == [VOID, VOID]
        assert nights.states(new) == [VALID]
        assert house.given_back(old) == house.order(old.id).refunded == old.total - usd(KEPT)
        assert house.order(old.id).state is OrderState.REFUNDED

    def test_an_order_that_was_exchanged_since_the_preview_is_skipped(self, nights: TwoNights) -> None:
        """The batch had counted on it, and finds no ticket left to give anything for."""
        house, old = nights.house, nights.buy(1)
        batches = Batches(house)
        batch = batches.previewed()
        nights.paid(nights.placed(old))
        batches.submit(batch.id)
        batches.complete(batch.id)
        assert batches.row(batch, old).state is BatchOrderState.SKIPPED
        assert house.given_back(old) == old.total - usd(KEPT)

    def test_a_new_night_that_is_called_off_leaves_the_old_ticket_alone(self, nights: TwoNights) -> None:
        """Before the money is taken nothing happened; afterwards the new order comes back whole."""
        house, old, other = nights.house, nights.buy(1), nights.buy(1)
        moved = nights.paid(nights.placed(other))
        moving = nights.placed(old)
        house.pay(moving)
        house.settle(moving.id)
        call_off(nights, nights.second)
        house.drain()
        assert (house.order(moving.id).state, nights.states(old)) == (OrderState.CANCELLED, [VALID])
        assert house.refunds(old.id) == ()
        assert house.given_back(moved) == moved.total
        assert nights.states(other) == [VOID]


class TestExchangesAndDisputes:
    def test_an_inquiry_stands_in_nobody_s_way(self, nights: TwoNights) -> None:
        """No money has moved. Somebody looks at who had trouble before, and then it is an exchange like any other."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        house.receive(*house.dispute_notice(house.dispute(old, inquiry=True)))
        assert nights.paid(new).state is OrderState.IN_REVIEW
        house.review(new.id, approve=True)
        house.drain()
        assert house.order(new.id).state is OrderState.CONFIRMED
        assert nights.states(old) == [VOID]

    @pytest.mark.parametrize("won", [True, False])
    def test_a_dispute_that_overtakes_the_old_money_leaves_the_new_tickets_alone(
        self, nights: TwoNights, *, won: bool
    ) -> None:
        """They were paid for with other money. Won: what the old ones are worth leaves anew. Lost: the bank gave it."""
        house = nights.house
        house.let_refunds_wait()
        old = nights.buy(1)
        new = nights.paid(nights.placed(old))
        dispute_id = house.dispute(old)
        house.receive(*house.dispute_notice(dispute_id))
        house.decide_dispute(dispute_id, won=won)
        house.receive(*house.dispute_notice(dispute_id))
        house.advance(seconds=PENDING_CHECK_SECONDS + 1)
        check_refunds(**house.step)
        house.drain()
        assert (house.order(new.id).state, nights.states(new)) == (OrderState.CONFIRMED, [VALID])
        stopped, *anew = house.refunds(old.id)
        assert stopped.state is RefundState.FAILED
        assert [refund.amount for refund in anew] == ([stopped.amount] if won else [])
        with house.uow() as uow:
            assert Account.REFUNDS_OWED not in balances(uow.ledger.of_order(old.id))


class TestExchangesAndPeople:
    def test_a_review_that_takes_its_time_buys_nothing_twice(self, nights: TwoNights) -> None:
        """The old ticket was used while somebody looked at the new payment: a yes takes no money any more."""
        house, old = nights.house, nights.buy(1)
        new, captures = nights.placed(old), house.captures()
        house.pay_riskily(new)
        house.settle(new.id)
        assert house.order(new.id).state is OrderState.IN_REVIEW
        house.let_in(house.tickets(old.id)[0].id)
        house.review(new.id, approve=True)
        house.drain()
        assert house.order(new.id).state is OrderState.CANCELLED
        assert (nights.states(old), house.captures()) == ([USED], captures)

    def test_a_refund_that_waits_for_approval_comes_first(self, open_house: OpenHouse) -> None:
        """Asked before: no order is placed. Asked meanwhile: the new order's money is let go."""
        nights = TwoNights(open_house(general_sale()))
        house, asked, moving = nights.house, nights.buy(1), nights.buy(1)
        assert isinstance(house.refund(asked.id), RefundRequest)
        assert refusal(nights.move(asked)) is RejectionCode.AWAITING_APPROVAL
        new = nights.placed(moving)
        assert isinstance(house.refund(moving.id), RefundRequest)
        assert nights.paid(new).state is OrderState.CANCELLED
        assert nights.states(moving) == [VALID]

    def test_fewer_new_tickets_than_old_ones_are_no_exchange(self, nights: TwoNights) -> None:
        """Three seats are not given back for one: what is too many goes the way of refunds, by their rules."""
        old = nights.buy(3)
        hold = nights.reserve(quantity=1)
        answer = nights.check_out(hold.id, old, 3)
        assert refusal(answer) is RejectionCode.NOT_EXCHANGEABLE
        assert isinstance(nights.check_out(hold.id, old, 1), CheckoutStarted)

    def test_more_new_tickets_than_old_ones_are_welcome(self, nights: TwoNights) -> None:
        """A friend comes along."""
        old = nights.buy(1)
        started = nights.check_out(nights.reserve(quantity=2).id, old, 1)
        assert isinstance(started, CheckoutStarted)
        assert nights.paid(started.order).state is OrderState.CONFIRMED
        assert (nights.states(old), nights.states(started.order)) == ([VOID], [VALID, VALID])

    def test_tickets_of_one_order_may_go_different_ways(self, nights: TwoNights) -> None:
        """Two orders exchange one ticket each, side by side, and a third way is the refund: each ticket once."""
        house, old = nights.house, nights.buy(3)
        first, second, third = house.tickets(old.id)
        one = nights.placed(old)
        other = nights.check_out_tickets(nights.reserve().id, old, (second.id,))
        assert isinstance(other, CheckoutStarted), other
        assert isinstance(house.refund(old.id, third.id), Refund)
        for new in (one, other.order):
            assert nights.paid(new).state is OrderState.CONFIRMED
        assert nights.states(old) == [VOID] * 3
        covered = [ticket for refund in house.refunds(old.id) for ticket in refund.tickets]
        assert sorted(covered) == sorted(ticket.id for ticket in (first, second, third))
        assert house.given_back(old) == house.order(old.id).refunded


class TestRulesThatChange:
    def test_an_order_keeps_the_rule_that_it_was_sold_under(self, nights: TwoNights) -> None:
        """The organiser withdraws exchanges: tickets that were sold before are exchanged all the same."""
        house, old = nights.house, nights.buy(1)
        with house.uow() as uow:
            uow.events.get(nights.first.id, lock=True)
            uow.events.replace_policy(nights.first.id, replace(STANDARD_POLICY, version=2))
            uow.commit()
        assert nights.paid(nights.placed(old)).state is OrderState.CONFIRMED
        later = nights.buy(1)
        assert refusal(nights.move(later)) is RejectionCode.NOT_EXCHANGEABLE

    def test_a_gift_is_a_part_of_what_comes_back(self, nights: TwoNights) -> None:
        """Money went back out of goodwill while the new tickets were being paid: together it is the price, no more."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        gift(house, old, 1_000)
        assert nights.paid(new).state is OrderState.CONFIRMED
        assert house.given_back(old) == house.order(old.id).refunded == old.total


class TestCodes:
    def test_an_old_ticket_gives_the_use_of_its_code_back(self, open_house: OpenHouse) -> None:
        """It returns to sale as it was sold: with its place goes its use of the code."""
        code = promotion("sesame", uses_max=1)
        house = open_house(replace(general_sale(), promotions=(code,)))
        nights = TwoNights(house, FREELY)
        hold = house.hold(general(house.sale, 1), code="sesame")
        assert isinstance(hold, ActiveHold), hold
        started = house.checkout(hold.id)
        assert isinstance(started, CheckoutStarted)
        old = nights.paid(started.order)
        pool = promotion_pool(code.key)
        assert house.free_in_truth(pool) == 0
        assert nights.paid(nights.placed(old)).state is OrderState.CONFIRMED
        assert house.given_back(old) == old.total - usd(KEPT)
        assert house.free(pool) == house.free_in_truth(pool) == 1


class TestChains:
    def test_there_and_back_again(self, nights: TwoNights) -> None:
        """An exchange of an exchange, which is refunded in the end: each payment gives back its own, once."""
        house, first = nights.house, nights.buy(1)
        second = nights.paid(nights.placed(first))
        third = nights.paid(_back(nights, second))
        assert isinstance(house.refund(third.id), Refund)
        house.drain()
        for order in (first, second):
            assert house.given_back(order) == house.order(order.id).refunded == order.total - usd(KEPT)
            assert house.order(order.id).state is OrderState.REFUNDED
        assert house.given_back(third) == third.lines[0].unit.admission
        assert [nights.states(order) for order in (first, second, third)] == [[VOID]] * 3
        assert house.free() == house.free_in_truth() == FLOOR_CAPACITY

    def test_what_was_exchanged_is_not_given_back_again(self, nights: TwoNights) -> None:
        """Neither by a refund nor by another exchange; and the new order's refund is not the old one's."""
        house, old = nights.house, nights.buy(1)
        new = nights.paid(nights.placed(old))
        assert refusal(house.refund(old.id)) is RejectionCode.NOT_REFUNDABLE
        assert refusal(nights.move(old)) is RejectionCode.NOT_REFUNDABLE
        assert isinstance(house.refund(new.id), Refund)
        house.drain()
        assert house.given_back(old) == old.total - usd(KEPT)
        assert house.given_back(new) == new.lines[0].unit.admission


def _back(nights: TwoNights, order: Order) -> Order:
    """To the night where it began."""
    started = nights.check_out(nights.reserve(event=nights.first).id, order)
    assert isinstance(started, CheckoutStarted), started
    return started.order
