"""What every Backoffice promises of orders, effects, the trail and people: what is looked for is found."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest

from adapters.postgres.backoffice import PostgresBackoffice
from application import effects
from domain.accounts import Role, StaffId, StaffMember
from domain.audit import AuditEntry
from domain.errors import NotFound
from domain.events import EventId
from domain.fraud import RiskLevel, Verdict
from domain.orders import OrderId, OrderState
from domain.payments import PaymentState
from domain.ports.backoffice import (
    PAGE_LIMIT,
    EffectState,
    EventsFilter,
    OrdersFilter,
    TrailFilter,
)
from domain.ports.mail import LetterKind
from domain.ports.outbox import Effect
from domain.refund_policies import RefundReason
from domain.refunds import RefundState
from domain.tickets import TicketState
from tests.contract.desks import GRACE, Desk, buy, place
from tests.contract.views import STORES, houses_and
from tests.fakes.backoffice import FakeBackoffice
from tests.fakes.sales import chosen, general, general_sale, reserved_sale
from tests.unit.application.house import ADA, House

QUERIES_PER_PAGE_MAX = 10


@pytest.fixture(params=STORES)
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with houses_and(request, monkeypatch, memory=FakeBackoffice, postgres=PostgresBackoffice) as seen:
        yield Desk(*seen)


@pytest.fixture
def house(desk: Desk) -> House:
    """General admission: a floor of 100, of which 20 may be VIP."""
    return desk.open_house(sale=general_sale())


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

    row = effects.send_email(LetterKind.ORDER_LINK, order.id, uuid4(), ids=house.ids, now=house.clock.now())
    with house.store() as uow:
        uow.outbox.add(row)
        uow.commit()
    (letter,) = desk.backoffice.effects(state=EffectState.WAITING, cursor=None, effect=Effect.SEND_EMAIL).items
    assert letter.order_id == order.id


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
