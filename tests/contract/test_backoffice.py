"""What every Backoffice promises: the same purchases, seen through the fake and through Postgres."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text as sql

from adapters.postgres.backoffice import PostgresBackoffice
from adapters.postgres.engine import create_engine
from application.commands.start_checkout import CheckoutStarted
from domain.accounts import Role, StaffId, StaffMember
from domain.audit import AuditEntry
from domain.errors import NotFound
from domain.events import Event, EventId, EventState, Sale
from domain.fraud import RiskLevel, Verdict
from domain.holds import ActiveHold, BuyerFingerprint, HoldLine
from domain.orders import Buyer, Order, OrderId, OrderState
from domain.payments import PaymentState
from domain.ports.backoffice import (
    PAGE_LIMIT,
    REPAIRED,
    Backoffice,
    EffectState,
    EventsFilter,
    OrdersFilter,
    Pulse,
    Repairs,
    StockFigures,
    TrailFilter,
)
from domain.ports.outbox import Effect
from domain.refund_policies import STANDARD_POLICY, RefundReason
from domain.refunds import RefundState
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tickets import TicketState
from domain.venues import Venue
from tests.contract.views import STORES, houses_and
from tests.fakes.backoffice import FakeBackoffice
from tests.fakes.sales import chosen, general, general_sale, promotion, reserved_sale
from tests.unit.application.house import ADA, House

GRACE = Buyer(name="Grace Brewster Hopper", email="grace@example.org", phone="+12025550100")
QUERIES_PER_PAGE_MAX = 10


@dataclass
class Desk:
    """A backoffice, and houses whose purchases it looks at. ``sent`` counts statements, where there are any."""

    open_house: Callable[..., House]
    backoffice: Backoffice
    sent: list[str]


@pytest.fixture(params=STORES)
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with houses_and(request, monkeypatch, memory=FakeBackoffice, postgres=PostgresBackoffice) as seen:
        yield Desk(*seen)


@pytest.fixture
def house(desk: Desk) -> House:
    """General admission: a floor of 100, of which 20 may be VIP."""
    return desk.open_house(sale=general_sale())


def note(house: House, action: str, event_id: EventId) -> None:
    """An entry of the trail that the system wrote about an event."""
    with house.store() as uow:
        uow.audit.add(
            AuditEntry(
                id=uuid4(), at=house.clock.now(), actor="system", action=action, subject_kind="event",
                subject_id=str(event_id),
            )
        )  # fmt: skip
        uow.commit()


def since(house: House, **duration: float) -> datetime:
    return house.clock.now() - timedelta(**(duration or {"days": 1}))


def place(house: House, line: HoldLine, buyer: Buyer = ADA) -> Order:
    """An order that waits for its payment."""
    fingerprint = BuyerFingerprint(device=f"device-{uuid4()}", address="an address")
    hold = house.hold(line, buyer=fingerprint)
    assert isinstance(hold, ActiveHold), hold
    started = house.checkout(hold.id, buyer)
    assert isinstance(started, CheckoutStarted), started
    return started.order


def buy(house: House, line: HoldLine, buyer: Buyer = ADA) -> Order:
    order = place(house, line, buyer)
    house.gateway.pay(house.gateway.session_of(order.id))
    house.settle(order.id)
    house.drain()
    return house.order(order.id)


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
        _announce(house, replace(sale, slug=slug, starts_at=now + 20 * day), EventState.PUBLISHED)
    _announce(house, replace(general_sale(), slug="draft"), EventState.DRAFT)

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


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("ada@example.com", "ada"),
        ("ADA@", "ada"),
        ("grace@", "grace"),
        ("brewster", "grace"),
        ("hopp", "grace"),
        ("202 555 0100", "grace"),
        ("+44 7700 900123", "ada"),
        ("07700 900123", "ada"),
        ("%", ""),
        ("_da", ""),
        ("nobody", ""),
        ("   ", "grace ada"),
    ],
)
def test_orders_are_found_by_what_people_say(desk: Desk, house: House, text: str, finds: str) -> None:
    """Addresses from their start, names anywhere, telephones from their end; the newest first."""
    place(house, general(house.sale, 1), ADA)
    house.clock.advance(seconds=60)
    place(house, general(house.sale, 1), GRACE)

    found = desk.backoffice.orders(wanted=OrdersFilter(text=text)).items

    assert [row.buyer_name.split()[0].lower() for row in found] == finds.split()


def test_orders_are_filtered_by_number_state_and_event(desk: Desk, house: House) -> None:
    """Each filter for itself and all together."""
    paid, waiting = buy(house, general(house.sale, 2)), place(house, general(house.sale, 1))

    def found(**wanted: object) -> list[OrderId]:
        filter_ = OrdersFilter(**wanted)  # type: ignore[arg-type]  # the fields of a filter
        return [row.id for row in desk.backoffice.orders(wanted=filter_).items]

    assert found(text=paid.number.lower().replace("-", "")) == [paid.id]
    assert found(states=frozenset({OrderState.AWAITING_PAYMENT})) == [waiting.id]
    assert sorted(found(event_id=house.event_id)) == sorted([paid.id, waiting.id])
    assert found(event_id=EventId(uuid4())) == []
    assert found(text=waiting.number, states=frozenset({OrderState.CONFIRMED})) == []
    (row,) = desk.backoffice.orders(wanted=OrdersFilter(text=paid.number)).items
    assert (row.number, row.state, row.units, row.total) == (paid.number, OrderState.CONFIRMED, 2, paid.total)
    assert (row.event_name, row.buyer_email, row.placed_at) == ("Small House Night", ADA.email, paid.placed_at)


def test_pages_go_on_without_gaps(desk: Desk, house: House) -> None:
    """More orders than a page holds, several in one moment: each is on exactly one page."""
    placed = [
        place(house, general(house.sale, 1), replace(ADA, email=f"ada{number}@example.com", phone=None))
        for number in range(PAGE_LIMIT + 5)
    ]
    seen: list[OrderId] = []
    cursor: str | None = None

    for _ in range(3):
        page = desk.backoffice.orders(wanted=OrdersFilter(cursor=cursor))
        seen += [row.id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert cursor is None
    assert len(seen) == len(placed)
    assert set(seen) == {order.id for order in placed}


@pytest.mark.parametrize("cursor", ["rubbish", "====", "MjAyNi0xMS0yMg==", "\x00", "ü"])
def test_a_cursor_that_nobody_wrote(desk: Desk, cursor: str) -> None:
    """It is a mistake of the caller, everywhere."""
    now = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
    calls = (
        lambda: desk.backoffice.orders(wanted=OrdersFilter(cursor=cursor)),
        lambda: desk.backoffice.events(wanted=EventsFilter(cursor=cursor), now=now, since=now),
        lambda: desk.backoffice.trail(wanted=TrailFilter(cursor=cursor)),
        lambda: desk.backoffice.effects(state=EffectState.WAITING, cursor=cursor),
    )
    for call in calls:
        with pytest.raises(ValueError):  # noqa: PT011  (whichever part of it is wrong)
            call()


def test_one_order_with_all_that_belongs_to_it(desk: Desk) -> None:
    """Lines, seats by name, attempts, assessment, tickets, refunds, messages and the trail, oldest first."""
    house = desk.open_house(sale=reserved_sale())
    order = buy(house, chosen(house.sale, 0, 1, 2))
    tickets = house.tickets(order.id)
    house.refund(order.id, tickets[0].id)
    house.drain()

    file = desk.backoffice.order(order.id)

    assert file.order == house.order(order.id)
    assert file.places == {index: f"Stalls, Row 1, seat {index + 1}" for index in (0, 1, 2)}
    assert [payment.state for payment in file.payments] == [PaymentState.CAPTURED]
    assert [each.assessment.verdict for each in file.assessments] == [Verdict.APPROVE]
    assert [ticket.id for ticket in file.tickets] == [ticket.id for ticket in tickets]
    assert [ticket.state for ticket in file.tickets] == [TicketState.VOID, TicketState.VALID, TicketState.VALID]
    (refund,) = file.refunds
    assert (refund.tickets, refund.reason, refund.state) == (
        (tickets[0].id,), RefundReason.BUYERS_WISH, RefundState.SUCCEEDED,
    )  # fmt: skip
    assert [message.order_id for message in file.messages] == [order.id]
    actions = [entry.action for entry in file.trail]
    assert actions[0] == "order.placed"
    assert "refund.requested" in actions
    assert (file.event_name, file.venue_name, file.opted_out) == ("Small House Night", "Small House", False)
    with pytest.raises(NotFound):
        desk.backoffice.order(OrderId(uuid4()))


def test_a_number_that_said_stop_is_known(desk: Desk, house: House) -> None:
    """The order's page must not offer to write to it."""
    order = place(house, general(house.sale, 1))
    with house.store() as uow:
        uow.messages.opt_out(str(ADA.phone), at=house.clock.now())
        uow.commit()

    assert desk.backoffice.order(order.id).opted_out


