"""Refunds that need a second person, tickets that were free, and quotes that keep their word."""

from dataclasses import replace

from application.commands.decide_refund import DecideRefund, decide_refund
from application.commands.request_refund import RequestRefund, begin_refund, offer_for, request_refund
from domain.audit import BUYER
from domain.errors import Rejection, RejectionCode
from domain.fees import FeeRule
from domain.money import Money
from domain.orders import Order, OrderState
from domain.quotes import Quote
from domain.refund_policies import STANDARD_POLICY, RefundPolicy, RefundReason
from domain.refund_requests import RefundRequest, RequestState
from domain.refunds import Refund, RefundState
from domain.tickets import TicketId, TicketState
from tests.fakes.sales import FLOOR_CAPACITY, USD, general, general_sale
from tests.unit.application.house import House

GRACE, LIN = "grace@example.com", "lin@example.com"
CAUTIOUS = replace(STANDARD_POLICY, approval_minor_over=0)


def sold_under(house: House, policy: RefundPolicy, count: int = 2) -> Order:
    """An order that was bought after the organiser worded this policy."""
    with house.uow() as uow:
        uow.events.get(house.event_id, lock=True)
        uow.events.replace_policy(house.event_id, policy)
        uow.commit()
    return house.buy(general(house.sale, count))


def ask(house: House, order: Order, *tickets: TicketId, **more: object) -> Refund | RefundRequest | Rejection:
    wanted: dict[str, object] = {"reason": RefundReason.BUYERS_WISH, "actor": BUYER, **more}
    command = RequestRefund(order_id=order.id, tickets=tickets or None, **wanted)  # type: ignore[arg-type]
    return request_refund(command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup)


def waiting(house: House, order: Order, *tickets: TicketId, **more: object) -> RefundRequest:
    answer = ask(house, order, *tickets, **more)
    assert isinstance(answer, RefundRequest), answer
    return answer


def decide(
    house: House, request: RefundRequest, *, approve: bool, by: str, note: str = ""
) -> RefundRequest | Rejection:
    command = DecideRefund(request_id=request.id, approve=approve, actor=by, note=note)
    return decide_refund(command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup)


def refused(answer: object) -> RejectionCode:
    assert isinstance(answer, Rejection), answer
    return answer.code


def stored(house: House, request: RefundRequest) -> RefundRequest:
    with house.uow() as uow:
        return uow.refund_requests.get(request.id)


def refunds_of(house: House, order: Order) -> tuple[Refund, ...]:
    with house.uow() as uow:
        return uow.refunds.of_order(order.id)


class TestWaiting:
    def test_nothing_happens_before_the_yes(self, house: House) -> None:
        """Tickets stay valid, no money moves, and nothing else of the order goes back meanwhile."""
        order = sold_under(house, CAUTIOUS)
        first, second = house.tickets(order.id)
        request = waiting(house, order, first.id)
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VALID}
        assert refunds_of(house, order) == ()
        assert refused(ask(house, order, second.id)) is RejectionCode.AWAITING_APPROVAL
        assert request.state is RequestState.WAITING

    def test_a_yes_does_what_was_asked_for_when_it_was_asked(self, house: House) -> None:
        """A window that ended while the request waited does not cost the buyer anything."""
        order = sold_under(house, CAUTIOUS)
        request = waiting(house, order)
        house.advance(seconds=60 * 24 * 3_600)
        decided = decide(house, request, approve=True, by=GRACE)
        assert isinstance(decided, RefundRequest)
        (refund,) = refunds_of(house, order)
        assert (decided.state, decided.refund_id, decided.decided_by) == (RequestState.APPROVED, refund.id, GRACE)
        assert refund.amount == request.amount
        house.drain()
        assert house.given_back(order) == request.amount
        assert house.order(order.id).state is OrderState.REFUNDED

    def test_a_no_says_why_and_leaves_everything_as_it_was(self, house: House) -> None:
        """The buyer reads the note, keeps the tickets, and may ask again."""
        order = sold_under(house, CAUTIOUS)
        request = waiting(house, order)
        assert refused(decide(house, request, approve=False, by=GRACE)) is RejectionCode.INVALID_REQUEST
        decided = decide(house, request, approve=False, by=GRACE, note="Two weeks were agreed.")
        assert isinstance(decided, RefundRequest)
        assert (decided.state, decided.note) == (RequestState.DECLINED, "Two weeks were agreed.")
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VALID}
        assert waiting(house, order).id != request.id

    def test_whoever_asked_does_not_decide(self, house: House) -> None:
        """Two people, whichever role they have; and a decision is made once."""
        order = sold_under(house, CAUTIOUS)
        request = waiting(house, order, reason=RefundReason.GOODWILL, actor=GRACE)
        assert refused(decide(house, request, approve=True, by=GRACE)) is RejectionCode.NEEDS_SECOND_PERSON
        assert refused(decide(house, request, approve=False, by=GRACE, note="no")) is RejectionCode.NEEDS_SECOND_PERSON
        assert stored(house, request).state is RequestState.WAITING
        assert isinstance(decide(house, request, approve=True, by=LIN), RefundRequest)
        assert refused(decide(house, request, approve=True, by=LIN)) is RejectionCode.WRONG_STATE
        assert len(refunds_of(house, order)) == 1

    def test_a_ticket_that_was_used_meanwhile_is_not_paid_back(self, house: House) -> None:
        """Whoever went in has withdrawn the request, and whoever decides is told."""
        order = sold_under(house, CAUTIOUS)
        first, _ = house.tickets(order.id)
        request = waiting(house, order, first.id)
        used = first.check_in(now=house.clock.now())
        assert not isinstance(used, Rejection)
        with house.uow() as uow:
            uow.tickets.save(used)
            uow.commit()
        assert refused(decide(house, request, approve=True, by=GRACE)) is RejectionCode.NOT_REFUNDABLE
        assert stored(house, request).state is RequestState.LAPSED
        assert refunds_of(house, order) == ()

    def test_a_cancelled_event_does_not_wait_for_anybody(self, house: House) -> None:
        """What is owed goes back at once, and the request that asked for less has lapsed."""
        order = sold_under(house, CAUTIOUS)
        request = waiting(house, order)
        with house.uow() as uow:
            locked, now = uow.orders.get(order.id, lock=True), house.clock.now()
            tickets = uow.tickets.of_order(order.id, lock=True)
            offer = offer_for(locked, tickets, None, reason=RefundReason.EVENT_CANCELLED, uow=uow, now=now)
            assert isinstance(offer, Quote)
            assert not offer.needs_approval
            begun = begin_refund(
                locked,
                tickets,
                offer,
                reason=RefundReason.EVENT_CANCELLED,
                actor=GRACE,
                uow=uow,
                ids=house.ids,
                now=now,
            )
            uow.commit()
        assert isinstance(begun, Refund)
        assert begun.amount == order.total
        assert stored(house, request).state is RequestState.LAPSED
        assert refused(decide(house, request, approve=True, by=LIN)) is RejectionCode.WRONG_STATE


