"""Where parts of the money meet: goodwill and a fraud warning, an order paid twice and its dispute, and their kind.

Each rule holds by itself elsewhere. Here two of them want the same money at the same time.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from application.commands.prepare_batch import Decision
from application.commands.request_refund import RequestRefund, request_refund
from domain.disputes import DisputeState
from domain.errors import Rejection, RejectionCode
from domain.events import Sale
from domain.ledger import Account, balances
from domain.money import CurrencyCode, Money
from domain.orders import Order, OrderState
from domain.payments import Payment, PaymentState
from domain.ports.payments import CheckoutItem, CheckoutRequest, ProviderStatus
from domain.refund_batches import ApprovalRule, BatchOrderState, BatchPurpose, Outcome, Selection, outcome
from domain.refund_policies import STANDARD_POLICY, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund, RefundState
from domain.tickets import TicketState
from tests.fakes.sales import general, general_sale
from tests.unit.application.batches import Batches
from tests.unit.application.house import House
from tests.unit.application.test_refund_approval import sold_under

CAPACITY = 100
OpenHouse = Callable[[Sale], House]


@pytest.fixture
def open_house() -> OpenHouse:
    return lambda sale: House(sale=sale)


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """A house with one general-admission event of 100 places, a month ahead."""
    return open_house(general_sale(capacity=CAPACITY))


def gift(house: House, order: Order, minor: int) -> Refund:
    """Money out of goodwill, arrived."""
    command = RequestRefund(
        order_id=order.id, tickets=None, reason=RefundReason.GOODWILL, actor="grace@example.com",
        amount=Money(minor, order.total.currency),
    )  # fmt: skip
    refund = request_refund(
        command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup
    )  # fmt: skip
    assert isinstance(refund, Refund), refund
    house.drain()
    return refund


def page_of_nobody(house: House, order: Order) -> str:
    """The provider opened a page for this order, and its answer was never heard. Answers the page's name."""
    item = CheckoutItem(name="Ticket", description="", unit=order.total, quantity=1)
    request = CheckoutRequest(
        key=f"{uuid4()}-1", order_id=order.id, order_number=order.number, items=(item,), email=order.buyer.email,
        success_url="https://shop.invalid/", cancel_url="https://shop.invalid/",
        expires_at=house.clock.now() + timedelta(hours=1),
    )  # fmt: skip
    gateway, _ = house.providers
    return gateway.open_checkout(request=request).session_id


def attempts(house: House, order: Order) -> tuple[Payment, ...]:
    with house.uow() as uow:
        return uow.payments.of_order(order.id)


def paid_twice(house: House, order: Order) -> Payment:
    """Somebody pays again on such a page, and the money is taken by hand. Answers the attempt that buys nothing."""
    session_id = page_of_nobody(house, order)
    house.pay_page(session_id)
    gateway, _ = house.providers
    intent_id = gateway.look_up(session_id=session_id).intent_id
    assert intent_id is not None
    gateway.capture(intent_id=intent_id, amount=order.total, key="by hand")
    house.receive(*house.payment_notice(session_id))
    return attempts(house, order)[-1]


def owed(house: House, order: Order) -> int:
    """What the ledger says of money that a failed refund has left here."""
    with house.uow() as uow:
        return balances(uow.ledger.of_order(order.id)).get(Account.REFUNDS_OWED, 0)


def disputed(house: House, order: Order, **facts: object) -> str:
    """A chargeback that we have heard of, with the bank's ``facts``. Answers the provider's name of it."""
    dispute_id = house.dispute(order)
    bank_says(house, dispute_id, **facts)
    house.receive(*house.dispute_notice(dispute_id))
    return dispute_id


def bank_says(house: House, dispute_id: str, **facts: object) -> None:
    disputes = house.gateway._disputes  # The bank's side of it.
    disputes[dispute_id] = replace(disputes[dispute_id], **facts)  # type: ignore[arg-type]  # any of them


def postings(house: House, order: Order, account: Account) -> list[Money]:
    with house.uow() as uow:
        told = [posting for journal in uow.ledger.of_order(order.id) for posting in journal.postings]
    return [posting.amount for posting in told if posting.account is account]


def dispute_fees(house: House, order: Order) -> list[Money]:
    """What the ledger has of them, as it was told."""
    return postings(house, order, Account.DISPUTE_FEES)


def owed_by_provider(house: House, order: Order, currency: CurrencyCode) -> int:
    amounts = postings(house, order, Account.PROVIDER)
    return sum(each.amount for each in amounts if each.currency == currency)


def refused(answer: object) -> RejectionCode:
    assert isinstance(answer, Rejection), answer
    return answer.code


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


class TestDisputesInOtherCurrencies:
    @pytest.mark.parametrize("won", [True, False])
    def test_a_fee_in_another_currency_freezes_all_the_same(self, house: House, won: bool) -> None:
        """The provider charges its fee in the currency that it settles in: booked as such, and nothing is held up."""
        order = house.buy(general(house.sale, 2))
        dispute_id = house.dispute(order)
        bank_says(house, dispute_id, fee=Money(1_500, CurrencyCode("EUR")))
        house.receive(*house.dispute_notice(dispute_id))
        assert house.order(order.id).frozen_because is not None
        house.decide_dispute(dispute_id, won=won)
        house.receive(*house.dispute_notice(dispute_id))
        house.drain()
        assert house.order(order.id).state is (OrderState.CONFIRMED if won else OrderState.CHARGED_BACK)


