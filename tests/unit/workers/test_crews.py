"""Crews at work on an outbox in memory."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from threading import Barrier, Event
from typing import Any
from uuid import uuid4

import pytest

from application.commands.drain_outbox import drain_outbox, hand_back, keep_leases
from domain.errors import ProviderUnavailable
from domain.ports.outbox import LEASE_SECONDS, RULES, Effect, Lane, OutboxRow
from entrypoints.workers.crews import HEARTBEAT_SECONDS, Bell, Crew, RowsInHand
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.world import START, FakeClock

WAIT_SECONDS = 10


@pytest.fixture
def stop() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def row(key: str = "x", effect: Effect = Effect.SEND_REFUND) -> OutboxRow:
    return OutboxRow(id=uuid4(), key=key, effect=effect, payload={}, created_at=START, not_before=START)


def filled(*rows: OutboxRow) -> FakeStore:
    store = FakeStore()
    with store() as uow:
        for one in rows:
            uow.outbox.add(one)
        uow.commit()
    return store


def test_several_rows_are_in_flight_at_once(stop: Event) -> None:
    """All threads of a crew come when one has found something: four calls overlap, none waits for another."""
    together = Barrier(4)
    left = [0, 0, 0, 0]

    def work() -> int:
        try:
            left.pop()
        except IndexError:
            return 0
        together.wait(WAIT_SECONDS)
        return 1

    crew = Crew("test", size=4, work=work)
    threads = crew.start(stop=stop)
    for _ in range(200):
        if together.broken or not left:
            break
        crew.call()
        stop.wait(0.01)
    stop.set()
    crew.call()
    for thread in threads:
        thread.join(WAIT_SECONDS)

    assert not together.broken
    assert left == []


def test_a_crew_outlives_its_failures(stop: Event) -> None:
    """An outbox that cannot be read is looked at again."""
    seen = Event()
    answers: list[object] = [1, 0]

    def work() -> int:
        if not answers:
            seen.set()
        return 1 if answers and answers.pop() else 0

    bell = Bell()
    crew = Crew("test", size=1, work=work, look_seconds=0.01)
    bell.listen(crew.call)
    crew.start(stop=stop)
    bell.ring()

    assert seen.wait(WAIT_SECONDS)


def test_a_slow_effect_keeps_its_lease() -> None:
    """While a handler works, the heartbeat renews what it has; afterwards there is nothing to renew."""
    store, clock = filled(row()), FakeClock()
    ports: dict[str, Any] = {"unit_of_work": store, "clock": clock}
    in_hand = RowsInHand(keep=partial(keep_leases, **ports), hand_back=partial(hand_back, **ports))
    calls = []

    def slow(payload: Mapping[str, object], attempt: int) -> None:
        calls.append(attempt)
        for _ in range(10):
            clock.advance(seconds=HEARTBEAT_SECONDS)
            assert in_hand.heartbeat() == 0
            assert drain(holding=in_hand.holding) == 0, "nobody else gets it"

    drain = partial(
        drain_outbox, handlers={Effect.SEND_REFUND: slow}, report=lambda row, failure: None, at_most=1, **ports
    )
    assert drain(holding=in_hand.holding) == 1

    clock.advance(seconds=LEASE_SECONDS)
    assert calls == [1]
    assert drain(holding=in_hand.holding) == 0
    assert in_hand.heartbeat() == in_hand.return_all() == 0


def test_what_is_too_late_is_parked_also_during_an_outage() -> None:
    """A confirmation by SMS is of no use a day later; a refund is tried for as long as it takes."""
    store, clock = filled(row("sms", Effect.SEND_SMS), row("refund")), FakeClock()

    def away(payload: Mapping[str, object], attempt: int) -> None:
        raise ProviderUnavailable("away")

    for _ in range(40):
        drain_outbox(
            handlers=dict.fromkeys(Effect, away), report=lambda row, failure: None, unit_of_work=store, clock=clock
        )
        clock.advance(seconds=3_600)

    with store() as uow:
        (given_up,) = uow.outbox.parked(at_most=9)
    rule = RULES[Effect.SEND_SMS]
    assert given_up.key == "sms"
    assert rule.gives_up_after is not None
    assert given_up.errors[-1].at - START >= rule.gives_up_after - timedelta(hours=1)


def test_rows_that_failed_together_come_back_apart() -> None:
    """Between half of the pause and all of it, differently for every row and every attempt."""
    rows = [OutboxRow(
        id=uuid4(), key=str(number), effect=Effect.SEND_REFUND, payload={}, created_at=START, not_before=START,
        attempts=6, lane=Lane.BULK,
    ) for number in range(200)]  # fmt: skip

    pauses = [(one.retry_at(now=START) - START).total_seconds() for one in rows]

    assert min(pauses) >= 32
    assert max(pauses) <= 64
    assert len({round(pause) for pause in pauses}) > 15
