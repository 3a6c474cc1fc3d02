"""The stream process in memory: hubs, resuming, and its small WSGI application."""

from typing import Any

import orjson
import pytest

from application.queries.availability import Availability
from domain.holds import HoldId
from domain.ports.feed import Change
from entrypoints import availability_wire
from entrypoints.stream import hubs as hubs_module
from entrypoints.stream.app import STREAMS_PER_ADDRESS_MAX, OpenStream, StreamApp, client_address, last_seen
from entrypoints.stream.frames import Frame, Moment, read_id
from entrypoints.stream.hubs import ANSWERS_KEPT_MAX, Hubs, Viewer
from tests.fakes import sales
from tests.fakes.feed import FakeFeed
from tests.unit.http.shop import Shop


class Streams:
    """A shop with its hubs, ticked by hand. ``seen`` stands in for what its inventory would say."""

    def __init__(self, shop: Shop | None = None) -> None:
        self.shop = shop or Shop()
        self.seen: Availability | None = None
        self.feed_ = FakeFeed(self.shop.fake_inventory)
        self.hubs = Hubs(self)
        self.app = StreamApp(self.hubs, public_url="http://shop.test", trusted_proxy_hops=0)

    def availability(self, event: str, /) -> Availability:
        return self.seen or self.shop.availability(event)

    def feed(self) -> FakeFeed:
        return self.feed_

    def join(self, event: str = "field", since: Moment | None = None) -> "Browser":
        return Browser(self.hubs.join(event, since))

    def truth(self, event: str = "field") -> dict[str, Any]:
        """What GET availability answers, were it not kept for a moment."""
        answer: dict[str, Any] = orjson.loads(orjson.dumps(availability_wire.whole(self.shop.availability(event))))
        return answer

    def hold_seats(self, *indexes: int) -> None:
        plan = self.shop.fake_catalogue.on_sale(event="drama").seat_map
        items = [{"tier": "stalls", "seats": [plan.seats[index].id for index in indexes]}]
        assert self.shop.client().post("/api/v1/events/drama/holds", json={"items": items}).status_code == 201

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
    """A page and the line to it: everything that is told is taken at once, unless it ``is_busy``."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.is_busy = self.is_dropped = False
        self.picture: dict[str, Any] = {}
        self.told: list[Frame] = []
        viewer.open(self)

    def send(self, told: Frame) -> bool:
        """Of hubs.Line. A busy browser takes one frame slowly."""
        self.told.append(told)
        return not self.is_busy

    def drop(self) -> None:
        self.is_dropped = True

    def free(self) -> None:
        """It has read what was on its way."""
        self.is_busy = False
        self.viewer.catch_up()

    def read(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Every event that was told: kind, id and data. The picture follows them as a page's does."""
        told, self.told = self.told, []
        events = [parsed(one.words) for one in told]
        for kind, _, body in events:
            self._take_in(kind, body)
        return events

    def _take_in(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "snapshot":
            self.picture = body
        elif kind == "change" and self.picture and body["version"] > self.picture["version"]:
            assert body["epoch"] == self.picture["epoch"]
            seats = list(self.picture["seats"])
            for index, letter in body["seats"]:
                seats[index] = letter
            self.picture = {
                **self.picture,
                "version": body["version"],
                "zones": self.picture["zones"] | body["zones"],
                "tiers": self.picture["tiers"] | body["tiers"],
                "seats": "".join(seats),
            }


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
    streams.hold_seats(7)
    streams.hubs.tick()

    [(_, _, body)] = browser.read()
    assert body["seats"] == [[7, "h"]]


def test_accessible_seats_are_counted_apart_in_changes_too(streams: Streams) -> None:
    """A browser that adds changes to its snapshot ends with what GET availability answers, number by number."""
    shop = streams.shop
    shop.announce(sales.accessible_sale(), slug="ramp", name="Up the Ramp")
    browser = streams.join("ramp")
    [(_, _, seen)] = browser.read()
    assert (seen["zones"], seen["accessible"]) == ({"house": 12}, {"house": 2})

    items = [{"tier": "seat", "best_available": 2, "accessible": True}]
    assert shop.client().post("/api/v1/events/ramp/holds", json={"items": items}).status_code == 201
    streams.hubs.tick()

    [(_, _, change)] = browser.read()
    assert change["accessible"] == {"house": 1}
    truth = shop.client().get("/api/v1/events/ramp/availability").get_json()
    for numbers in ("zones", "accessible", "tiers"):
        assert {**seen[numbers], **change[numbers]} == truth[numbers]


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


def test_what_was_missed_is_told_in_one_piece(streams: Streams) -> None:
    """However many changes were missed, one event brings a page to the truth; all who missed the same share it."""
    browser = streams.join("drama")
    browser.read()
    since = (browser.picture["epoch"], browser.picture["version"])
    for seat in (3, 5):
        streams.hold_seats(seat)
        streams.hubs.tick()

    again = [streams.join("drama", since=since) for _ in range(2)]

    [first], [second] = (back.told for back in again)
    assert first is second
    for back in again:
        back.picture = browser.picture
        assert [kind for kind, _, _ in back.read()] == ["change"]
        assert back.picture == streams.truth("drama")


def test_who_was_away_too_long_gets_the_whole_picture(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that is not remembered any more, or never was, is answered with a snapshot, never with a gap."""
    monkeypatch.setattr(hubs_module, "STEPS_REMEMBERED_MAX", 2)
    epoch = streams.truth()["epoch"]
    streams.join()
    for _ in range(4):
        streams.hold()
        streams.hubs.tick()

    told = {since: streams.join(since=since).read()[0][0] for since in [(epoch, 2), (epoch, 1), (99, 5), (epoch, 9)]}
    assert told == {(epoch, 2): "change", (epoch, 1): "snapshot", (99, 5): "snapshot", (epoch, 9): "snapshot"}


def test_much_that_was_missed_is_told_as_a_snapshot(streams: Streams) -> None:
    """A change that would be longer than the whole picture is not sent."""
    browser = streams.join("drama")
    browser.read()
    since = (browser.picture["epoch"], browser.picture["version"])
    streams.hold_seats(*range(8))
    streams.hubs.tick()

    assert [kind for kind, _, _ in streams.join("drama", since=since).read()] == ["snapshot"]


def test_answers_that_are_kept_are_bounded(streams: Streams) -> None:
    """Asking for one moment after another does not fill the memory of a process whose sale is quiet."""
    epoch = streams.truth()["epoch"]
    streams.hold()
    for version in range(ANSWERS_KEPT_MAX * 2):
        assert streams.join(since=(epoch - 1, version)).read()[0][0] == "snapshot"

    [hub] = streams.hubs._hubs.values()
    assert len(hub._answers) <= ANSWERS_KEPT_MAX


def test_a_page_resumes_at_a_process_that_was_just_started(streams: Streams) -> None:
    """The feed remembers what this process has not seen itself, so a restart does not cost everybody a snapshot."""
    browser = streams.join()
    [(_, seen, _)] = browser.read()
    streams.hold()
    streams.hold()

    back = Streams(streams.shop).join(since=read_id(seen))
    back.picture = browser.picture

    assert [kind for kind, _, _ in back.read()] == ["change"]
    assert back.picture == streams.truth()


def test_a_page_that_knows_more_than_the_hub_misses_nothing(streams: Streams) -> None:
    """It asked the web process first, or another stream process: it is told what is newer than that, and once."""
    browser = streams.join()
    browser.read()
    streams.hold()
    ahead = streams.truth()
    newcomer = streams.join(since=(ahead["epoch"], ahead["version"]))
    newcomer.picture = ahead
    assert newcomer.read() == []

    streams.hubs.tick()
    streams.hold()
    streams.hubs.tick()

    newcomer.read()
    browser.read()
    assert newcomer.picture == browser.picture == streams.truth()


def test_a_rebuilt_sale_is_shown_anew(streams: Streams) -> None:
    """When Valkey was emptied and loaded anew, everybody gets the new picture, who is there and who comes back."""
    browser = streams.join()
    [(_, before, _)] = browser.read()
    streams.shop.fake_inventory.forget(streams.shop.field.id)
    streams.hold()
    streams.hubs.tick()

    [(kind, after, body)] = browser.read()
    assert kind == "snapshot"
    assert body["epoch"] > int(before.split(".")[0])
    assert browser.picture == streams.truth()
    assert [kind for kind, _, _ in streams.join(since=read_id(before)).read()] == ["snapshot"]
    assert streams.join(since=read_id(after)).read() == []


def test_a_server_that_lost_its_last_writes_is_found_out(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same epoch at an earlier version is another story: the picture is shown anew, and the feed read again."""
    browser = streams.join()
    browser.read()
    early = streams.shop.availability("field")
    streams.hold(3)
    streams.hubs.tick()
    places = streams.shop.fake_inventory.listeners[streams.shop.field.id]
    before = list(places)

    streams.seen = early
    monkeypatch.setattr(hubs_module, "RESYNC_SECONDS", -1)
    streams.hubs.tick()

    browser.read()
    assert (browser.picture["version"], browser.picture["zones"]) == (early.snapshot.version, {"floor": 500})
    assert len(places) == 1
    assert places != before


def test_any_letter_of_a_seat_goes_through(streams: Streams) -> None:
    """The stream passes on what the inventory says of a seat, also what it has never heard of."""
    browser = streams.join("drama")
    browser.read()
    seen = streams.shop.availability("drama").snapshot
    change = Change(epoch=seen.epoch, version=seen.version + 1, free={}, seats=((2, "a"), (3, "c"), (4, "x")))
    for listener in streams.shop.fake_inventory.listeners[streams.shop.drama.id]:
        listener(change)
    streams.hubs.tick()

    [(_, _, body)] = browser.read()
    assert body["seats"] == [[2, "a"], [3, "c"], [4, "x"]]
    assert streams.join("drama").read()[0][2]["seats"][2:5] == "acx"


def test_silence_is_broken_by_a_heartbeat(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page can tell a quiet sale from a dead stream; the heartbeat says how new the picture ought to be."""
    browser = streams.join()
    [(_, newest, _)] = browser.read()
    monkeypatch.setattr(hubs_module, "HEARTBEAT_SECONDS", -1)

    streams.hubs.tick()

    [(kind, identity, body)] = browser.read()
    assert (kind, identity) == ("still", newest)
    assert newest == f"{body['epoch']}.{body['version']}"


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


def test_nothing_waits_for_a_browser_that_does_not_keep_up(streams: Streams) -> None:
    """One event is on its way to it; what happens meanwhile is told in one piece, and everybody else hears all."""
    slow, quick = streams.join(), streams.join()
    slow.read()
    quick.read()
    slow.is_busy = True
    for _ in range(20):
        streams.hold()
        streams.hubs.tick()
        assert len(quick.read()) == 1
    assert len(slow.read()) == 1

    slow.free()

    assert [kind for kind, _, _ in slow.read()] == ["change"]
    assert slow.picture == quick.picture == streams.truth()
    streams.hold()
    streams.hubs.tick()
    assert len(slow.read()) == 1


def test_a_process_that_stops_lets_everybody_go(streams: Streams) -> None:
    """They come back by themselves, to another process."""
    browser = streams.join()

    streams.hubs.stop()

    assert browser.is_dropped


def test_the_application_answers_streams_and_their_errors(streams: Streams) -> None:
    """Unknown events 404, other methods 405, others' pages may read, and the proxy must not buffer."""
    path = "/api/v1/events/{}/availability/stream"
    status, headers, stream = streams.get(path.format("field"))
    assert status.startswith("200")
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Accel-Buffering"] == "no"
    assert isinstance(stream, OpenStream)

    assert streams.get(path.format("nowhere"))[0].startswith("404")
    assert streams.get("/elsewhere")[0].startswith("404")
    assert streams.get(path.format("field"), "POST")[0].startswith("405")
    assert orjson.loads(streams.get("/healthz")[2][0]) == {"status": "ok", "streams": 1}
    stream.close()
    stream.close()
    assert streams.app.streams == 0


def test_what_was_seen_comes_by_header_or_by_address() -> None:
    """The header is newer: a browser that reconnects repeats the address it began with."""
    assert last_seen({"QUERY_STRING": "after=3.17"}) == (3, 17)
    assert last_seen({"QUERY_STRING": "after=3.17", "HTTP_LAST_EVENT_ID": "3.20"}) == (3, 20)
    assert last_seen({"QUERY_STRING": "after=" + "1" * 300}) is None
    assert last_seen({"QUERY_STRING": "after=&after"}) is None
    assert last_seen({}) is None


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
