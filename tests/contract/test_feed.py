"""What every change feed promises: nothing missed, in order, resumable, and equal to the snapshot in the end."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from queue import Empty, Queue

import pytest

from adapters.redis_locks.feed import ValkeyFeed
from domain.events import Sale
from domain.ports.feed import AvailabilityFeed, Change
from domain.ports.inventory import Outcome, Snapshot
from tests.contract.houses import (
    HOUSES,
    House,
    MemoryHouse,
    ValkeyHouse,
    held,
    house_of,
    opened,
    settlement,
    snapshot,
)
from tests.fakes.feed import FakeFeed
from tests.fakes.sales import best, buyer, chosen, general, general_sale, reserved_sale, stock_of

PATIENCE_SECONDS = 5.0
QUIET_SECONDS = 0.4


@dataclass
class Watched:
    house: House
    feed: AvailabilityFeed


@pytest.fixture(params=HOUSES)
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    with house_of(request.param, request) as house:
        if isinstance(house, MemoryHouse):
            yield Watched(house, FakeFeed(house.inventory))
        else:
            assert isinstance(house, ValkeyHouse)
            yield Watched(house, ValkeyFeed(house.client))
            _let_readers_end()


def _let_readers_end() -> None:
    """A reader notices only after its read that nobody watches: it must not meet a test that bars sockets."""
    for thread in threading.enumerate():
        if thread.name == "availability-feed":
            thread.join(timeout=PATIENCE_SECONDS)
            assert not thread.is_alive(), "a test left somebody watching"


def told(changes: "Queue[Change]", count: int) -> list[Change]:
    """The next changes, waited for."""
    return [changes.get(timeout=PATIENCE_SECONDS) for _ in range(count)]


def apply(start: Snapshot, changes: list[Change]) -> Snapshot:
    """What a viewer makes of a snapshot and the changes after it."""
    seats, free, version = list(start.seats), dict(start.free), start.version
    for change in changes:
        assert (change.epoch, change.version) == (start.epoch, version + 1)
        version = change.version
        free.update(change.free)
        for index, state in change.seats:
            seats[index] = state
    return replace(start, seats="".join(seats), free=free, version=version)


def live_a_little(house: House, sale: Sale) -> int:
    """Hold, choose, release, sell and lapse; answers how many changes that made."""
    first = held(house, sale, best(sale, 4), who=buyer("ada"))
    second = held(house, sale, chosen(sale, 10, 11, 29), best(sale, 2, "balcony"), who=buyer("bob"))
    held(house, sale, best(sale, 3, "anywhere"), who=buyer("cyd"))
    house.inventory.release(hold_id=first.id)
    house.inventory.settle(settlement=settlement(second, Outcome.SOLD))
    house.advance(hours=2)
    assert house.inventory.sweep(event_id=sale.event_id, at_most=1) == 1
    return 6


def test_a_viewer_ends_with_the_truth(watched: Watched) -> None:
    """Snapshot plus every change told is the snapshot taken at the end."""
    sale = opened(watched.house, reserved_sale())
    changes: Queue[Change] = Queue()
    place = watched.feed.watch(event_id=sale.event_id, listener=changes.put)
    start = snapshot(watched.house, sale)

    heard = told(changes, live_a_little(watched.house, sale))
    place.close()

    assert apply(start, heard) == snapshot(watched.house, sale)


def test_a_viewer_resumes_where_it_was(watched: Watched) -> None:
    """Everything after a version, in order; nothing when it is the newest."""
    sale = opened(watched.house, reserved_sale())
    held(watched.house, sale, best(sale, 2), who=buyer("dan"))
    start = snapshot(watched.house, sale)
    live_a_little(watched.house, sale)

    missed = watched.feed.changes_since(event_id=sale.event_id, epoch=1, version=start.version)

    assert missed is not None
    assert apply(start, list(missed)) == snapshot(watched.house, sale)
    newest = snapshot(watched.house, sale).version
    assert watched.feed.changes_since(event_id=sale.event_id, epoch=1, version=newest) == ()


def test_who_was_away_too_long_must_look_anew(watched: Watched) -> None:
    """Another epoch, a version that never was, a sale that is not loaded: None, not an empty story."""
    sale = opened(watched.house, general_sale())
    held(watched.house, sale, general(sale, 1))
    feed = watched.feed

    assert feed.changes_since(event_id=sale.event_id, epoch=2, version=0) is None
    assert feed.changes_since(event_id=sale.event_id, epoch=1, version=9) is None
    assert feed.changes_since(event_id=general_sale().event_id, epoch=1, version=0) is None


def test_a_rebuild_is_told(watched: Watched) -> None:
    """A change of version 0 in the new epoch: everything may differ. Changes go on from there."""
    sale = opened(watched.house, general_sale())
    changes: Queue[Change] = Queue()
    place = watched.feed.watch(event_id=sale.event_id, listener=changes.put)
    newer = replace(sale, epoch=2)

    watched.house.inventory.load(sale=newer, stock=stock_of(newer))
    held(watched.house, newer, general(newer, 2))
    loaded, first = told(changes, 2)
    place.close()

    assert (loaded.reloaded, loaded.epoch) == (True, 2)
    assert (first.epoch, first.version, first.free) == (2, 1, {"z:floor": 98})
    assert watched.feed.changes_since(event_id=sale.event_id, epoch=1, version=0) is None


def test_listeners_of_one_sale_hear_nothing_of_another(watched: Watched) -> None:
    """And each hears everything of its own, in one reader."""
    ours, theirs = opened(watched.house, general_sale()), opened(watched.house, general_sale())
    heard: dict[str, Queue[Change]] = {"ours": Queue(), "theirs": Queue(), "ours too": Queue()}
    places = [
        watched.feed.watch(event_id=ours.event_id, listener=heard["ours"].put),
        watched.feed.watch(event_id=theirs.event_id, listener=heard["theirs"].put),
        watched.feed.watch(event_id=ours.event_id, listener=heard["ours too"].put),
    ]

    held(watched.house, ours, general(ours, 3))
    held(watched.house, theirs, general(theirs, 5))

    assert told(heard["ours"], 1)[0].free == {"z:floor": 97}
    assert told(heard["ours too"], 1)[0].free == {"z:floor": 97}
    assert told(heard["theirs"], 1)[0].free == {"z:floor": 95}
    for place in places:
        place.close()
    assert all(queue.empty() for queue in heard.values())


def test_who_closes_hears_no_more_and_one_who_fails_harms_nobody(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """A listener that raises is dropped and reported; the others hear on."""
    sale = opened(watched.house, general_sale())
    closed: Queue[Change] = Queue()
    open_: Queue[Change] = Queue()

    def fail(_: Change) -> None:
        raise RuntimeError("the viewer is gone")

    watched.feed.watch(event_id=sale.event_id, listener=fail)
    place = watched.feed.watch(event_id=sale.event_id, listener=open_.put)
    watched.feed.watch(event_id=sale.event_id, listener=closed.put).close()

    held(watched.house, sale, general(sale, 1))
    held(watched.house, sale, general(sale, 1))

    assert [change.version for change in told(open_, 2)] == [1, 2]
    place.close()
    with pytest.raises(Empty):
        closed.get(timeout=QUIET_SECONDS)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
