"""What every store promises about payments, refunds and assessments: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvariantBroken, NotFound
from domain.fraud import Assessment, CardFacts, Reason, RiskLevel, Verdict
from domain.orders import Order, OrderId
from domain.payments import Payment, PaymentId, PaymentState
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refunds import RefundId, RefundState
from tests.contract.stores import (
    NOW,
    STORES,
    Wish,
    bought,
    opened,
    order_of,
    payment_of,
    refund_of,
    store_of,
    tickets_of,
)
from tests.fakes.sales import general_sale, usd

CARD = CardFacts(fingerprint="fp_ada", brand="visa", last4="4242", country="PT", funding="credit")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


@pytest.fixture
def order(store: UnitOfWorkFactory) -> Order:
    """Two tickets of 49.50 each, bought."""
    sale = general_sale()
    opened(store, sale)
    return bought(store, order_of(sale, Wish(tier="general", quantity=2)))


def paid(store: UnitOfWorkFactory, order: Order, **changes: object) -> Payment:
    """A captured payment of the order, stored."""
    payment = payment_of(order, **changes)
    with store() as uow:
        uow.payments.add(payment)
        uow.commit()
    return payment


def test_a_payment_comes_back_as_it_was_stored(store: UnitOfWorkFactory, order: Order) -> None:
    """By id, by session and by intent, with the card; and again after it changed."""
    opening = paid(
        store,
        order,
        state=PaymentState.STARTING,
        session_id=None,
        intent_id=None,
        next_check_at=NOW + timedelta(seconds=5),
    )
    payment = replace(
        opening.opened(session_id="cs_1", checkout_url="https://pay.example/cs_1"),
        intent_id="pi_1",
        risk=RiskLevel.ELEVATED,
        card=CARD,
        failure="card_declined",
        checks=3,
    )
    with store() as uow:
        assert uow.payments.get(opening.id) == opening
        uow.payments.save(payment)
        uow.commit()

    with store() as uow:
        assert uow.payments.get(payment.id) == payment
        assert uow.payments.get(payment.id, lock=True) == payment
        assert uow.payments.of_session("cs_1") == payment
        assert uow.payments.of_intent("pi_1") == payment
        assert uow.payments.of_session("cs_2") is None
        assert uow.payments.of_intent("pi_2") is None
        with pytest.raises(NotFound):
            uow.payments.get(PaymentId(uuid4()))
        with pytest.raises(NotFound):
            uow.payments.save(replace(payment, id=PaymentId(uuid4()), session_id=None, intent_id=None))


def test_the_latest_attempt_is_the_one_with_the_highest_number(store: UnitOfWorkFactory, order: Order) -> None:
    """A decline is followed by a new attempt; an attempt's number is used once."""
    first = paid(store, order, state=PaymentState.FAILED)
    second = paid(store, order, attempt=2)

    with store() as uow:
        assert uow.payments.latest(order.id) == second
        assert uow.payments.latest(order.id, lock=True) == second
        assert uow.payments.latest(OrderId(uuid4())) is None
        assert uow.payments.get(first.id) == first
        with pytest.raises(InvariantBroken):
            uow.payments.add(payment_of(order, attempt=2))


@pytest.mark.parametrize("reference", ["session_id", "intent_id"])
def test_what_the_provider_names_is_one_payment(store: UnitOfWorkFactory, order: Order, reference: str) -> None:
    """A session or an intent never belongs to two attempts."""
    first = paid(store, order)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.payments.add(payment_of(order, attempt=2, **{reference: getattr(first, reference)}))


def test_an_ended_payment_stays_as_it_ended(store: UnitOfWorkFactory, order: Order) -> None:
    """Terminal states never revert (I6)."""
    payment = paid(store, order)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.payments.save(replace(payment, state=PaymentState.OPEN))


