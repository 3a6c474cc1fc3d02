"""What goes over an event stream, byte by byte (WHATWG server-sent events)."""

import re

import orjson

RETRY_MILLISECONDS = 2_000
"""What browsers are told to wait before they connect again."""

HEARTBEAT = b": still here\n\n"
OPENING = f"retry: {RETRY_MILLISECONDS}\n\n".encode()

_ID = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})").fullmatch


def frame(kind: str, body: object, *, epoch: int, version: int) -> bytes:
    """One event. Its id names a moment of the sale, which is where a browser resumes from."""
    return b"event: %b\nid: %d.%d\ndata: %b\n\n" % (kind.encode(), epoch, version, orjson.dumps(body))


def read_id(text: str) -> tuple[int, int] | None:
    """Epoch and version from a Last-Event-ID, or None when it is not one of ours."""
    found = _ID(text)
    return (int(found[1]), int(found[2])) if found else None
