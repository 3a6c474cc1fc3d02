"""The stream process's own small WSGI application: one kind of stream, and a health check."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any

import orjson
import structlog

from domain.errors import NotFound, Unavailable
from entrypoints.stream.frames import read_id
from entrypoints.stream.hubs import Hubs, Listener

STREAMS_MAX = 20_000
STREAMS_PER_ADDRESS_MAX = 1_000
"""A whole office may look through one address; a program that opens streams without end may not."""

RETRY_AFTER_SECONDS = 10

_STREAM = re.compile(r"/api/v1/events/([0-9A-Za-z][0-9A-Za-z-]{0,99})/availability/stream").fullmatch
_PROBLEM = "application/problem+json"

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]
Environ = dict[str, Any]

log = structlog.get_logger("stream")


class StreamApp:
    """WSGI. Availability is public and needs no cookie, so any page may read it."""

    def __init__(self, hubs: Hubs, *, public_url: str, trusted_proxy_hops: int) -> None:
        self._hubs = hubs
        self._public_url = public_url
        self._hops = trusted_proxy_hops
        self._open: dict[str, int] = {}
        self._lock = Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
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
        return sum(self._open.values())

    def _stream(self, event: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        address = client_address(environ, self._hops)
        if refusal := self._admit(address):
            return self._problem(start_response, *refusal, [("Retry-After", str(RETRY_AFTER_SECONDS))])
        try:
            listener = self._hubs.join(event, read_id(environ.get("HTTP_LAST_EVENT_ID", "")))
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
        return _Body(listener, lambda: self._dismiss(address))

    def _admit(self, address: str) -> tuple[int, str, str] | None:
        with self._lock:
            if self.streams >= STREAMS_MAX:
                return 503, "too_many_streams", "Too many streams are open. Ask for /availability instead."
            if self._open.get(address, 0) >= STREAMS_PER_ADDRESS_MAX:
                return 429, "too_many_streams", "Too many streams are open from this address."
            self._open[address] = self._open.get(address, 0) + 1
        return None

    def _dismiss(self, address: str) -> None:
        with self._lock:
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


class _Body:
    """A stream's body. ``close`` is called by the server however the connection ends."""

    def __init__(self, listener: Listener, on_close: Callable[[], None]) -> None:
        self._listener = listener
        self._frames: Iterator[bytes] = listener.frames()
        self._on_close: Callable[[], None] | None = on_close

    def __iter__(self) -> Iterator[bytes]:
        return self._frames

    def close(self) -> None:
        self._listener.leave()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


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
