"""What workers do, one line each: everything else is a use case."""

from typing import Protocol

from huey import RedisHuey

ROUNDS_PER_TASK_MAX = 500


class Chores(Protocol):
    """The use cases that need no person to ask for them."""

    def drain_outbox(self) -> int: ...

    def sweep_sales(self) -> int: ...

    def expire_due_orders(self) -> int: ...

    def check_payments(self) -> int: ...

    def check_refunds(self) -> int: ...


def drain_fully(chores: Chores) -> int:
    """Drain until nothing is due, within a bound that lets other tasks have their turn."""
    total = 0
    for _ in range(ROUNDS_PER_TASK_MAX):
        leased = chores.drain_outbox()
        total += leased
        if leased == 0:
            break
    return total


def register(queue: RedisHuey, chores: Chores) -> None:
    """Name the tasks that a wake-up may ask for."""
    queue.task(name="drain_outbox")(lambda: drain_fully(chores))
