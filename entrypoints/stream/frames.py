"""What goes over an event stream, byte by byte (WHATWG server-sent events)."""

import re
from dataclasses import dataclass

import orjson

RETRY_MILLISECONDS = 2_000
"""What browsers are told to wait before they connect again."""

OPENING = f"retry: {RETRY_MILLISECONDS}\n\n".encode()

_ID = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})").fullmatch

Moment = tuple[int, int]
"""Epoch and version: where a sale's story stands. Later moments are greater."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event, made once for everybody who is told it. ``chunk`` is the same as a chunk of an HTTP/1.1 answer."""

    moment: Moment
    words: bytes
    chunk: bytes


def frame(kind: str, body: object, moment: Moment) -> Frame:
    """One event. Its id names a moment of the sale, which is where a browser resumes from."""
    words = b"event: %b\nid: %d.%d\ndata: %b\n\n" % (kind.encode(), *moment, orjson.dumps(body))
    return Frame(moment=moment, words=words, chunk=b"%x\r\n%b\r\n" % (len(words), words))


def read_id(text: str) -> Moment | None:
    """Epoch and version from a Last-Event-ID, or None when it is not one of ours."""
    found = _ID(text)
    return (int(found[1]), int(found[2])) if found else None
