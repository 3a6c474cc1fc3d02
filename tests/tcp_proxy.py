"""A TCP proxy on the loopback that breaks connections the way networks do: between a request and its reply.

A client cannot tell a request that never arrived from a reply that was lost. Here a test chooses which it was, and then
looks whether the caller's retry came out right.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from threading import Condition, Lock, Thread

CHUNK_BYTES = 65_536
"""A request or reply that is shorter arrives in one piece on the loopback, so faults hit whole ones."""
BACKLOG = 256
JOIN_SECONDS_MAX = 5.0
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


class Fault(Enum):
    """What may happen to a connection. Requests flow to the server, replies to the client."""

    SWALLOW_REPLIES = auto()
    """The server acts, its reply vanishes, and the connection stays open: the client waits until it gives up."""
    CUT_BEFORE_REPLY = auto()
    """The server acts, and the connection is reset instead of bringing its reply."""
    CUT_IN_REPLY = auto()
    """Half of the reply arrives, then the connection is reset."""
    CUT_IN_REQUEST = auto()
    """Half of the request reaches the server, then the connection is reset on both sides."""
    STOP_READING = auto()
    """Nothing is read any more in either direction. What was sent meanwhile goes on its way when the fault is over."""


_ON_REQUESTS = frozenset({Fault.CUT_IN_REQUEST, Fault.STOP_READING})
_ON_REPLIES = frozenset({Fault.SWALLOW_REPLIES, Fault.CUT_BEFORE_REPLY, Fault.CUT_IN_REPLY, Fault.STOP_READING})


class TcpProxy:
    """Listens on a port of its own and passes everything to ``host:port``, except while a fault is on.

    Threads of the test may use it at once. ``hits`` counts the pieces of traffic that met a fault.
    """

    def __init__(self, *, port: int, host: str = "127.0.0.1") -> None:
        self._server = (host, port)
        self._state = Condition()
        self._fault: Fault | None = None
        self._times: int | None = None
        self._closed = False
        self._sockets: set[socket.socket] = set()
        self._sockets_lock = Lock()
        self.hits = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept_for_ever, name="tcp-proxy", daemon=True)
        self._acceptor.start()

    @contextmanager
    def fault(self, fault: Fault, *, times: int | None = None) -> Iterator[None]:
        """Have this happen to everything inside the block, or only to the first so many pieces of traffic."""
        self._set(fault, times)
        try:
            yield
        finally:
            self._set(None, None)

    def cut(self) -> None:
        """Reset every connection there is. New ones are welcome."""
        with self._sockets_lock:
            doomed = tuple(self._sockets)
        for one in doomed:
            _reset(one)

    def close(self) -> None:
        """End all connections and stop listening."""
        with self._state:
            self._closed = True
            self._state.notify_all()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._acceptor.join(JOIN_SECONDS_MAX)

    def _set(self, fault: Fault | None, times: int | None) -> None:
        with self._state:
            self._fault, self._times = fault, times
            self._state.notify_all()

    def _accept_for_ever(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                _reset(client)
                continue
            with self._sockets_lock:
                self._sockets |= {client, server}
            for source, target, faults in ((client, server, _ON_REQUESTS), (server, client, _ON_REPLIES)):
                Thread(target=self._pump, args=(source, target, faults), name="tcp-proxy-pump", daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, faults: frozenset[Fault]) -> None:
        """Carry one direction until either end is gone."""
        try:
            while chunk := source.recv(CHUNK_BYTES):
                match self._met(faults):
                    case None:
                        target.sendall(chunk)
                    case Fault.SWALLOW_REPLIES:
                        pass
                    case Fault.CUT_BEFORE_REPLY:
                        break
                    case _:
                        target.sendall(chunk[: len(chunk) // 2])
                        break
        except OSError:
            pass  # A reset is how these connections are meant to end.
        finally:
            _reset(source)
            _reset(target)
            with self._sockets_lock:
                self._sockets -= {source, target}

    def _met(self, faults: frozenset[Fault]) -> Fault | None:
        """The fault that this piece of traffic meets. One that stops all reading is waited out here."""
        with self._state:
            met = self._fault if self._fault in faults else None
            if met is None:
                return None
            self.hits += 1
            if met is Fault.STOP_READING:
                self._state.wait_for(lambda: self._closed or self._fault is not Fault.STOP_READING)
                return None
            if self._times is not None:
                self._times -= 1
                if self._times <= 0:
                    self._fault = self._times = None
            return met


def _reset(connection: socket.socket) -> None:
    """End a connection with RST, so that the other end learns of it at once whatever was on its way."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
