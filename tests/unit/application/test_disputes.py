"""Stories after a sale: a bank disputes it, a bank warns of it, a refund fails. Told in memory here.

``tests/contract/test_disputes.py`` tells them again on Postgres and Valkey, and over Stripe's wire.
"""

from datetime import timedelta
from itertools import permutations

from application.commands.send_refund import PENDING_CHECK_SECONDS, check_refunds
from application.commands.send_sms import receive_delivery_report
from domain.disputes import CHECK_SECONDS, AnswerKind, Dispute, DisputeKind, DisputeState
from domain.errors import Rejection, RejectionCode
from domain.evidence import moment
from domain.fraud_warnings import WarningRule, WarningState
from domain.ledger import Account, balances
from domain.orders import Order, OrderState
from domain.ports.messages import MessageState
from domain.refunds import Refund, RefundState
from domain.tickets import Ticket, TicketState
from tests.fakes.sales import general, general_sale
from tests.unit.application.house import CAPACITY, House


def states(house: House, order: Order) -> list[TicketState]:
    return [ticket.state for ticket in house.tickets(order.id)]


def told(house: House, dispute_id: str) -> None:
    """A webhook about it arrives, and whatever follows is brought about."""
    house.receive(*house.dispute_notice(dispute_id))
    house.drain()


def bought(house: House, quantity: int = 2) -> Order:
    return house.buy(general(house.sale, quantity))


def waved_through(house: House) -> Order:
    """Two tickets for somebody who buys so often that a person looks, and says yes."""
    order = bought(house)
    if order.state is OrderState.IN_REVIEW:
        house.review(order.id, approve=True)
        house.drain()
    return house.order(order.id)


