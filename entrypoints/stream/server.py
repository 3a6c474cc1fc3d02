"""Serving the streams: one gevent process. A browser costs a sleeping greenlet; what it is told costs one ``send``."""

import resource
import signal
from typing import Any

from entrypoints.settings import Settings

SOCKET_SECONDS_MAX = 30
"""A browser that never finishes its request, or does not read a short answer, is cut off."""

BACKLOG = 4_096
STOP_SECONDS_MAX = 2


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Must be called before anything has opened a socket or started a thread."""
    from gevent import monkey

    # Everything below this line (Valkey, Postgres, locks, threads) then waits without holding up the others.
    monkey.patch_all()

    import gevent

    from entrypoints.container import build_container
    from entrypoints.stream.app import StreamApp
    from entrypoints.stream.hubs import Hubs

    _allow_many_connections()
    hubs = Hubs(build_container(settings))
    app = StreamApp(hubs, public_url=settings.public_url, trusted_proxy_hops=settings.trusted_proxy_hops)
    server = make_server((settings.host, settings.stream_port), app)

    def stop() -> None:
        hubs.stop()
        server.stop(STOP_SECONDS_MAX)

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop)
    hubs.start()
    server.serve_forever()


def make_server(listener: Any, app: Any) -> Any:
    """gevent's WSGI server for a :class:`StreamApp`; the streams themselves get their sockets."""
    from gevent.pywsgi import WSGIHandler, WSGIServer

    from entrypoints.stream.app import OpenStream
    from entrypoints.stream.frames import OPENING
    from entrypoints.stream.lines import SocketLine, prepare

    class Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
        """One connection, with a limit on how long it may wait for a request or an answer."""

        def handle(self) -> None:
            prepare(self.socket)
            self.socket.settimeout(SOCKET_SECONDS_MAX)
            super().handle()

        def process_result(self) -> None:
            stream = self.result
            if not isinstance(stream, OpenStream):
                super().process_result()
                return
            self.close_connection = True
            self.write(OPENING)
            line = SocketLine(self.socket, in_chunks=self.response_use_chunked, when_free=stream.catch_up)
            stream.open(line)
            line.wait_until_closed()

    server = WSGIServer(listener, app, handler_class=Handler, backlog=BACKLOG, log=None)
    server.stop_timeout = STOP_SECONDS_MAX
    return server


def _allow_many_connections() -> None:
    """One file descriptor a stream: take as many as the system gives without asking for more rights."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
