"""Anything may happen to two nights' orders, in any order: the money of none is ever given twice, taken for nothing or
lost, and in the end everything agrees.

Each rule holds by itself elsewhere; here buyers, banks, staff, batches and workers act at random, one after the other.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from application.commands.catalogue_changes import cancel_event
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.send_refund import PENDING_CHECK_SECONDS, check_refunds
from application.commands.start_checkout import CheckoutStarted
from domain.disputes import CHECK_SECONDS, DisputeState
from domain.errors import ProviderRefused
from domain.events import EventState
from domain.fraud_warnings import WarningState
from domain.ledger import Account, balances
from domain.money import Money
from domain.orders import ENDED, PAID, Order
from domain.payments import Payment, PaymentState
from domain.ports.payments import ProviderStatus
from domain.refund_batches import RefundBatch, Selection
from domain.refund_policies import RefundReason
from domain.refunds import OVERTAKEN_BY_DISPUTE, RefundState
from domain.tickets import TicketState
from tests.fakes.sales import general_sale
from tests.unit.application.batches import Batches
from tests.unit.application.house import House
from tests.unit.application.money_meetings import page_of_nobody
from tests.unit.application.test_exchange_meets import FREELY
from tests.unit.application.test_exchanges import TwoNights, with_a_free_tier

WALKS, STEPS_MAX = 40, 24
ORDERS_MAX, PAGES_MAX = 6, 12
QUIET_ROUNDS = 3
OVER = {PaymentState.CAPTURED, PaymentState.VOIDED, PaymentState.EXPIRED, PaymentState.FAILED}
LONG_SECONDS = 2 * max(CHECK_SECONDS, PENDING_CHECK_SECONDS)


@dataclass
class Walk:
    """Two nights, what was bought for them, and what banks have begun."""

    nights: TwoNights
    orders: list[Order] = field(default_factory=list)
    disputes: dict[str, bool] = field(default_factory=dict)
    """By the provider's name: whether it is decided."""

    @property
    def house(self) -> House:
        return self.nights.house

    def some(self, number: int) -> Order | None:
        return self.house.order(self.orders[number % len(self.orders)].id) if self.orders else None

    def check_out(self, number: int, old: Order | None) -> None:
        """Of the second night when something is exchanged for the first one, and the other way around."""
        if len(self.orders) >= ORDERS_MAX or (old and not self.house.tickets(old.id)):
            return
        nights = self.nights
        first = (old.event_id != nights.first.id) if old else number % 2 == 0
        quantity, tier = 1 + number % 2, "vip" if number % 5 == 0 else "general"
        night = nights.first if first else nights.second
        with self.house.uow() as uow:
            if uow.events.get(night.id).state is EventState.CANCELLED:
                return
        hold = nights.reserve(tier, quantity, event=night)
        started = nights.check_out(hold.id, old, quantity) if old else self.house.checkout(hold.id)
        if isinstance(started, CheckoutStarted):
            self.orders.append(started.order)
        else:
            self.house.release(hold.id)


Deed = Callable[[Walk, Order, int], object]


def _pay(walk: Walk, order: Order, number: int) -> None:
    payment = walk.house.payment(order) if order.total.amount else None
    if payment and payment.session_id and walk.house.gateway.is_open(payment.session_id):
        walk.house.gateway.pay(payment.session_id)
        if number % 2:
            walk.house.settle(order.id)
    elif payment and payment.session_id is not None:
        walk.house.settle(order.id)


def _taken(walk: Walk, order: Order) -> str | None:
    """The newest payment's name at the provider, once it has the money."""
    if not order.total.amount:
        return None
    intent_id = walk.house.payment(order).intent_id
    captured = intent_id and walk.house.gateway.status(intent_id) is ProviderStatus.CAPTURED
    return intent_id if captured else None


def _payments(walk: Walk, order: Order) -> tuple[Payment, ...]:
    with walk.house.uow() as uow:
        return uow.payments.of_order(order.id)


