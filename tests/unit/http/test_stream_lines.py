"""Streams over real sockets: gevent's server in this very process, and browsers that behave badly."""

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket

from entrypoints.stream import lines
from entrypoints.stream.frames import OPENING, frame
from entrypoints.stream.lines import SocketLine
from entrypoints.stream.server import make_server
from tests.unit.http.test_stream import Streams

PATIENCE_SECONDS = 5.0
PATH = "/api/v1/events/field/availability/stream"
BIG = frame("change", "x" * 2_000_000, (1, 1))
SMALL = frame("change", {"small": True}, (1, 2))


class House(Streams):
    """The shop's streams behind a real socket."""

    def __init__(self) -> None:
        super().__init__()
        self.server: Any = make_server(("127.0.0.1", 0), self.app)
        self.server.start()

    def ask(self, *, version: str = "1.1", receive_bytes: int | None = None) -> Any:
        """Open a stream; answers the browser's end of the connection."""
        link = socket.socket()
        if receive_bytes is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        link.settimeout(PATIENCE_SECONDS)
        link.connect(("127.0.0.1", self.server.server_port))
        link.sendall(f"GET {PATH} HTTP/{version}\r\nHost: shop.test\r\n\r\n".encode())
        return link


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.hubs.stop()
    made.server.stop(1)


def until(condition: Callable[[], bool]) -> None:
    """Let the server work until something is so."""
    with gevent.Timeout(PATIENCE_SECONDS):
        while not condition():
            gevent.sleep(0.005)


def read_until(link: Any, words: bytes) -> bytes:
    """Everything that comes, up to these words."""
    seen = b""
    while words not in seen:
        more = link.recv(65_536)
        assert more, f"closed after {seen!r}"
        seen += more
    return seen


@pytest.mark.parametrize(("version", "in_chunks"), [("1.1", True), ("1.0", False)])
def test_a_browser_is_told_over_its_connection(house: House, version: str, in_chunks: bool) -> None:
    """The head, what to do when it breaks, the picture, and every change; in chunks for who can read them."""
    link = house.ask(version=version)
    seen = read_until(link, b"event: snapshot")
    head, _, rest = seen.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert (b"chunked" in head) is in_chunks
    assert OPENING in rest

    until(lambda: house.app.streams == 1)
    house.hold()
    house.hubs.tick()

    assert b'"floor":499' in read_until(link, b"event: change")
    link.close()


def test_a_browser_that_closes_makes_room_at_once(house: House) -> None:
    """Its place is free without waiting for the next change or heartbeat."""
    link = house.ask()
    read_until(link, b"event: snapshot")
    assert house.app.streams == 1

    link.close()

    until(lambda: house.app.streams == 0)


def test_a_browser_that_never_reads_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the kernel's buffers are full it has a while for one event, then its connection is reset; others hear on."""
    monkeypatch.setattr(lines, "SEND_BUFFER_BYTES", 1)
    monkeypatch.setattr(lines, "FRAME_SECONDS_MAX", 0.05)
    deaf = house.ask(receive_bytes=1)
    until(lambda: house.app.streams == 1)
    monkeypatch.undo()
    monkeypatch.setattr(lines, "FRAME_SECONDS_MAX", 0.05)
    listening = house.ask()
    read_until(listening, b"event: snapshot")

    for sold in range(1, 300):
        house.hold()
        house.hubs.tick()
        assert f'"floor":{500 - sold}'.encode() in read_until(listening, b"event: change")
        gevent.sleep(0.001)
        if house.app.streams == 1:
            break

    assert house.app.streams == 1
    with pytest.raises(ConnectionResetError):
        read_until(deaf, b"never said")
    deaf.close()
    listening.close()


def test_a_stopping_server_ends_its_streams(house: House) -> None:
    """The browser's connection ends, so that it looks for another process."""
    link = house.ask()
    read_until(link, b"event: snapshot")

    house.hubs.stop()

    assert not link.recv(1)
    link.close()


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_does_not_fit_follows_whole_and_in_order(pair: tuple[Any, Any]) -> None:
    """A slow reader gets every byte of what was begun, then the line is free again; nothing is sent in between."""
    ours, theirs = pair
    freed: list[bool] = []
    line = SocketLine(ours, in_chunks=False, when_free=lambda: freed.append(line.send(SMALL)))

    assert not line.send(BIG)
    assert not freed
    theirs.settimeout(PATIENCE_SECONDS)
    wanted = BIG.words + SMALL.words
    seen = bytearray()
    while len(seen) < len(wanted):
        seen += theirs.recv(65_536)

    assert seen == wanted
    assert freed == [True]


def test_a_broken_line_says_so_and_can_be_dropped_twice(pair: tuple[Any, Any]) -> None:
    """Sending to who has gone raises nothing: the ticker must go on to the others."""
    ours, theirs = pair
    theirs.close()
    line = SocketLine(ours, in_chunks=True, when_free=lambda: None)

    assert not line.send(SMALL)
    line.drop()
    assert not line.send(SMALL)
