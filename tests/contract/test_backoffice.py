"""What every Backoffice promises of events and the house: the same purchases, through the fake and through Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text as sql

from adapters.postgres.backoffice import PostgresBackoffice
from adapters.postgres.engine import create_engine
from domain.errors import NotFound
from domain.events import EventId, EventState
from domain.fraud import RiskLevel
from domain.ports.backoffice import (
    REPAIRED,
    EventsFilter,
    OrdersFilter,
    Pulse,
    Repairs,
    StockFigures,
    TrailFilter,
)
from domain.refunds import RefundState
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from tests.contract.desks import GRACE, Desk, announce, buy, note, place, since
from tests.contract.views import STORES, houses_and
from tests.fakes.backoffice import FakeBackoffice
from tests.fakes.sales import general, general_sale, promotion
from tests.unit.application.house import House


@pytest.fixture(params=STORES)
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with houses_and(request, monkeypatch, memory=FakeBackoffice, postgres=PostgresBackoffice) as seen:
        yield Desk(*seen)


@pytest.fixture
def house(desk: Desk) -> House:
    """General admission: a floor of 100, of which 20 may be VIP."""
    return desk.open_house(sale=general_sale())


def test_an_empty_house_has_an_empty_desk(desk: Desk) -> None:
    """Nothing is wrong when nothing is there."""
    now = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
    seen = desk.backoffice.dashboard(now=now, since=now)

    assert (seen.events, seen.recent_orders, seen.recent_gross) == ((), 0, ())
    assert seen.health.effects_waiting == seen.health.effects_parked == seen.health.reviews_waiting == 0
    assert desk.backoffice.events(wanted=EventsFilter(), now=now, since=now).items == ()
    assert desk.backoffice.orders(wanted=OrdersFilter()).items == ()
    assert not desk.backoffice.reviews()
    assert not desk.backoffice.staff()
    assert desk.backoffice.trail(wanted=TrailFilter()).items == ()


def test_the_dashboard_counts_places_and_money(desk: Desk, house: House) -> None:
    """Sold, being paid and free add up; money is what was confirmed, refunds beside it; older sales are not recent."""
    buy(house, general(house.sale, 2))
    house.clock.advance(seconds=2 * 86_400)
    order = buy(house, general(house.sale, 3, "vip"), GRACE)
    place(house, general(house.sale, 4))
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()

    seen = desk.backoffice.dashboard(now=house.clock.now(), since=since(house))

    (event,) = seen.events
    assert (event.stock.capacity, event.stock.allocated, event.stock.claimed) == (100, 4, 4)
    assert event.stock.unclaimed == 92
    assert (event.recent_orders, seen.recent_orders) == (1, 1)
    assert event.recent_gross == order.total
    assert seen.recent_gross == (order.total,)
    assert (event.gross - order.total).amount == 2 * 4_950
    assert event.refunded.amount == 12_000
    assert (event.timezone, event.venue_name) == ("Europe/London", "Small House")


def test_what_needs_a_person_is_counted(desk: Desk, house: House) -> None:
    """A review, a parked effect, a failed refund, money that is not settled."""
    risky = place(house, general(house.sale, 1))
    house.gateway.pay(house.gateway.session_of(risky.id), risk=RiskLevel.ELEVATED, review_opened=True)
    house.settle(risky.id)
    house.drain()
    failing = buy(house, general(house.sale, 2), GRACE)
    house.gateway.refunds_start = RefundState.FAILED
    house.refund(failing.id, house.tickets(failing.id)[0].id)
    house.drain()
    house.gateway.refunds_start = RefundState.PENDING
    house.refund(failing.id, house.tickets(failing.id)[1].id)
    for _ in range(12):
        house.gateway.fail_next("refund", RuntimeError("a mistake of ours"))
        house.drain()
        house.clock.advance(seconds=3_600)

    health = desk.backoffice.dashboard(now=house.clock.now(), since=since(house)).health

    assert (health.reviews_waiting, health.payments_unsettled) == (1, 1)
    assert (health.effects_parked, health.effects_waiting, health.oldest_due_at) == (1, 0, None)
    assert (health.refunds_failed, health.refunds_under_way) == (1, 1)


def test_the_most_urgent_sales_come_first(desk: Desk, house: House) -> None:
    """On sale by start, then those that open next, then those whose sale is over; never drafts or cancelled ones."""
    now = house.clock.now()
    day = timedelta(days=1)
    moments = {
        "closed": (now - 3 * day, now - day),
        "opens-late": (now + 2 * day, now + 9 * day),
        "opens-soon": (now + day, now + 9 * day),
        "running": (now - day, now + day),
    }
    for slug, (opens_at, closes_at) in moments.items():
        sale = general_sale(opens_at=opens_at, closes_at=closes_at)
        announce(house, replace(sale, slug=slug, starts_at=now + 20 * day), EventState.PUBLISHED)
    announce(house, replace(general_sale(), slug="draft"), EventState.DRAFT)

    seen = desk.backoffice.dashboard(now=now, since=now)

    assert [event.slug for event in seen.events] == [
        "running", house.sale.slug, "opens-soon", "opens-late", "closed",
    ]  # fmt: skip


def test_events_are_found_by_words_state_and_time(desk: Desk, house: House) -> None:
    """Any part of name, venue or city in any case; a percent sign is only a percent sign."""
    now = house.clock.now()

    def found(**wanted: object) -> int:
        filter_ = EventsFilter(**wanted)  # type: ignore[arg-type]  # the fields of a filter
        return len(desk.backoffice.events(wanted=filter_, now=now, since=now).items)

    assert [found(text=text) for text in ("SMALL", "house night", "town", "%", "opera")] == [1, 1, 1, 0, 0]
    assert [found(state=state) for state in (EventState.PUBLISHED, EventState.DRAFT)] == [1, 0]
    assert [found(past=past) for past in (False, True)] == [1, 0]


def test_one_events_stock_is_told_pool_by_pool(desk: Desk, house: House) -> None:
    """Zones by the map, then tiers with limits of their own; tickets that are out there by tier."""
    order = buy(house, general(house.sale, 3, "vip"))
    buy(house, general(house.sale, 2), GRACE)
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()

    stock = desk.backoffice.event(house.event_id, since=since(house))

    pools = {pool.key: (pool.name, pool.stock.capacity, pool.stock.allocated) for pool in stock.pools}
    assert pools == {"z:floor": ("Floor", 100, 4), "t:vip": ("Vip", 20, 2)}
    assert [pool.key for pool in stock.pools] == ["z:floor", "t:vip"]
    assert stock.sold == {"vip": 2, "general": 2}
    with pytest.raises(NotFound):
        desk.backoffice.event(EventId(uuid4()), since=since(house))


def test_uses_of_a_promotion_are_no_places(desk: Desk, house: House) -> None:
    """A code that may be used without end makes the hall no larger, and a ticket bought with it is one ticket."""
    before = desk.backoffice.event(house.event_id, since=since(house))
    with house.store() as uow:
        event = uow.events.get(house.event_id)
        uow.events.save(replace(event, promotions=(promotion("SESAME"),)))
        uow.commit()

    seen = desk.backoffice.event(house.event_id, since=since(house))

    assert (seen.figures.stock, seen.pools) == (before.figures.stock, before.pools)


def test_what_is_kept_back_is_counted_apart(desk: Desk, house: House) -> None:
    """House seats are neither sold nor being paid; what was given back of them is free."""
    block = StockBlock(
        id=StockBlockId(uuid4()), event_id=house.event_id, label="Press", reason="", actor="ann@example.com",
        at=house.clock.now(), stock=BlockedStock(zone="floor", quantity=12),
    )  # fmt: skip
    buy(house, general(house.sale, 3))
    with house.store() as uow:
        uow.stock.block(block)
        uow.stock.unblock(block, BlockedStock(zone="floor", quantity=2))
        uow.commit()

    (floor, _) = desk.backoffice.event(house.event_id, since=since(house)).pools

    assert floor.stock == StockFigures(capacity=100, claimed=0, allocated=3, blocked=10)
    assert desk.backoffice.event(house.event_id, since=since(house)).figures.stock == floor.stock


def test_repairs_are_counted_from_the_trail(desk: Desk, house: House) -> None:
    """Of all sales and of one: how many lately, and when the last one was, however long ago."""
    other = EventId(uuid4())
    note(house, REPAIRED, house.event_id)
    first = house.clock.now()
    house.clock.advance(seconds=2 * 86_400)
    note(house, REPAIRED, other)
    note(house, "event.published", house.event_id)

    seen = desk.backoffice.dashboard(now=house.clock.now(), since=since(house)).health.repairs

    assert seen == Repairs(recent=1, last_at=house.clock.now())
    assert desk.backoffice.event(house.event_id, since=since(house)).repairs == Repairs(recent=0, last_at=first)
    assert desk.backoffice.event(house.event_id, since=first).repairs == Repairs(recent=1, last_at=first)


def test_the_pulse_counts_what_monitors_ask_for(desk: Desk, house: House) -> None:
    """Nothing at first; then every repair there was, and effects that wait or gave up."""
    assert desk.backoffice.pulse() == Pulse(repairs=0, effects_waiting=0, effects_parked=0)
    order = buy(house, general(house.sale, 1))
    house.refund(order.id)
    for _ in range(12):
        house.gateway.fail_next("refund", RuntimeError("a mistake of ours"))
        house.drain()
        house.clock.advance(seconds=3_600)
    other = place(house, general(house.sale, 1), GRACE)
    house.gateway.pay(house.gateway.session_of(other.id))
    house.settle(other.id)
    for _ in range(3):
        note(house, REPAIRED, house.event_id)

    assert desk.backoffice.pulse() == Pulse(repairs=3, effects_waiting=1, effects_parked=1)


def test_the_pulse_is_read_from_indexes(desk: Desk, database_url: str) -> None:
    """A trail of years and an outbox of millions cost a monitor nothing (on Postgres; the fake has no indexes)."""
    desk.backoffice.pulse()
    if not desk.sent:
        return
    engine = create_engine(database_url, application_name="tests", pool_size=1)
    with engine.connect() as connection:
        # An empty table is read as a whole whatever there is: only with that forbidden do indexes show.
        connection.execute(sql("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(row[0] for row in connection.execute(sql(f"EXPLAIN {desk.sent[-1]}")))
    engine.dispose()

    assert "Seq Scan" not in plan
    for index in ("audit_entries_repairs", "outbox_due", "outbox_parked"):
        assert index in plan, plan