def test_the_poller_finds_open_payments_whose_time_has_come(store: UnitOfWorkFactory, order: Order) -> None:
    """Oldest first, so many at most; ended ones and those without a time are left alone."""
    times = {"late": -10, "later": -5, "soon": 5}
    open_ones = {
        name: paid(
            store, order, attempt=number, state=PaymentState.OPEN, next_check_at=NOW + timedelta(seconds=seconds)
        )
        for number, (name, seconds) in enumerate(times.items(), start=1)
    }
    paid(store, order, attempt=4)
    paid(store, order, attempt=5, state=PaymentState.EXPIRED, next_check_at=NOW - timedelta(seconds=60))

    with store() as uow:
        assert uow.payments.to_check(now=NOW, at_most=10) == (open_ones["late"], open_ones["later"])
        assert uow.payments.to_check(now=NOW, at_most=1) == (open_ones["late"],)


def test_a_refund_comes_back_as_it_was_stored(store: UnitOfWorkFactory, order: Order) -> None:
    """With its tickets in order; by id, by order and by the provider's name for it."""
    payment = paid(store, order)
    tickets = tickets_of(order)
    refund = refund_of(payment, usd(5_000), tickets[1], tickets[0])
    later = refund_of(payment, usd(100), requested_at=NOW + timedelta(seconds=1))
    with store() as uow:
        uow.tickets.add(tickets)
        uow.refunds.add(refund)
        uow.refunds.add(later)
        uow.commit()
    pending = refund.report(RefundState.PENDING, provider_id="re_1", failure=None, now=NOW)

    with store() as uow:
        assert uow.refunds.get(refund.id) == refund
        uow.refunds.save(pending)
        uow.commit()

    with store() as uow:
        assert uow.refunds.get(refund.id, lock=True) == pending
        assert uow.refunds.of_order(order.id) == (pending, later)
        assert uow.refunds.of_provider("re_1") == pending
        assert uow.refunds.of_provider("re_2") is None
        with pytest.raises(NotFound):
            uow.refunds.get(RefundId(uuid4()))
        with pytest.raises(NotFound):
            uow.refunds.save(replace(pending, id=RefundId(uuid4()), provider_id=None))


def test_no_more_is_given_back_than_was_captured(store: UnitOfWorkFactory, order: Order) -> None:
    """Requested, pending and succeeded refunds count together (I5); a failed one frees its amount."""
    payment = paid(store, order)
    first = refund_of(payment, usd(6_000))
    with store() as uow:
        uow.refunds.add(first)
        uow.commit()

    with store() as uow, pytest.raises(InvariantBroken):
        uow.refunds.add(refund_of(payment, order.total - usd(5_999)))
    with store() as uow:
        uow.refunds.save(first.report(RefundState.FAILED, provider_id="re_1", failure="lost card", now=NOW))
        uow.refunds.add(refund_of(payment, order.total))
        uow.commit()
    with store() as uow, pytest.raises(InvariantBroken):
        uow.refunds.add(refund_of(payment, usd(1)))


def test_a_refund_that_succeeded_may_fail_later_but_not_the_other_way(store: UnitOfWorkFactory, order: Order) -> None:
    """Banks return refunds; a failed one is asked for anew."""
    payment = paid(store, order)
    refund = refund_of(payment, order.total)
    succeeded = refund.report(RefundState.SUCCEEDED, provider_id="re_1", failure=None, now=NOW)
    failed = succeeded.report(RefundState.FAILED, provider_id="re_1", failure="returned", now=NOW)
    with store() as uow:
        uow.refunds.add(refund)
        uow.refunds.save(succeeded)
        uow.refunds.save(failed)
        uow.commit()

    with store() as uow:
        assert uow.refunds.get(refund.id) == failed
        with pytest.raises(InvariantBroken):
            uow.refunds.save(succeeded)


def test_only_captured_money_is_refunded(store: UnitOfWorkFactory, order: Order) -> None:
    """An authorisation is voided, never refunded."""
    payment = paid(store, order, state=PaymentState.AUTHORISED)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.refunds.add(refund_of(payment, usd(1)))


