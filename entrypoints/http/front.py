"""The outermost layer: what every answer has in common, done once and outside Flask's own hooks.

It names the request, measures it, writes its one log line, counts it, and adds the headers that all answers carry.
As plain WSGI this costs a few microseconds; as six Flask hooks it would cost as much as the rest of a hot request.
"""

import re
from collections.abc import Callable, Iterable
from secrets import token_hex
from time import perf_counter_ns
from typing import Any

from structlog.contextvars import bind_contextvars, unbind_contextvars

Headers = list[tuple[str, str]]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

Observer = Callable[[str, str, int, float], None]
"""Told of every answer: method, route, status, seconds."""

HeadersFor = Callable[[Environ, Headers], Iterable[tuple[str, str]]]
"""More headers for an answer that has these."""

LineWriter = Callable[[dict[str, object]], None]
"""Writes a request's log line."""

REQUEST_ID = "tessera.request_id"
"""Key of the request's id in the WSGI environment."""

ROUTE = "tessera.route"
"""Key of the route's pattern, for whoever answers without Flask."""

NO_ROUTE = "(none)"
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

_REQUEST = "werkzeug.request"
_SANE = re.compile(r"[0-9A-Za-z._-]{8,64}").fullmatch
_ID_BYTES = 12


class Front:
    """Stands before the application.

    A caller's sane X-Request-Id is kept, so that one id runs through proxies, us and their support; otherwise one is
    made. It is in the answer, in every problem and in every log line of the request.
    """

    def __init__(
        self, application: Application, *, observe: Observer, headers_for: HeadersFor, write_line: LineWriter
    ) -> None:
        self._application = application
        self._observe = observe
        self._headers_for = headers_for
        self._write_line = write_line

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started_ns = perf_counter_ns()
        offered = environ.get("HTTP_X_REQUEST_ID")
        request_id = offered if offered and _SANE(offered) else token_hex(_ID_BYTES)
        environ[REQUEST_ID] = request_id
        bind_contextvars(request_id=request_id)
        status, route = 500, NO_ROUTE

        def answer(line: str, headers: Headers, exc_info: Any = None) -> Any:
            nonlocal status, route
            status, route = int(line[:3]), environ.get(ROUTE) or _flask_route(environ)
            headers = [*headers, ("X-Request-Id", request_id), *self._headers_for(environ, headers)]
            return start_response(line, headers, exc_info) if exc_info else start_response(line, headers)

        try:
            return self._application(environ, answer)
        finally:
            seconds = (perf_counter_ns() - started_ns) / 1e9
            method = environ["REQUEST_METHOD"]
            self._observe(method, route, status, seconds)
            if route not in QUIET:
                self._write_line(
                    {
                        "request_id": request_id,
                        "method": method,
                        "route": route,
                        "path": environ["PATH_INFO"],
                        "status": status,
                        "ms": round(seconds * 1000, 2),
                    }
                )
            unbind_contextvars("request_id")


def _flask_route(environ: Environ) -> str:
    """The pattern that Flask matched. It forgets the request once it has answered, so this is asked just before."""
    rule = getattr(environ.get(_REQUEST), "url_rule", None)
    return rule.rule if rule else NO_ROUTE