def _capture_by_hand(walk: Walk, order: Order, number: int) -> None:
    intent_id = walk.house.payment(order).intent_id if order.total.amount else None
    if intent_id is not None:
        with suppress(ProviderRefused):
            walk.house.gateway.capture(intent_id=intent_id, amount=order.total, key=f"hand {number}")


def _refund(walk: Walk, order: Order, number: int) -> None:
    tickets = walk.house.tickets(order.id)
    walk.house.refund(order.id, *([tickets[number % len(tickets)].id] if tickets and number % 3 else []))


def _gift(walk: Walk, order: Order, number: int) -> None:
    house = walk.house
    command = RequestRefund(
        order_id=order.id, tickets=None, reason=RefundReason.GOODWILL, actor="grace@example.com",
        amount=Money(500 * (1 + number % 9), order.total.currency),
    )  # fmt: skip
    request_refund(command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup)


def _let_in(walk: Walk, order: Order, number: int) -> None:
    tickets = walk.house.tickets(order.id)
    if tickets:
        walk.house.let_in(tickets[number % len(tickets)].id)


def _dispute(walk: Walk, order: Order, number: int) -> None:
    """A bank takes back what is there to take, once at a time."""
    intent_id = _taken(walk, order)
    if intent_id is None or walk.house.gateway.refunded(intent_id) == walk.house.gateway.captured(intent_id):
        return
    known = [walk.house.gateway.find_dispute(dispute_id=name) for name in walk.disputes]
    if any(facts.intent_id == intent_id for facts in known):
        return
    dispute_id = walk.house.gateway.dispute(intent_id)
    walk.disputes[dispute_id] = False
    if number % 2:
        walk.house.receive(*walk.house.dispute_notice(dispute_id))


def _decide(walk: Walk, order: Order, number: int) -> None:
    del order
    dispute_id = next((name for name, decided in walk.disputes.items() if not decided), None)
    if dispute_id is not None:
        walk.disputes[dispute_id] = True
        walk.house.decide_dispute(dispute_id, won=number % 2 == 0)
        if number % 3:
            walk.house.receive(*walk.house.dispute_notice(dispute_id))


def _bank_answers_refunds(walk: Walk, order: Order, number: int) -> None:
    for refund in walk.house.refunds(order.id):
        if refund.provider_id and refund.state in {RefundState.PENDING, RefundState.SUCCEEDED}:
            stands = walk.house.gateway.find_refund(refund_id=refund.provider_id).state
            if stands is RefundState.PENDING and number % 2:
                walk.house.let_refund_succeed(refund.provider_id)
            elif stands is not RefundState.FAILED and number % 4 == 0:
                walk.house.let_refund_fail(refund.provider_id)


def _mend(walk: Walk, order: Order, number: int) -> None:
    for refund in walk.house.refunds(order.id):
        if refund.payment_id is not None:
            mend = walk.house.send_anew if number % 2 else walk.house.settle_by_hand
            mend(refund.id)


def _batch(walk: Walk, order: Order, number: int) -> None:
    batches, night = Batches(walk.house), walk.nights.first if number % 2 else walk.nights.second
    del order
    if number % 3 == 0:
        house = walk.house
        cancel_event(
            night.id, actor="grace@example.com", unit_of_work=house.uow, clock=house.clock, ids=house.ids,
            wakeup=house.wakeup,
        )  # fmt: skip
    prepared = batches.prepare(Selection(event_ids=(night.id,)), tell_buyers=False)
    if isinstance(prepared, RefundBatch):
        for _ in range(3):
            batches.run()
        batches.submit(prepared.id)
        batches.run()


def _warn(walk: Walk, order: Order, number: int) -> None:
    """The bank suspects fraud, and somebody decides about it."""
    house = walk.house
    if _taken(walk, order) is None:
        return
    house.receive(*house.warning_notice(house.warn(order)))
    for warning in house.warnings(order):
        if warning.state is WarningState.WAITING and number % 2:
            house.decide_warning(warning.id, refund=number % 3 == 0)