def test_a_ticket_that_cost_nothing_is_given_back_without_a_payment(store: UnitOfWorkFactory, order: Order) -> None:
    """No money moves: the refund has succeeded when it is made, and is kept like any other."""
    tickets = tickets_of(order)
    with store() as uow:
        uow.tickets.add(tickets)
        paid = payment_of(order)
        nothing = refund_of(paid, usd(0), tickets[0], payment_id=None, state=RefundState.SUCCEEDED, completed_at=NOW)
        uow.refunds.add(nothing)
        uow.commit()

    with store() as uow:
        assert uow.refunds.get(nothing.id) == nothing
        with pytest.raises(InvariantBroken):
            uow.refunds.add(refund_of(paid, usd(0), payment_id=None))


@pytest.mark.parametrize("cents", [0, -100])
def test_a_refund_gives_something(store: UnitOfWorkFactory, order: Order, cents: int) -> None:
    """Nothing, or less, is not a refund."""
    payment = paid(store, order)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.refunds.add(refund_of(payment, usd(cents)))


def test_a_refund_is_of_its_orders_payment(store: UnitOfWorkFactory, order: Order) -> None:
    """Money of one order never goes to another."""
    payment = paid(store, order)
    other = general_sale()
    opened(store, other)
    stranger = bought(store, order_of(other, Wish(tier="general", quantity=1)))

    with store() as uow, pytest.raises(InvariantBroken):
        uow.refunds.add(replace(refund_of(payment, usd(1)), order_id=stranger.id))


def test_pending_refunds_are_looked_at_again(store: UnitOfWorkFactory, order: Order) -> None:
    """Those that are with the provider since before that time, oldest first."""
    payment = paid(store, order)
    old, older, young = (
        refund_of(payment, usd(10), requested_at=NOW - timedelta(minutes=minutes)) for minutes in (10, 20, 1)
    )
    asked = refund_of(payment, usd(10), requested_at=NOW - timedelta(minutes=30))
    with store() as uow:
        for number, refund in enumerate((old, older, young)):
            uow.refunds.add(refund)
            uow.refunds.save(refund.report(RefundState.PENDING, provider_id=f"re_{number}", failure=None, now=NOW))
        uow.refunds.add(asked)
        uow.commit()

    with store() as uow:
        due = uow.refunds.to_check(before=NOW - timedelta(minutes=5), at_most=10)
        assert [refund.id for refund in due] == [older.id, old.id]
        assert [r.id for r in uow.refunds.to_check(before=NOW, at_most=1)] == [older.id]


def test_assessments_are_kept_with_all_their_reasons(store: UnitOfWorkFactory, order: Order) -> None:
    """Oldest first, so that support can read how opinion changed."""
    doubt = Reason(code="radar_elevated", message="Radar finds this risky.", verdict=Verdict.REVIEW)
    first = Assessment(verdict=Verdict.REVIEW, reasons=(doubt,))
    second = Assessment(verdict=Verdict.APPROVE, reasons=())
    with store() as uow:
        uow.assessments.add(assessment_id=uuid4(), order_id=order.id, assessment=second, at=NOW + timedelta(hours=1))
        uow.assessments.add(assessment_id=uuid4(), order_id=order.id, assessment=first, at=NOW)
        uow.commit()

    with store() as uow:
        assert uow.assessments.of_order(order.id) == (first, second)
        assert uow.assessments.of_order(OrderId(uuid4())) == ()


def test_payments_are_counted_by_card(store: UnitOfWorkFactory, order: Order) -> None:
    """The same card number has the same fingerprint; only payments since then count."""
    for attempt, (fingerprint, hours) in enumerate((("fp_ada", 1), ("fp_ada", 30), ("fp_bob", 1)), start=1):
        card = replace(CARD, fingerprint=fingerprint)
        paid(store, order, attempt=attempt, card=card, created_at=NOW - timedelta(hours=hours))

    with store() as uow:
        assert uow.assessments.card_orders(fingerprint="fp_ada", since=NOW - timedelta(days=1)) == 1
        assert uow.assessments.card_orders(fingerprint="fp_ada", since=NOW - timedelta(days=2)) == 2
        assert uow.assessments.card_orders(fingerprint="fp_eve", since=NOW - timedelta(days=2)) == 0
