"""A batch, the banks, buyers and workers who all want the same orders in the same moments, on a real Postgres.

Money is played by a provider that takes what a bank disputes and refuses what was given back. Two rounds: disputes open
while the batch runs, and end while what failed is tried again.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count

import psycopg
import pytest
from sqlalchemy import text

from adapters.postgres.books import PostgresBooks
from application.commands.start_checkout import CheckoutStarted
from domain.disputes import DisputeState
from domain.errors import Unavailable
from domain.holds import ActiveHold, BuyerFingerprint
from domain.ledger import Account, balances
from domain.orders import Buyer, Order, OrderState
from domain.refund_batches import BatchId, BatchState
from domain.refunds import RefundState
from domain.tickets import TicketState
from tests.contract.at_once import together
from tests.contract.purchase_houses import ServerHouse, Servers, servers_at
from tests.fakes.sales import general, general_sale
from tests.unit.application.batches import Batches

ORDERS = 10
TICKETS = 4
CAPACITY = 100
BUSY_SECONDS = 60
"""Longer than a batch's row or an effect waits when somebody else has its order."""
TURNS = 40
"""How often a worker looks whether there is something to do, while the others are at it."""

WITNESS = """
CREATE TABLE given_while_frozen (refund_id uuid);
CREATE FUNCTION witness_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO given_while_frozen
    SELECT NEW.id FROM orders WHERE id = NEW.order_id AND frozen_because IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION witness_refund();
"""
"""Writes down every refund that was begun while its order was frozen."""


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(WITNESS)
        with servers_at(database_url=database_url, redis_url=redis_url) as connected:
            yield connected


@pytest.fixture
def house(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> ServerHouse:
    monkeypatch.setattr("domain.fraud.CARD_ORDERS_PER_DAY_MAX", 10 * ORDERS)  # All of them pay with one card.
    return ServerHouse(sale=general_sale(capacity=CAPACITY), servers=servers)


@pytest.fixture
def orders(house: ServerHouse) -> list[Order]:
    """Some tickets each, bought by different people."""
    return [_bought(house, number) for number in range(ORDERS)]


def _bought(house: ServerHouse, number: int) -> Order:
    who = BuyerFingerprint(device=f"device-{number}", address=f"address-{number}")
    hold = house.hold(general(house.sale, TICKETS), buyer=who)
    assert isinstance(hold, ActiveHold)
    started = house.checkout(hold.id, Buyer(name="Ada", email=f"ada{number}@example.com", phone=None))
    assert isinstance(started, CheckoutStarted)
    house.pay(started.order)
    house.settle(started.order.id)
    house.drain()
    return house.order(started.order.id)


def each(deed: Callable[[Order], object], orders: list[Order]) -> None:
    """One after the other. Who finds that an order is busy lets it be."""
    for order in orders:
        with suppress(Unavailable):
            deed(order)


def again_and_again(work: Callable[[], object]) -> None:
    for _ in range(TURNS):
        work()


def finish(house: ServerHouse, batches: Batches, batch_id: BatchId) -> None:
    """Whatever had to wait has waited, and the batch comes to its end."""
    house.advance(seconds=BUSY_SECONDS)
    batches.complete(batch_id)
    house.advance(seconds=BUSY_SECONDS)
    house.drain()
    assert batches.batch(batch_id).state is BatchState.FINISHED


def test_a_batch_and_disputes_of_its_orders_take_turns(
    house: ServerHouse, orders: list[Order], servers: Servers
) -> None:
    """Won: everything is back, once. Lost: the bank returned what we had not. Nobody is owed, or has twice."""
    batches = Batches(house)
    batch = batches.running(tell_buyers=False)
    house.drain()
    disputes: dict[object, str] = {}

    def open_dispute(order: Order) -> None:
        disputes[order.id] = house.dispute(order)
        house.receive(*house.dispute_notice(disputes[order.id]))

    def give_back_one_by_one(order: Order) -> None:
        for ticket in house.tickets(order.id):
            house.refund(order.id, ticket.id)

    disputed, turn = [order for place, order in enumerate(orders) if place % 3], count()
    together(
        partial(each, open_dispute, disputed),
        partial(each, give_back_one_by_one, orders),
        partial(each, give_back_one_by_one, orders[::-1]),
        partial(again_and_again, batches.run),
        partial(again_and_again, house._drain_once),
    )
    house.advance(seconds=BUSY_SECONDS)

    def decide(order: Order) -> None:
        house.decide_dispute(disputes[order.id], won=next(turn) % 2 == 0)
        house.receive(*house.dispute_notice(disputes[order.id]))

    def try_again() -> None:
        for _ in orders:
            batches.retry(batch.id)
            batches.run()

    together(
        partial(each, decide, disputed),
        partial(each, lambda order: house.follow_dispute(disputes[order.id]), disputed[::-1]),
        try_again,
        partial(again_and_again, batches.run),
        partial(again_and_again, house._drain_once),
        partial(each, lambda order: house.refund(order.id), orders),
    )
    finish(house, batches, batch.id)
    if batches.retry(batch.id):
        finish(house, batches, batch.id)

    for order in orders:
        assert_one_end(house, order)
    with servers.engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM given_while_frozen")).all() == []
    assert house.free() == house.free_in_truth() == CAPACITY
    assert [wrong for check in PostgresBooks(servers.engine).check() for wrong in check.differences] == []
    with house.uow() as uow:
        assert uow.outbox.parked(at_most=ORDERS) == ()


def assert_one_end(house: ServerHouse, order: Order) -> None:
    """Refunded, or charged back; and the provider, the order, its tickets and the ledger say the same."""
    after, refunds = house.order(order.id), house.refunds(order.id)
    with house.uow() as uow:
        disputes, kept = uow.disputes.of_order(order.id), balances(uow.ledger.of_order(order.id))
    arrived = [refund for refund in refunds if refund.state is RefundState.SUCCEEDED]
    lost = [dispute for dispute in disputes if dispute.state is DisputeState.LOST]
    by_the_bank = sum(dispute.facts.amount.amount for dispute in lost)

    assert {refund.state for refund in refunds} <= {RefundState.SUCCEEDED, RefundState.FAILED}
    assert house.given_back(order) == after.refunded == sum((refund.amount for refund in arrived), after.refunded * 0)
    assert after.refunded.amount + by_the_bank <= order.total.amount
    returned = [ticket for refund in arrived for ticket in refund.tickets]
    assert len(returned) == len(set(returned)), "a ticket was given back twice"
    assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VOID}
    assert after.frozen_because is None
    assert Account.REFUNDS_OWED not in kept
    if by_the_bank:
        # What had arrived before was no longer the bank's to return: the sum above says so.
        assert after.state is OrderState.CHARGED_BACK
    else:
        assert after.state is OrderState.REFUNDED
        assert len(returned) == order.units
