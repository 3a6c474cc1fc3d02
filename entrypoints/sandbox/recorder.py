"""What the vendors' APIs were asked: the last few thousand requests, for tests and the console.

Only API calls are recorded, never the hosted pages: those carry card numbers. Credentials are left out.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from typing import Any
from wsgiref.types import WSGIApplication

REQUESTS_MAX = 5_000
BODY_CHARACTERS_MAX = 4_000


class Recorder:
    """A bounded log shared by any number of wrapped applications."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=REQUESTS_MAX)
        self._total = 0

    def wrap(self, vendor: str, application: WSGIApplication) -> WSGIApplication:
        def recorded(environ: Any, start_response: Any) -> Any:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            status: list[int] = [0]

            def observed(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
                status[0] = int(line.split(" ", 1)[0])
                return start_response(line, headers, exc_info) if exc_info else start_response(line, headers)

            started = time.monotonic()
            try:
                return application(environ, observed)
            finally:
                self._add(
                    {
                        "at": round(time.time(), 3),
                        "vendor": vendor,
                        "method": environ["REQUEST_METHOD"],
                        "path": environ["PATH_INFO"],
                        "query": environ.get("QUERY_STRING", ""),
                        "body": body.decode(errors="replace")[:BODY_CHARACTERS_MAX],
                        "idempotency_key": environ.get("HTTP_IDEMPOTENCY_KEY"),
                        "status": status[0],
                        "fault": environ.get("tessera.fault"),
                        "milliseconds": round((time.monotonic() - started) * 1000, 1),
                    }
                )

        return recorded

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._total = 0

    @property
    def total(self) -> int:
        """How many there have been since the start or the last reset, those forgotten included."""
        return self._total

    def describe(self, *, limit: int, method: str | None = None, path: str | None = None) -> list[dict[str, Any]]:
        """Newest first; ``path`` is a prefix."""
        with self._lock:
            entries = list(self._entries)
        matching = [
            entry
            for entry in reversed(entries)
            if (method is None or entry["method"] == method) and (path is None or entry["path"].startswith(path))
        ]
        return matching[:limit]

    def _add(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._entries.append(entry)
            self._total += 1