class TestGoodwill:
    def test_money_alone_leaves_the_tickets_valid(self, house: House) -> None:
        """And what is given back later is so much less."""
        order = sold_under(house, STANDARD_POLICY)
        gift = Money(1_000, USD)
        refund = ask(house, order, reason=RefundReason.GOODWILL, actor=GRACE, amount=gift)
        assert isinstance(refund, Refund)
        assert (refund.amount, refund.tickets) == (gift, ())
        house.drain()
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VALID}
        assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
        rest = ask(house, order, reason=RefundReason.EVENT_CANCELLED, actor=GRACE)
        assert isinstance(rest, Refund)
        assert rest.amount == order.total - gift
        house.drain()
        assert house.order(order.id).state is OrderState.REFUNDED
        assert house.given_back(order) == order.total


class TestTheQuoteThatWasShown:
    def test_another_amount_than_was_shown_is_not_done(self, house: House) -> None:
        """A window that ended between reading and clicking is said, with the new amount."""
        order = sold_under(house, STANDARD_POLICY)
        with house.uow() as uow:
            shown = offer_for(
                order, uow.tickets.of_order(order.id), None, reason=RefundReason.BUYERS_WISH, uow=uow,
                now=house.clock.now(),
            )  # fmt: skip
        assert isinstance(shown, Quote)
        answer = ask(house, order, quote_digest="0" * 24)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.QUOTE_CHANGED
        assert answer.details["total"] == {"amount": shown.total.amount, "currency": USD}
        assert isinstance(ask(house, order, quote_digest=shown.digest), Refund)


class TestFreeTickets:
    def test_their_buyer_gives_them_back_and_no_money_moves(self) -> None:
        """Void at once, their places return to sale, and the order ends when the last one is back."""
        sale = general_sale()
        free = {"face": Money(0, USD), "fee": FeeRule()}
        house = House(replace(sale, tiers=tuple(replace(tier, **free) for tier in sale.tiers)))  # type: ignore[arg-type]
        hold = house.hold(general(house.sale, 2))
        assert not isinstance(hold, Rejection)
        started = house.checkout(hold.id)
        assert not isinstance(started, Rejection)
        house.drain()
        order = house.order(started.order.id)
        assert house.free() == house.free_in_truth() == FLOOR_CAPACITY - 2
        first, second = house.tickets(order.id)

        refund = ask(house, order, first.id)
        assert isinstance(refund, Refund)
        assert (refund.amount.amount, refund.payment_id, refund.state) == (0, None, RefundState.SUCCEEDED)
        assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
        assert refused(ask(house, order, first.id)) is RejectionCode.ALREADY_REFUNDED
        assert isinstance(ask(house, order, second.id), Refund)
        house.drain()

        assert house.order(order.id).state is OrderState.REFUNDED
        assert house.free() == house.free_in_truth() == FLOOR_CAPACITY
        assert house.gateway.calls == []
