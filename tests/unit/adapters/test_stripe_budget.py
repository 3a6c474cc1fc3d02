"""How calls to Stripe are paced and counted, without calling anybody."""

import pytest
import stripe

from adapters.stripe.amounts import from_stripe, to_stripe
from adapters.stripe.budget import WAIT_SECONDS_MAX, LocalBudget, Pacer, pace_of
from domain.errors import InventoryUnavailable, ProviderUnavailable
from domain.money import CurrencyCode, Money
from domain.pacing import Slot, Urgency

PACE = pace_of(per_second=25)


class Stopwatch:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class House:
    """Callers who share one budget and one stopwatch."""

    def __init__(self, *, per_second: int = 25, in_all: int | None = None) -> None:
        self.watch = Stopwatch()
        pace = pace_of(per_second=per_second, in_all_per_second=in_all)
        budget = LocalBudget(monotonic=self.watch)
        self.pacer = Pacer(pace=pace, local=budget, sleep=self.watch.sleep)

    def call(self, endpoint: str, urgency: Urgency = Urgency.LIVE, *, within_seconds: float = 9_999) -> float:
        """Make a call and answer how long it waited."""
        began = self.watch.seconds
        with self.pacer.slot(endpoint, urgency, within_seconds=within_seconds):
            return self.watch.seconds - began

    def refused(self, endpoint: str, **headers: str) -> None:
        """A call that Stripe answers with 429."""
        with pytest.raises(stripe.RateLimitError), self.pacer.slot(endpoint, Urgency.LIVE):
            raise stripe.RateLimitError("slow down", headers=headers, http_status=429)


def test_a_burst_of_one_second_passes_at_once() -> None:
    """As many calls as a second may hold are not delayed."""
    house = House()

    assert [house.call("sessions") for _ in range(25)] == pytest.approx([0.0] * 25)


def test_more_calls_than_allowed_take_their_time() -> None:
    """After the first second's burst, 25 calls take a second, whatever the callers hoped for."""
    house = House()

    for _ in range(25 + 100):
        house.call("sessions")

    assert house.watch.seconds - 1_000 == pytest.approx(4.0)


def test_endpoints_do_not_wait_for_each_other() -> None:
    """A rush of new sessions does not hold up captures."""
    house = House(per_second=2)
    for _ in range(10):
        house.call("sessions")

    assert house.call("captures") == 0.0


def test_all_endpoints_together_have_a_limit_of_their_own() -> None:
    """25 a second each, and no more than 40 together."""
    house = House(per_second=25, in_all=40)

    for number in range(40 + 80):
        house.call(f"endpoint {number % 8}")

    assert house.watch.seconds - 1_000 == pytest.approx(2.0, abs=0.03)


def test_a_hopeless_queue_is_refused() -> None:
    """Who would wait longer than a request may last is told to come back."""

    class Full(LocalBudget):
        def reserve(self, **_: object) -> Slot:
            return Slot(booked=False, seconds=WAIT_SECONDS_MAX + 1, cools=0)

    with pytest.raises(ProviderUnavailable, match="waiting"), Pacer(pace=PACE, local=Full()).slot("sessions"):
        raise AssertionError("nobody calls")


def test_who_is_refused_keeps_nobody_waiting() -> None:
    """Thousands of buyers who are told to come back leave the queue as short as it was."""
    watch = Stopwatch()
    budget = LocalBudget(monotonic=watch)

    def knock() -> Slot:
        return budget.reserve(endpoint="sessions", pace=PACE, urgency=Urgency.LIVE, within_seconds=2.0)

    slots = [knock() for _ in range(1_000)]
    watch.sleep(3.5)

    assert sum(slot.booked for slot in slots) == pytest.approx(25 + 2 * 25, abs=1)
    assert knock().seconds == 0.0


def test_without_valkey_every_process_keeps_to_its_part(caplog: pytest.LogCaptureFixture) -> None:
    """The fleet together stays below the budget, live calls are still made, and the log says so."""

    class Away(LocalBudget):
        def reserve(self, **_: object) -> Slot:
            raise InventoryUnavailable("no answer")

    watch = Stopwatch()
    local = LocalBudget(monotonic=watch)
    pacer = Pacer(pace=pace_of(per_second=40), shared=Away(), local=local, sleep=watch.sleep)

    for _ in range(10 + 20):
        with pacer.slot("sessions", Urgency.LIVE):
            pass

    assert watch.seconds - 1_000 == pytest.approx(2.0)
    assert "paces itself" in caplog.text


def test_too_many_requests_slow_everybody_down() -> None:
    """After a 429 nobody calls that endpoint for a moment, longer each time, and then at the even pace."""
    house = House()

    house.refused("refunds")
    first = house.call("refunds")
    second = house.call("refunds")
    house.refused("refunds")
    third = house.call("refunds")

    assert first == pytest.approx(0.5)
    assert second == pytest.approx(0.04)
    assert third == pytest.approx(1.0, abs=0.05)
    assert house.call("sessions") == 0.0


def test_stripes_own_wish_is_obeyed() -> None:
    """Retry-After is waited for; a reason that names all endpoints stops them all."""
    house = House()

    house.refused("refunds", **{"Retry-After": "7", "Stripe-Rate-Limited-Reason": "global-rate"})

    assert house.call("sessions") == pytest.approx(7.0)


def test_one_busy_payment_slows_nobody_down() -> None:
    """A limit on one object is no limit on the endpoint."""
    house = House()

    house.refused("captures", **{"Stripe-Rate-Limited-Reason": "resource-specific"})

    assert house.call("captures") == 0.0


def test_a_slot_from_before_a_cool_down_is_void() -> None:
    """Who slept towards a booked slot while Stripe asked everybody to slow down books again."""
    house = House(per_second=2)
    for _ in range(2):
        house.call("refunds")
    budget = house.pacer._local  # the point of the test is what happens between booking and calling
    asleep = house.watch.sleep

    def interrupted(seconds: float) -> None:
        house.pacer._sleep = asleep
        budget.cool_down(endpoint="refunds", pace=pace_of(per_second=2), seconds=5.0)
        asleep(seconds)

    house.pacer._sleep = interrupted

    assert house.call("refunds") >= 5.0


@pytest.mark.parametrize(
    ("money", "stripes"),
    [
        (Money(4_500, CurrencyCode("USD")), 4_500),
        (Money(500, CurrencyCode("JPY")), 500),
        (Money(2_900, CurrencyCode("ISK")), 290_000),
        (Money(1_250, CurrencyCode("KWD")), 1_250),
    ],
)
def test_amounts_go_out_and_come_back(money: Money, stripes: int) -> None:
    """Also in the one currency that Stripe counts differently."""
    assert to_stripe(money) == stripes
    assert from_stripe(stripes, money.currency.lower()) == money
