"""Where a dispute meets what comes late: fees in other currencies, fees told after its end, batches of refunds."""

import pytest

from domain.money import CurrencyCode, Money
from domain.orders import OrderState
from domain.refund_batches import BatchOrderState, Outcome, outcome
from domain.tickets import TicketState
from tests.fakes.sales import general
from tests.unit.application.batches import Batches
from tests.unit.application.house import House
from tests.unit.application.money_meetings import (
    bank_says,
    dispute_fees,
    disputed,
    owed_by_provider,
)


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