def _pay_on_another_page(walk: Walk, order: Order, number: int) -> None:
    """A page that was lost on its way to us: paid, perhaps captured by hand, and perhaps heard of."""
    house, gateway = walk.house, walk.house.gateway
    if not order.total.amount or len(gateway.sessions()) > PAGES_MAX:
        return
    session_id = page_of_nobody(house, order)
    gateway.pay(session_id)
    intent_id = gateway.look_up(session_id=session_id).intent_id
    if number % 3 == 0 and intent_id is not None:
        gateway.capture(intent_id=intent_id, amount=order.total, key="by hand")
    house.receive(*house.payment_notice(session_id))


def _open_anew(walk: Walk, order: Order, number: int) -> None:
    """The page lapses, and the buyer asks for another one."""
    payment = walk.house.payment(order) if order.total.amount else None
    if payment and payment.session_id and walk.house.gateway.is_open(payment.session_id):
        walk.house.gateway.expire(payment.session_id)
        if number % 2:
            walk.house.checkout(order.hold_id)


DEEDS: tuple[Deed, ...] = (
    _warn,
    _pay_on_another_page,
    _open_anew,
    _pay,
    _pay,
    lambda walk, order, number: walk.house.settle(order.id),
    lambda walk, order, number: walk.house.drain(),
    lambda walk, order, number: walk.house.drain(),
    _capture_by_hand,
    _refund,
    _gift,
    _let_in,
    _dispute,
    _decide,
    _bank_answers_refunds,
    _mend,
    _batch,
    lambda walk, order, number: walk.house.review(order.id, approve=bool(number % 2)),
    lambda walk, order, number: walk.house.cancel(order.id),
    lambda walk, order, number: walk.house.let_refunds_wait(),
    lambda walk, order, number: walk.check_out(number, order),
    lambda walk, order, number: walk.check_out(number, order),
)


@settings(max_examples=WALKS, phases=(Phase.generate,), report_multiple_bugs=False)
@given(st.lists(st.tuples(st.integers(0, len(DEEDS) - 1), st.integers(0, 11)), min_size=6, max_size=STEPS_MAX))
def test_whatever_happens_the_money_ends_where_it_belongs(steps: list[tuple[int, int]]) -> None:
    """Bounds hold after every deed; when everybody has come to rest, nothing waits, is owed twice or was forgotten."""
    walk = walking()
    for deed, number in steps:
        order = walk.some(number)
        if order is not None:
            DEEDS[deed](walk, order, number)
        for each in walk.orders:
            assert_bounds(walk, each)
    come_to_rest(walk)
    for each in walk.orders:
        assert_bounds(walk, each)
        assert_settled(walk, each)
    assert_stock(walk)
    unexpected = [failure for _, failure in walk.house.refused if not isinstance(failure, ProviderRefused)]
    assert unexpected == []


def walking() -> Walk:
    sale = with_a_free_tier(general_sale(per_order_max=10, per_buyer_max=40))
    walk = Walk(TwoNights(House(sale=sale), FREELY))
    for number in (1, 2):
        walk.check_out(number, None)
    for order in walk.orders:
        _pay(walk, order, 1)
        walk.house.drain()
    return walk


def come_to_rest(walk: Walk) -> None:
    """Banks and reviewers decide, deadlines pass, and everything that happens by itself happens."""
    house = walk.house
    for number in range(len(walk.disputes)):
        _decide(walk, walk.orders[0], number)
    for order in walk.orders:
        for payment in _payments(walk, order):
            if payment.session_id and house.gateway.is_open(payment.session_id):
                house.gateway.expire(payment.session_id)
    for _ in range(QUIET_ROUNDS):
        house.advance(seconds=LONG_SECONDS)
        house.check_payments()
        house.expire_due()
        for place, order in enumerate(walk.orders):
            house.review(order.id, approve=place % 2 == 0)
        house.drain()
        for order in walk.orders:
            _bank_answers_refunds(walk, order, 1)
        house.catch_up()
        house.check_disputes()
        check_refunds(**house.step)
        Batches(house).run()
        house.drain()