class TestFeesToldLate:
    @pytest.mark.parametrize("currency", ["USD", "EUR"])
    def test_a_fee_first_told_after_the_dispute_was_lost_is_booked_once(self, house: House, currency: str) -> None:
        """However often the provider tells it then, and whatever it settles in."""
        order = house.buy(general(house.sale, 2))
        fee = Money(1_500, CurrencyCode(currency))
        dispute_id = disputed(house, order, fee=None)
        house.decide_dispute(dispute_id, won=False)
        house.receive(*house.dispute_notice(dispute_id))
        assert dispute_fees(house, order) == []

        for _ in range(2):
            bank_says(house, dispute_id, fee=fee)
            house.receive(*house.dispute_notice(dispute_id))

        assert house.dispute_of(order).facts.fee == fee
        assert dispute_fees(house, order) == [fee]
        assert owed_by_provider(house, order, fee.currency) == -fee.amount

    def test_a_fee_that_was_told_in_time_is_not_told_again(self, house: House) -> None:
        """Nor one that is said to be another after the end: what is booked stays."""
        order = house.buy(general(house.sale, 2))
        dispute_id = disputed(house, order, fee=Money(1_500, order.total.currency))
        house.decide_dispute(dispute_id, won=False)
        house.receive(*house.dispute_notice(dispute_id))
        bank_says(house, dispute_id, fee=Money(2_000, order.total.currency))
        house.receive(*house.dispute_notice(dispute_id))

        assert dispute_fees(house, order) == [Money(1_500, order.total.currency)]

    def test_a_fee_that_comes_back_after_the_dispute_was_won_is_booked_once(self, house: House) -> None:
        """The money was told to be back before the fee was: in the end nothing is missing."""
        order = house.buy(general(house.sale, 2))
        fee = Money(1_500, order.total.currency)
        dispute_id = disputed(house, order, fee=fee)
        house.decide_dispute(dispute_id, won=True)
        house.receive(*house.dispute_notice(dispute_id))
        for _ in range(2):
            bank_says(house, dispute_id, fee_returned=fee)
            house.receive(*house.dispute_notice(dispute_id))

        assert dispute_fees(house, order) == [fee, -fee]
        assert owed_by_provider(house, order, fee.currency) == order.total.amount


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


class TestBatchesAndDisputes:
    def test_a_frozen_order_can_be_tried_again_when_it_is_decided(self, house: House) -> None:
        """The dispute came between preview and run: its row fails and says why, and is refunded after it was won."""
        order = house.buy(general(house.sale, 2))
        batches = Batches(house)
        batch = batches.previewed()
        dispute_id = house.dispute(order)
        house.receive(*house.dispute_notice(dispute_id))
        batches.submit(batch.id)
        batches.complete(batch.id)
        row = batches.row(batch, order)
        assert (row.state, batches.refunds(order)) == (BatchOrderState.FAILED, ())
        assert row.why is not None
        assert "disputes" in row.why

        house.decide_dispute(dispute_id, won=True)
        house.receive(*house.dispute_notice(dispute_id))
        assert batches.retry(batch.id, order.id) == 1
        batches.complete(batch.id)
        assert house.order(order.id).state is OrderState.REFUNDED
        assert house.given_back(order) == order.total

    @pytest.mark.parametrize("decided", [True, False])
    def test_what_was_frozen_when_it_was_counted_waits_for_its_turn(self, house: House, decided: bool) -> None:
        """It is part of what is approved, and listed as frozen; free again it is refunded, else it may be retried."""
        order, other = house.buy(general(house.sale, 2)), house.buy(general(house.sale, 1))
        dispute_id = house.dispute(order)
        house.receive(*house.dispute_notice(dispute_id))
        batches = Batches(house)
        batch = batches.previewed()
        row = batches.row(batch, order)
        assert (outcome(row, None), row.expected) == (Outcome.FROZEN, order.total)
        with house.uow() as uow:
            assert uow.refund_batches.approvable(batch.id).amounts == (order.total + other.total,)

        if decided:
            house.decide_dispute(dispute_id, won=True)
            house.receive(*house.dispute_notice(dispute_id))
        batches.submit(batch.id)
        batches.complete(batch.id)

        assert house.order(other.id).state is OrderState.REFUNDED
        if decided:
            assert house.given_back(order) == order.total
            return
        row = batches.row(batch, order)
        assert (row.state, batches.refunds(order)) == (BatchOrderState.FAILED, ())
        assert "Try it again" in str(row.why)
        house.decide_dispute(dispute_id, won=True)
        house.receive(*house.dispute_notice(dispute_id))
        batches.retry(batch.id, order.id)
        batches.complete(batch.id)
        assert house.given_back(order) == order.total

    def test_what_was_frozen_and_lost_is_skipped(self, house: House) -> None:
        """The bank has given this buyer the money: there is nothing left to give."""
        order = house.buy(general(house.sale, 2))
        dispute_id = house.dispute(order)
        house.receive(*house.dispute_notice(dispute_id))
        batches = Batches(house)
        batch = batches.running()
        house.decide_dispute(dispute_id, won=False)
        house.receive(*house.dispute_notice(dispute_id))

        batches.complete(batch.id)

        assert batches.row(batch, order).state is BatchOrderState.SKIPPED
        assert batches.refunds(order) == ()

    def test_whoever_comes_first_the_money_goes_back_once(self, house: House) -> None:
        """The batch asked for the refund, and the bank took the money before it was sent: lost, nothing is owed."""
        order = house.buy(general(house.sale, 2))
        batches = Batches(house)
        batch = batches.running()
        batches.run()
        dispute_id = house.dispute(order)
        house.receive(*house.dispute_notice(dispute_id))
        batches.complete(batch.id)
        house.decide_dispute(dispute_id, won=False)
        house.receive(*house.dispute_notice(dispute_id))
        house.drain()
        batches.retry(batch.id, order.id)
        batches.complete(batch.id)

        assert house.given_back(order).amount == 0
        assert house.dispute_of(order).facts.amount == order.total
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VOID}
