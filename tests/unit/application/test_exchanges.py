"""Exchanging tickets for another date: new tickets exist if, and only if, the old ones are void.

Here the house stands in memory; ``tests/contract/test_exchanges.py`` tells the same stories on Postgres and Valkey.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from application.commands.catalogue_changes import cancel_event
from application.commands.place_hold import PlaceHold, place_hold
from application.commands.start_checkout import CheckoutStarted, StartCheckout
from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventId, Sale
from domain.fees import FeeRule
from domain.holds import ActiveHold, GeneralLine, HoldId
from domain.orders import Exchange, Order, OrderState
from domain.refund_policies import STANDARD_POLICY, ExchangeRule, RefundPolicy, RefundReason
from domain.refunds import RefundState
from domain.tickets import TicketId, TicketState
from domain.tiers import Tier, TierId
from tests.fakes.sales import FLOOR_CAPACITY, general, general_sale, usd
from tests.unit.application.house import ADA, DEVICE, House, OpenHouse

RULE = ExchangeRule(hours_before=48, fee_minor=250)
KEPT = 250
POLICY = replace(STANDARD_POLICY, exchange=RULE, approval_minor_over=0)
"""Every wish waits for approval; an exchange does not."""


class TwoNights:
    """One event in one house on two nights. The second tier is free of charge on both; what costs something costs so
    much more on the second night.
    """

    def __init__(self, house: House, policy: RefundPolicy = POLICY, *, dearer: int = 0) -> None:
        self.house = house
        with house.uow() as uow:
            self.first = uow.events.get(house.event_id, lock=True)
            uow.events.replace_policy(self.first.id, policy)
            self.second = another_night(self.first, dearer=dearer)
            uow.events.add(self.second, policy=policy)
            uow.commit()

    def buy(self, quantity: int = 2, tier: str = "general") -> Order:
        """Tickets for the first night."""
        if tier == "general":
            return self.house.buy(general(self.house.sale, quantity))
        hold = self.house.hold(general(self.house.sale, quantity, tier))
        assert isinstance(hold, ActiveHold), hold
        started = self.house.checkout(hold.id)
        assert isinstance(started, CheckoutStarted), started
        return started.order

    def move(self, old: Order, quantity: int = 1, tier: str = "general") -> CheckoutStarted | Rejection:
        """Reserve for the second night, and check out in exchange for the first so many of the old tickets."""
        return self.check_out(self.reserve(tier, quantity).id, old, quantity)

    def reserve(self, tier: str = "general", quantity: int = 1, *, event: Event | None = None) -> ActiveHold:
        house, night = self.house, event or self.second
        wanted = next(each.id for each in night.tiers if each.key == tier)
        held = place_hold(
            PlaceHold(
                hold_id=HoldId(night.id, uuid4()), event=night.slug, buyer=DEVICE,
                lines=(GeneralLine(tier_id=wanted, quantity=quantity),),
            ),
            catalogue=house.catalogue, inventory=house.inventory, waiting_room=house.waiting_room,
            unit_of_work=house.uow, rate_limiter=house.rate_limiter, clock=house.clock,
        )  # fmt: skip
        assert isinstance(held, ActiveHold), held
        return held

    def check_out(self, hold_id: HoldId, old: Order, quantity: int = 1) -> CheckoutStarted | Rejection:
        tickets = tuple(ticket.id for ticket in self.house.tickets(old.id))[:quantity]
        return self.check_out_tickets(hold_id, old, tickets)

    def check_out_tickets(
        self, hold_id: HoldId, old: Order, tickets: tuple[TicketId, ...]
    ) -> CheckoutStarted | Rejection:
        exchanging = Exchange(order_id=old.id, tickets=tickets)
        return self.house.start_checkout(StartCheckout(hold_id=hold_id, buyer=ADA, exchanging=exchanging))

    def placed(self, old: Order, quantity: int = 1) -> Order:
        started = self.move(old, quantity)
        assert isinstance(started, CheckoutStarted), started
        return started.order

    def paid(self, order: Order) -> Order:
        """The buyer pays, everything follows."""
        self.house.pay(order)
        self.house.settle(order.id)
        self.house.drain()
        return self.house.order(order.id)

    def states(self, order: Order) -> list[TicketState]:
        return [ticket.state for ticket in self.house.tickets(order.id)]


def another_night(event: Event, *, dearer: int = 0) -> Event:
    """The same event a day later: of another id, with tiers of its own."""
    return replace(
        event,
        id=EventId(uuid4()),
        slug=f"{event.slug}-second-night",
        starts_at=event.starts_at + timedelta(days=1),
        doors_at=event.doors_at + timedelta(days=1),
        ends_at=event.ends_at + timedelta(days=1),
        promotions=(),
        tiers=tuple(
            replace(tier, id=TierId(uuid4()), face=tier.face + usd(dearer) if tier.face.amount else tier.face)
            for tier in event.tiers
        ),
    )


def with_a_free_tier(sale: Sale) -> Sale:
    paid, free = sale.tiers
    return replace(sale, tiers=(paid, _free(free)))


def _free(tier: Tier) -> Tier:
    return replace(tier, face=usd(0), fee=FeeRule())


@pytest.fixture
def nights(open_house: OpenHouse) -> TwoNights:
    return TwoNights(open_house(with_a_free_tier(general_sale())))


class TestAnExchange:
    def test_new_tickets_are_there_and_old_ones_void_in_the_same_moment(self, nights: TwoNights) -> None:
        """Paid in full, given back less the fee; the place returns to sale; the other ticket stays valid."""
        house, old = nights.house, nights.buy(2)
        new = nights.paid(nights.placed(old))
        assert new.state is OrderState.CONFIRMED
        assert nights.states(new) == [TicketState.VALID]
        assert nights.states(old) == [TicketState.VOID, TicketState.VALID]
        (refund,) = house.refunds(old.id)
        assert (refund.reason, refund.state) == (RefundReason.EXCHANGE, RefundState.SUCCEEDED)
        assert refund.amount == house.tickets(old.id)[0].price.total - usd(KEPT)
        assert house.given_back(old) == refund.amount == house.order(old.id).refunded
        assert house.order(old.id).state is OrderState.PARTIALLY_REFUNDED
        assert house.free() == house.free_in_truth() == FLOOR_CAPACITY - 1
        assert house.refused == []

    def test_until_it_is_confirmed_the_old_tickets_admit(self, nights: TwoNights) -> None:
        """Placing and paying change nothing of the old order; an order that is given up changes nothing at all."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        assert nights.states(old) == [TicketState.VALID]
        house.cancel(new.id)
        house.drain()
        assert house.order(new.id).state is OrderState.EXPIRED
        assert nights.states(old) == [TicketState.VALID]
        assert house.refunds(old.id) == ()
        assert nights.paid(nights.placed(old)).state is OrderState.CONFIRMED

    def test_a_slow_payment_costs_nobody_the_exchange(self, nights: TwoNights) -> None:
        """The rule's time counts when the order is placed, not when the bank has made up its mind."""
        house, old = nights.house, nights.buy(1)
        ends_at = RULE.ends_at(nights.first.starts_at)
        house.advance(seconds=(ends_at - house.clock.now()).total_seconds() - 60)
        new = nights.placed(old)
        house.advance(seconds=120)
        assert nights.paid(new).state is OrderState.CONFIRMED
        assert nights.states(old) == [TicketState.VOID]

    def test_free_for_free_is_done_at_once(self, nights: TwoNights) -> None:
        """Nobody pays and nothing moves: the new ticket is confirmed in place and the old one is void."""
        house, old = nights.house, nights.buy(1, "vip")
        started = nights.move(old, 1, "vip")
        assert isinstance(started, CheckoutStarted), started
        assert started.order.state is OrderState.CONFIRMED
        assert nights.states(old) == [TicketState.VOID]
        assert house.order(old.id).state is OrderState.REFUNDED

    def test_a_paid_ticket_for_a_free_one_gives_the_money_back(self, nights: TwoNights) -> None:
        """The new order needs no payment, so what the old one gives back goes at once."""
        house, old = nights.house, nights.buy(1)
        started = nights.check_out(nights.reserve("vip").id, old)
        assert isinstance(started, CheckoutStarted), started
        house.drain()
        assert nights.states(old) == [TicketState.VOID]
        assert house.given_back(old) == old.total - usd(KEPT)