def test_the_review_queue_has_the_longest_waiting_first(desk: Desk, house: House) -> None:
    """With reasons, risk and card; who was decided about is gone from it."""
    orders = []
    for _ in range(2):
        order = place(house, general(house.sale, 1))
        house.gateway.pay(house.gateway.session_of(order.id), risk=RiskLevel.ELEVATED, review_opened=True)
        house.settle(order.id)
        house.drain()
        house.clock.advance(seconds=60)
        orders.append(order)

    waiting = desk.backoffice.reviews()

    assert [row.order.id for row in waiting] == [order.id for order in orders]
    first = waiting[0]
    assert (first.risk, first.card, first.order.state) == (RiskLevel.ELEVATED, "visa 4242", OrderState.IN_REVIEW)
    assert first.assessed is not None
    assert [reason.code for reason in first.assessed.assessment.reasons] == ["radar_elevated"]
    house.review(orders[0].id, approve=True)
    assert [row.order.id for row in desk.backoffice.reviews()] == [orders[1].id]


def test_effects_are_seen_until_they_are_done(desk: Desk, house: House) -> None:
    """Waiting and parked ones with their order, error and attempts; done ones are history."""
    order = buy(house, general(house.sale, 1))
    house.refund(order.id)
    for _ in range(12):
        house.gateway.fail_next("refund", RuntimeError("a mistake of ours"))
    for _ in range(12):
        house.drain()
        house.clock.advance(seconds=3_600)
    other = place(house, general(house.sale, 1), GRACE)
    house.gateway.pay(house.gateway.session_of(other.id))
    house.settle(other.id)

    parked = desk.backoffice.effects(state=EffectState.PARKED, cursor=None)
    waiting = desk.backoffice.effects(state=EffectState.WAITING, cursor=None)

    (stuck,) = parked.items
    assert (stuck.row.effect, stuck.row.attempts, stuck.order_id) == (Effect.SEND_REFUND, 12, order.id)
    assert "a mistake of ours" in (stuck.row.last_error or "")
    assert (parked.parked, parked.waiting) == (waiting.parked, waiting.waiting) == (1, len(waiting.items))
    assert {(effect.row.effect, effect.order_id) for effect in waiting.items} == {(Effect.CAPTURE_PAYMENT, other.id)}


