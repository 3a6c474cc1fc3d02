"""How views answer."""

from flask import Response, request

from domain.errors import Rejection
from entrypoints.http.answer import Answer, to_response, unchanged, whole
from entrypoints.http.front import Environ
from entrypoints.http.problems import refused, respond
from entrypoints.http.representations import encoded
from entrypoints.http.services import current

NO_STORE = ("Cache-Control", "no-store")


def ok(body: object, status: int = 200) -> Response:
    """A body that nobody but its reader may keep."""
    return to_response(whole(status, encoded(body), NO_STORE))


def refuse(rejection: Rejection) -> Response:
    """A rule said no."""
    return respond(refused(rejection, now=current().clock().now()))


def shared(environ: Environ, plain: bytes, gzipped: bytes, *, tag: str, cache_control: str) -> Answer:
    """Bytes that many visitors get: gzipped for those who can read it, and nothing at all for those who have them."""
    headers = (("ETag", f'W/"{tag}"'), ("Cache-Control", cache_control), ("Vary", "Accept-Encoding"))
    offered = environ.get("HTTP_IF_NONE_MATCH")
    if offered and (offered.strip() == "*" or f'"{tag}"' in offered):
        return unchanged(headers)
    if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
        return whole(200, gzipped, ("Content-Encoding", "gzip"), *headers)
    return whole(200, plain, *headers)


def cached(plain: bytes, gzipped: bytes, *, tag: str, cache_control: str) -> Response:
    """The same, for the current request."""
    return to_response(shared(request.environ, plain, gzipped, tag=tag, cache_control=cache_control))