def assert_bounds(walk: Walk, before: Order) -> None:
    """What must hold at every moment, whoever has not heard of what yet."""
    house, order = walk.house, walk.house.order(before.id)
    tickets, refunds = house.tickets(order.id), house.refunds(order.id)
    live = [part for refund in refunds if refund.state is not RefundState.FAILED for part in refund.tickets]
    assert len(live) == len(set(live)), "a ticket is given back twice"
    assert order.refunded.amount <= order.total.amount
    if any(ticket.state is TicketState.VALID for ticket in tickets):
        assert order.state in PAID
    if order.exchanges is not None and order.confirmed_at is not None:
        old = {ticket.id: ticket.state for ticket in house.tickets(order.exchanges.order_id)}
        assert {old[ticket] for ticket in order.exchanges.tickets} == {TicketState.VOID}
    facts = [house.gateway.find_dispute(dispute_id=name) for name in walk.disputes]
    for payment in _payments(walk, order):
        intent_id = payment.intent_id
        if intent_id is not None and house.gateway.status(intent_id) is ProviderStatus.CAPTURED:
            lost = [one for one in facts if one.intent_id == intent_id and one.state is DisputeState.LOST]
            gone = house.gateway.refunded(intent_id).amount + sum(one.amount.amount for one in lost)
            assert gone <= house.gateway.captured(intent_id).amount, "more went back than was taken"


def assert_settled(walk: Walk, before: Order) -> None:
    """Nothing waits, and our books, the ledger and the provider tell one story."""
    house, order = walk.house, walk.house.order(before.id)
    refunds = house.refunds(order.id)
    assert order.state in PAID | ENDED
    assert order.frozen_because is None
    assert {refund.state for refund in refunds} <= {RefundState.SUCCEEDED, RefundState.FAILED}
    if not order.total.amount:
        return
    payments = _payments(walk, order)
    assert {payment.state for payment in payments} <= OVER
    at_work = [payment for payment in payments if payment.state is PaymentState.CAPTURED]
    assert sum(not payment.in_vain for payment in at_work) == (order.confirmed_at is not None)
    for payment in payments:
        if payment.intent_id is not None:
            status = house.gateway.status(payment.intent_id)
            assert status is not ProviderStatus.AUTHORISED, "money is set aside for nobody"
            assert (status is ProviderStatus.CAPTURED) == (payment in at_work)
    for payment in at_work:
        own = [refund for refund in refunds if refund.payment_id == payment.id and refund.by_hand is None]
        arrived = sum(refund.amount.amount for refund in own if refund.state is RefundState.SUCCEEDED)
        assert house.gateway.refunded(str(payment.intent_id)).amount == arrived
    with house.uow() as uow:
        kept = balances(uow.ledger.of_order(order.id))
        lost = [each for each in uow.disputes.of_order(order.id) if each.state is DisputeState.LOST]
    mended = {refund.replaces for refund in refunds}
    owed = [refund for refund in refunds if refund.state is RefundState.FAILED and refund.id not in mended]
    by_the_bank = [
        refund
        for refund in owed
        if refund.failure in OVERTAKEN_BY_DISPUTE and any(each.payment_id == refund.payment_id for each in lost)
    ]
    due = sum(refund.amount.amount for refund in owed) - sum(refund.amount.amount for refund in by_the_bank)
    if all(refund.parts or refund.reason is RefundReason.NO_TICKETS for refund in owed):
        # A gift that failed stays owed in the ledger, also when everything went back in another way since.
        assert kept.get(Account.REFUNDS_OWED, 0) == -due
    assert not {Account.BUYERS, Account.REFUNDS_PENDING, Account.DISPUTES} & set(kept)


def assert_stock(walk: Walk) -> None:
    """The inventory believes what is true."""
    for night in (walk.nights.first, walk.nights.second):
        snapshot = walk.house.inventory.snapshot(event_id=night.id)
        with walk.house.uow() as uow:
            levels = uow.stock.levels(night.id)
            cancelled = uow.events.get(night.id).state is EventState.CANCELLED
        assert snapshot is None or cancelled or snapshot.free == levels.free
