"""What every store promises about the outbox: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.ports.outbox import ERRORS_KEPT_MAX, LEASE_SECONDS, Effect, EffectError, Lane, OutboxRow
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
        assert not uow.outbox.retry(stale, at=NOW, error="late", now=NOW)
        assert not uow.outbox.park(stale, error="late", now=NOW)
        assert uow.outbox.done(fresh)
        assert not uow.outbox.done(fresh)
        uow.commit()


def test_a_retry_comes_back_with_its_error(store: UnitOfWorkFactory) -> None:
    """Not before its time; attempts go on counting."""
    add(store, effect("hello"))
    (leased,) = lease(store)
    with store() as uow:
        assert uow.outbox.retry(leased, at=NOW + timedelta(seconds=5), error="provider was away", now=NOW)
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
            assert uow.outbox.park(row, error="gave up", now=NOW)
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


def test_lanes_are_leased_apart_and_in_the_order_asked_for(store: UnitOfWorkFactory) -> None:
    """A worker of one lane never sees another's rows; one of several takes the first lane's first, however new."""
    bulk = replace(effect("bulk", seconds=-90), lane=Lane.BULK)
    live = effect("live", seconds=-1)
    add(store, bulk, live)

    with store() as uow:
        (only,) = uow.outbox.lease(now=NOW, at_most=9, effects=ALL, lanes=(Lane.BULK,))
        assert uow.outbox.lease(now=NOW, at_most=9, effects=ALL, lanes=(Lane.SETTLING, Lane.TELLING)) == ()
    both = lease(store)

    assert only.key == "bulk"
    assert [row.key for row in both] == ["live", "bulk"]


def test_a_lease_is_renewed_while_the_work_goes_on(store: UnitOfWorkFactory) -> None:
    """Another lease's time from now, for those who still have it; for others nothing changes."""
    add(store, effect("slow", seconds=-1), effect("lost"))
    slow, lost = lease(store)
    half = NOW + timedelta(seconds=LEASE_SECONDS / 2)
    with store() as uow:
        assert uow.outbox.done(lost)
        assert uow.outbox.renew((slow, lost), now=half) == 1
        uow.commit()

    assert lease(store, now=half + timedelta(seconds=LEASE_SECONDS - 1)) == ()
    (again,) = lease(store, now=half + timedelta(seconds=LEASE_SECONDS))
    assert (again.key, again.attempts) == ("slow", 2)
    with store() as uow:
        assert uow.outbox.renew((slow,), now=half) == 0
        assert uow.outbox.renew((), now=half) == 0


def test_what_is_handed_back_is_due_at_once(store: UnitOfWorkFactory) -> None:
    """By whoever has it, and nobody else; attempts go on counting, so the fence holds."""
    add(store, effect("hello"))
    (first,) = lease(store)
    with store() as uow:
        assert uow.outbox.hand_back((first,), now=NOW) == 1
        uow.commit()

    (second,) = lease(store)

    assert second.attempts == 2
    with store() as uow:
        assert uow.outbox.hand_back((first,), now=NOW) == 0
        assert not uow.outbox.done(first)


def test_every_error_is_kept_with_its_time(store: UnitOfWorkFactory) -> None:
    """Oldest first, the newest twenty; the last one is also at hand by itself."""
    add(store, effect("hello"))
    for number in range(ERRORS_KEPT_MAX + 3):
        at = NOW + timedelta(hours=number)
        (leased,) = lease(store, now=at)
        with store() as uow:
            assert uow.outbox.retry(leased, at=at, error=f"error {number}", now=at)
            uow.commit()

    (seen,) = lease(store, now=NOW + timedelta(days=9))

    assert len(seen.errors) == ERRORS_KEPT_MAX
    assert seen.errors[0] == EffectError(at=NOW + timedelta(hours=3), attempt=4, said="error 3")
    assert seen.errors[-1].said == seen.last_error == f"error {ERRORS_KEPT_MAX + 2}"


def parked(store: UnitOfWorkFactory, *rows: OutboxRow) -> None:
    """Add rows that have given up."""
    add(store, *rows)
    with store() as uow:
        for row in uow.outbox.lease(now=NOW, at_most=len(rows), effects=ALL):
            assert uow.outbox.park(row, error="gave up", now=NOW)
        uow.commit()


def test_all_of_a_kind_are_revived_together(store: UnitOfWorkFactory) -> None:
    """The oldest first, so many at most; other kinds stay parked."""
    parked(store, effect("b", seconds=-1), effect("a", seconds=-2), effect("other", Effect.SEND_REFUND, seconds=-3))

    with store() as uow:
        assert uow.outbox.revive_all(effect=Effect.SEND_SMS, now=NOW, at_most=1) == 1
        assert [row.key for row in uow.outbox.lease(now=NOW, at_most=9, effects=ALL)] == ["a"]
        assert uow.outbox.revive_all(effect=Effect.SEND_SMS, now=NOW, at_most=9) == 1
        assert uow.outbox.revive_all(effect=Effect.SEND_SMS, now=NOW, at_most=9) == 0
        assert [row.key for row in uow.outbox.parked(at_most=9)] == ["other"]


def test_what_was_discarded_never_happens(store: UnitOfWorkFactory) -> None:
    """Only what is parked can be let go; it cannot be revived, leased, or wished for again."""
    parked(store, effect("hello"))
    add(store, effect("waiting"))
    (waiting,) = lease(store)
    with store() as uow:
        (stuck,) = uow.outbox.parked(at_most=9)
        assert not uow.outbox.discard(row_id=waiting.id, because="no")
        assert uow.outbox.discard(row_id=stuck.id, because="the order was settled by hand")
        assert not uow.outbox.discard(row_id=stuck.id, because="again")
        assert not uow.outbox.revive(row_id=stuck.id, now=NOW)
        assert uow.outbox.parked(at_most=9) == ()
        uow.commit()
    add(store, effect("hello"))

    assert lease(store) == ()


def test_old_history_is_pruned(store: UnitOfWorkFactory) -> None:
    """So many at a time, and never what is waiting or parked."""
    parked(store, effect("parked"))
    add(store, effect("done"), effect("done too"))
    leased = lease(store)
    add(store, effect("waiting", seconds=60))
    with store() as uow:
        for row in leased:
            assert uow.outbox.done(row)
        uow.commit()
    long_after = datetime.now(UTC) + timedelta(days=1)

    with store() as uow:
        assert uow.outbox.prune(before=datetime.now(UTC) - timedelta(days=1), at_most=9) == 0
        assert uow.outbox.prune(before=long_after, at_most=1) == 1
        assert uow.outbox.prune(before=long_after, at_most=9) == 1
        assert uow.outbox.prune(before=long_after, at_most=9) == 0
        assert (uow.outbox.waiting(), len(uow.outbox.parked(at_most=9))) == (1, 1)


def test_old_notices_are_pruned(store: UnitOfWorkFactory) -> None:
    """Those received before; a newer one is still known."""
    with store() as uow:
        for days, name in ((40, "old"), (1, "new")):
            uow.notices.first_time(provider="stripe", notice_id=name, type_="t", at=NOW - timedelta(days=days))
        assert uow.notices.prune(before=NOW - timedelta(days=30), at_most=9) == 1
        assert not uow.notices.first_time(provider="stripe", notice_id="new", type_="t", at=NOW)
        assert uow.notices.first_time(provider="stripe", notice_id="old", type_="t", at=NOW)
