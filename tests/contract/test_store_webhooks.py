"""What every store promises about webhooks to organisers: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from domain.errors import NotFound
from domain.outgoing_webhooks import (
    DELIVERY_LEASE_SECONDS,
    IN_FLIGHT_PER_ENDPOINT,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    HookKind,
)
from domain.ports.backoffice import PAGE_LIMIT
from domain.ports.unit_of_work import UnitOfWorkFactory
from tests.contract.stores import NOW, STORES, opened, store_of
from tests.fakes.sales import general_sale


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def endpoint(**changes: object) -> Endpoint:
    made = Endpoint(
        id=EndpointId(uuid4()),
        url="https://tickets.example.org/hooks",
        kinds=frozenset({HookKind.ORDER_CONFIRMED}),
        created_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def delivery(to: Endpoint, *, seconds: float = 0, **changes: object) -> Delivery:
    due = NOW + timedelta(seconds=seconds)
    made = Delivery(
        id=DeliveryId(uuid4()), endpoint_id=to.id, message_id=uuid4(), kind=HookKind.ORDER_CONFIRMED,
        body='{"type":"order.confirmed"}', created_at=due, next_try_at=due,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def put(store: UnitOfWorkFactory, *things: Endpoint | Delivery) -> None:
    with store() as uow:
        for thing in things:
            if isinstance(thing, Endpoint):
                uow.webhooks.add_endpoint(thing)
            else:
                assert uow.webhooks.add_delivery(thing)
        uow.commit()


def lease(
    store: UnitOfWorkFactory, *, now: datetime = NOW, at_most: int = 9, failing: bool = False
) -> tuple[Delivery, ...]:
    with store() as uow:
        leased = uow.webhooks.lease(now=now, at_most=at_most, failing=failing)
        uow.commit()
    return leased


def attempt(of: Delivery, status: int | None = 200, **changes: object) -> Attempt:
    made = Attempt(number=of.attempts, at=NOW, milliseconds=12, status=status, answer="ok")
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def report(store: UnitOfWorkFactory, of: Delivery, status: int | None = 200) -> bool:
    one = attempt(of, status)
    with store() as uow:
        stored = uow.webhooks.report(of.tried(one), one)
        uow.commit()
    return stored


def test_an_endpoint_is_kept_as_it_is(store: UnitOfWorkFactory) -> None:
    """Every field, added and changed; an unknown one is not found."""
    plain = endpoint()
    changed = replace(
        plain, description="The box office", kinds=frozenset(HookKind), secret_version=2, previous_until=NOW,
        failing_since=NOW, failures=3, quiet_until=NOW, enabled=False, disabled_because="It was away.",
    )  # fmt: skip
    put(store, plain)

    with store() as uow:
        assert uow.webhooks.get_endpoint(plain.id) == plain
        uow.webhooks.save_endpoint(changed)
        assert uow.webhooks.get_endpoint(plain.id, lock=True) == changed
        with pytest.raises(NotFound):
            uow.webhooks.get_endpoint(EndpointId(uuid4()))


def test_what_nobody_wants_is_not_written(store: UnitOfWorkFactory) -> None:
    """A kind is wanted while an endpoint that is on wants it."""
    put(
        store, endpoint(), endpoint(kinds=frozenset({HookKind.EVENT_PUBLISHED}), enabled=False, disabled_because="Off.")
    )

    with store() as uow:
        assert uow.webhooks.wanted(HookKind.ORDER_CONFIRMED)
        assert not uow.webhooks.wanted(HookKind.EVENT_PUBLISHED)
        assert not uow.webhooks.wanted(HookKind.REFUND_FAILED)


def test_a_message_reaches_an_endpoint_once(store: UnitOfWorkFactory) -> None:
    """Spread twice, it is one delivery to each."""
    one, two = endpoint(), endpoint()
    first = delivery(one)
    put(store, one, two, first)

    with store() as uow:
        assert not uow.webhooks.add_delivery(delivery(one, message_id=first.message_id))
        assert uow.webhooks.add_delivery(delivery(two, message_id=first.message_id))


def test_nobody_keeps_another_waiting(store: UnitOfWorkFactory) -> None:
    """A receiver with a hundred messages due has two in flight; the other's one is not behind them."""
    busy, quiet = endpoint(), endpoint()
    put(store, busy, quiet, *(delivery(busy, seconds=-100 + number) for number in range(20)), delivery(quiet))

    leased = [lease(store, at_most=1) for _ in range(5)]

    told = [one.endpoint_id for each in leased for one in each]
    assert told.count(busy.id) == IN_FLIGHT_PER_ENDPOINT
    assert told.count(quiet.id) == 1


