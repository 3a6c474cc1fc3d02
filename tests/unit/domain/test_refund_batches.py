"""Batches of refunds: who may take which step, which selections mean something, and when one person is not enough."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.refund_batches import (
    EVENTS_PER_BATCH_MAX,
    NUMBERS_PER_BATCH_MAX,
    ApprovalRule,
    BatchId,
    BatchOrder,
    BatchOrderState,
    BatchPurpose,
    BatchState,
    Outcome,
    RefundBatch,
    Selection,
    outcome,
    time_left,
)
from domain.refund_policies import RefundReason
from domain.refunds import RefundId, RefundState
from domain.venues import VenueId

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FINANCE, BOSS = "fin@house.example", "boss@house.example"
EVENT = EventId(uuid4())


def batch(state: BatchState = BatchState.DRAFT) -> RefundBatch:
    return RefundBatch(
        id=BatchId(uuid4()), purpose=BatchPurpose.EVENT_CANCELLED, reason=RefundReason.EVENT_CANCELLED,
        selection=Selection(event_ids=(EVENT,)), note="", tell_buyers=True, state=state, requested_by=FINANCE,
        requested_at=NOW,
    )  # fmt: skip


def moved(answer: RefundBatch | Rejection) -> RefundBatch:
    assert isinstance(answer, RefundBatch), answer
    return answer


def test_a_small_batch_needs_one_person() -> None:
    """Preview, go, pause, go on, done; and what failed may be tried again."""
    running = moved(moved(batch().counted()).submit(because=None, now=NOW))

    finished = moved(moved(moved(running.pause()).resume()).finish(now=NOW))

    assert (running.state, running.started_at) == (BatchState.RUNNING, NOW)
    assert (finished.state, finished.ended_at) == (BatchState.FINISHED, NOW)
    assert moved(finished.begin_again()).state is BatchState.RUNNING


def test_who_asked_does_not_approve() -> None:
    """A second person must agree, and their name is kept."""
    waiting = moved(moved(batch().counted()).submit(because="many", now=NOW))

    own = waiting.approve(actor=FINANCE, note="", now=NOW)
    approved = moved(waiting.approve(actor=BOSS, note="go", now=NOW))

    assert isinstance(own, Rejection)
    assert waiting.state is BatchState.AWAITING_APPROVAL
    assert (approved.state, approved.approved_by, approved.decision_note) == (BatchState.RUNNING, BOSS, "go")
    assert moved(waiting.decline(note="no", now=NOW)).state is BatchState.STOPPED


STEPS: dict[str, Callable[[RefundBatch], RefundBatch | Rejection]] = {
    "counted": lambda one: one.counted(),
    "submit": lambda one: one.submit(because=None, now=NOW),
    "approve": lambda one: one.approve(actor=BOSS, note="", now=NOW),
    "decline": lambda one: one.decline(note="", now=NOW),
    "pause": lambda one: one.pause(),
    "resume": lambda one: one.resume(),
    "stop": lambda one: one.stop(now=NOW),
    "finish": lambda one: one.finish(now=NOW),
    "begin_again": lambda one: one.begin_again(),
}
ALLOWED = {
    BatchState.DRAFT: {"counted", "stop"},
    BatchState.PREVIEWED: {"submit", "stop"},
    BatchState.AWAITING_APPROVAL: {"approve", "decline"},
    BatchState.RUNNING: {"pause", "stop", "finish", "begin_again"},
    BatchState.PAUSED: {"resume", "stop", "finish", "begin_again"},
    BatchState.FINISHED: {"begin_again"},
    BatchState.STOPPED: set(),
}


@pytest.mark.parametrize("state", list(BatchState))
def test_every_state_has_its_steps(state: BatchState) -> None:
    """No other step is possible; a stopped batch has none."""
    taken = {name for name, step in STEPS.items() if isinstance(step(batch(state)), RefundBatch)}

    assert taken == ALLOWED[state]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(placed_from=NOW),
        Selection(venue_id=VenueId(uuid4())),
        Selection(venue_id=VenueId(uuid4()), starts_from=NOW, starts_before=NOW),
        Selection(event_ids=(EVENT,), placed_from=NOW, placed_before=NOW - timedelta(days=1)),
        Selection(event_ids=(EVENT,), states=frozenset()),
        Selection(event_ids=tuple(EventId(uuid4()) for _ in range(EVENTS_PER_BATCH_MAX + 1))),
        Selection(numbers=("ABCD-2345",) * (NUMBERS_PER_BATCH_MAX + 1)),
    ],
)
def test_a_selection_must_mean_something(selection: Selection) -> None:
    """Never everything there is, never backwards, never without bounds; the answer names the field."""
    refusal = selection.refuses()

    assert refusal is not None
    assert refusal.code is RejectionCode.INVALID_REQUEST
    assert "field" in refusal.details


@pytest.mark.parametrize(
    ("orders", "amount", "needed"),
    [
        (50, Money(500_000, CurrencyCode("USD")), False),
        (51, Money(1, CurrencyCode("USD")), True),
        (1, Money(500_001, CurrencyCode("USD")), True),
        (1, Money(500_000, CurrencyCode("JPY")), False),
        (1, Money(500_001, CurrencyCode("JPY")), True),
        (1, Money(5_000_000, CurrencyCode("KWD")), False),
        (1, Money(5_000_001, CurrencyCode("KWD")), True),
    ],
)
def test_above_a_threshold_one_person_is_not_enough(orders: int, amount: Money, needed: bool) -> None:
    """So many orders, or so much in any one currency; yen count by the hundred."""
    rule = ApprovalRule(orders_max=50, units_max=5_000)

    assert bool(rule.because(orders=orders, amounts=(amount,))) is needed


def test_never_more_than_was_shown() -> None:
    """What was approved is the most that goes back; less is fine."""
    usd = CurrencyCode("USD")
    row = BatchOrder(
        batch_id=BatchId(uuid4()), order_id=OrderId(uuid4()), state=BatchOrderState.WAITING, due_at=NOW
    ).quoted(Money(100, usd))  # fmt: skip

    assert row.too_much(Money(101, usd))
    assert row.too_much(Money(100, usd)) is None
    assert row.too_much(Money(99, usd)) is None


def test_a_row_says_what_its_refund_says() -> None:
    """Where the money is, only the refund knows."""
    row = BatchOrder(batch_id=BatchId(uuid4()), order_id=OrderId(uuid4()), state=BatchOrderState.WAITING, due_at=NOW)
    asked = row.requested(RefundId(uuid4()))

    counted = row.quoted(Money(100, CurrencyCode("USD")))
    frozen = row.quoted(Money(100, CurrencyCode("USD")), frozen_because="A bank decides.")

    told = {state: outcome(asked, state) for state in RefundState}

    assert {told_as.value for told_as in told.values()} == {"requested", "pending", "succeeded", "failed"}
    assert outcome(row, None) is Outcome.COUNTING
    assert outcome(counted, None) is Outcome.WAITING
    assert outcome(frozen, None) is Outcome.FROZEN
    assert outcome(frozen.failed("It still is."), None) is Outcome.FAILED
    assert outcome(frozen.failed("It still is.").again(now=NOW), None) is Outcome.WAITING
    assert outcome(row.skip("used"), None) is Outcome.SKIPPED


def test_time_left_follows_the_last_minute() -> None:
    """1,500 done in a minute and 3,000 to go are two minutes; without a rate nothing is promised."""
    assert time_left(orders_left=3_000, done_lately=1_500) == timedelta(minutes=2)
    assert time_left(orders_left=3_000, done_lately=0) is None
