"""Holds and availability over HTTP against bare Flask routes: same granian, same settings, same run."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from adapters.postgres import migrate
from adapters.redis_locks.connections import connect
from domain.events import Event, EventId, EventState, Sale
from domain.refund_policies import STANDARD_POLICY
from domain.venues import Venue
from entrypoints.container import build_container
from entrypoints.launcher.plan import placeholder_environment
from entrypoints.launcher.process import free_port
from entrypoints.settings import Settings
from tests.fakes.sales import big_reserved_sale, general_sale
from tests.load.bench import Measurement, compare
from tests.load.bench_server import BARE_CONSTANT, BARE_HOLD
from tests.load.hammer import HammerError, Target, generator, requests_per_second
from tests.servers import database, postgres_running, valkey_running

FLOOR_CAPACITY = 500_000
ROWS, PER_ROW = 600, 20
START_SECONDS_MAX = 30
WARM_UP_SECONDS = 1
ACTOR = "bench"


def measure() -> Iterator[Measurement]:
    """Two general-admission tickets over 64 connections, and a snapshot of 12,000 seats."""
    with _running() as house:
        hold = Target(
            port=house.port,
            method="POST",
            path=f"/api/v1/events/{house.floor.event_id}/holds",
            body=json.dumps({"items": [{"tier": str(house.floor.tiers[0].id), "quantity": 2}]}),
        )
        look = Target(port=house.port, method="GET", path=f"/api/v1/events/{house.seats.event_id}/availability")
        bare_hold = replace(hold, path=BARE_HOLD)
        bare_look = replace(look, path=BARE_CONSTANT)
        for target in (hold, look, bare_hold, bare_look):
            with suppress(HammerError):  # the first buyers of a cold house may be asked to come again
                requests_per_second(target, seconds=WARM_UP_SECONDS)
        for name, ours, bare in (
            ("hold 2 tickets, 64 connections", hold, bare_hold),
            ("availability of 12,000 seats, 64 connections", look, bare_look),
        ):
            yield compare(
                name,
                ours=lambda target=ours: requests_per_second(target),  # type: ignore[misc]  # bound in the loop
                yardstick=lambda target=bare: requests_per_second(target),  # type: ignore[misc]  # bound in the loop
                goal=0.5,
                note=f"({generator()})",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _House:
    port: int
    floor: Sale
    seats: Sale


@contextmanager
def _running() -> Iterator[_House]:
    """Postgres, Valkey, two events on sale, and the web process."""
    with (
        postgres_running() as postgres,
        database(postgres) as database_url,
        valkey_running() as valkey,
        tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder,
    ):
        migrate.upgrade(database_url)
        port = free_port()
        environ = placeholder_environment() | {
            "DATABASE_URL": database_url,
            "REDIS_URL": valkey.url(),
            "PORT": str(port),
            "DATA_DIR": folder,
        }
        floor = general_sale(capacity=FLOOR_CAPACITY, vip_capacity=None)
        seats = big_reserved_sale(rows=ROWS, per_row=PER_ROW)
        put_on_sale(Settings.from_environment(environ), floor, seats)
        with connect(valkey.url()) as client:
            client.set("bare:stock", 1_000_000_000)
        log = Path(folder, "web.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.load.bench_server"],
                env={**os.environ, **environ},
                stdout=output,
                stderr=output,
            )
        try:
            wait_until_ready(process, port, log)
            yield _House(port=port, floor=floor, seats=seats)
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS_MAX)


def put_on_sale(settings: Settings, *sales: Sale) -> None:
    """An event and everything that belongs to it, for each of these sales."""
    container = build_container(settings)
    now = datetime.now(UTC)
    for sale in sales:
        slug = f"bench-{uuid4().hex[:8]}"
        venue = Venue(
            id=sale.seat_map.venue_id, slug=slug, name="Bench Hall", address="1 Loop", city="Nowhere", country="US",
            timezone="UTC",
        )  # fmt: skip
        event = Event(
            id=EventId(sale.event_id),
            slug=slug,
            name="Bench Night",
            summary="",
            description="",
            category="concert",
            artwork="",
            venue_id=venue.id,
            seat_map_id=sale.seat_map.id,
            currency=sale.currency,
            doors_at=now + timedelta(days=30),
            starts_at=now + timedelta(days=30, hours=1),
            ends_at=now + timedelta(days=30, hours=3),
            state=EventState.DRAFT,
            terms=replace(sale.terms, closes_at=now + timedelta(days=29)),
            tiers=sale.tiers,
        )
        container.add_venue(venue, actor=ACTOR)
        container.add_seat_map(replace(sale.seat_map, code=slug[-8:].upper()), actor=ACTOR)
        container.create_event(event, policy=STANDARD_POLICY, actor=ACTOR)
        container.publish_event(event.id, actor=ACTOR)


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Return once /healthz answers. Raises RuntimeError with the log when it does not."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"the process did not start:\n{log.read_text()}")