class TestDisputes:
    def test_a_chargeback_freezes_tickets_and_refunds_until_it_is_won(self, house: House) -> None:
        """While the bank has the money nobody is let in and nothing is given back; afterwards all is as before."""
        order = bought(house)
        ticket = house.tickets(order.id)[0]
        dispute_id = house.dispute(order)
        told(house, dispute_id)

        assert house.order(order.id).frozen_because is not None
        door, desk = house.let_in(ticket.id), house.refund(order.id)
        assert isinstance(door, Rejection)
        assert door.code is RejectionCode.FROZEN
        assert isinstance(desk, Rejection)
        assert desk.code is RejectionCode.FROZEN
        assert states(house, order) == [TicketState.VALID] * 2

        house.decide_dispute(dispute_id, won=True)
        told(house, dispute_id)

        assert house.order(order.id).frozen_because is None
        assert house.dispute_of(order).state is DisputeState.WON
        assert isinstance(house.let_in(ticket.id), Ticket)

    def test_losing_ends_the_order_and_returns_what_nobody_used(self, house: House) -> None:
        """Charged back: the unused ticket is void and its place on sale again, the used one stays used."""
        order = bought(house)
        used = house.let_in(house.tickets(order.id)[0].id)
        assert isinstance(used, Ticket)
        dispute_id = house.dispute(order)
        told(house, dispute_id)
        house.decide_dispute(dispute_id, won=False)
        told(house, dispute_id)

        assert house.order(order.id).state is OrderState.CHARGED_BACK
        assert house.order(order.id).frozen_because is None
        assert sorted(states(house, order)) == [TicketState.CHECKED_IN, TicketState.VOID]
        assert house.free() == house.free_in_truth() == CAPACITY - 1
        refused = house.refund(order.id)
        assert isinstance(refused, Rejection)
        assert refused.code is RejectionCode.NOT_REFUNDABLE

    def test_an_order_that_gave_something_back_is_charged_back_as_well(self, house: House) -> None:
        """The bank takes what was left; together it is what was paid and no more."""
        order = bought(house)
        first, _ = house.tickets(order.id)
        assert isinstance(house.refund(order.id, first.id), Refund)
        house.drain()
        dispute_id = house.dispute(order)
        told(house, dispute_id)
        house.decide_dispute(dispute_id, won=False)
        told(house, dispute_id)

        ended = house.order(order.id)
        assert ended.state is OrderState.CHARGED_BACK
        assert ended.refunded + house.dispute_of(order).facts.amount == ended.total
        assert states(house, order) == [TicketState.VOID] * 2

    def test_an_inquiry_freezes_nothing(self, house: House) -> None:
        """No money has moved: the ticket is good, and giving the money back is a fine answer."""
        order = bought(house)
        dispute_id = house.dispute(order, inquiry=True)
        told(house, dispute_id)

        dispute = house.dispute_of(order)
        assert (dispute.facts.kind, dispute.freezes) == (DisputeKind.INQUIRY, False)
        assert dispute.facts.refundable
        assert house.order(order.id).frozen_because is None
        assert isinstance(house.refund(order.id), Refund)
        house.drain()
        assert house.order(order.id).state is OrderState.REFUNDED

    def test_evidence_is_collected_at_the_opening_and_sent_once(self, house: House) -> None:
        """The bank gets the statement and the facts; nobody can answer twice."""
        order = bought(house)
        assert isinstance(house.let_in(house.tickets(order.id)[0].id), Ticket)
        dispute_id = house.dispute(order)
        told(house, dispute_id)
        text = house.dispute_of(order).evidence.text("")
        for fact in (order.number, "ada@example.com", "+447700900123", "used at the door", "ending in 4242"):
            assert fact in text

        answered = house.answer_dispute(order, AnswerKind.EVIDENCE, "She came to the concert.")
        assert isinstance(answered, Dispute), answered
        again = house.answer_dispute(order, AnswerKind.ACCEPTED)
        assert isinstance(again, Rejection)
        house.drain()

        dispute = house.dispute_of(order)
        assert (dispute.state, dispute.facts.submissions) == (DisputeState.UNDER_REVIEW, 1)
        assert dispute.statement == "She came to the concert."
        assert house.order(order.id).frozen_because is not None

    def test_giving_in_loses_at_once(self, house: House) -> None:
        """Accepted: the order is charged back without any webhook."""
        order = bought(house)
        told(house, house.dispute(order))
        assert isinstance(house.answer_dispute(order, AnswerKind.ACCEPTED), Dispute)
        house.drain()
        assert house.order(order.id).state is OrderState.CHARGED_BACK

    def test_a_lost_reply_to_an_answer_is_asked_for_again(self, house: House) -> None:
        """The dispute was closed and nobody heard: the second try finds it so."""
        order = bought(house)
        told(house, house.dispute(order))
        assert isinstance(house.answer_dispute(order, AnswerKind.ACCEPTED), Dispute)
        with house.replies_lost("accept_dispute"):
            house.drain()
        house.advance(seconds=3_600)
        house.drain()
        assert house.order(order.id).state is OrderState.CHARGED_BACK

    def test_without_webhooks_the_end_is_the_same(self, house: House) -> None:
        """The provider's own log tells what no webhook brought, and is read again without harm."""
        order = bought(house)
        dispute_id = house.dispute(order)
        house.catch_up()
        assert house.order(order.id).frozen_because is not None
        house.decide_dispute(dispute_id, won=False)
        house.catch_up()
        house.catch_up()
        house.drain()
        assert house.order(order.id).state is OrderState.CHARGED_BACK

    def test_a_dispute_may_be_heard_of_before_its_payment(self, house: House) -> None:
        """The reply to the capture was lost: first the sale is confirmed, then it is charged back."""
        order = house.place_order(general(house.sale, 2))
        house.pay(order)
        house.settle(order.id)
        with house.replies_lost("capture"):
            house.drain()
        assert house.order(order.id).state is OrderState.AWAITING_PAYMENT
        dispute_id = house.dispute(order)
        house.decide_dispute(dispute_id, won=False)
        told(house, dispute_id)
        assert house.order(order.id).state is OrderState.CHARGED_BACK
        assert states(house, order) == [TicketState.VOID] * 2

    def test_open_disputes_are_asked_about(self, house: House) -> None:
        """Every hour, until they end."""
        order = bought(house)
        dispute_id = house.dispute(order)
        told(house, dispute_id)
        house.decide_dispute(dispute_id, won=True)
        assert house.check_disputes() == 0
        house.advance(seconds=CHECK_SECONDS)
        assert house.check_disputes() == 1
        assert house.dispute_of(order).state is DisputeState.WON
        house.advance(seconds=CHECK_SECONDS)
        assert house.check_disputes() == 0

    def test_the_card_and_the_device_are_remembered(self, house: House) -> None:
        """Somebody whose bank disputes a payment as fraud is looked at by a person the next time."""
        told(house, house.dispute(bought(house, 1)))
        again = bought(house, 1)
        assert again.state is OrderState.IN_REVIEW


