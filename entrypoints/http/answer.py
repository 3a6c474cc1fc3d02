"""An answer before any framework has touched it: what a WSGI server needs, and nothing else."""

from collections.abc import Iterable
from typing import NamedTuple

from flask import Response
from werkzeug.datastructures import Headers

JSON = "application/json"


class Answer(NamedTuple):
    """Status, headers (complete, length included) and body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Finished(Response):
    """A Flask response whose headers are complete: nothing about them is worked out once more when it is sent."""

    def get_wsgi_headers(self, environ: object) -> Headers:
        return self.headers


def whole(status: int, body: bytes, *headers: tuple[str, str], content_type: str = JSON) -> Answer:
    """An answer with a body."""
    return Answer(status, [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers], body)


def unchanged(headers: Iterable[tuple[str, str]]) -> Answer:
    """304: the client has it already."""
    return Answer(304, list(headers), b"")


def to_response(answer: Answer) -> Response:
    """The same for Flask."""
    response = Finished(None, answer.status)
    response.headers = Headers(answer.headers)
    response.response = [answer.body]
    return response
