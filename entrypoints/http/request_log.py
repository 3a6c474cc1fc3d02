"""One structured line a request, and the id that ties it to everything said about that request.

A caller's sane X-Request-Id is kept, so that one id runs through proxies, us and their support; otherwise one is
made. It is in the answer, in every problem and in every log line.
"""

import re
from collections.abc import Callable
from secrets import token_hex
from time import perf_counter_ns

import structlog
from flask import Flask, Response, g, request

REQUEST_ID_HEADER = "X-Request-Id"
_SANE = re.compile(r"[0-9A-Za-z._-]{8,64}").fullmatch
_ID_BYTES = 12
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

Observer = Callable[[str, str, int, float], None]
"""Told of every answer: method, route, status, seconds."""


def install(app: Flask, observe: Observer) -> None:
    """Name each request before anything else happens, and tell of it after everything else has."""
    log = structlog.get_logger("http").bind()

    def begin() -> None:
        offered: str | None = request.environ.get("HTTP_X_REQUEST_ID")
        g.request_id = offered if offered and _SANE(offered) else token_hex(_ID_BYTES)
        g.started_ns = perf_counter_ns()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def end(response: Response) -> Response:
        response.headers[REQUEST_ID_HEADER] = g.request_id
        seconds = (perf_counter_ns() - g.started_ns) / 1e9
        route = request.url_rule.rule if request.url_rule else "(none)"
        observe(request.method, route, response.status_code, seconds)
        if route not in _QUIET:
            log.info(
                "request",
                method=request.method,
                route=route,
                path=request.path,
                status=response.status_code,
                ms=round(seconds * 1000, 2),
            )
        return response

    def forget(_: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")

    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(forget)
