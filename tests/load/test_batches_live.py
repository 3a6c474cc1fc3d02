"""A batch of refunds on real servers, through real processes that are killed in the middle of it."""

from pathlib import Path

from domain.refund_batches import BatchState
from tests.contract.sandboxes import Sandbox, sandbox_running
from tests.load.batch_house import batch_house, environment, process
from tests.processes import eventually

ORDERS = 8
DAY_SECONDS = 86_400
PATIENCE_SECONDS = 60

_SUCCEEDED = b"SELECT count(*) FROM refunds WHERE state = 'succeeded'"
_A_DAY_AGO = (
    "UPDATE refunds SET requested_at = requested_at - interval '25 hours'",
    "UPDATE outbox SET not_before = not_before - interval '25 hours' WHERE done_at IS NULL",
)
"""Time cannot be moved for a process: what was written is made a day older instead."""


def refunds_at(sandbox: Sandbox) -> list[str]:
    """The payments that money went back from, once for each refund."""
    return [refund["payment_intent"] for refund in sandbox.control("GET", "refunds?limit=1000")["data"]]


def test_killed_and_resumed_a_day_later_it_refunds_nothing_twice(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """The worker dies while the provider has refunded and nobody has heard; a day later it has forgotten all keys.

    A second worker finds every refund that was made, makes the rest, and each payment is refunded exactly once.
    """
    with sandbox_running() as sandbox, batch_house(database_url=database_url, sandbox_url=sandbox.url) as house:
        environ = environment(
            database_url=database_url, redis_url=redis_url, sandbox_url=sandbox.url, data_dir=tmp_path,
            STRIPE_BUDGET_PER_SECOND="8",
        )  # fmt: skip
        house.paid(ORDERS)
        batch = house.start()

        lost = {"target": "stripe", "kind": "lost_reply", "method": "POST", "path": "/v1/refunds", "times": None}
        sandbox.control("POST", "faults", lost)
        with process("worker", environ, tmp_path / "first.log") as worker:
            assert eventually(
                lambda: house.batch(batch.id).state is BatchState.PREVIEWED, seconds=PATIENCE_SECONDS
            ), log(tmp_path)  # fmt: skip
            house.go_ahead(batch.id)
            assert eventually(lambda: len(refunds_at(sandbox)) >= 3, seconds=PATIENCE_SECONDS), log(tmp_path)
            worker.kill()
            worker.wait()
        made = refunds_at(sandbox)
        assert house.count(_SUCCEEDED) == 0

        sandbox.control("DELETE", "faults")
        sandbox.advance(DAY_SECONDS + 1)
        with house.engine.begin() as connection:
            for statement in _A_DAY_AGO:
                connection.exec_driver_sql(statement)
        with process("worker", environ, tmp_path / "second.log"):
            over = eventually(lambda: house.batch(batch.id).state is BatchState.FINISHED, seconds=PATIENCE_SECONDS)

        assert over, log(tmp_path)
        everything = refunds_at(sandbox)
        assert len(everything) == len(set(everything)) == ORDERS
        assert set(made) <= set(everything)
        assert house.count(_SUCCEEDED) == ORDERS
        assert house.count(b"SELECT count(*) FROM orders WHERE state = 'refunded'") == ORDERS


def log(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace")[-3_000:] for path in sorted(folder.glob("*.log")))
