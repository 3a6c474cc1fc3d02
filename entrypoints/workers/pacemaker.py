"""The pacemaker: everything that must happen by itself, each at its own rate, whatever becomes of the queue.

The outbox has crews of its own (:mod:`entrypoints.workers.crews`).
"""

import logging
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Protocol

SWEEP_EVERY_SECONDS = 0.5
EXPIRE_EVERY_SECONDS = 1.0
PAYMENTS_EVERY_SECONDS = 2.0
REFUNDS_EVERY_SECONDS = 30.0
REVIEWS_EVERY_SECONDS = 30.0
DISPUTES_EVERY_SECONDS = 60.0
CATCH_UP_EVERY_SECONDS = 120.0
RECONCILE_EVERY_SECONDS = 2.0
COMPARE_EVERY_SECONDS = 30.0
BATCHES_EVERY_SECONDS = 0.25
TELL_EVERY_SECONDS = 1.0
PRUNE_EVERY_SECONDS = 60.0
STOCK_EVERY_SECONDS = 2.0
OPEN_EVERY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Chores(Protocol):
    """The use cases that need no person to ask for them. Each answers how much it did."""

    def sweep_sales(self) -> int: ...

    def expire_due_orders(self) -> int: ...

    def check_payments(self) -> int: ...

    def check_refunds(self) -> int: ...

    def decide_reviews(self) -> int: ...

    def prune_answers(self) -> int: ...

    def check_disputes(self) -> int: ...

    def catch_up(self) -> int: ...

    def reconcile_sales(self) -> int: ...

    def compare_daily(self) -> int: ...

    def run_batches(self) -> int: ...

    def tell_buyers(self) -> int: ...

    def tell_of_new_dates(self) -> int: ...

    def prune_outbox(self) -> int: ...

    def prune_webhooks(self) -> int: ...

    def prune_entries(self) -> int: ...

    def watch_stock(self) -> int: ...

    def open_tiers(self) -> int: ...


def start(chores: Chores, *, stop: Event) -> tuple[Thread, ...]:
    """One thread a chore, so that a slow provider never delays the sweeping of lapsed holds."""
    rhythm: tuple[tuple[str, Callable[[], int], float], ...] = (
        ("sweep_sales", chores.sweep_sales, SWEEP_EVERY_SECONDS),
        ("expire_due_orders", chores.expire_due_orders, EXPIRE_EVERY_SECONDS),
        ("check_payments", chores.check_payments, PAYMENTS_EVERY_SECONDS),
        ("check_refunds", chores.check_refunds, REFUNDS_EVERY_SECONDS),
        ("decide_reviews", chores.decide_reviews, REVIEWS_EVERY_SECONDS),
        ("prune_answers", chores.prune_answers, PRUNE_EVERY_SECONDS),
        ("check_disputes", chores.check_disputes, DISPUTES_EVERY_SECONDS),
        ("catch_up", chores.catch_up, CATCH_UP_EVERY_SECONDS),
        ("reconcile_sales", chores.reconcile_sales, RECONCILE_EVERY_SECONDS),
        ("compare_daily", chores.compare_daily, COMPARE_EVERY_SECONDS),
        ("run_batches", chores.run_batches, BATCHES_EVERY_SECONDS),
        ("tell_buyers", chores.tell_buyers, TELL_EVERY_SECONDS),
        ("tell_of_new_dates", chores.tell_of_new_dates, TELL_EVERY_SECONDS),
        ("prune_outbox", chores.prune_outbox, PRUNE_EVERY_SECONDS),
        ("prune_webhooks", chores.prune_webhooks, PRUNE_EVERY_SECONDS),
        ("prune_entries", chores.prune_entries, PRUNE_EVERY_SECONDS),
        ("watch_stock", chores.watch_stock, STOCK_EVERY_SECONDS),
        ("open_tiers", chores.open_tiers, OPEN_EVERY_SECONDS),
    )
    threads = tuple(
        Thread(target=_beat, args=(name, chore, seconds, stop), name=name, daemon=True)
        for name, chore, seconds in rhythm
    )
    for thread in threads:
        thread.start()
    return threads


def _beat(name: str, chore: Callable[[], int], every_seconds: float, stop: Event) -> None:
    while not stop.is_set():
        started = monotonic()
        try:
            chore()
        except Exception:
            log.exception("%s failed; it is tried again", name)
        stop.wait(max(every_seconds - (monotonic() - started), 0.05))
