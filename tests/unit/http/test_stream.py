"""The stream process in memory: hubs, resuming, and its small WSGI application."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from domain.holds import HoldId
from entrypoints.stream import hubs as hubs_module
from entrypoints.stream.app import STREAMS_PER_ADDRESS_MAX, StreamApp, client_address
from entrypoints.stream.frames import OPENING, read_id
from entrypoints.stream.hubs import FRAMES_QUEUED_MAX, Hubs, Listener
from tests.fakes.feed import FakeFeed
from tests.unit.http.shop import Shop


class Streams:
    """A shop with its hubs, ticked by hand."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.feed_ = FakeFeed(self.shop.fake_inventory)
        self.hubs = Hubs(self)
        self.app = StreamApp(self.hubs, public_url="http://shop.test", trusted_proxy_hops=0)

    def availability(self, event: str, /) -> Any:
        return self.shop.availability(event)

    def feed(self) -> FakeFeed:
        return self.feed_

    def join(self, event: str = "field", since: tuple[int, int] | None = None) -> "Browser":
        return Browser(self.hubs.join(event, since))

    def hold(self, quantity: int = 1) -> dict[str, Any]:
        return self.shop.hold(self.shop.client(), quantity=quantity)

    def get(self, path: str, method: str = "GET", **environ: str) -> tuple[str, dict[str, str], Any]:
        """Call the application; answers status, headers and body (unread)."""
        seen: list[Any] = []
        body = self.app(
            {"PATH_INFO": path, "REQUEST_METHOD": method, "REMOTE_ADDR": "192.0.2.1", **environ},
            lambda status, headers: seen.extend((status, dict(headers))),
        )
        return seen[0], seen[1], body


class Browser:
    """Reads what a listener is told, without waiting."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._frames: Iterator[bytes] = listener.frames()
        assert next(self._frames) == OPENING

    def read(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Every event that waits: kind, id and data."""
        return [parsed(next(self._frames)) for _ in range(self.listener.waiting)]


def parsed(words: bytes) -> tuple[str, str, dict[str, Any]]:
    lines = dict(line.split(": ", 1) for line in words.decode().strip().splitlines())
    return lines["event"], lines["id"], orjson.loads(lines["data"])


@pytest.fixture
def streams() -> Streams:
    return Streams()


def test_a_browser_gets_the_whole_picture_first(streams: Streams) -> None:
    """The first event is a snapshot, the same as GET availability gives."""
    kind, identity, body = streams.join("drama").read()[0]

    assert kind == "snapshot"
    assert identity == f"{body['epoch']}.{body['version']}"
    assert body == streams.shop.client().get("/api/v1/events/drama/availability").get_json()


def test_changes_are_told_together_in_absolute_values(streams: Streams) -> None:
    """However much happens between two ticks, a browser is told once, and what it ends with is true."""
    browser = streams.join()
    browser.read()
    for _ in range(3):
        streams.hold(2)
    streams.hubs.tick()

    [(kind, identity, body)] = browser.read()
    truth = streams.shop.availability("field")
    assert kind == "change"
    assert body["zones"] == {"floor": truth.zones["floor"]} == {"floor": 494}
    assert identity == f"{truth.snapshot.epoch}.{truth.snapshot.version}"
    assert body["tiers"] == {str(tier): free for tier, free in truth.tiers.items() if free != 20}


def test_nothing_is_told_when_nothing_happens(streams: Streams) -> None:
    """A quiet sale costs nothing but heartbeats."""
    browser = streams.join()
    browser.read()

    streams.hubs.tick()

    assert browser.read() == []


def test_seats_are_told_by_index(streams: Streams) -> None:
    """A held seat turns to ``h`` for everybody who is looking."""
    browser = streams.join("drama")
    browser.read()
    seat = streams.shop.fake_catalogue.on_sale(event="drama").seat_map.seats[7]
    items = [{"tier": "stalls", "seats": [seat.id]}]
    assert streams.shop.client().post("/api/v1/events/drama/holds", json={"items": items}).status_code == 201
    streams.hubs.tick()

    [(_, _, body)] = browser.read()
    assert body["seats"] == [[7, "h"]]


def test_a_browser_that_comes_back_is_told_only_the_rest(streams: Streams) -> None:
    """Last-Event-ID resumes: nothing is missed and nothing is told twice."""
    first = streams.join()
    first.read()
    streams.hold()
    streams.hubs.tick()
    [(_, seen, _)] = first.read()
    streams.hold()
    streams.hubs.tick()

    [(kind, _, body)] = streams.join(since=read_id(seen)).read()
    assert (kind, body["zones"]) == ("change", {"floor": 498})
    newest = (body["epoch"], body["version"])
    assert streams.join(since=newest).read() == []


