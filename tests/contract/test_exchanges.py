"""Exchanges on Postgres and Valkey: the stories of ``tests/unit/application/test_exchanges.py``, and what only happens
when two do it in the same moment.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from threading import Barrier, get_ident

import pytest

from adapters.postgres.books import PostgresBooks
from adapters.postgres.repositories.stock import PostgresStock
from application.commands.start_checkout import CheckoutStarted
from domain.errors import Rejection
from domain.events import Event
from domain.orders import Order, OrderState
from domain.refund_policies import RefundReason
from domain.tickets import Ticket, TicketState
from tests.contract.at_once import together
from tests.contract.purchase_houses import ServerHouse, Servers, servers_at
from tests.fakes.sales import general_sale
from tests.unit.application import test_exchange_meets as meets
from tests.unit.application import test_exchanges as stories
from tests.unit.application.batches import Batches
from tests.unit.application.house import OpenHouse
from tests.unit.application.test_exchanges import TwoNights, with_a_free_tier


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


@pytest.fixture
def open_house(servers: Servers) -> OpenHouse:
    return lambda sale: ServerHouse(sale=sale, servers=servers)


@pytest.fixture
def nights(open_house: OpenHouse) -> TwoNights:
    return TwoNights(open_house(with_a_free_tier(general_sale())))


def wrongs(servers: Servers) -> list[str]:
    return [told for result in PostgresBooks(servers.engine).check() for told in result.differences]


class TestAnExchange(stories.TestAnExchange):
    pass


class TestWhatIsRefused(stories.TestWhatIsRefused):
    pass


class TestTakenMeanwhile(stories.TestTakenMeanwhile):
    pass


class Freely:
    """Wishes wait for nobody."""

    @pytest.fixture
    def nights(self, open_house: OpenHouse, servers: Servers) -> Iterator[TwoNights]:
        """After each story the books must agree."""
        yield TwoNights(open_house(with_a_free_tier(general_sale())), meets.FREELY)
        assert wrongs(servers) == []


class TestExchangesAndBatches(Freely, meets.TestExchangesAndBatches):
    pass


class TestExchangesAndDisputes(Freely, meets.TestExchangesAndDisputes):
    pass


class TestExchangesAndPeople(Freely, meets.TestExchangesAndPeople):
    pass


class TestRulesThatChange(Freely, meets.TestRulesThatChange):
    pass


class TestCodes(Freely, meets.TestCodes):
    pass


class TestChains(Freely, meets.TestChains):
    pass


def test_two_exchanges_of_one_ticket_at_once_have_one_winner(nights: TwoNights) -> None:
    """Two windows, two reservations, one old ticket: one order is placed, the other window hears which."""
    old = nights.buy(1)
    holds = [nights.reserve(), nights.reserve()]
    answers = together(*[partial(nights.check_out, hold.id, old) for hold in holds])
    (won,) = (each for each in answers if isinstance(each, CheckoutStarted))
    (lost,) = (each for each in answers if isinstance(each, Rejection))
    assert lost.details == {"order": str(won.order.id)}
    assert nights.paid(won.order).state is OrderState.CONFIRMED
    assert nights.states(old) == [TicketState.VOID]


def test_many_clicks_on_one_reservation_are_one_exchange(nights: TwoNights) -> None:
    """A double click is not its own rival: everybody hears of the same order, and it is confirmed once."""
    house, old = nights.house, nights.buy(1)
    hold = nights.reserve()
    answers = together(*[partial(nights.check_out, hold.id, old)] * 4)
    (order_id,) = {each.order.id for each in answers if isinstance(each, CheckoutStarted)}
    assert not [each for each in answers if isinstance(each, Rejection)]
    new = house.order(order_id)
    house.pay(new)
    together(*[partial(house.settle, order_id)] * 2, *[house.drain] * 2)
    house.drain()
    assert (nights.states(old), nights.states(new)) == ([TicketState.VOID], [TicketState.VALID])
    assert len(house.refunds(old.id)) == 1


def test_a_refund_and_the_confirmation_at_once_give_the_ticket_back_once(nights: TwoNights) -> None:
    """The buyer gives the old ticket back while the new one is being paid: one of both happens, in any order."""
    house, old = nights.house, nights.buy(1)
    new = nights.placed(old)
    house.pay(new)
    house.settle(new.id)
    house.capture_by_hand(new)
    together(partial(house.settle, new.id), partial(house.let_in, house.tickets(old.id)[0].id))
    house.drain()
    confirmed = house.order(new.id).state is OrderState.CONFIRMED
    assert nights.states(old) == [TicketState.VOID if confirmed else TicketState.CHECKED_IN]
    assert house.given_back(old if confirmed else new).amount > 0


def test_a_batch_and_the_confirmation_at_once_give_every_ticket_back_once(nights: TwoNights, servers: Servers) -> None:
    """The old night is called off while exchanges are being paid: each old ticket goes one way, none goes two."""
    house, batches = nights.house, Batches(nights.house)
    olds = [nights.buy(1) for _ in range(4)]
    news = [nights.placed(old) for old in olds]
    for new in news:
        house.pay(new)
        house.settle(new.id)
        house.capture_by_hand(new)
    batch = batches.running(tell_buyers=False)
    together(
        lambda: [house.settle(new.id) for new in news],
        lambda: [batches.run(in_flight_max=1 + number) for number in range(len(olds))],
        lambda: [house.settle(new.id) for new in reversed(news)],
    )
    batches.complete(batch.id)
    for old, new in zip(olds, news, strict=True):
        confirmed = house.order(new.id).state is OrderState.CONFIRMED
        assert [refund.reason for refund in house.refunds(old.id)] == [
            RefundReason.EXCHANGE if confirmed else RefundReason.EVENT_CANCELLED
        ]
        assert nights.states(old) == [TicketState.VOID]
        assert (nights.states(new), house.given_back(new).amount) == (
            ([TicketState.VALID], 0) if confirmed else ([], new.total.amount)
        )
    assert wrongs(servers) == []


class Crossing:
    """Two transactions that have taken places of one night meet before they give back places of the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries: Counter[int] = Counter()
        self._gate = Barrier(2, timeout=10)
        self._release = PostgresStock.release_tickets
        met = self._meet

        def release_tickets(stock: PostgresStock, tickets: tuple[Ticket, ...]) -> None:
            met(stock, tickets)

        monkeypatch.setattr(PostgresStock, "release_tickets", release_tickets)

    def _meet(self, stock: PostgresStock, tickets: tuple[Ticket, ...]) -> None:
        self.tries[get_ident()] += 1
        if self.tries[get_ident()] == 1:
            self._gate.wait()
        self._release(stock, tickets)


