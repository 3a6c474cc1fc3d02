"""A worker process for tests: the real crews on a real outbox, whose effects are calls to a receiver of the test's.

``python -m tests.load.outbox_worker DATABASE_URL RECEIVER_URL SECONDS_AHEAD`` works until it is stopped.
"""

import logging
import signal
import sys
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

from adapters.security.clock import SystemClock
from application.commands.drain_outbox import drain_outbox, hand_back, keep_leases
from domain.ports.outbox import Effect
from entrypoints.workers.crews import RowsInHand, outbox_crews
from tests.contract.stores import postgres_store

CONNECTIONS = 25
CALL_SECONDS_MAX = 30


class ShiftedClock:
    """The system's clock, so many seconds ahead: what somebody else leased is over for whoever reads it."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)
        self._clock = SystemClock()

    def now(self) -> datetime:
        return self._clock.now() + self._ahead


def main(database_url: str, receiver_url: str, seconds_ahead: float) -> None:
    """Work until SIGTERM, then hand back what is unfinished."""

    def call(payload: Mapping[str, object], _: int) -> None:
        with urllib.request.urlopen(f"{receiver_url}/{payload['name']}", timeout=CALL_SECONDS_MAX):
            pass

    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with postgres_store(database_url, connections=CONNECTIONS) as store:
        ports: dict[str, Any] = {"unit_of_work": store, "clock": ShiftedClock(seconds_ahead)}
        in_hand = RowsInHand(keep=partial(keep_leases, **ports), hand_back=partial(hand_back, **ports))
        drain = partial(
            drain_outbox, handlers=dict.fromkeys(Effect, call), report=lambda row, failure: None, **ports
        )  # fmt: skip
        for crew in outbox_crews(drain, in_hand):
            crew.start(stop=stop)
        stop.wait()
        in_hand.return_all()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
