"""What every rate limiter and every budget promises."""

from collections.abc import Iterator

import pytest

from adapters.redis_locks.connections import connect
from adapters.redis_locks.rate_limits import ValkeyBudget, ValkeyRateLimiter
from domain.ports.rate_limits import Budget, RateLimiter
from entrypoints.launcher.process import free_port
from tests.contract.clocked import KINDS, Clocked, Opening, clocked
from tests.fakes.rate_limits import FakeBudget, FakeRateLimiter

SLACK_SECONDS = 0.5


@pytest.fixture(params=KINDS)
def limits(request: pytest.FixtureRequest) -> Iterator[Clocked[RateLimiter]]:
    opening: Opening[RateLimiter] = clocked(request.param, request, FakeRateLimiter, ValkeyRateLimiter)
    with opening as made:
        yield made


@pytest.fixture(params=KINDS)
def budgets(request: pytest.FixtureRequest) -> Iterator[Clocked[Budget]]:
    opening: Opening[Budget] = clocked(request.param, request, FakeBudget, ValkeyBudget)
    with opening as made:
        yield made


def test_a_burst_up_to_the_limit_passes_and_the_next_must_wait(limits: Clocked[RateLimiter]) -> None:
    """Five in fifty seconds: five at once, then one every ten seconds; what was refused was not counted."""

    def knock() -> int:
        return limits.port.wait_seconds(key="door", at_most=5, seconds=50)

    assert [knock() for _ in range(5)] == [0] * 5
    assert 9 <= knock() <= 10
    assert 9 <= knock() <= 10
    limits.advance(seconds=10.5)
    assert knock() == 0
    assert knock() > 0


def test_keys_are_limited_apart(limits: Clocked[RateLimiter]) -> None:
    """One who knocks too often does not lock the others out."""
    assert limits.port.wait_seconds(key="ada", at_most=1, seconds=60) == 0
    assert limits.port.wait_seconds(key="ada", at_most=1, seconds=60) > 0
    assert limits.port.wait_seconds(key="bob", at_most=1, seconds=60) == 0


def test_a_rested_limit_is_full_again_but_not_fuller(limits: Clocked[RateLimiter]) -> None:
    """After any pause the burst is the limit, not more."""
    limits.port.wait_seconds(key="door", at_most=3, seconds=30)
    limits.advance(hours=5)

    answers = [limits.port.wait_seconds(key="door", at_most=3, seconds=30) for _ in range(4)]

    assert answers[:3] == [0, 0, 0]
    assert answers[3] > 0


def test_a_budget_hands_out_slots_at_its_pace(budgets: Clocked[Budget]) -> None:
    """One second's worth at once, then evenly spaced, each slot given once."""
    slots = [budgets.port.reserve(key="stripe", per_second=4, within_seconds=60) for _ in range(12)]

    assert slots[:4] == [0.0] * 4
    waits = [slot for slot in slots if slot > 0]
    assert len(waits) >= 7
    assert abs(waits[-1] - 2.0) < SLACK_SECONDS
    assert waits == sorted(waits)


def test_a_budgets_slots_come_nearer_with_time(budgets: Clocked[Budget]) -> None:
    """What was booked is worked off."""
    for _ in range(20):
        budgets.port.reserve(key="stripe", per_second=2, within_seconds=60)
    far = budgets.port.reserve(key="stripe", per_second=2, within_seconds=60)
    budgets.advance(seconds=5)

    assert abs(far - budgets.port.reserve(key="stripe", per_second=2, within_seconds=60) - 4.5) < SLACK_SECONDS


def test_a_slot_that_comes_too_late_is_not_booked(budgets: Clocked[Budget]) -> None:
    """However many ask and give up, those who come later wait no longer for it."""
    answers = [budgets.port.reserve(key="stripe", per_second=2, within_seconds=1) for _ in range(50)]

    assert max(answers) < 1.5 + SLACK_SECONDS
    budgets.advance(seconds=3)
    assert budgets.port.reserve(key="stripe", per_second=2, within_seconds=1) == 0.0


def test_both_fail_open_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    """No server: everybody passes at once, and the log tells the operator."""
    client = connect(f"redis://127.0.0.1:{free_port()}")

    assert ValkeyRateLimiter(client).wait_seconds(key="door", at_most=1, seconds=60) == 0
    assert ValkeyBudget(client).reserve(key="stripe", per_second=1, within_seconds=60) == 0.0
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    client.close()