def test_crosswise_exchanges_of_free_places_both_end(nights: TwoNights, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first night to the second, and from the second to the first: a deadlock, which is tried again."""
    there = nights.buy(1, "vip")
    back = _ordered(nights, nights.second, tier="vip")
    holds = nights.reserve("vip"), nights.reserve("vip", event=nights.first)
    crossing = Crossing(monkeypatch)
    answers = together(partial(nights.check_out, holds[0].id, there), partial(nights.check_out, holds[1].id, back))
    assert sorted(crossing.tries.values()) == [1, 2], "there was no deadlock"
    for answer, old in zip(answers, (there, back), strict=True):
        assert isinstance(answer, CheckoutStarted), answer
        assert (nights.states(answer.order), nights.states(old)) == ([TicketState.VALID], [TicketState.VOID])


def test_crosswise_exchanges_that_were_paid_both_end(
    nights: TwoNights, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their money was taken by hand before anybody looked, so one transaction allocates here and releases there."""
    house, there = nights.house, nights.buy(1)
    back = nights.paid(_ordered(nights, nights.second))
    news = [nights.placed(there), _ordered(nights, nights.first, back)]
    for new in news:
        house.pay(new)
        intent_id = house.seen(new).intent_id
        assert intent_id is not None
        house.gateway.capture(intent_id=intent_id, amount=new.total, key="by hand")
    crossing = Crossing(monkeypatch)
    together(*[partial(house.settle, new.id) for new in news])
    assert sorted(crossing.tries.values()) == [1, 2], "there was no deadlock"
    house.drain()
    for new, old in zip(news, (there, back), strict=True):
        assert house.order(new.id).state is OrderState.CONFIRMED
        assert (nights.states(new), nights.states(old)) == ([TicketState.VALID], [TicketState.VOID])
        assert len(house.refunds(old.id)) == 1
    assert wrongs(servers) == []


def _ordered(nights: TwoNights, night: Event, old: Order | None = None, tier: str = "general") -> Order:
    """One ticket for this night, in exchange for that of the ``old`` order if there is one."""
    hold = nights.reserve(tier, event=night)
    started = nights.check_out(hold.id, old) if old else nights.house.checkout(hold.id)
    assert isinstance(started, CheckoutStarted), started
    return started.order


def test_what_a_live_system_compares_holds_after_an_exchange(nights: TwoNights, servers: Servers) -> None:
    """Both orders' books, stock and ledger agree."""
    old = nights.buy(2)
    assert nights.paid(nights.placed(old)).state is OrderState.CONFIRMED
    assert wrongs(servers) == []
