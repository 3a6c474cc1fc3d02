"""What every BatchDesk promises: the same batches, seen through the fake and through Postgres."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from adapters.postgres.backoffice.batches import PostgresBatchDesk
from application.commands.prepare_batch import Decision
from domain.errors import NotFound, ProviderRefused
from domain.fees import FeeRule
from domain.orders import Order
from domain.ports.batch_desk import BatchDesk, Tally
from domain.refund_batches import BatchId, Outcome, RefundBatch
from domain.tickets import TicketState
from tests.contract.views import STORES, houses_and
from tests.fakes.batch_desk import FakeBatchDesk
from tests.fakes.sales import general, general_sale, usd
from tests.unit.application.batches import Batches
from tests.unit.application.house import House

QUERIES_PER_PAGE_MAX = 10


@dataclass
class Desk:
    """A desk, and houses whose batches it looks at. ``sent`` counts statements, where there are any."""

    open_house: Callable[..., House]
    desk: BatchDesk
    sent: list[str]


@pytest.fixture(params=STORES)
def seen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with houses_and(request, monkeypatch, memory=FakeBatchDesk, postgres=PostgresBatchDesk) as seen:
        yield Desk(*seen)


@pytest.fixture
def house(seen: Desk) -> House:
    return seen.open_house(sale=general_sale(per_buyer_max=200, live_holds_per_buyer=20))


@pytest.fixture
def batches(house: House) -> Batches:
    return Batches(house)


def bought(house: House, many: int) -> list[Order]:
    """An order a second, each of one ticket of 49.50."""
    made = []
    for _ in range(many):
        made.append(house.buy(general(house.sale, 1)))
        house.advance(seconds=1)
    return made


def since(house: House) -> datetime:
    return house.clock.now() - timedelta(minutes=1)


def test_progress_tells_every_order_once(seen: Desk, house: House, batches: Batches) -> None:
    """Counting, waiting, on its way, paid back, failed, skipped: as the refunds themselves stand."""
    orders = bought(house, 4)
    draft = batches.prepare()
    assert isinstance(draft, RefundBatch)
    counting = seen.desk.batch(draft.id, since=since(house)).progress
    assert (counting.of(Outcome.COUNTING).orders, counting.counted, counting.orders) == (4, 0, 4)
    batches.steer(draft.id, Decision.STOP)

    batch = batches.running()
    house.refund(orders[0].id)
    house.gateway.fail_next("refund", ProviderRefused("refused", "the card is closed"))
    house.drain()
    batches.run(in_flight_max=2)
    on_their_way = seen.desk.batch(batch.id, since=since(house)).progress
    house.drain()
    after = seen.desk.batch(batch.id, since=since(house)).progress

    assert {outcome: tally.orders for outcome, tally in on_their_way.by_outcome.items()} == {
        Outcome.SKIPPED: 1,
        Outcome.REQUESTED: 1,
        Outcome.WAITING: 2,
    }
    assert on_their_way.of(Outcome.WAITING) == Tally(orders=2, amounts=(usd(9_900),))
    assert (after.of(Outcome.SUCCEEDED).orders, after.done, after.to_do, after.percent) == (1, 1, 3, 33)
    assert after.lately == 1
    assert after.time_left == timedelta(minutes=2)


def test_a_file_shows_what_was_previewed_and_why_not(seen: Desk, house: House, batches: Batches) -> None:
    """Totals by event and tier, and the reasons of what was left out, the most frequent first."""
    first, second, third = bought(house, 3)
    vip = house.buy(general(house.sale, 2, key="vip"))
    house.refund(second.id)
    batch = batches.running()
    house.gateway.fail_next("refund", ProviderRefused("refused", "the card is closed"))
    batches.run()
    house.drain()

    file = seen.desk.batch(batch.id, since=since(house))

    assert [(one.tier_name, one.orders, one.tickets, one.amount) for one in file.tiers] == [
        ("General", 2, 2, usd(9_900)),
        ("Vip", 1, 2, vip.total),
    ]
    assert {(why.outcome, why.why, why.orders) for why in file.whys} >= {
        (Outcome.SKIPPED, "There is no ticket left to refund.", 1)
    }
    assert file.batch == batches.batch(batch.id)
    assert {first.id, third.id, second.id, vip.id} == {row.order_id for row in seen.desk.all_rows(batch.id)}
    with pytest.raises(NotFound):
        seen.desk.batch(BatchId(uuid4()), since=since(house))


def test_free_orders_are_done_without_a_provider(seen: Desk) -> None:
    """They are paid back with nothing as soon as their turn has come: none is ever on its way."""
    sale = general_sale()
    house = seen.open_house(sale=replace(sale, tiers=(replace(sale.tiers[0], face=usd(0), fee=FeeRule()),)))
    batches, order = Batches(house), house.place_order(general(house.sale, 2))
    house.drain()
    batch = batches.running()
    batches.run()

    progress = seen.desk.batch(batch.id, since=since(house)).progress
    (row,) = seen.desk.all_rows(batch.id)

    assert progress.by_outcome == {Outcome.SUCCEEDED: Tally(orders=1, amounts=(usd(0),))}
    assert (progress.percent, progress.lately) == (100, 1)
    assert (row.order_id, row.expected, row.refunded) == (order.id, usd(0), usd(0))
    batches.complete(batch.id)
    assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VOID}


def test_what_was_frozen_is_listed_as_such(seen: Desk, house: House, batches: Batches) -> None:
    """With what it would give back and why it is frozen, until its turn has come."""
    order, other = bought(house, 2)
    house.receive(*house.dispute_notice(house.dispute(order)))
    batch = batches.previewed()

    file = seen.desk.batch(batch.id, since=since(house))
    listed = seen.desk.rows(batch.id, outcome=Outcome.FROZEN, from_position=0).items

    assert {outcome: tally.orders for outcome, tally in file.progress.by_outcome.items()} == {
        Outcome.FROZEN: 1,
        Outcome.WAITING: 1,
    }
    assert [(row.order_id, row.expected) for row in listed] == [(order.id, order.total)]
    assert [(why.outcome, why.why, why.orders) for why in file.whys] == [(Outcome.FROZEN, listed[0].why, 1)]
    batches.submit(batch.id)
    batches.complete(batch.id)
    after = seen.desk.batch(batch.id, since=since(house)).progress
    assert (after.of(Outcome.FROZEN).orders, after.of(Outcome.FAILED).orders) == (0, 1)
    assert house.given_back(other) == other.total


def test_rows_are_listed_in_their_order_and_by_where_they_stand(
    seen: Desk, house: House, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, without losing or repeating one; the export has all of them, however it is read."""
    for module in ("adapters.postgres.backoffice.batches", "tests.fakes.batch_desk"):
        monkeypatch.setattr(f"{module}.ROWS_PER_PAGE", 2)
    monkeypatch.setattr("adapters.postgres.backoffice.batches.ROWS_PER_READ", 2)
    orders = bought(house, 4)
    batch = batches.running()
    batches.run(in_flight_max=1)
    house.drain()

    first = seen.desk.rows(batch.id, outcome=None, from_position=0)
    assert first.next_position is not None
    second = seen.desk.rows(batch.id, outcome=None, from_position=first.next_position)
    paid = seen.desk.rows(batch.id, outcome=Outcome.SUCCEEDED, from_position=0)

    listed = [row.order_id for row in (*first.items, *second.items)]
    assert listed == [order.id for order in orders]
    assert second.next_position is None
    assert [(row.order_id, row.refunded, row.expected) for row in paid.items] == [
        (orders[0].id, usd(4_950), usd(4_950))
    ]
    assert [row.number for row in seen.desk.all_rows(batch.id)] == [order.number for order in orders]


def test_batches_are_listed_newest_first_in_few_queries(seen: Desk, house: House, batches: Batches) -> None:
    """However many there are: a page asks a constant number of questions."""
    bought(house, 1)
    made = []
    for _ in range(3):
        made.append(batches.previewed().id)
        house.advance(seconds=1)
    seen.sent.clear()

    page = seen.desk.batches(cursor=None, since=since(house))

    assert [item.batch.id for item in page.items] == made[::-1]
    assert {item.progress.orders for item in page.items} == {1}
    assert len(seen.sent) <= QUERIES_PER_PAGE_MAX
    after = seen.desk.batches(cursor=page.items[0].cursor, since=since(house))
    assert [item.batch.id for item in after.items] == made[1::-1]
    with pytest.raises(ValueError):  # noqa: PT011  (whichever part of it is wrong)
        seen.desk.batches(cursor="x", since=since(house))
