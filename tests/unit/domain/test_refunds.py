"""Refunds: a policy never gives more than was paid, and says why it gives what it gives."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.holds import BuyerFingerprint, HoldId
from domain.money import BASIS_POINTS, CurrencyCode, Money, zero
from domain.orders import Buyer, Order, OrderId, OrderLine, OrderLineId, OrderState, StockState
from domain.payments import PaymentId
from domain.refunds import (
    STANDARD_POLICY,
    Refund,
    RefundId,
    RefundPolicy,
    RefundReason,
    RefundState,
    RefundWindow,
    quote,
)
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import TierId, UnitPrice

USD = CurrencyCode("USD")
STARTS = datetime(2027, 6, 1, 19, 30, tzinfo=UTC)


def sold(
    *, face: int, fee: int, count: int = 2, state: TicketState = TicketState.VALID
) -> tuple[Order, tuple[Ticket, ...]]:
    """A confirmed order and its tickets."""
    event_id, tier_id, line_id = EventId(uuid4()), TierId(uuid4()), OrderLineId(uuid4())
    unit = UnitPrice.plain(Money(face, USD), Money(fee, USD))
    order = Order(
        id=OrderId(uuid4()),
        number="K7Q2-MX4D",
        event_id=event_id,
        hold_id=HoldId(event_id, uuid4()),
        state=OrderState.CONFIRMED,
        stock=StockState.ALLOCATED,
        buyer=Buyer(name="Ada", email="ada@example.com", phone=None),
        fingerprint=BuyerFingerprint(device="d", address="a"),
        lines=(OrderLine(id=line_id, tier_id=tier_id, tier_name="General", quantity=count, unit=unit),),
        pools={"z:floor": count},
        placed_at=STARTS - timedelta(days=90),
        deadline_at=STARTS - timedelta(days=90),
        refunded=zero(USD),
    )
    tickets = tuple(
        Ticket(
            id=TicketId(uuid4()),
            order_id=order.id,
            line_id=line_id,
            event_id=event_id,
            tier_id=tier_id,
            tier_name="General",
            price=unit,
            zone="Floor",
            place="General admission",
            seat=None,
            code=f"CODE{number}",
            state=state,
            issued_at=order.placed_at,
        )
        for number in range(count)
    )
    return order, tickets


hours = st.lists(st.integers(0, 5_000), unique=True, max_size=6).map(lambda found: sorted(found, reverse=True))


@st.composite
def policies(draw: st.DrawFn) -> RefundPolicy:
    windows = tuple(
        RefundWindow(hours_before=each, basis_points=draw(st.integers(0, BASIS_POINTS))) for each in draw(hours)
    )
    return RefundPolicy(windows=windows, fees_returned=draw(st.booleans()))


@given(
    policy=policies(),
    face=st.integers(0, 1_000_000),
    fee=st.integers(0, 50_000),
    hours_left=st.integers(-100, 6_000),
    reason=st.sampled_from(RefundReason),
)
def test_what_comes_back_and_what_is_kept_are_what_was_paid(
    policy: RefundPolicy, face: int, fee: int, hours_left: int, reason: RefundReason
) -> None:
    """For every ticket, at every time, under every policy: nothing is lost and nothing is invented."""
    order, tickets = sold(face=face, fee=fee)
    now = STARTS - timedelta(hours=hours_left)
    answer = quote(order, tickets, policy=policy, reason=reason, starts_at=STARTS, now=now)
    assert not isinstance(answer, Rejection)
    for line, ticket in zip(answer.lines, tickets, strict=True):
        assert line.amount + line.kept == ticket.price.total
        assert line.amount.amount >= 0
        assert line.kept.amount >= 0
    assert answer.total.amount <= order.total.amount


@pytest.mark.parametrize(("days_left", "share"), [(31, 10_000), (30, 10_000), (29, 5_000), (7, 5_000), (6, 0), (-1, 0)])
def test_the_standard_windows_end_when_they_say(days_left: int, share: int) -> None:
    """The last moment of a window still counts."""
    order, tickets = sold(face=10_000, fee=500, count=1)
    now = STARTS - timedelta(days=days_left)
    answer = quote(order, tickets, policy=STANDARD_POLICY, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=now)
    assert not isinstance(answer, Rejection)
    assert answer.total == Money(share, USD)
    assert answer.lines[0].why


def test_a_cancelled_event_returns_everything() -> None:
    """Fees too, whatever the policy says about a buyer's wish."""
    order, tickets = sold(face=10_000, fee=500, count=1)
    answer = quote(
        order,
        tickets,
        policy=RefundPolicy(windows=()),
        reason=RefundReason.EVENT_CANCELLED,
        starts_at=STARTS,
        now=STARTS,
    )
    assert not isinstance(answer, Rejection)
    assert answer.total == order.total


@pytest.mark.parametrize(
    ("state", "code"),
    [(TicketState.VOID, RejectionCode.ALREADY_REFUNDED), (TicketState.CHECKED_IN, RejectionCode.NOT_REFUNDABLE)],
)
def test_a_ticket_that_was_used_or_refunded_gives_nothing(state: TicketState, code: RejectionCode) -> None:
    """Said per reason, so that a person knows which."""
    order, tickets = sold(face=10_000, fee=500, state=state)
    answer = quote(
        order, tickets, policy=STANDARD_POLICY, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=STARTS
    )
    assert isinstance(answer, Rejection)
    assert answer.code is code


def test_what_arrived_is_never_again_on_its_way() -> None:
    """An answer that was overtaken by a newer one changes nothing; only a failure may follow a success."""
    order, _ = sold(face=4_500, fee=450)
    refund = Refund(
        id=RefundId(uuid4()),
        order_id=order.id,
        payment_id=PaymentId(uuid4()),
        amount=Money(4_500, USD),
        reason=RefundReason.GOODWILL,
        state=RefundState.REQUESTED,
        parts=(),
        requested_at=STARTS,
    )
    arrived = refund.report(RefundState.SUCCEEDED, provider_id="re_1", failure=None, now=STARTS)

    late = arrived.report(RefundState.PENDING, provider_id="re_1", failure=None, now=STARTS + timedelta(days=1))
    failed = late.report(RefundState.FAILED, provider_id="re_1", failure="lost_card", now=STARTS + timedelta(days=2))

    assert late == arrived
    assert failed.state is RefundState.FAILED
