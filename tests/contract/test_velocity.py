"""What every velocity counter promises."""

from collections.abc import Iterator

import pytest

from adapters.redis_locks.connections import connect
from adapters.redis_locks.velocity import ValkeyVelocity
from domain.ports.velocity import WINDOW_SECONDS, OrderCounts, Velocity
from entrypoints.launcher.process import free_port
from tests.contract.clocked import KINDS, Clocked, Opening, clocked
from tests.fakes.velocity import FakeVelocity


@pytest.fixture(params=KINDS)
def velocity(request: pytest.FixtureRequest) -> Iterator[Clocked[Velocity]]:
    opening: Opening[Velocity] = clocked(request.param, request, FakeVelocity, ValkeyVelocity)
    with opening as made:
        yield made


def test_orders_are_counted_by_device_and_by_address(velocity: Clocked[Velocity]) -> None:
    """A family shares an address, not a device."""
    for order, device in (("1", "phone"), ("2", "phone"), ("3", "laptop")):
        velocity.port.record(device=device, address="home", order=order)

    assert velocity.port.counts(device="phone", address="home") == OrderCounts(device=2, address=3)
    assert velocity.port.counts(device="tablet", address="work") == OrderCounts(device=0, address=0)


def test_an_order_counts_once_however_often_it_is_said(velocity: Clocked[Velocity]) -> None:
    """Retries are not haste."""
    for _ in range(3):
        velocity.port.record(device="phone", address="home", order="1")

    assert velocity.port.counts(device="phone", address="home") == OrderCounts(device=1, address=1)


def test_what_left_the_window_is_forgotten(velocity: Clocked[Velocity]) -> None:
    """Counted from when the order was first said: saying it again does not keep it young."""
    velocity.port.record(device="phone", address="home", order="1")
    velocity.advance(seconds=WINDOW_SECONDS - 60)
    velocity.port.record(device="phone", address="home", order="1")
    velocity.port.record(device="phone", address="home", order="2")
    velocity.advance(seconds=120)

    assert velocity.port.counts(device="phone", address="home") == OrderCounts(device=1, address=1)


def test_it_fails_open_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """No server: an order is placed all the same, and the log tells the operator."""
    client = connect(f"redis://127.0.0.1:{free_port()}")
    counters = ValkeyVelocity(client)

    counters.record(device="phone", address="home", order="1")

    assert counters.counts(device="phone", address="home") == OrderCounts(device=0, address=0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    client.close()
