"""What every store promises about the outbox: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.ports.outbox import LEASE_SECONDS, Effect, OutboxRow
from domain.ports.unit_of_work import UnitOfWorkFactory
from tests.contract.stores import NOW, STORES, store_of

ALL = frozenset(Effect)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def effect(key: str, kind: Effect = Effect.SEND_SMS, *, seconds: float = 0) -> OutboxRow:
    """An effect that is due ``seconds`` after NOW."""
    due = NOW + timedelta(seconds=seconds)
    return OutboxRow(
        id=uuid4(), key=key, effect=kind, payload={"to": key, "parts": [1, 2]}, created_at=due, not_before=due
    )


def add(store: UnitOfWorkFactory, *rows: OutboxRow) -> None:
    with store() as uow:
        for row in rows:
            uow.outbox.add(row)
        uow.commit()


def lease(store: UnitOfWorkFactory, *, now: datetime = NOW, at_most: int = 10) -> tuple[OutboxRow, ...]:
    with store() as uow:
        leased = uow.outbox.lease(now=now, at_most=at_most, effects=ALL)
        uow.commit()
    return leased


def test_due_rows_are_leased_in_order_with_one_attempt_more(store: UnitOfWorkFactory) -> None:
    """The longest due first; so many at most; rows of the future and other effects are left alone."""
    late, due = effect("late", seconds=-20), effect("due", seconds=-10)
    other = effect("other", Effect.SEND_REFUND, seconds=-30)
    add(store, due, effect("future", seconds=60), late, other)

    with store() as uow:
        first = uow.outbox.lease(now=NOW, at_most=1, effects=frozenset({Effect.SEND_SMS}))
        rest = uow.outbox.lease(now=NOW, at_most=9, effects=frozenset({Effect.SEND_SMS}))
        uow.commit()

    until = NOW + timedelta(seconds=LEASE_SECONDS)
    assert first == (replace(late, attempts=1, not_before=until),)
    assert rest == (replace(due, attempts=1, not_before=until),)


def test_a_key_is_one_effect_for_ever(store: UnitOfWorkFactory) -> None:
    """Added again, before or after it happened, it does not happen again (I8)."""
    first = effect("hello")
    add(store, first)
    add(store, effect("hello"))
    (leased,) = lease(store)
    with store() as uow:
        assert uow.outbox.done(leased)
        uow.commit()

    add(store, effect("hello"))

    assert lease(store) == ()
    with store() as uow:
        assert uow.outbox.waiting() == 0


def test_a_lease_runs_out(store: UnitOfWorkFactory) -> None:
    """A worker that died holds nothing for ever; the next attempt is counted."""
    add(store, effect("hello"))
    lease(store)

    assert lease(store, now=NOW + timedelta(seconds=LEASE_SECONDS - 1)) == ()
    (again,) = lease(store, now=NOW + timedelta(seconds=LEASE_SECONDS))
    assert again.attempts == 2


def test_whoever_lost_the_lease_has_nothing_to_say(store: UnitOfWorkFactory) -> None:
    """Done, retry and park are fenced by the number of attempts."""
    add(store, effect("hello"))
    (stale,) = lease(store)
    (fresh,) = lease(store, now=NOW + timedelta(seconds=LEASE_SECONDS))

    with store() as uow:
        assert not uow.outbox.done(stale)
        assert not uow.outbox.retry(stale, at=NOW, error="late")
        assert not uow.outbox.park(stale, error="late")
        assert uow.outbox.done(fresh)
        assert not uow.outbox.done(fresh)
        uow.commit()


def test_a_retry_comes_back_with_its_error(store: UnitOfWorkFactory) -> None:
    """Not before its time; attempts go on counting."""
    add(store, effect("hello"))
    (leased,) = lease(store)
    with store() as uow:
        assert uow.outbox.retry(leased, at=NOW + timedelta(seconds=5), error="provider was away")
        uow.commit()

    assert lease(store, now=NOW + timedelta(seconds=4)) == ()
    (again,) = lease(store, now=NOW + timedelta(seconds=5))
    assert (again.attempts, again.last_error) == (2, "provider was away")


def test_a_parked_row_waits_for_a_person(store: UnitOfWorkFactory) -> None:
    """Nobody leases it; it is listed; revived, its attempts start anew, once."""
    add(store, effect("hello"), effect("second", seconds=1))
    leased = lease(store, now=NOW + timedelta(seconds=1))
    with store() as uow:
        for row in leased:
            assert uow.outbox.park(row, error="gave up")
        uow.commit()

    with store() as uow:
        assert [(row.key, row.last_error) for row in uow.outbox.parked(at_most=9)] == [
            ("hello", "gave up"),
            ("second", "gave up"),
        ]
        assert len(uow.outbox.parked(at_most=1)) == 1
        assert uow.outbox.waiting() == 0
        assert uow.outbox.lease(now=NOW + timedelta(days=1), at_most=9, effects=ALL) == ()
        assert uow.outbox.revive(row_id=leased[0].id, now=NOW)
        assert not uow.outbox.revive(row_id=leased[0].id, now=NOW)
        assert not uow.outbox.revive(row_id=UUID(int=0), now=NOW)
        assert uow.outbox.waiting() == 1
        uow.commit()
    (again,) = lease(store)
    assert (again.key, again.attempts) == ("hello", 1)


def test_effects_of_a_rolled_back_fact_do_not_happen(store: UnitOfWorkFactory) -> None:
    """They are written with the fact that wants them, or not at all."""
    with store() as uow:
        uow.outbox.add(effect("hello"))

    assert lease(store) == ()
