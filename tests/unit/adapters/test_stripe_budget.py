"""How calls to Stripe are paced and counted, without calling anybody."""

import pytest

from adapters.stripe.amounts import from_stripe, to_stripe
from adapters.stripe.budget import WAIT_SECONDS_MAX, Budget, LocalPacer
from domain.errors import ProviderUnavailable
from domain.money import CurrencyCode, Money


class Stopwatch:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_burst_of_one_second_passes_at_once() -> None:
    """As many calls as a second may hold are not delayed."""
    watch = Stopwatch()
    pacer = LocalPacer(per_second=25, monotonic=watch)

    assert [pacer("sessions", 9.0) for _ in range(25)] == pytest.approx([0.0] * 25)


def test_more_calls_than_allowed_take_their_time() -> None:
    """After the first second's burst, 25 calls take a second, whatever the callers hoped for."""
    watch = Stopwatch()
    budget = Budget(reserve=LocalPacer(per_second=25, monotonic=watch), sleep=watch.sleep)

    for _ in range(25 + 100):
        budget.wait("sessions")

    assert watch.seconds - 1_000 == pytest.approx(4.0)


def test_endpoints_do_not_wait_for_each_other() -> None:
    """A rush of new sessions does not hold up captures."""
    pacer = LocalPacer(per_second=2, monotonic=Stopwatch())
    for _ in range(10):
        pacer("sessions", 9.0)

    assert pacer("captures", 9.0) == 0.0


def test_a_hopeless_queue_is_refused() -> None:
    """Who would wait longer than a request may last is told to come back."""
    with pytest.raises(ProviderUnavailable, match="waiting"):
        Budget(reserve=lambda key, within_seconds: WAIT_SECONDS_MAX + 1).wait("sessions")


def test_who_is_refused_keeps_nobody_waiting() -> None:
    """Thousands of buyers who are told to come back leave the queue as short as it was."""
    watch = Stopwatch()
    pacer = LocalPacer(per_second=25, monotonic=watch)

    waits = [pacer("sessions", 2.0) for _ in range(1_000)]
    watch.sleep(3.5)

    assert sum(seconds <= 2.0 for seconds in waits) == pytest.approx(25 + 2 * 25, abs=1)
    assert pacer("sessions", 2.0) == 0.0


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
