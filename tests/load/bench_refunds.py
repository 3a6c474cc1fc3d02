"""A cancelled event: so many refunds through real processes, measured against the budget that Stripe allows.

Postgres and Valkey are durable, the sandbox and the worker are processes of their own, as ``tessera up`` starts them.
Everything that belongs to a refund is done meanwhile: tickets void, places given back, the inventory told, books
written, buyers written to. The rate counts from the moment somebody goes ahead to the last refund that succeeded.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from adapters.postgres import migrate
from domain.refund_batches import BatchId, BatchState
from entrypoints.launcher.process import accepts_connections, free_port
from tests.contract.sandbox_harness import Receiver
from tests.load.batch_house import BatchHouse, batch_house, environment, process
from tests.load.bench import Measurement
from tests.processes import eventually
from tests.servers import database, postgres_running, scratch_directory, valkey_running

REFUNDS = 1_000
BUDGET_PER_SECOND = 25
GOAL = 0.9
START_SECONDS_MAX = 60
POLL_SECONDS = 0.5
PAYING_THREADS = 4

_RATE = """
    SELECT count(*) / extract(epoch FROM max(completed_at) - (SELECT started_at FROM refund_batches))
    FROM refunds WHERE state = 'succeeded'
"""


def measure(refunds: int = REFUNDS) -> Iterator[Measurement]:
    """Refunds a second; the yardstick is the budget."""
    with ExitStack() as after:
        folder = after.enter_context(scratch_directory())
        house, environ = _open(after, folder, capacity=refunds)
        house.paid(refunds, threads=PAYING_THREADS)
        after.enter_context(process("worker", environ, folder / "worker.log"))
        batch = house.start()
        _until(house, batch.id, BatchState.PREVIEWED, seconds=START_SECONDS_MAX + refunds / BUDGET_PER_SECOND)
        house.go_ahead(batch.id)
        _until(house, batch.id, BatchState.FINISHED, seconds=START_SECONDS_MAX + 4 * refunds / BUDGET_PER_SECOND)
        with house.engine.connect() as connection:
            rate = float(connection.exec_driver_sql(_RATE).scalar_one())
    yield Measurement(
        name=f"{refunds:,} refunds, one worker", ours=rate, yardstick=BUDGET_PER_SECOND, goal=GOAL, note="(of budget)"
    )


def _open(after: ExitStack, folder: Path, *, capacity: int) -> tuple[BatchHouse, dict[str, str]]:
    """Servers and a sandbox, and the house on them."""
    server = after.enter_context(postgres_running(durable=True))
    database_url = after.enter_context(database(server))
    migrate.upgrade(database_url)
    valkey = after.enter_context(valkey_running(durable=True))
    receiver = Receiver()
    after.callback(receiver.close)
    port = free_port()
    sandbox_url = f"http://127.0.0.1:{port}"
    environ = environment(
        database_url=database_url,
        redis_url=valkey.url(),
        sandbox_url=sandbox_url,
        data_dir=folder,
        SANDBOX_URL=sandbox_url,
        SANDBOX_PORT=str(port),
        PUBLIC_URL=receiver.url,
        STRIPE_BUDGET_PER_SECOND=str(BUDGET_PER_SECOND),
        LOG_LEVEL="WARNING",
    )
    after.enter_context(process("sandbox", environ, folder / "sandbox.log"))
    assert eventually(lambda: accepts_connections(port), seconds=START_SECONDS_MAX), "the sandbox does not start"
    time.sleep(POLL_SECONDS)
    house = after.enter_context(batch_house(database_url=database_url, sandbox_url=sandbox_url, capacity=capacity))
    return house, environ


def _until(house: BatchHouse, batch_id: BatchId, state: BatchState, *, seconds: float) -> None:
    """Looks seldom, so that looking costs nothing."""
    deadline = time.monotonic() + seconds
    while house.batch(batch_id).state is not state:
        assert time.monotonic() < deadline, f"the batch is not {state.value} in time"
        time.sleep(POLL_SECONDS)
