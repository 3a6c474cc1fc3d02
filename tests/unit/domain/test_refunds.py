"""Refunds: a policy never gives more than was paid, and says why it gives what it gives."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import Rejection, RejectionCode
from domain.money import Money
from domain.payments import PaymentId
from domain.quotes import quote
from domain.refund_policies import STANDARD_POLICY, RefundPolicy, RefundReason
from domain.refunds import Refund, RefundId, RefundState
from domain.tickets import TicketState
from tests.unit.domain.selling import STARTS, USD, priced, sold


@pytest.mark.parametrize(("days_left", "share"), [(31, 10_000), (30, 10_000), (29, 5_000), (7, 5_000), (6, 0), (-1, 0)])
def test_the_standard_windows_end_when_they_say(days_left: int, share: int) -> None:
    """The last moment of a window still counts."""
    order, tickets = sold(priced(10_000, 0, 500, 0))
    now = STARTS - timedelta(days=days_left)
    answer = quote(order, tickets, policy=STANDARD_POLICY, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=now)
    assert not isinstance(answer, Rejection)
    assert answer.total == Money(share, USD)
    assert answer.lines[0].why


def test_a_cancelled_event_returns_everything() -> None:
    """Fees too, whatever the policy says about a buyer's wish."""
    order, tickets = sold(priced(10_000, 0, 500, 0))
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
    order, tickets = sold(priced(10_000, 0, 500, 0), priced(10_000, 0, 500, 0), state=state)
    answer = quote(
        order, tickets, policy=STANDARD_POLICY, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=STARTS
    )
    assert isinstance(answer, Rejection)
    assert answer.code is code


def test_what_arrived_is_never_again_on_its_way() -> None:
    """An answer that was overtaken by a newer one changes nothing; only a failure may follow a success."""
    order, _ = sold(priced(4_500, 0, 450, 0))
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
