"""A small threaded WSGI server that can also misbehave: drop a connection before, or instead of, the reply.

Production servers hide the socket from the application, and a stand-in needs it for "the reply got lost". One thread
per connection, HTTP/1.1 kept alive, one write per response.
"""

from __future__ import annotations

import io
import logging
import socket
import struct
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

BODY_BYTES_MAX = 1_000_000
IDLE_SECONDS_MAX = 300
POLL_SECONDS = 0.05
DROP_KEY = "tessera.drop_connection"
log = logging.getLogger(__name__)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tessera-sandbox"
    sys_version = ""
    timeout = IDLE_SECONDS_MAX
    disable_nagle_algorithm = True
    # Unbuffered replies: they are written in one piece.
    wbufsize = 0
    server: SandboxServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            # The client went away; there is nobody left to tell.
            self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        # http.server looks for one method per HTTP method; the application decides what it allows.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the inherited signature)
        log.debug(format, *args)

    def _serve(self) -> None:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        announced = self.headers.get("Content-Length") or "0"
        if not announced.isdigit() or int(announced) > BODY_BYTES_MAX:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        length = int(announced)
        body = self.rfile.read(length)
        drop: list[bool] = []
        environ = self._environ(body)
        environ[DROP_KEY] = drop.append
        captured: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            captured[:] = [status, headers]
            return lambda data: None

        chunks = self.server.application(environ, start_response)
        try:
            payload = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if drop:
            self._drop(reset=drop[-1])
        else:
            self._reply(captured[0], captured[1], payload)

    def _reply(self, status: str, headers: list[tuple[str, str]], payload: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers_with(b"" if self.command == "HEAD" else payload)

    def end_headers_with(self, payload: bytes) -> None:
        """Flush headers and body together, so that neither waits for the other's acknowledgement."""
        buffered: list[bytes] = self._headers_buffer
        buffered.append(b"\r\n" + payload)
        self.flush_headers()

    def _drop(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # With a linger time of zero, closing sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.server.reset_on_close(self.connection)

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = f"HTTP_{name.upper().replace('-', '_')}"
            if key not in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}:
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


class SandboxServer(ThreadingHTTPServer):
    """Serves ``application`` until ``stop``; port 0 takes a free one."""

    request_queue_size = 4_096
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, application: WSGIApplication) -> None:
        self.application = application
        self._connections: set[socket.socket] = set()
        self._resets: set[int] = set()
        self._connections_lock = threading.Lock()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def run(self) -> None:
        """Serve in this thread until another one calls ``stop``."""
        self.serve_forever(poll_interval=POLL_SECONDS)

    def server_bind(self) -> None:
        # The inherited one asks the resolver for our own name, which can take seconds without a network.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def opened(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.discard(connection)

    def reset_on_close(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._resets.add(id(connection))

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            reset = id(request) in self._resets
            self._resets.discard(id(request))
        if reset:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.error("request from %s broke", client_address, exc_info=sys.exc_info())

    def stop(self) -> None:
        """Stop accepting, and close the connections that clients keep alive."""
        self.shutdown()
        self.server_close()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Closed by its client in the meantime.
                continue
