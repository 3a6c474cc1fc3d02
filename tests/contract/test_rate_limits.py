"""What every rate limiter and every budget promises."""

from collections.abc import Iterator

import pytest

from adapters.redis_locks.connections import connect
from adapters.redis_locks.rate_limits import ValkeyBudget, ValkeyRateLimiter
from domain.errors import InventoryUnavailable
from domain.pacing import Limit, Pace, Slot, Urgency
from domain.ports.rate_limits import Budget, RateLimiter
from entrypoints.launcher.process import free_port
from tests.contract.clocked import KINDS, Clocked, Opening, clocked
from tests.contract.valkey_clients import VALKEY, client_of
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


PACE = Pace(endpoint=Limit(per_second=4))


def reserve(
    budget: Budget, urgency: Urgency = Urgency.LIVE, *, within: float = 60, pace: Pace = PACE, at: str = "refunds"
) -> Slot:
    return budget.reserve(endpoint=at, pace=pace, urgency=urgency, within_seconds=within)


def test_a_budget_hands_out_slots_at_its_pace(budgets: Clocked[Budget]) -> None:
    """One second's worth at once, then evenly spaced, each slot given once."""
    slots = [reserve(budgets.port) for _ in range(12)]

    assert all(slot.booked for slot in slots)
    assert [slot.seconds for slot in slots[:4]] == [0.0] * 4
    waits = [slot.seconds for slot in slots if slot.seconds > 0]
    assert len(waits) >= 7
    assert abs(waits[-1] - 2.0) < SLACK_SECONDS
    assert waits == sorted(waits)


def test_a_budgets_slots_come_nearer_with_time(budgets: Clocked[Budget]) -> None:
    """What was booked is worked off."""
    pace = Pace(endpoint=Limit(per_second=2))
    far = [reserve(budgets.port, pace=pace).seconds for _ in range(21)][-1]
    budgets.advance(seconds=5)

    assert abs(far - reserve(budgets.port, pace=pace).seconds - 4.5) < SLACK_SECONDS


def test_a_slot_that_comes_too_late_is_not_booked(budgets: Clocked[Budget]) -> None:
    """However many ask and give up, those who come later wait no longer for it."""
    slots = [reserve(budgets.port, within=1) for _ in range(50)]

    assert not slots[-1].booked
    assert max(slot.seconds for slot in slots) < 1.5 + SLACK_SECONDS
    budgets.advance(seconds=3)
    assert reserve(budgets.port, within=1).seconds == 0.0


def test_bulk_leaves_the_burst_to_buyers(budgets: Clocked[Budget]) -> None:
    """While a batch runs as fast as it may, a buyer who comes waits for one slot at most, not for the batch."""
    taken = [reserve(budgets.port, Urgency.BULK) for _ in range(20)]

    live = [reserve(budgets.port, Urgency.LIVE).seconds for _ in range(3)]

    assert sum(slot.booked for slot in taken) in {2, 3}
    assert all(0 < slot.seconds <= 0.25 for slot in taken if not slot.booked)
    assert max(live) <= 0.25


def test_single_refunds_come_before_bulk_and_after_buyers(budgets: Clocked[Budget]) -> None:
    """Each urgency leaves room for the one above: bulk has none left when a single refund still has."""
    for _ in range(20):
        reserve(budgets.port, Urgency.BULK)

    assert reserve(budgets.port, Urgency.SETTLING).booked
    assert not reserve(budgets.port, Urgency.SETTLING).booked
    assert reserve(budgets.port, Urgency.LIVE).seconds == 0.0


def test_the_lesser_are_not_starved(budgets: Clocked[Budget]) -> None:
    """Behind an endless queue of buyers, one slot in ten is a batch's: it queues with them when its turn has come."""
    reserve(budgets.port, Urgency.BULK)
    for _ in range(8):
        reserve(budgets.port)
    assert not reserve(budgets.port, Urgency.BULK).booked
    budgets.advance(seconds=2.6)
    for _ in range(12):
        reserve(budgets.port)

    turn = reserve(budgets.port, Urgency.BULK)

    assert turn.booked
    assert turn.seconds > 0
    assert not reserve(budgets.port, Urgency.BULK).booked


