"""The change feed when its server comes back from trouble with less than it had."""

from queue import Queue
from typing import Any

import fakeredis
import pytest
from redis.exceptions import ConnectionError as ValkeyConnectionError

from adapters.redis_locks import feed as feed_module
from adapters.redis_locks.feed import ValkeyFeed
from adapters.redis_locks.keys import feed_key
from domain.ports.feed import Change
from tests.fakes.sales import general_sale

PATIENCE_SECONDS = 5.0


class Failing:
    """A client whose next read meets what ``trouble`` does, and a broken connection."""

    def __init__(self, client: Any) -> None:
        self.trouble: Any = None
        self.error: Exception = ValkeyConnectionError("the server went away")
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def xread(self, *arguments: Any, **options: Any) -> Any:
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            trouble()
            raise self.error
        return self._client.xread(*arguments, **options)


def test_a_server_that_lost_its_last_writes_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listeners are told that everything may differ, and hear ids again that were told in the story that was lost."""
    monkeypatch.setattr(feed_module, "RECONNECT_SECONDS", 0)
    server = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    client, event_id = Failing(server), general_sale().event_id
    key = feed_key(event_id)
    server.xadd(key, {"z:floor": 100}, id="1-1")
    heard: Queue[Change] = Queue()
    place = ValkeyFeed(client).watch(event_id=event_id, listener=heard.put)
    for version in (2, 3):
        server.xadd(key, {"z:floor": 100 - version}, id=f"1-{version}")
        assert heard.get(timeout=PATIENCE_SECONDS).version == version

    def lose() -> None:
        server.delete(key)
        server.xadd(key, {"z:floor": 100}, id="1-1")

    client.trouble = lose
    reloaded = heard.get(timeout=PATIENCE_SECONDS)
    server.xadd(key, {"z:floor": 50}, id="1-2")
    again = heard.get(timeout=PATIENCE_SECONDS)
    place.close()

    assert (reloaded.epoch, reloaded.reloaded) == (1, True)
    assert (again.version, again.free) == (2, {"z:floor": 50})


def test_no_error_at_all_ends_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every viewer of the process depends on it."""
    monkeypatch.setattr(feed_module, "RECONNECT_SECONDS", 0)
    server = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    client, event_id = Failing(server), general_sale().event_id
    heard: Queue[Change] = Queue()
    place = ValkeyFeed(client).watch(event_id=event_id, listener=heard.put)

    client.error = LookupError("nobody thought of this one")
    client.trouble = lambda: server.xadd(feed_key(event_id), {"z:floor": 7}, id="1-1")
    change = heard.get(timeout=PATIENCE_SECONDS)
    place.close()

    assert change.free == {"z:floor": 7}
