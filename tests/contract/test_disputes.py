"""The stories after a sale, told again where it matters: on Postgres and Valkey, and over Stripe's wire.

The stories themselves are inherited from ``tests/unit/application/test_disputes.py``.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.postgres.books import PostgresBooks
from domain.errors import Rejection
from domain.events import Sale
from domain.fraud_warnings import WarningRule
from domain.ledger import Account, balances
from domain.orders import Order, OrderState
from domain.refunds import Refund, RefundState
from domain.tickets import Ticket, TicketState
from tests.contract.purchase_houses import SandboxHouse, ServerHouse, Servers, servers_at
from tests.contract.sandboxes import Sandbox, sandbox_running
from tests.fakes.sales import general_sale
from tests.unit.application import test_disputes as stories
from tests.unit.application.house import CAPACITY, House, OpenHouse
from tests.unit.application.test_disputes import bought, states, told, waved_through

ROUNDS = 5


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    return open_house(general_sale(capacity=CAPACITY))


class OnServers:
    """Postgres and Valkey are real; money and messages are played."""

    @pytest.fixture
    def open_house(self, servers: Servers) -> OpenHouse:
        return lambda sale: ServerHouse(sale=sale, servers=servers)


class OnTheWire:
    """Nothing is played: the official SDK talks to the sandbox."""

    @pytest.fixture
    def open_house(self, servers: Servers, sandbox: Sandbox) -> OpenHouse:
        sandbox.control("POST", "reset")

        def opened(sale: Sale) -> House:
            return SandboxHouse(sale=sale, servers=servers, sandbox=sandbox)

        return opened


class TestDisputes(OnServers, stories.TestDisputes): ...


class TestRefundsAndDisputes(OnServers, stories.TestRefundsAndDisputes): ...


class TestFraudWarnings(OnServers, stories.TestFraudWarnings): ...


class TestFailedRefunds(OnServers, stories.TestFailedRefunds): ...


class TestDisputesOnTheWire(OnTheWire, stories.TestDisputes): ...


class TestRefundsAndDisputesOnTheWire(OnTheWire, stories.TestRefundsAndDisputes): ...


class TestFraudWarningsOnTheWire(OnTheWire, stories.TestFraudWarnings): ...


class TestFailedRefundsOnTheWire(OnTheWire, stories.TestFailedRefunds): ...


class TestRaces(OnServers):
    """What only happens when several do it in the same moment."""

    def together(self, *deeds: Callable[[], object]) -> list[object]:
        with ThreadPoolExecutor(len(deeds)) as pool:
            return [future.result() for future in [pool.submit(deed) for deed in deeds]]

    def test_a_dispute_a_refund_and_the_door_take_turns(self, house: House) -> None:
        """However they meet: nobody is let in with a ticket whose money went back, and nothing goes back twice."""
        for _ in range(ROUNDS):
            order = waved_through(house)
            first, second = house.tickets(order.id)
            dispute_id = house.dispute(order)
            notice = house.dispute_notice(dispute_id)
            let_in, refund, _told, _again = self.together(
                lambda ticket=first: house.let_in(ticket.id),  # type: ignore[misc]  # bound for its round
                lambda one=order, ticket=second: house.refund(one.id, ticket.id),  # type: ignore[misc]
                lambda said=notice: house.receive(*said),  # type: ignore[misc]
                lambda name=dispute_id: house.follow_dispute(name),  # type: ignore[misc]
            )
            house.drain()
            house.decide_dispute(dispute_id, won=False)
            house.receive(*house.dispute_notice(dispute_id))
            house.drain()

            used = isinstance(let_in, Ticket)
            assert house.order(order.id).state is OrderState.CHARGED_BACK
            assert states(house, order)[0] is (TicketState.CHECKED_IN if used else TicketState.VOID)
            assert states(house, order)[1] is TicketState.VOID
            # The bank had the money before anybody asked: what was requested cannot have been given.
            assert house.given_back(order).amount == 0
            assert isinstance(refund, Refund | Rejection)
            assert house.free() == house.free_in_truth()

    def test_two_webhooks_make_one_dispute(self, house: House) -> None:
        """Eight at once: one is on file."""
        order = bought(house)
        dispute_id = house.dispute(order)
        self.together(*[lambda: house.follow_dispute(dispute_id)] * 8)
        assert house.dispute_of(order).facts.provider_id == dispute_id

    def test_a_warning_and_the_buyer_refund_once(self, house: House) -> None:
        """The rule and the buyer ask in the same moment: one refund, or a clear refusal for the later."""
        house.obey(WarningRule.REFUND)
        for _ in range(ROUNDS):
            order = waved_through(house)
            warning_id = house.warn(order)
            self.together(
                lambda name=warning_id: house.follow_warning(name),  # type: ignore[misc]
                lambda one=order: house.refund(one.id),  # type: ignore[misc]
                lambda name=warning_id: house.follow_warning(name),  # type: ignore[misc]
            )
            house.drain()
            (refund,) = house.refunds(order.id)
            assert refund.state is RefundState.SUCCEEDED
            assert states(house, order) == [TicketState.VOID] * 2

    def test_a_failed_refund_is_made_good_once(self, house: House) -> None:
        """Two desks, one of them by hand: one succeeds."""
        order = bought(house)
        house.refund(order.id)
        house.drain()
        (refund,) = house.refunds(order.id)
        assert refund.provider_id is not None
        house.let_refund_fail(refund.provider_id)
        house.catch_up()
        answers = self.together(
            *[lambda: house.send_anew(refund.id)] * 3, *[lambda: house.settle_by_hand(refund.id)] * 3
        )
        house.drain()
        assert sum(isinstance(answer, Refund) for answer in answers) == 1
        assert house.order(order.id).refunded == refund.amount


class TestTheBooks(OnServers):
    """Whatever became of a sale, orders, payments and the ledger say the same of it."""

    def differences(self, servers: Servers) -> list[str]:
        return [found for check in PostgresBooks(servers.engine).check() for found in check.differences]

    @pytest.mark.parametrize("won", [True, False])
    def test_a_dispute_that_overtook_a_refund_is_booked_to_the_cent(
        self, house: House, servers: Servers, won: bool
    ) -> None:
        """Won: the refund left after all. Lost: the bank paid it for us, and nobody is owed anything."""
        order = bought(house)
        house.refund(order.id, house.tickets(order.id)[0].id)
        dispute_id = house.dispute(order)
        told(house, dispute_id)
        house.decide_dispute(dispute_id, won=won)
        told(house, dispute_id)

        assert self.differences(servers) == []
        with house.uow() as uow:
            kept = balances(uow.ledger.of_order(order.id))
        assert Account.REFUNDS_OWED not in kept
        assert Account.DISPUTES not in kept
        assert kept.get(Account.CHARGEBACKS, 0) == (0 if won else order.total.amount - refund_asked(house, order))

    def test_a_refund_that_was_paid_by_hand_is_booked(self, house: House, servers: Servers) -> None:
        """It left from another account, and the buyer is owed nothing."""
        order = bought(house)
        house.refund(order.id)
        house.drain()
        (refund,) = house.refunds(order.id)
        assert refund.provider_id is not None
        house.let_refund_fail(refund.provider_id)
        house.catch_up()
        house.settle_by_hand(refund.id)

        assert self.differences(servers) == []
        with house.uow() as uow:
            kept = balances(uow.ledger.of_order(order.id))
        assert kept[Account.PAID_BY_HAND] == -refund.amount.amount
        assert Account.REFUNDS_OWED not in kept


def refund_asked(house: House, order: Order) -> int:
    """What the first refund of an order was to give back, in minor units."""
    return house.refunds(order.id)[0].amount.amount