def test_all_endpoints_share_the_limit_over_all(budgets: Clocked[Budget]) -> None:
    """Six a second together: the seventh call waits, whichever endpoint it is for."""
    pace = Pace(endpoint=Limit(per_second=4), everywhere=Limit(per_second=6))

    slots = [reserve(budgets.port, pace=pace, at=f"endpoint {number % 3}") for number in range(9)]

    assert [slot.seconds for slot in slots[:6]] == [0.0] * 6
    assert slots[8].seconds == pytest.approx(0.5, abs=0.17)


def test_a_refusal_cools_the_endpoint_down_for_everybody(budgets: Clocked[Budget]) -> None:
    """No call is due before its end, it is told to whoever booked before, and others do not notice."""
    before = reserve(budgets.port)
    told = budgets.port.cool_down(endpoint="refunds", pace=PACE, seconds=3)

    assert told == pytest.approx(3, abs=SLACK_SECONDS)
    assert budgets.port.cools(endpoint="refunds") == before.cools + 1
    assert reserve(budgets.port).seconds == pytest.approx(3, abs=SLACK_SECONDS)
    assert not reserve(budgets.port, Urgency.BULK, within=2).booked
    assert reserve(budgets.port, at="sessions").seconds == 0.0
    budgets.advance(seconds=3)
    assert reserve(budgets.port).seconds <= 0.25


def test_refusals_of_one_rush_are_one_and_later_ones_last_longer(budgets: Clocked[Budget]) -> None:
    """Ten 429 at once are one cool-down; another one soon after it is twice as long; one much later is not."""

    def refused() -> float:
        return budgets.port.cool_down(endpoint="refunds", pace=PACE, seconds=0)

    rush = [refused() for _ in range(10)]
    assert max(rush) <= 0.5
    assert budgets.port.cools(endpoint="refunds") == 1
    budgets.advance(seconds=1)
    assert refused() == pytest.approx(1.0, abs=0.1)
    budgets.advance(seconds=60)
    assert refused() == pytest.approx(0.5, abs=0.1)


def test_a_refusal_everywhere_stops_all(budgets: Clocked[Budget]) -> None:
    """Also when no limit over all endpoints was configured."""
    budgets.port.cool_down(endpoint="refunds", pace=PACE, seconds=2, everywhere=True)

    assert reserve(budgets.port, at="sessions").seconds == pytest.approx(2, abs=SLACK_SECONDS)


def test_what_was_spent_is_counted(request: pytest.FixtureRequest) -> None:
    """Calls, refusals and waits of every urgency, and Stripe's own refusals, over all processes."""
    with client_of(VALKEY, request) as client:
        budget = ValkeyBudget(client)
        for _ in range(6):
            reserve(budget, within=0.3)
        budget.cool_down(endpoint="refunds", pace=PACE, seconds=1)
        spent = budget.spending(endpoints=("refunds", "sessions"))

    assert spent["refunds"].limited == 1
    live = spent["refunds"].by_urgency[Urgency.LIVE]
    assert (live.calls, live.refused) == (5, 1)
    assert 0 < live.waited_seconds <= 0.25
    assert spent["sessions"].by_urgency[Urgency.LIVE].calls == 0


def test_without_a_server_limits_fail_open_and_budgets_say_so(caplog: pytest.LogCaptureFixture) -> None:
    """Everybody passes the limiter at once, and the log tells the operator; a budget is kept by each caller alone."""
    client = connect(f"redis://127.0.0.1:{free_port()}")

    assert ValkeyRateLimiter(client).wait_seconds(key="door", at_most=1, seconds=60) == 0
    with pytest.raises(InventoryUnavailable):
        reserve(ValkeyBudget(client))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    client.close()