class TestWhatIsRefused:
    def test_two_orders_cannot_exchange_the_same_ticket(self, nights: TwoNights) -> None:
        """The second is told which order does it already, and keeps its reservation."""
        old = nights.buy(1)
        new = nights.placed(old)
        hold = nights.reserve()
        answer = nights.check_out(hold.id, old)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.EXCHANGE_UNDER_WAY
        assert answer.details == {"order": str(new.id)}
        assert isinstance(nights.house.inventory.find(hold_id=hold.id), ActiveHold)

    def test_the_same_night_is_no_exchange(self, nights: TwoNights) -> None:
        """Tickets for the date that they are for already."""
        old = nights.buy(1)
        answer = nights.check_out(nights.reserve(event=nights.first).id, old)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.NOT_EXCHANGEABLE

    def test_without_a_rule_nothing_is_exchanged(self, open_house: OpenHouse) -> None:
        """An organiser who has not worded a rule has promised nothing."""
        nights = TwoNights(open_house(general_sale()), STANDARD_POLICY)
        answer = nights.move(nights.buy(1))
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.NOT_EXCHANGEABLE

    def test_tickets_of_somebody_else_are_unknown(self, nights: TwoNights) -> None:
        """Only the old order's own tickets can be given back for it."""
        old, other = nights.buy(1), nights.buy(1)
        (foreign,) = nights.house.tickets(other.id)
        exchanging = Exchange(order_id=old.id, tickets=(foreign.id,))
        command = StartCheckout(hold_id=nights.reserve().id, buyer=ADA, exchanging=exchanging)
        answer = nights.house.start_checkout(command)
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.UNKNOWN_TICKET


