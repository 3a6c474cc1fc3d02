"""The stream process's own small WSGI application: one kind of stream, and a health check."""

import re
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

import orjson
import structlog

from domain.errors import NotFound, Unavailable
from entrypoints.stream.frames import Moment, read_id
from entrypoints.stream.hubs import Hubs, Line, Viewer

STREAMS_MAX = 20_000
STREAMS_PER_ADDRESS_MAX = 1_000
"""A whole office may look through one address; a program that opens streams without end may not."""

RETRY_AFTER_SECONDS = 10

_STREAM = re.compile(r"/api/v1/events/([0-9A-Za-z][0-9A-Za-z-]{0,99})/availability/stream").fullmatch
_PROBLEM = "application/problem+json"

QUERY_LENGTH_MAX = 200

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]
Environ = dict[str, Any]

log = structlog.get_logger("stream")


class OpenStream:
    """What the application answers a stream with, in place of a body: the server hands it the line to the browser.

    ``close`` is called by the server however the connection ends.
    """

    def __init__(self, viewer: Viewer, on_close: Callable[[], None]) -> None:
        self._viewer = viewer
        self._on_close: Callable[[], None] | None = on_close

    def open(self, line: Line) -> None:
        """Begin to tell. Answers at once; the line is used until ``close``."""
        self._viewer.open(line)

    def catch_up(self) -> None:
        """The line has become free again."""
        self._viewer.catch_up()

    def close(self) -> None:
        """Stop telling. Idempotent."""
        self._viewer.leave()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


class StreamApp:
    """WSGI, except for the streams themselves. Availability is public and needs no cookie: any page may read it."""

    def __init__(self, hubs: Hubs, *, public_url: str, trusted_proxy_hops: int) -> None:
        self._hubs = hubs
        self._public_url = public_url
        self._hops = trusted_proxy_hops
        self._open: dict[str, int] = {}
        self._streams = 0
        self._lock = Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | OpenStream:
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "GET")
        if path == "/healthz":
            return _json(start_response, "200 OK", {"status": "ok", "streams": self.streams})
        found = _STREAM(path)
        if found is None:
            return self._problem(start_response, 404, "not_found", "There is nothing at this address.")
        if method == "OPTIONS":
            start_response("204 No Content", [*_CORS, ("Access-Control-Allow-Headers", "Last-Event-ID, Cache-Control")])
            return []
        if method != "GET":
            return self._problem(
                start_response, 405, "method_not_allowed", "Streams are read with GET.", [("Allow", "GET, OPTIONS")]
            )
        return self._stream(found[1], environ, start_response)

    @property
    def streams(self) -> int:
        """How many are open now."""
        return self._streams

    def _stream(self, event: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | OpenStream:
        address = client_address(environ, self._hops)
        if refusal := self._admit(address):
            return self._problem(start_response, *refusal, [("Retry-After", str(RETRY_AFTER_SECONDS))])
        try:
            viewer = self._hubs.join(event, last_seen(environ))
        except NotFound as missing:
            self._dismiss(address)
            return self._problem(start_response, 404, "not_found", str(missing))
        except Unavailable:
            self._dismiss(address)
            return self._problem(
                start_response,
                503,
                "inventory_unavailable",
                "Availability is not known right now.",
                [("Retry-After", str(RETRY_AFTER_SECONDS))],
            )
        except BaseException:
            self._dismiss(address)
            raise
        start_response("200 OK", [*_CORS, *_STREAM_HEADERS])
        return OpenStream(viewer, lambda: self._dismiss(address))

    def _admit(self, address: str) -> tuple[int, str, str] | None:
        with self._lock:
            if self._streams >= STREAMS_MAX:
                return 503, "too_many_streams", "Too many streams are open. Ask for /availability instead."
            if self._open.get(address, 0) >= STREAMS_PER_ADDRESS_MAX:
                return 429, "too_many_streams", "Too many streams are open from this address."
            self._open[address] = self._open.get(address, 0) + 1
            self._streams += 1
        return None

    def _dismiss(self, address: str) -> None:
        with self._lock:
            self._streams -= 1
            left = self._open.get(address, 0) - 1
            if left > 0:
                self._open[address] = left
            else:
                self._open.pop(address, None)

    def _problem(
        self, start_response: StartResponse, status: int, code: str, detail: str, headers: Headers | None = None
    ) -> list[bytes]:
        body: Mapping[str, object] = {
            "type": f"{self._public_url}/problems/{code}",
            "title": code.replace("_", " ").capitalize(),
            "status": status,
            "detail": detail,
            "code": code,
        }
        return _json(start_response, f"{status} {code}", body, content_type=_PROBLEM, headers=headers)


def last_seen(environ: Environ) -> Moment | None:
    """What the browser has seen: its own Last-Event-ID, or ``?after=`` of a page that asked for a snapshot before."""
    if header := environ.get("HTTP_LAST_EVENT_ID"):
        return read_id(header)
    query = environ.get("QUERY_STRING", "")
    after = parse_qs(query).get("after", [""]) if len(query) <= QUERY_LENGTH_MAX else [""]
    return read_id(after[0])


def client_address(environ: Environ, hops: int) -> str:
    """The connection's address, or the entry that the outermost of our own proxies wrote."""
    entries = [entry.strip() for entry in str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    if hops and len(entries) >= hops and entries[-hops]:
        return entries[-hops]
    return str(environ.get("REMOTE_ADDR", ""))


_CORS: Headers = [("Access-Control-Allow-Origin", "*")]
_STREAM_HEADERS: Headers = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-cache, no-transform"),
    ("X-Accel-Buffering", "no"),
    ("X-Content-Type-Options", "nosniff"),
]


def _json(
    start_response: StartResponse,
    status: str,
    body: object,
    *,
    content_type: str = "application/json",
    headers: Headers | None = None,
) -> list[bytes]:
    encoded = orjson.dumps(body)
    start_response(
        status,
        [
            *_CORS,
            ("Content-Type", content_type),
            ("Content-Length", str(len(encoded))),
            ("Cache-Control", "no-store"),
            *(headers or []),
        ],
    )
    return [encoded]
