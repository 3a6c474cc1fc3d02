"""Things that happen by themselves later: a session expires, a refund settles, an SMS arrives.

What is due is kept in the database, so a restarted sandbox carries on. An action runs inside a transaction together
with the deletion of its row: it happens once, or is tried again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import orjson

from entrypoints.sandbox.clock import SandboxClock
from entrypoints.sandbox.store import Database

Action = Callable[[dict[str, Any]], None]

IDLE_SECONDS_MAX = 5.0
log = logging.getLogger(__name__)


class Schedule:
    """A timetable on the sandbox's clock with one thread that works it off."""

    def __init__(self, database: Database, clock: SandboxClock) -> None:
        self._database = database
        self._clock = clock
        self._actions: dict[str, Action] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-schedule", daemon=True)
        clock.on_advance(self._wake.set)

    def register(self, action: str, run: Action) -> None:
        self._actions[action] = run

    def later(self, seconds: float, action: str, payload: dict[str, Any]) -> None:
        """Run a registered action once, ``seconds`` from now on the sandbox's clock."""
        self._database.change(
            "INSERT INTO schedule (due, action, payload) VALUES (?, ?, ?)",
            (self._clock.now() + seconds, action, orjson.dumps(payload).decode()),
        )
        self._wake.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def run_due(self) -> None:
        """Do everything whose time has come, oldest first."""
        while self._run_one():
            pass

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.run_due()
            self._wake.wait(timeout=self._seconds_until_next())

    def _seconds_until_next(self) -> float:
        ((due,),) = self._database.execute("SELECT min(due) FROM schedule")
        if due is None:
            return IDLE_SECONDS_MAX
        return float(min(max(due - self._clock.now(), 0.0), IDLE_SECONDS_MAX))

    def _run_one(self) -> bool:
        row_id, action = None, ""
        try:
            with self._database.transaction():
                rows = self._database.execute(
                    "SELECT id, action, payload FROM schedule WHERE due <= ? ORDER BY due, id LIMIT 1",
                    (self._clock.now(),),
                )
                if not rows or self._stopping:
                    return False
                row_id, action, payload = rows[0]
                self._remove(row_id)
                self._actions[action](orjson.loads(payload))
        except Exception:
            # One broken action must not stop the others for good; the log says which it was.
            log.exception("sandbox action %s failed and is given up", action)
            self._remove(row_id)
        return True

    def _remove(self, row_id: int | None) -> None:
        self._database.change("DELETE FROM schedule WHERE id = ?", (row_id,))