class Meanwhile:
    """Something happens to the old ticket after the new order was placed: nobody pays for half an exchange."""

    def used(self, nights: TwoNights, old: Order) -> None:
        nights.house.let_in(nights.house.tickets(old.id)[0].id)

    def refunded(self, nights: TwoNights, old: Order) -> None:
        house = nights.house
        with house.uow() as uow:
            uow.orders.get(old.id, lock=True)
            (ticket, *_) = uow.tickets.of_order(old.id, lock=True)
            void = ticket.void()
            assert not isinstance(void, Rejection)
            uow.tickets.save(void)
            uow.commit()

    def frozen(self, nights: TwoNights, old: Order) -> None:
        with nights.house.uow() as uow:
            uow.orders.save(uow.orders.get(old.id, lock=True).freeze("The bank disputes this payment."))
            uow.commit()

    def cancelled(self, nights: TwoNights, old: Order) -> None:
        house = nights.house
        cancel_event(
            nights.first.id, actor="grace@example.com", unit_of_work=house.uow, clock=house.clock, ids=house.ids,
            wakeup=house.wakeup,
        )  # fmt: skip


EVERYTHING = pytest.mark.parametrize("what", ["used", "refunded", "frozen", "cancelled"])


class TestMeanwhile(Meanwhile):
    @EVERYTHING
    def test_before_the_payment_is_seen_its_money_is_let_go(self, nights: TwoNights, what: str) -> None:
        """No capture, no new ticket; the order says why."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        captures = house.captures()
        getattr(self, what)(nights, old)
        after = nights.paid(new)
        assert after.state is OrderState.CANCELLED
        assert after.ended_because is not None
        assert "cannot be exchanged any more" in after.ended_because
        assert house.tickets(new.id) == ()
        assert house.captures() == captures

    @EVERYTHING
    def test_between_the_bank_s_yes_and_the_capture_it_is_let_go_as_well(self, nights: TwoNights, what: str) -> None:
        """The money is set aside and the places allocated, and still nobody pays."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        captures = house.captures()
        house.pay(new)
        house.settle(new.id)
        getattr(self, what)(nights, old)
        house.drain()
        assert house.order(new.id).state is OrderState.CANCELLED
        assert house.tickets(new.id) == ()
        assert house.captures() == captures


class TestTakenMeanwhile(Meanwhile):
    @EVERYTHING
    def test_money_that_was_taken_meanwhile_goes_back(self, nights: TwoNights, what: str) -> None:
        """Captured by hand while the old ticket went away: everything comes back by itself."""
        house, old = nights.house, nights.buy(1)
        new = nights.placed(old)
        house.pay(new)
        house.settle(new.id)
        house.capture_by_hand(new)
        getattr(self, what)(nights, old)
        house.settle(new.id)
        house.drain()
        assert house.order(new.id).state is OrderState.CANCELLED
        assert house.tickets(new.id) == ()
        assert house.given_back(new) == new.total