class TestRefundsAndDisputes:
    def test_a_refund_that_the_dispute_overtook_never_gives_twice(self, house: House) -> None:
        """Requested, then disputed before it was sent: it fails. Won: it leaves by itself, once."""
        order = bought(house)
        first, second = house.tickets(order.id)
        assert isinstance(house.refund(order.id, first.id), Refund)
        dispute_id = house.dispute(order)
        told(house, dispute_id)
        (failed,) = house.refunds(order.id)
        assert (failed.state, failed.failure) == (RefundState.FAILED, "charge_disputed")
        early = house.send_anew(failed.id)
        assert isinstance(early, Rejection)
        assert early.code is RejectionCode.FROZEN

        house.decide_dispute(dispute_id, won=True)
        told(house, dispute_id)
        told(house, dispute_id)

        assert [refund.state for refund in house.refunds(order.id)] == [RefundState.FAILED, RefundState.SUCCEEDED]
        assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
        assert house.given_back(order) == failed.amount
        assert house.tickets(order.id)[1].id == second.id
        assert house.tickets(order.id)[1].state is TicketState.VALID

    def test_a_refund_that_the_dispute_overtook_is_not_owed_when_it_is_lost(self, house: House) -> None:
        """The bank gave the buyer everything: nothing is sent anew, and the ledger knows, whatever it heard first."""
        order = bought(house)
        house.refund(order.id, house.tickets(order.id)[0].id)
        dispute_id = house.dispute(order)
        house.decide_dispute(dispute_id, won=False)
        told(house, dispute_id)

        (failed,) = house.refunds(order.id)
        assert failed.state is RefundState.FAILED
        refused = house.send_anew(failed.id)
        assert isinstance(refused, Rejection)
        assert house.given_back(order).amount == 0
        with house.uow() as uow:
            kept = balances(uow.ledger.of_order(order.id))
        assert Account.REFUNDS_OWED not in kept
        assert kept[Account.CHARGEBACKS] == order.total.amount - failed.amount.amount

    def test_a_refund_whose_failure_is_heard_of_after_the_dispute_was_won_leaves_by_itself(self, house: House) -> None:
        """The bank stopped it, the dispute came and went, and only then it is found to have failed."""
        house.let_refunds_wait()
        order = bought(house)
        house.refund(order.id, house.tickets(order.id)[0].id)
        house.drain()
        dispute_id = house.dispute(order)
        house.decide_dispute(dispute_id, won=True)
        told(house, dispute_id)
        assert [refund.state for refund in house.refunds(order.id)] == [RefundState.PENDING]

        house.advance(seconds=PENDING_CHECK_SECONDS + 1)
        for _ in range(2):
            check_refunds(**house.step)
            house.drain()

        stopped, anew = house.refunds(order.id)
        assert (stopped.state, stopped.failure) == (RefundState.FAILED, "charge_for_pending_refund_disputed")
        assert (anew.replaces, anew.state) == (stopped.id, RefundState.PENDING)
        assert anew.provider_id is not None

    def test_webhooks_in_any_order_end_alike(self, house: House) -> None:
        """Payment paid, refund moved, dispute opened, dispute decided: all 24 orders of delivery, each heard twice."""
        ends = set()
        for arrival in permutations(range(4)):
            order = waved_through(house)
            assert isinstance(house.refund(order.id, house.tickets(order.id)[0].id), Refund)
            house.drain()
            (refund,) = house.refunds(order.id)
            assert refund.provider_id is not None
            dispute_id = house.dispute(order)
            opened = house.dispute_notice(dispute_id)
            house.decide_dispute(dispute_id, won=False)
            decided = house.dispute_notice(dispute_id)
            paid, moved = house.payment_notice(house.session(order)), house.refund_notice(refund.provider_id)
            for number in (*arrival, *arrival):
                house.receive(*(paid, moved, opened, decided)[number])
            house.drain()
            ended = house.order(order.id)
            ends.add((ended.state, ended.frozen_because, ended.refunded, tuple(states(house, order))))
        assert len(ends) == 1
        assert next(iter(ends))[0] is OrderState.CHARGED_BACK
        assert house.free() == house.free_in_truth() == CAPACITY


