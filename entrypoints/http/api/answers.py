"""How views answer: JSON bytes made once, by orjson."""

import orjson
from flask import Response, request

from domain.errors import Rejection
from entrypoints.http.problems import refused, respond

JSON = "application/json"


def ok(body: object, status: int = 200) -> Response:
    """A body that nobody but its reader may keep."""
    response = Response(orjson.dumps(body), status, content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def refuse(rejection: Rejection) -> Response:
    """A rule said no."""
    return respond(refused(rejection))


def cached(plain: bytes, gzipped: bytes, *, tag: str, cache_control: str) -> Response:
    """Bytes that many visitors get: gzipped for those who can read it, and nothing at all for those who have them."""
    etag = f'W/"{tag}"'
    headers = request.environ
    if _knows(headers.get("HTTP_IF_NONE_MATCH", ""), tag):
        response = Response(status=304)
    elif "gzip" in headers.get("HTTP_ACCEPT_ENCODING", ""):
        response = Response(gzipped, content_type=JSON)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(plain, content_type=JSON)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache_control
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _knows(offered: str, tag: str) -> bool:
    return bool(offered) and (offered.strip() == "*" or f'"{tag}"' in offered)
