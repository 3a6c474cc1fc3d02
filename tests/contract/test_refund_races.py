"""Refunds on a real Postgres, many at once: one is made, and everybody else is told clearly why not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.postgres.books import PostgresBooks
from application.commands.decide_refund import DecideRefund, decide_refund
from application.commands.order_links import use_order_link
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.start_checkout import CheckoutStarted
from domain.errors import Rejection, RejectionCode
from domain.fees import FeeRule
from domain.holds import ActiveHold
from domain.order_links import LinkChannel, OrderLink, OrderLinkId
from domain.orders import Order, OrderState
from domain.refund_policies import STANDARD_POLICY, RefundPolicy, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.tickets import TicketState
from tests.contract.at_once import together
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.fakes.sales import general, general_sale, usd

THREADS = 8


@pytest.fixture
def house(database_url: str, redis_url: str) -> Iterator[ServerHouse]:
    """Its second tier is free of charge."""
    with servers_at(database_url=database_url, redis_url=redis_url) as servers:
        sale = general_sale()
        paid, free = sale.tiers
        yield ServerHouse(
            servers=servers, sale=replace(sale, tiers=(paid, replace(free, face=usd(0), fee=FeeRule())))
        )  # fmt: skip


def sold(house: ServerHouse, policy: RefundPolicy = STANDARD_POLICY) -> Order:
    """Two tickets, bought under this policy."""
    with house.uow() as uow:
        uow.events.get(house.event_id, lock=True)
        uow.events.replace_policy(house.event_id, policy)
        uow.commit()
    return house.buy(general(house.sale, 2))


def kinds(answers: list[object]) -> Counter[object]:
    return Counter(answer.code if isinstance(answer, Rejection) else type(answer) for answer in answers)


def test_many_clicks_are_one_refund(house: ServerHouse) -> None:
    """A double click, two windows, an impatient program: the first is done, the others hear that it is."""
    order = sold(house)
    first, _ = house.tickets(order.id)
    answers = together(*[lambda: house.refund(order.id, first.id)] * THREADS)
    assert kinds(answers) == {Refund: 1, RejectionCode.ALREADY_REFUNDED: THREADS - 1}
    house.drain()
    assert house.given_back(order) == house.order(order.id).refunded


def test_one_request_waits_and_one_decision_is_made(house: ServerHouse) -> None:
    """However many ask and however many decide, yes or no: one request, one end, at most one refund."""
    order = sold(house, replace(STANDARD_POLICY, approval_minor_over=0))
    asked = together(*[lambda: house.refund(order.id)] * THREADS)
    assert kinds(asked) == {RefundRequest: 1, RejectionCode.AWAITING_APPROVAL: THREADS - 1}
    (request,) = (each for each in asked if isinstance(each, RefundRequest))

    def decide(number: int) -> object:
        command = DecideRefund(
            request_id=request.id, approve=number % 2 == 0, actor=f"staff{number}@example.com", note="Decided."
        )
        return decide_refund(command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup)

    decided = together(*[lambda number=number: decide(number) for number in range(THREADS)])
    assert kinds(decided) == {RefundRequest: 1, RejectionCode.WRONG_STATE: THREADS - 1}
    house.drain()
    with house.uow() as uow:
        refunds, kept = uow.refunds.of_order(order.id), uow.refund_requests.get(request.id)
    assert [refund.id for refund in refunds] == ([kept.refund_id] if kept.refund_id else [])


def test_a_ticket_is_used_or_refunded_and_never_both(house: ServerHouse) -> None:
    """The door and the buyer at the same moment: whoever comes second is refused."""
    order = sold(house)
    first, _ = house.tickets(order.id)

    def enter() -> object:
        with house.uow() as uow:
            uow.orders.get(order.id, lock=True)
            used = uow.tickets.get(first.id, lock=True).check_in(now=house.clock.now())
            if isinstance(used, Rejection):
                return used
            uow.tickets.save(used)
            uow.commit()
        return used

    answers = together(enter, lambda: house.refund(order.id, first.id))
    after = house.tickets(order.id)[0].state
    refunded = any(isinstance(answer, Refund) for answer in answers)
    assert sum(isinstance(answer, Rejection) for answer in answers) == 1
    assert after is (TicketState.VOID if refunded else TicketState.CHECKED_IN)


def test_money_and_tickets_together_give_back_no_more_than_was_paid(house: ServerHouse) -> None:
    """Each ticket by itself, all of them and once more: the sum is what the policy gives for two."""
    order = sold(house)
    first, second = house.tickets(order.id)
    together(
        lambda: house.refund(order.id, first.id),
        lambda: house.refund(order.id, second.id),
        lambda: house.refund(order.id),
        lambda: house.refund(order.id, second.id, first.id),
    )
    house.drain()
    after = house.order(order.id)
    with house.uow() as uow:
        covered = Counter(ticket for refund in uow.refunds.of_order(order.id) for ticket in refund.tickets)
    assert covered == {first.id: 1, second.id: 1}
    assert after.state is OrderState.REFUNDED
    assert house.given_back(order) == after.refunded <= order.total


def test_the_books_agree_with_free_tickets_and_goodwill(house: ServerHouse) -> None:
    """What the audit of a live system compares holds for refunds without a payment, and without a ticket."""
    paid = sold(house)
    gift = RequestRefund(
        order_id=paid.id, tickets=None, reason=RefundReason.GOODWILL, actor="grace@example.com", amount=usd(1_000)
    )
    given = request_refund(gift, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup)
    assert isinstance(given, Refund)
    hold = house.hold(general(house.sale, 2, "vip"))
    assert isinstance(hold, ActiveHold), hold
    started = house.checkout(hold.id)
    assert isinstance(started, CheckoutStarted), started
    house.drain()
    assert isinstance(house.refund(started.order.id, house.tickets(started.order.id)[0].id), Refund)
    house.drain()
    assert house.order(started.order.id).state is OrderState.PARTIALLY_REFUNDED
    assert [found for found in PostgresBooks(house.servers.engine).check() if found.differences] == []


def test_a_link_opens_its_order_for_one(house: ServerHouse) -> None:
    """Pressed in many windows at once."""
    order = sold(house)
    link = OrderLink.fresh(OrderLinkId(house.ids.uuid()), order.id, LinkChannel.EMAIL, now=house.clock.now())
    with house.uow() as uow:
        uow.order_links.add(link)
        uow.commit()
    opened = together(
        *[lambda: use_order_link(link.id, unit_of_work=house.uow, clock=house.clock, ids=house.ids)] * THREADS
    )
    assert Counter(opened) == {order.id: 1, None: THREADS - 1}