class TestFraudWarnings:
    def test_a_warning_waits_for_a_person(self, house: House) -> None:
        """Unless the house decided otherwise; the sale stands meanwhile."""
        order = bought(house)
        house.receive(*house.warning_notice(house.warn(order)))
        (warning,) = house.warnings(order)
        assert warning.state is WarningState.WAITING
        assert house.order(order.id).state is OrderState.CONFIRMED

    def test_a_dismissed_warning_is_not_held_against_the_buyer(self, house: House) -> None:
        """The next order with that card is not reviewed for it."""
        order = bought(house, 1)
        house.receive(*house.warning_notice(house.warn(order)))
        (warning,) = house.warnings(order)
        house.decide_warning(warning.id, refund=False)
        assert bought(house, 1).state is OrderState.CONFIRMED

    def test_by_rule_everything_goes_back_once(self, house: House) -> None:
        """Told twice, and from the log as well: one refund, void tickets, the places on sale again."""
        house.obey(WarningRule.REFUND)
        order = bought(house)
        warning_id = house.warn(order)
        for _ in range(2):
            house.receive(*house.warning_notice(warning_id))
            house.drain()
        house.catch_up()
        house.drain()

        (refund,) = house.refunds(order.id)
        assert (refund.state, refund.amount) == (RefundState.SUCCEEDED, order.total)
        assert house.order(order.id).state is OrderState.REFUNDED
        assert states(house, order) == [TicketState.VOID] * 2
        assert house.free() == CAPACITY
        assert [warning.state for warning in house.warnings(order)] == [WarningState.REFUNDED]

    def test_a_used_ticket_puts_the_rule_before_a_person(self, house: House) -> None:
        """Somebody came to the concert: giving everything back by itself would be a gift. A person returns the rest."""
        house.obey(WarningRule.REFUND)
        order = bought(house)
        assert isinstance(house.let_in(house.tickets(order.id)[0].id), Ticket)
        house.receive(*house.warning_notice(house.warn(order)))
        (warning,) = house.warnings(order)
        assert warning.state is WarningState.WAITING

        house.decide_warning(warning.id, refund=True)
        house.drain()

        (refund,) = house.refunds(order.id)
        assert len(refund.tickets) == 1
        assert [warning.state for warning in house.warnings(order)] == [WarningState.REFUNDED]
        assert isinstance(house.decide_warning(warning.id, refund=False), Rejection)

    def test_a_dispute_settles_a_warning(self, house: House) -> None:
        """There is nothing left to decide, whichever is heard of first."""
        order = bought(house)
        warning_id = house.warn(order)
        house.receive(*house.warning_notice(warning_id))
        told(house, house.dispute(order))
        house.receive(*house.warning_notice(warning_id))
        assert [warning.state for warning in house.warnings(order)] == [WarningState.SETTLED]