def test_those_who_fail_have_a_queue_of_their_own(store: UnitOfWorkFactory) -> None:
    """One at a time, not while they rest, and never where the others are served; not at all when they are off."""
    well, failing = endpoint(), endpoint(failures=2, failing_since=NOW)
    resting = endpoint(failures=5, failing_since=NOW, quiet_until=NOW + timedelta(minutes=5))
    off = endpoint(enabled=False, disabled_because="By hand.")
    for each in (well, failing, resting, off):
        put(store, each, delivery(each), delivery(each, seconds=-1))

    assert {one.endpoint_id for one in lease(store)} == {well.id}
    assert [one.endpoint_id for one in lease(store, failing=True)] == [failing.id]
    assert lease(store, failing=True) == ()
    rested = lease(store, now=NOW + timedelta(minutes=5), failing=True)
    assert {one.endpoint_id for one in rested} == {failing.id, resting.id}


def test_a_lease_is_fenced_and_runs_out(store: UnitOfWorkFactory) -> None:
    """Whoever lost it has nothing to report; attempts go on counting."""
    to = endpoint()
    put(store, to, delivery(to))
    (stale,) = lease(store)
    assert lease(store, now=NOW + timedelta(seconds=DELIVERY_LEASE_SECONDS - 1)) == ()
    (fresh,) = lease(store, now=NOW + timedelta(seconds=DELIVERY_LEASE_SECONDS))

    assert (stale.attempts, fresh.attempts) == (1, 2)
    assert not report(store, stale)
    assert report(store, fresh)
    assert not report(store, fresh)


def test_every_try_is_in_the_log(store: UnitOfWorkFactory) -> None:
    """Status, time, duration and what was said; a failed one is due again later, a taken one never."""
    to = endpoint()
    put(store, to, delivery(to))
    (first,) = lease(store)
    assert report(store, first, 500)
    (second,) = lease(store, now=NOW + timedelta(hours=1))
    assert report(store, second, 200)

    with store() as uow:
        sent = uow.webhooks.get_delivery(first.id)
        (figures,) = uow.webhooks.endpoints()
    assert [(one.number, one.status) for one in sent.tries] == [(1, 500), (2, 200)]
    assert (sent.delivery.state, sent.delivery.next_try_at) == (DeliveryState.DELIVERED, None)
    assert (figures.waiting, figures.failed, figures.delivered_at) == (0, 0, NOW)
    assert lease(store, now=NOW + timedelta(days=9)) == ()


def test_what_a_person_sends_again_has_all_tries_ahead(store: UnitOfWorkFactory) -> None:
    """Delivered or given up, it is due at once, and the log goes on where it ended."""
    to = endpoint()
    put(store, to, delivery(to))
    (first,) = lease(store)
    assert report(store, first, 410)
    with store() as uow:
        failed = uow.webhooks.get_delivery(first.id).delivery
        assert failed.state is DeliveryState.FAILED
        uow.webhooks.send_again(failed.again(now=NOW))
        uow.commit()

    (again,) = lease(store)

    assert (again.attempts, again.tries_before, again.message_id) == (2, 1, first.message_id)
    assert report(store, again, 500)
    with store() as uow:
        assert uow.webhooks.get_delivery(first.id).delivery.state is DeliveryState.WAITING


def test_the_log_goes_on_page_by_page(store: UnitOfWorkFactory) -> None:
    """The newest first, of one endpoint, of one state if asked for; a cursor of somebody else's is refused."""
    to, other = endpoint(), endpoint()
    many = [delivery(to, seconds=number) for number in range(PAGE_LIMIT + 3)]
    put(store, to, other, *many, delivery(other))

    with store() as uow:
        first = uow.webhooks.log(to.id, state=None, cursor=None)
        rest = uow.webhooks.log(to.id, state=None, cursor=first.next_cursor)
        assert uow.webhooks.log(to.id, state=DeliveryState.FAILED, cursor=None).items == ()
        with pytest.raises(ValueError, match=r"."):
            uow.webhooks.log(to.id, state=None, cursor="nonsense")
    assert [one.id for one in first.items + rest.items] == [one.id for one in reversed(many)]
    assert rest.next_cursor is None
    with store() as uow, pytest.raises(NotFound):
        uow.webhooks.get_delivery(DeliveryId(uuid4()))


def test_old_deliveries_are_forgotten(store: UnitOfWorkFactory) -> None:
    """With their tries, so many at a time; newer ones stay."""
    to = endpoint()
    put(store, to, *(delivery(to, seconds=-100 - number) for number in range(3)), delivery(to))
    for one in lease(store, at_most=2):
        assert report(store, one)

    with store() as uow:
        assert uow.webhooks.prune(before=NOW - timedelta(seconds=50), at_most=2) == 2
        assert uow.webhooks.prune(before=NOW - timedelta(seconds=50), at_most=2) == 1
        assert len(uow.webhooks.log(to.id, state=None, cursor=None).items) == 1


def test_what_was_told_about_stock_is_remembered(store: UnitOfWorkFactory) -> None:
    """Nothing at first; then whatever was told last."""
    event = opened(store, general_sale())
    with store() as uow:
        assert not uow.webhooks.told_sold_out(event.id)
        uow.webhooks.tell_sold_out(event.id, sold_out=True, at=NOW)
        uow.commit()
    with store() as uow:
        assert uow.webhooks.told_sold_out(event.id)
        uow.webhooks.tell_sold_out(event.id, sold_out=False, at=NOW)
        assert not uow.webhooks.told_sold_out(event.id)
