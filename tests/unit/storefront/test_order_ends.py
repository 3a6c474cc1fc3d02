"""What the page of an order says at each of its ends: what happened, where the money is, what comes next."""

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.orders import Order, OrderState, StockState
from domain.payments import Payment, PaymentState
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundBatchId
from domain.tickets import TicketState
from domain.tiers import UnitPrice
from entrypoints.http.storefront.presenters.order_ends import Telling, ending
from entrypoints.http.storefront.presenters.order_page import Stage, stage, telling, ticket_card
from tests.contract.stores import Wish, event_of, order_of, payment_of, refund_of, tickets_of, venue_of
from tests.fakes.sales import general_sale, usd

SALE = general_sale()
ORDER = order_of(SALE, Wish(tier="general", quantity=2))


def ended(state: OrderState, because: str | None = None) -> Order:
    return replace(ORDER, state=state, stock=StockState.RELEASED, ended_because=because)


def paid_in(state: PaymentState) -> Payment:
    return payment_of(ORDER, state=state)


@pytest.mark.parametrize(
    ("order", "payment", "words"),
    [
        (ended(OrderState.EXPIRED), paid_in(PaymentState.EXPIRED), "not paid in time. No money was taken. Its places"),
        (ended(OrderState.EXPIRED), paid_in(PaymentState.LOST), "Should a payment arrive all the same, it goes back"),
        (ended(OrderState.EXPIRED), paid_in(PaymentState.VOIDED), "shows an amount as reserved, it lets it go"),
        (ended(OrderState.PAYMENT_FAILED, "the capture was refused: 5x"), paid_in(PaymentState.VOIDED), "Your bank"),
        (
            ended(OrderState.CANCELLED, "the order is paid already"),
            paid_in(PaymentState.VOID_REQUESTED),
            "The order is",
        ),
    ],
)
def test_every_end_says_where_the_money_is(order: Order, payment: Payment, words: str) -> None:
    """In plain words; the bank's own are for support."""
    text = ending(order, payment, cancelled=False).text
    assert words in text
    assert "5x" not in text
    assert "wrong" not in text


def test_money_that_was_taken_is_named_and_on_its_way() -> None:
    """What was taken, which may be less than the order costs."""
    payment = replace(paid_in(PaymentState.CAPTURED), taken=usd(1_250), in_vain=True)
    text = ending(ended(OrderState.CANCELLED, "another amount was taken"), payment, cancelled=False).text
    assert "$12.50 that were taken go back to your card by themselves" in text


def test_places_of_a_cancelled_event_are_not_on_sale() -> None:
    """The page says nothing that is not true."""
    order = ended(OrderState.CANCELLED, "the event was cancelled")
    assert "on sale" not in ending(order, paid_in(PaymentState.EXPIRED), cancelled=True).text


@pytest.mark.parametrize(
    ("cancelled", "title"), [(False, "You gave your tickets back."), (True, "Your tickets are no longer valid.")]
)
def test_free_tickets_that_are_over_say_why(cancelled: bool, title: str) -> None:
    """A buyer whose event is cancelled gave nothing back; either way no money is spoken of that never was."""
    free = tuple(replace(line, unit=UnitPrice.plain(usd(0), usd(0))) for line in ORDER.lines)
    telling = ending(replace(ended(OrderState.REFUNDED), lines=free), None, cancelled=cancelled)
    assert telling.title == title
    assert "Nothing was paid" in telling.text
    assert "card" not in telling.text


@pytest.mark.parametrize(
    ("stock", "payment", "expected"),
    [
        (StockState.CLAIMED, PaymentState.OPEN, Stage.TO_PAY),
        (StockState.CLAIMED, PaymentState.EXPIRED, Stage.TO_PAY),
        (StockState.CLAIMED, PaymentState.LOST, Stage.TO_PAY),
        (StockState.RELEASING, PaymentState.OPEN, Stage.RELEASING),
        (StockState.RELEASED, PaymentState.OPEN, Stage.LATE),
        (StockState.ALLOCATED, PaymentState.CAPTURE_REQUESTED, Stage.SETTLING),
    ],
)
def test_a_waiting_order_says_what_it_waits_for(stock: StockState, payment: PaymentState, expected: Stage) -> None:
    """A page that expired is not a payment that arrived."""
    assert stage(replace(ORDER, stock=stock), paid_in(payment)) is expected


def test_a_void_ticket_says_what_made_it_void() -> None:
    """Given back, it was refunded; after a lost dispute nobody refunded it, and nobody says so."""
    (ticket, *_) = tickets_of(ORDER)
    voided = replace(ticket, state=TicketState.VOID)
    refund = refund_of(paid_in(PaymentState.CAPTURED), voided.price.total, voided)

    assert ticket_card(ticket, (), frozen=False).state == "Valid"
    assert ticket_card(voided, (refund,), frozen=False).state == "Refunded"
    assert ticket_card(voided, (), frozen=False).state == "No longer valid"


def said(order: Order, *refunds: Refund) -> Telling:
    """The headline of an order that was paid, after these refunds."""
    paid = paid_in(PaymentState.CAPTURED)
    return telling(order, paid, refunds, event=event_of(SALE), venue=venue_of(SALE))


def test_what_was_exchanged_is_not_said_to_be_refunded() -> None:
    """Ticket by ticket, in the headline's sentence, and where nothing else is left of the order."""
    paid = paid_in(PaymentState.CAPTURED)
    moved, returned = (replace(ticket, state=TicketState.VOID) for ticket in tickets_of(ORDER))
    exchange = refund_of(paid, moved.price.total, moved, reason=RefundReason.EXCHANGE)
    refund = refund_of(paid, returned.price.total, returned)
    partly = replace(ORDER, state=OrderState.PARTIALLY_REFUNDED)
    wholly = replace(ORDER, state=OrderState.REFUNDED)

    assert ticket_card(moved, (exchange, refund), frozen=False).state == "Exchanged"
    assert ticket_card(returned, (exchange, refund), frozen=False).state == "Refunded"
    assert "tickets were exchanged; the others" in said(partly, exchange).text
    assert "tickets were exchanged or refunded; the others" in said(partly, exchange, refund).text
    assert "tickets were refunded; the others" in said(partly, refund).text
    assert said(wholly, exchange).title == "These tickets were exchanged."
    assert said(wholly, exchange, refund).title == "This order was refunded."


def test_whoever_gave_nothing_back_is_not_said_to_have() -> None:
    """A batch ended the free tickets of an event that does not take place, whether it was cancelled here or not."""
    free = tuple(replace(line, unit=UnitPrice.plain(usd(0), usd(0))) for line in ORDER.lines)
    over = replace(ORDER, state=OrderState.REFUNDED, lines=free)
    refund = refund_of(paid_in(PaymentState.CAPTURED), usd(0), *tickets_of(over))

    assert said(over, refund).title == "You gave your tickets back."
    assert said(over, replace(refund, batch_id=RefundBatchId(uuid4()))).title == "Your tickets are no longer valid."
