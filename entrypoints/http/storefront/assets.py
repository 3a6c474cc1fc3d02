"""Styles and scripts under a path that names their contents, so that browsers may keep them for good.

All of them share one version: modules import each other by relative paths, and those stay inside it.
"""

import gzip
from functools import lru_cache
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from flask import Response, abort, request

STATIC = Path(__file__).resolve().parent.parent / "static"
SUFFIXES = frozenset({".css", ".js", ".svg", ".webmanifest"})
FOLDERS = ("art", "css", "icons", "js")
CACHE_SECONDS_FOREVER = 31_536_000
CACHE_SECONDS_OTHER_VERSION = 60
VERSION_LENGTH = 12


@lru_cache(maxsize=1)
def current_version() -> str:
    """A digest over every style, script and picture: it changes when any of them does."""
    digest = sha256()
    for path in _files():
        digest.update(path.relative_to(STATIC).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:VERSION_LENGTH]


def url(name: str) -> str:
    """Where a style, script or picture is found: ``css/shop.css`` → ``/assets/<version>/css/shop.css``."""
    return f"/assets/{current_version()}/{name}"


def artwork(name: str) -> str:
    """Where an event's picture is found: ``art/<name>.svg``, unless the name is an address already."""
    if name.startswith(("/", "https://")):
        return name
    file = name.removeprefix("art/")
    return url(f"art/{file}" if file.endswith(".svg") else f"art/{file}.svg")


def serve(version: str, name: str) -> Response:
    """One file. A page of an older deployment gets today's file, and is told not to keep it."""
    found = _contents(name)
    if found is None:
        abort(404)
    plain, packed, mimetype = found
    as_gzip = bool(request.accept_encodings["gzip"])
    response = Response(packed if as_gzip else plain, mimetype=mimetype)
    response.headers["Vary"] = "Accept-Encoding"
    if as_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.cache_control.public = True
    response.cache_control.max_age = CACHE_SECONDS_OTHER_VERSION
    if version == current_version():
        response.cache_control.max_age = CACHE_SECONDS_FOREVER
        response.cache_control.immutable = True
    return response


@lru_cache(maxsize=256)
def _contents(name: str) -> tuple[bytes, bytes, str] | None:
    path = next((path for path in _files() if path.relative_to(STATIC).as_posix() == name), None)
    if path is None:
        return None
    plain = path.read_bytes()
    mimetype = "text/javascript" if path.suffix == ".js" else guess_type(path.name)[0] or "application/octet-stream"
    return plain, gzip.compress(plain, mtime=0), mimetype


def _files() -> list[Path]:
    """Only what is there to be served: a request names a file of this list, never a path of the disk."""
    return sorted(path for folder in FOLDERS for path in (STATIC / folder).rglob("*") if path.suffix in SUFFIXES)
