"""Workers die in the middle of their work; the outbox does not notice for long."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from uuid import uuid4

import pytest

from domain.ports.outbox import LEASE_SECONDS, Effect, Lane, OutboxRow
from domain.ports.unit_of_work import UnitOfWorkFactory
from entrypoints.workers.crews import THREADS
from tests.contract.stores import NOW, postgres_store
from tests.processes import eventually

ROWS = 60
PATIENCE_SECONDS = 20.0


@dataclass
class Receiver:
    """The outside world: it answers nobody while ``patient`` is not set, and remembers who called."""

    url: str = ""
    patient: Event = field(default_factory=Event)
    begun: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def receive(self, name: str) -> None:
        with self.lock:
            self.begun[name] += 1
        self.patient.wait(PATIENCE_SECONDS)
        with self.lock:
            self.answered[name] += 1


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    world = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            world.receive(self.path[1:])
            try:
                self.send_response(204)
                self.end_headers()
            except OSError:
                pass  # Whoever asked is dead.

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield world
    world.patient.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(database_url: str) -> Iterator[UnitOfWorkFactory]:
    with postgres_store(database_url) as made:
        yield made


@contextmanager
def worker(database_url: str, receiver: Receiver, *, seconds_ahead: float = 0) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker process, stopped at the end."""
    command = [sys.executable, "-m", "tests.load.outbox_worker", database_url, receiver.url, str(seconds_ahead)]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def fill(store: UnitOfWorkFactory, *, lane: Lane = Lane.BULK, rows: int = ROWS) -> None:
    with store() as uow:
        for number in range(rows):
            name = f"{lane.value}-{number}"
            uow.outbox.add(
                OutboxRow(
                    id=uuid4(), key=name, effect=Effect.SEND_REFUND, payload={"name": name}, created_at=NOW,
                    not_before=NOW, lane=lane,
                )
            )  # fmt: skip
        uow.commit()


def waiting(store: UnitOfWorkFactory) -> int:
    with store() as uow:
        return uow.outbox.waiting()


def test_a_killed_worker_loses_and_doubles_nothing(
    database_url: str, store: UnitOfWorkFactory, receiver: Receiver
) -> None:
    """SIGKILL in the middle of a batch: the rest goes on at once, what it had in hand after one short lease.

    Called twice is only what was on its way when it died; effects are idempotent by their key for that reason.
    """
    fill(store)
    size = THREADS[Lane.BULK]
    with worker(database_url, receiver) as victim:
        assert eventually(lambda: receiver.begun.total() == size, seconds=PATIENCE_SECONDS)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    in_hand = set(receiver.begun)
    receiver.patient.set()

    with worker(database_url, receiver):
        assert eventually(lambda: waiting(store) == size, seconds=PATIENCE_SECONDS)
    assert set(receiver.begun) - in_hand == {f"bulk-{number}" for number in range(ROWS)} - in_hand

    with worker(database_url, receiver, seconds_ahead=LEASE_SECONDS):
        assert eventually(lambda: waiting(store) == 0, seconds=PATIENCE_SECONDS)
    assert len(receiver.begun) == ROWS
    assert {name for name, calls in receiver.begun.items() if calls > 1} == in_hand
    assert max(receiver.begun.values()) == 2


def test_a_stopped_worker_hands_back_what_it_has(
    database_url: str, store: UnitOfWorkFactory, receiver: Receiver
) -> None:
    """SIGTERM: nobody waits for a lease to run out."""
    fill(store, rows=THREADS[Lane.BULK])
    with worker(database_url, receiver) as first:
        assert eventually(lambda: receiver.begun.total() == THREADS[Lane.BULK], seconds=PATIENCE_SECONDS)
        first.terminate()
        first.wait(PATIENCE_SECONDS)

    with store() as uow:
        due = uow.outbox.lease(now=datetime.now(UTC), at_most=ROWS, effects=frozenset(Effect))
    assert len(due) == THREADS[Lane.BULK]


def test_a_stuck_batch_holds_up_no_capture(database_url: str, store: UnitOfWorkFactory, receiver: Receiver) -> None:
    """Every thread of the batch waits for an answer, thousands stand behind it, and a capture goes straight through."""
    fill(store, lane=Lane.BULK)
    with worker(database_url, receiver):
        assert eventually(lambda: receiver.begun.total() == THREADS[Lane.BULK], seconds=PATIENCE_SECONDS)
        fill(store, lane=Lane.LIVE, rows=1)
        assert eventually(lambda: receiver.begun["live-0"] == 1, seconds=PATIENCE_SECONDS)
        assert receiver.begun.total() == THREADS[Lane.BULK] + 1