class TestFailedRefunds:
    def failed(self, house: House) -> tuple[Order, Refund]:
        """An order whose whole refund had arrived and came back: the card was closed."""
        order = house.place_order(general(house.sale, 2))
        house.pay_with_card_that_closes(order)
        house.settle(order.id)
        house.drain()
        assert isinstance(house.refund(order.id), Refund)
        house.drain()
        (refund,) = house.refunds(order.id)
        assert refund.provider_id is not None
        house.let_refund_fail(refund.provider_id)
        house.catch_up()
        (refund,) = house.refunds(order.id)
        assert (refund.state, refund.failure) == (RefundState.FAILED, "expired_or_canceled_card")
        assert house.order(order.id).refunded.amount == 0
        return order, refund

    def test_a_failed_refund_is_sent_anew_once(self, house: House) -> None:
        """A second click is refused, the first refund stays failed, and the books are whole again."""
        order, failed = self.failed(house)
        anew = house.send_anew(failed.id)
        assert isinstance(anew, Refund), anew
        assert (anew.replaces, anew.tickets, anew.amount) == (failed.id, failed.tickets, failed.amount)
        again = house.send_anew(failed.id)
        assert isinstance(again, Rejection)
        assert again.code is RejectionCode.ALREADY_REFUNDED
        house.drain()

        assert [refund.state for refund in house.refunds(order.id)] == [RefundState.FAILED, RefundState.SUCCEEDED]
        assert house.order(order.id).refunded == failed.amount

    def test_a_failed_refund_is_settled_by_hand_once(self, house: House) -> None:
        """The provider is not asked; what a person paid counts, and cannot be sent as well."""
        order, failed = self.failed(house)
        by_hand = house.settle_by_hand(failed.id)
        assert isinstance(by_hand, Refund), by_hand
        assert by_hand.by_hand is not None
        assert by_hand.by_hand.reference == "transfer 17"
        assert isinstance(house.send_anew(failed.id), Rejection)
        house.drain()
        assert house.order(order.id).refunded == failed.amount
        assert house.order(order.id).state is OrderState.REFUNDED

    def test_only_failed_refunds_are_made_good(self, house: House) -> None:
        """One that arrived is not paid again."""
        order = bought(house)
        house.refund(order.id)
        house.drain()
        (refund,) = house.refunds(order.id)
        for answer in (house.send_anew(refund.id), house.settle_by_hand(refund.id)):
            assert isinstance(answer, Rejection)
            assert answer.code is RejectionCode.WRONG_STATE


def test_an_inquiry_may_become_a_chargeback_and_then_freezes() -> None:
    """The same dispute, answered once as an inquiry, waits for an answer again."""
    house = House(sale=general_sale(capacity=CAPACITY))
    order = bought(house)
    dispute_id = house.dispute(order, inquiry=True)
    told(house, dispute_id)
    assert isinstance(house.answer_dispute(order, AnswerKind.EVIDENCE, "Tickets, as ordered."), Dispute)
    house.drain()
    house.gateway.escalate(dispute_id)
    told(house, dispute_id)
    assert house.dispute_of(order).answerable
    assert house.order(order.id).frozen_because is not None


def test_a_late_answer_never_moves_a_dispute_back() -> None:
    """What was read before the bank decided and is applied afterwards changes nothing."""
    house = House(sale=general_sale(capacity=CAPACITY))
    order = bought(house)
    dispute_id = house.dispute(order)
    told(house, dispute_id)
    before = house.dispute_of(order)
    house.decide_dispute(dispute_id, won=False)
    told(house, dispute_id)
    lost = house.dispute_of(order)
    assert lost.report(before.facts, now=house.clock.now()) == lost


def test_evidence_is_not_sent_after_its_time() -> None:
    """The bank decides without it, and the desk is told so instead of sending into the void."""
    house = House(sale=general_sale(capacity=CAPACITY))
    order = bought(house)
    told(house, house.dispute(order))
    house.advance(seconds=timedelta(days=10).total_seconds())
    refused = house.answer_dispute(order, AnswerKind.EVIDENCE, "Too late.")
    assert isinstance(refused, Rejection)
    assert house.gateway.evidence() == ()


def test_evidence_tells_when_the_message_with_the_tickets_arrived() -> None:
    """When it was sent, and when the carrier reported it, which a later report does not change."""
    house = House(sale=general_sale(capacity=CAPACITY))
    order = bought(house)
    (sent,) = (message for message in house.sms.sent if order.number in message.body)
    house.advance(seconds=7)
    heard_at = house.clock.now()
    for _ in range(2):
        url = "https://shop.invalid/webhooks/twilio/status"
        form, signature = house.sms.report(sent.provider_id, MessageState.DELIVERED, url=url)
        receive_delivery_report(
            url=url, form=form, signature=signature, callbacks=house.sms, unit_of_work=house.uow, clock=house.clock
        )
        house.advance(seconds=60)
    told(house, house.dispute(order))

    activity = house.dispute_of(order).evidence.activity

    assert f"An SMS to +447700900123 was sent (message {sent.provider_id})." in activity[-2]
    assert activity[-1] == (
        f"{moment(heard_at)}: The carrier reported that the SMS to +447700900123 had been delivered "
        f"(message {sent.provider_id})."
    )