def test_the_trail_is_filtered(desk: Desk, house: House) -> None:
    """By who, by a whole action or its noun, by subject; newest first."""
    order = buy(house, general(house.sale, 1))
    house.clock.advance(seconds=5)
    house.refund(order.id)

    def found(**wanted: str) -> list[AuditEntry]:
        return list(desk.backoffice.trail(wanted=TrailFilter(**wanted)).items)

    assert found()[0].action == "refund.requested"
    assert {entry.actor for entry in found(actor="system")} == {"system"}
    assert {entry.action for entry in found(action="order")} == {"order.placed", "order.confirmed"}
    assert [entry.action for entry in found(action="order.placed")] == ["order.placed"]
    assert found(action="ord") == found(action="%") == found(subject="nobody") == []
    assert len(found(subject=str(order.id))) >= 3


def test_staff_by_name(desk: Desk, house: House) -> None:
    """Everybody, disabled or not."""
    now = house.clock.now()
    people = [
        StaffMember(
            id=StaffId(uuid4()), email=f"{name.lower()}@example.com", name=name, role=Role.SUPPORT,
            password_hash="hash", created_at=now, disabled_at=now if name == "Cleo" else None,
        )
        for name in ("Cleo", "Ann", "Bob")
    ]  # fmt: skip
    with house.store() as uow:
        for person in people:
            uow.staff.add(person)
        uow.commit()

    assert [member.name for member in desk.backoffice.staff()] == ["Ann", "Bob", "Cleo"]
    assert desk.backoffice.staff()[2] == people[0]


def test_pages_ask_a_constant_number_of_questions(desk: Desk, house: House) -> None:
    """Ten times the rows, the same number of statements (on Postgres; the fake has none)."""
    order = buy(house, general(house.sale, 2))

    def questions() -> list[int]:
        counts = []
        now = house.clock.now()
        for look in (
            lambda: desk.backoffice.dashboard(now=now, since=now),
            lambda: desk.backoffice.events(wanted=EventsFilter(), now=now, since=now),
            lambda: desk.backoffice.event(house.event_id, since=now),
            lambda: desk.backoffice.orders(wanted=OrdersFilter()),
            lambda: desk.backoffice.order(order.id),
            lambda: desk.backoffice.effects(state=EffectState.WAITING, cursor=None),
        ):
            desk.sent.clear()
            look()
            counts.append(len(desk.sent))
        return counts

    before = questions()
    for _ in range(10):
        buy(house, general(house.sale, 1), GRACE)

    assert questions() == before
    assert max(before) <= QUERIES_PER_PAGE_MAX


def _announce(house: House, sale: Sale, state: EventState) -> None:
    """Another event in a place of its own."""
    venue = Venue(
        id=sale.seat_map.venue_id, slug=f"place-{sale.slug}", name="Elsewhere", address="2 Lane", city="Porto",
        country="PT", timezone="Europe/Lisbon",
    )  # fmt: skip
    seat_map = replace(sale.seat_map, code=f"M{uuid4().hex[:8]}")
    event = Event(
        id=sale.event_id, slug=sale.slug, name=sale.slug, summary="", description="", category="concert", artwork="",
        venue_id=venue.id, seat_map_id=seat_map.id, currency=sale.currency, doors_at=sale.starts_at,
        starts_at=sale.starts_at, ends_at=sale.starts_at, state=state, terms=sale.terms, tiers=sale.tiers,
    )  # fmt: skip
    with house.store() as uow:
        uow.venues.add(venue)
        uow.venues.add_map(seat_map)
        uow.events.add(event, policy=STANDARD_POLICY)
        uow.commit()
