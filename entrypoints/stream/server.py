"""Serving the streams: one gevent process, a greenlet a browser."""

import resource
import signal

from entrypoints.settings import Settings

SOCKET_SECONDS_MAX = 30
"""A browser that neither reads nor closes for that long is cut off; so is one that never finishes its request."""

BACKLOG = 4_096
STOP_SECONDS_MAX = 2


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Must be called before anything has opened a socket or started a thread."""
    from gevent import monkey

    # Everything below this line (Valkey, Postgres, queues, threads) then waits without holding up the others.
    monkey.patch_all()

    import gevent
    from gevent.pywsgi import WSGIHandler, WSGIServer

    from entrypoints.container import build_container
    from entrypoints.stream.app import StreamApp
    from entrypoints.stream.hubs import Hubs

    class Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
        """One connection, with a limit on how long a write may wait."""

        def handle(self) -> None:
            self.socket.settimeout(SOCKET_SECONDS_MAX)
            super().handle()

    _allow_many_connections()
    hubs = Hubs(build_container(settings))
    app = StreamApp(hubs, public_url=settings.public_url, trusted_proxy_hops=settings.trusted_proxy_hops)
    server = WSGIServer((settings.host, settings.stream_port), app, handler_class=Handler, backlog=BACKLOG, log=None)
    server.stop_timeout = STOP_SECONDS_MAX

    def stop() -> None:
        hubs.stop()
        server.stop(STOP_SECONDS_MAX)

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop)
    hubs.start()
    server.serve_forever()


def _allow_many_connections() -> None:
    """One file descriptor a stream: take as many as the system gives without asking for more rights."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
