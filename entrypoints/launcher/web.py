"""The web process: granian in front of the WSGI application."""

from __future__ import annotations

import importlib
import os
import signal
from functools import partial
from typing import Any

from entrypoints.launcher.tether import end_with_parent
from entrypoints.settings import Settings

APPLICATION = "entrypoints.wsgi:app"
STOP_SECONDS_MAX = 4


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; what a worker has accepted is answered before it ends.

    The backlog and the backpressure are both above the expected number of connections: granian accepts no more than
    the backpressure allows, and those beyond it wait without an answer or an error.
    """
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        APPLICATION,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        backlog=settings.web_connections,
        backpressure=settings.web_connections,
        websockets=False,
        log_access=False,
        log_level=LogLevels(settings.log_level.lower()),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS_MAX,
    )
    server.serve(target_loader=partial(_load_in_worker, os.getpid()))


def _load_in_worker(parent: int, target: str) -> Any:
    """Import the application in a worker that ends with its parent, even when that is killed."""
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the web process ended before its worker could start")
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
