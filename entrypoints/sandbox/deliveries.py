"""Outgoing webhooks and callbacks: delivered at least once, in parallel, retried with backoff, and logged.

Each vendor gives a function that writes and signs a delivery at the moment of sending. What waits is in the database,
so a restarted sandbox keeps its promises.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import orjson

from entrypoints.sandbox.clock import SandboxClock
from entrypoints.sandbox.faults import Fault, FaultEngine
from entrypoints.sandbox.store import Database

Prepare = Callable[[Mapping[str, Any]], tuple[str, Mapping[str, str]]]

IDLE_SECONDS_MAX = 5.0
LOG_ENTRIES_MAX = 20_000
REPLY_BYTES_MAX = 2_000
REORDER_GAP_SECONDS = 0.25
REORDER_SECONDS_MAX = 5.0
log = logging.getLogger(__name__)


class Deliveries:
    """The queue of everything that the sandbox tells the application by itself.

    Statuses: ``pending``, ``sending``, ``held`` (by a fault, until released), ``delivered``, ``dropped`` (by a
    fault), ``failed`` (every retry used up).
    """

    def __init__(
        self,
        database: Database,
        clock: SandboxClock,
        faults: FaultEngine,
        *,
        retry_seconds: tuple[float, ...],
        timeout_seconds: float,
        threads: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._faults = faults
        self._retry_seconds = retry_seconds
        self._timeout_seconds = timeout_seconds
        self._prepare: dict[str, Prepare] = {}
        self._settled: dict[str, Callable[[Mapping[str, Any]], None]] = {}
        self._kept_back: list[tuple[str, str]] = []
        self._wake = threading.Event()
        self._stopping = False
        self._slots = threading.BoundedSemaphore(threads)
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="sandbox-delivery")
        self._thread = threading.Thread(target=self._run, name="sandbox-deliveries", daemon=True)
        clock.on_advance(self._wake.set)

    def register(
        self, vendor: str, *, prepare: Prepare, settled: Callable[[Mapping[str, Any]], None] | None = None
    ) -> None:
        """``prepare`` gives a delivery's body and headers when it is sent; ``settled`` is told of its arrival."""
        self._prepare[vendor] = prepare
        if settled is not None:
            self._settled[vendor] = settled

    def send(
        self,
        *,
        vendor: str,
        type_: str,
        url: str,
        about: Mapping[str, str],
        retry: bool = True,
    ) -> None:
        """Queue one delivery; part of the caller's transaction, sent after it."""
        fault = self._faults.for_delivery(target=_fault_target(vendor), type_=type_)
        kind = fault.kind if fault is not None else None
        for _ in range(2 if kind == "duplicate" else 1):
            delivery_id = self._insert(
                status={"drop": "dropped", "hold": "held"}.get(kind or "", "pending"),
                due=self._clock.now() + _delay_seconds(fault),
                vendor=vendor,
                type_=type_,
                body={
                    "url": url,
                    "about": dict(about),
                    "retry": retry,
                    "fault": kind,
                    "attempts": [],
                },
            )
        if kind == "reorder":
            self._kept_back.append((vendor, delivery_id))
        elif kind is None:
            self._let_follow(vendor)
        self._wake.set()

    def _let_follow(self, vendor: str) -> None:
        """Whatever a reorder fault keeps back goes out behind the delivery that was just queued."""
        for kept in [kept for kept in self._kept_back if kept[0] == vendor]:
            self._kept_back.remove(kept)
            self._database.change(
                "UPDATE deliveries SET due = ? WHERE id = ? AND status = 'pending'",
                (self._clock.now() + REORDER_GAP_SECONDS, kept[1]),
            )

    def release(self) -> int:
        """Send everything that a fault holds, oldest first; how many that is."""
        sql = "UPDATE deliveries SET status = 'pending', due = ? WHERE status = 'held'"
        released = self._database.change(sql, (self._clock.now(),))
        self._wake.set()
        return released

    def resend(self, delivery_id: str) -> bool:
        """Send one again, whatever became of it."""
        sql = "UPDATE deliveries SET status = 'pending', due = ? WHERE id = ? AND status <> 'sending'"
        changed = self._database.change(sql, (self._clock.now(), delivery_id))
        self._wake.set()
        return changed > 0

    def describe(self, *, limit: int = 200, status: str | None = None) -> list[dict[str, Any]]:
        """The log, newest first."""
        condition, parameters = ("WHERE status = ?", (status, limit)) if status else ("", (limit,))
        rows = self._database.execute(
            f"SELECT id, status, due, vendor, type, body FROM deliveries {condition}"  # noqa: S608  (fixed texts)
            " ORDER BY seq DESC LIMIT ?",
            parameters,
        )
        return [_entry(row) for row in rows]

    def idle(self) -> bool:
        """Whether nothing is waiting to be sent or being sent (what is held does not count)."""
        sql = "SELECT count(*) FROM deliveries WHERE status IN ('pending', 'sending')"
        return bool(self._database.execute(sql)[0][0] == 0)

    def start(self) -> None:
        # What a killed process was sending may or may not have arrived: at least once means again.
        self._database.change("UPDATE deliveries SET status = 'pending' WHERE status = 'sending'")
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _insert(self, *, status: str, due: float, vendor: str, type_: str, body: dict[str, Any]) -> str:
        delivery_id = f"dlv_{secrets.token_hex(12)}"
        self._database.change(
            "INSERT INTO deliveries (id, status, due, vendor, type, body) VALUES (?, ?, ?, ?, ?, ?)",
            (delivery_id, status, due, vendor, type_, orjson.dumps(body).decode()),
        )
        # The plus keeps SQLite on the primary key: by status it would walk through the whole log.
        self._database.change(
            "DELETE FROM deliveries WHERE seq <= (SELECT max(seq) FROM deliveries) - ?"
            " AND +status IN ('delivered', 'dropped', 'failed')",
            (LOG_ENTRIES_MAX,),
        )
        return delivery_id

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            while not self._stopping and (entry := self._take()) is not None:
                self._pool.submit(self._attempt, entry)
            self._wake.wait(timeout=self._seconds_until_next())

    def _take(self) -> dict[str, Any] | None:
        """Reserve the next delivery that is due, once a sending thread is free."""
        if not self._slots.acquire(timeout=IDLE_SECONDS_MAX):
            return None
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT id, status, due, vendor, type, body FROM deliveries"
                " WHERE status = 'pending' AND due <= ? ORDER BY due, seq LIMIT 1",
                (self._clock.now(),),
            )
            if rows:
                self._database.change("UPDATE deliveries SET status = 'sending' WHERE id = ?", (rows[0][0],))
                return _entry(rows[0])
        self._slots.release()
        return None

    def _seconds_until_next(self) -> float:
        ((due,),) = self._database.execute("SELECT min(due) FROM deliveries WHERE status = 'pending'")
        if due is None:
            return IDLE_SECONDS_MAX
        return float(min(max(due - self._clock.now(), 0.0), IDLE_SECONDS_MAX))

    def _attempt(self, entry: dict[str, Any]) -> None:
        try:
            started = time.monotonic()
            status, error = self._post(entry)
            entry["attempts"].append(
                {
                    "at": round(self._clock.now(), 3),
                    "status": status,
                    "error": error,
                    "milliseconds": round((time.monotonic() - started) * 1000),
                }
            )
            self._finish(entry, arrived=status is not None and 200 <= status < 300)
        except Exception:
            # A pool swallows what its tasks raise; without this the delivery would vanish, and never be done.
            log.exception("delivery %s broke", entry["id"])
            self._database.change("UPDATE deliveries SET status = 'failed' WHERE id = ?", (entry["id"],))
        finally:
            self._slots.release()
            self._wake.set()

    def _finish(self, entry: dict[str, Any], *, arrived: bool) -> None:
        tried = len(entry["attempts"])
        retries = self._retry_seconds if entry["retry"] else ()
        due = self._clock.now()
        if arrived:
            status = "delivered"
        elif tried <= len(retries):
            status, due = "pending", due + retries[tried - 1]
        else:
            status = "failed"
        body = {key: value for key, value in entry.items() if key not in {"id", "status", "due", "vendor", "type"}}
        with self._database.transaction():
            self._database.change(
                "UPDATE deliveries SET status = ?, due = ?, body = ? WHERE id = ?",
                (status, due, orjson.dumps(body).decode(), entry["id"]),
            )
            if arrived and entry["vendor"] in self._settled:
                self._settled[entry["vendor"]](entry)

    def _post(self, entry: Mapping[str, Any]) -> tuple[int | None, str | None]:
        parts = urlsplit(entry["url"])
        body, headers = self._prepare[entry["vendor"]](entry)
        headers = {"Accept": "*/*", "User-Agent": "Tessera-Sandbox/1.0", **headers}
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                parts.netloc, timeout=self._timeout_seconds, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=self._timeout_seconds)
        with contextlib.closing(connection):
            try:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", target, body=body.encode(), headers=headers)
                response = connection.getresponse()
                response.read(REPLY_BYTES_MAX)
            except (OSError, http.client.HTTPException) as error:
                return None, f"{type(error).__name__}: {error}"
            return response.status, None


def _delay_seconds(fault: Fault | None) -> float:
    if fault is None:
        return 0.0
    if fault.kind == "reorder":
        # Without a later delivery to follow, what is kept back goes out by itself.
        return fault.seconds or REORDER_SECONDS_MAX
    return fault.seconds if fault.kind == "delay" else 0.0


def _fault_target(vendor: str) -> str:
    return {"stripe": "stripe_webhooks", "twilio": "twilio_callbacks"}[vendor]


def _entry(row: tuple[Any, ...]) -> dict[str, Any]:
    delivery_id, status, due, vendor, type_, body = row
    return {
        "id": delivery_id,
        "status": status,
        "due": due,
        "vendor": vendor,
        "type": type_,
        **orjson.loads(body),
    }