def test_who_was_away_too_long_gets_the_whole_picture(streams: Streams) -> None:
    """An id that is not remembered any more is answered with a snapshot, never with a gap."""
    streams.join()
    for _ in range(3):
        streams.hold()
        streams.hubs.tick()

    for since in [(1, 0), (99, 5)]:
        [(kind, _, _)] = streams.join(since=since).read()
        assert kind == "snapshot"


def test_a_rebuilt_sale_is_announced(streams: Streams) -> None:
    """When Valkey was emptied and loaded anew, browsers are told to look again."""
    browser = streams.join()
    [(_, before, _)] = browser.read()
    streams.shop.fake_inventory.forget(streams.shop.field.id)
    streams.hold()
    streams.hubs.tick()

    [(kind, after, body)] = browser.read()
    assert kind == "rebuilt"
    assert body["epoch"] > int(before.split(".")[0])
    assert streams.join(since=read_id(after)).read() == []


def test_a_silent_feed_is_found_out(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes that the feed never told are seen when the hub looks for itself."""
    browser = streams.join()
    browser.read()
    streams.shop.fake_inventory.listeners.clear()
    streams.hold(3)
    streams.hubs.tick()
    assert browser.read() == []

    monkeypatch.setattr(hubs_module, "RESYNC_SECONDS", -1)
    streams.hubs.tick()

    [(kind, _, body)] = browser.read()
    assert (kind, body["zones"]) == ("change", {"floor": 497})


def test_a_browser_that_does_not_keep_up_is_let_go(streams: Streams) -> None:
    """Its queue is bounded: it is cut off, and everybody else hears everything."""
    slow, quick = streams.join(), streams.join()
    quick.read()
    for _ in range(FRAMES_QUEUED_MAX + 5):
        streams.hold()
        streams.hubs.tick()
        assert len(quick.read()) == 1

    assert slow.listener.lost
    assert not quick.listener.lost


def test_the_application_answers_streams_and_their_errors(streams: Streams) -> None:
    """Unknown events 404, other methods 405, others' pages may read, and the proxy must not buffer."""
    path = "/api/v1/events/{}/availability/stream"
    status, headers, body = streams.get(path.format("field"))
    assert status.startswith("200")
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Accel-Buffering"] == "no"
    words = iter(body)
    assert next(words) == OPENING
    assert parsed(next(words))[0] == "snapshot"

    assert streams.get(path.format("nowhere"))[0].startswith("404")
    assert streams.get("/elsewhere")[0].startswith("404")
    assert streams.get(path.format("field"), "POST")[0].startswith("405")
    assert orjson.loads(streams.get("/healthz")[2][0]) == {"status": "ok", "streams": 1}
    body.close()
    body.close()
    assert streams.app.streams == 0


def test_one_address_cannot_open_streams_without_end(streams: Streams) -> None:
    """The limit is per address; closing one makes room."""
    path = "/api/v1/events/field/availability/stream"
    bodies = [streams.get(path)[2] for _ in range(STREAMS_PER_ADDRESS_MAX)]

    status, headers, _ = streams.get(path)
    assert status.startswith("429")
    assert headers["Retry-After"]
    assert streams.get(path, REMOTE_ADDR="192.0.2.2")[0].startswith("200")

    bodies[0].close()
    assert streams.get(path)[0].startswith("200")


def test_a_forged_forwarding_header_is_not_believed() -> None:
    """Only the entries that our own proxies appended count."""
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9"}

    assert client_address(environ, 0) == "10.0.0.1"
    assert client_address(environ, 1) == "203.0.113.9"


def test_ids_that_are_not_ours_mean_nothing() -> None:
    """A broken Last-Event-ID is answered like none at all."""
    assert read_id("3.17") == (3, 17)
    for text in ("", "3", "a.b", "-1.2", "1.2.3", "9" * 40 + ".1"):
        assert read_id(text) is None


def test_holds_of_the_shop_are_what_hubs_see(streams: Streams) -> None:
    """Giving a hold back is told as well."""
    made = streams.hold(4)
    browser = streams.join()
    browser.read()
    hold_id = HoldId.parse(made["id"])
    assert hold_id is not None
    assert streams.shop.release_hold(hold_id)
    streams.hubs.tick()

    [(_, _, body)] = browser.read()
    assert body["zones"] == {"floor": 500}
