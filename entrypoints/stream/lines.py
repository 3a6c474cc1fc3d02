"""The way to one browser: frames go straight from the ticker into the socket, without a greenlet being woken.

The kernel's buffer is the only queue, and it is small. A browser whose buffer is full gets a greenlet of its own that
sends the rest of one frame; what else happens meanwhile is told afterwards in one piece. A browser that does not take
one frame in time is cut off.
"""

import socket as sockets
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent

from entrypoints.stream.frames import Frame

FRAME_SECONDS_MAX = 10
"""A whole picture of 70,000 seats is 70 KB: even a slow telephone takes it in that time."""

SEND_BUFFER_BYTES = 131_072
"""What the kernel keeps for a browser (Linux takes twice as much). By itself it would grow to megabytes for each
browser that does not read."""

UNACKNOWLEDGED_MS_MAX = 30_000
"""A browser that went without a word (a closed lid) is found out with the next heartbeat."""

_AT_ONCE = 0.0
_NO_LINGERING = struct.pack("ii", 1, 0)


class SocketLine:
    """Implements ``hubs.Line`` on a gevent socket. ``when_free`` is called when a frame that had to wait is through."""

    def __init__(self, link: Any, *, in_chunks: bool, when_free: Callable[[], None]) -> None:
        self._link = link
        self._in_chunks = in_chunks
        self._when_free = when_free
        self._is_busy = self._is_dropped = False

    def send(self, told: Frame) -> bool:
        if self._is_dropped:
            return False
        words = told.chunk if self._in_chunks else told.words
        try:
            sent = self._link.send(words, 0, _AT_ONCE)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop()
            return False
        if sent == len(words):
            return True
        self._is_busy = True
        gevent.spawn(self._send_rest, memoryview(words)[sent:])
        return False

    def drop(self) -> None:
        if self._is_dropped:
            return
        self._is_dropped = True
        with suppress(OSError):
            if self._is_busy:
                # What was not read is thrown away now; the kernel would try for minutes.
                self._link.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _NO_LINGERING)
            self._link.shutdown(sockets.SHUT_RDWR)

    def wait_until_closed(self) -> None:
        """Return when the browser has closed, was cut off, or says something where there is nothing to say."""
        with suppress(OSError):
            self._link.settimeout(None)
            self._link.recv(1)

    def _send_rest(self, rest: memoryview) -> None:
        with suppress(OSError), gevent.Timeout(FRAME_SECONDS_MAX, exception=False):
            self._link.sendall(rest)
            self._is_busy = False
        if self._is_busy:
            self.drop()
        else:
            self._when_free()


def prepare(link: Any) -> None:
    """Set a new connection up: small buffers, no waiting for more to send, and an end for those who vanished."""
    link.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
    link.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
    if hasattr(sockets, "TCP_USER_TIMEOUT"):
        link.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)
