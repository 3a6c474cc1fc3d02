"""The task queue (Huey on a Redis list). It carries wake-ups only: losing one loses nothing."""

import logging
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit, urlunsplit

from huey import RedisHuey

QUEUE_NAME = "tessera"
WAKEUPS_PER_SECOND_MAX = 50
_TIMEOUTS = "socket_timeout=5&socket_connect_timeout=2"

log = logging.getLogger(__name__)


def make_queue(redis_url: str) -> RedisHuey:
    """A queue that keeps no results and times out rather than hang."""
    parts = urlsplit(redis_url)
    url = urlunsplit(parts._replace(query="&".join(part for part in (parts.query, _TIMEOUTS) if part)))
    return RedisHuey(QUEUE_NAME, url=url, results=False)


def register_wakeup(queue: RedisHuey, ring: Callable[[], None]) -> Callable[[], object]:
    """Name the one task there is. Calling the answer puts it into the queue; a worker then rings its bell.

    The task does no work itself: a crew that is busy need not be called, and a task that is lost loses a hint.
    """
    task: Callable[[], object] = queue.task(name="drain_outbox")(ring)
    return task


class QueueWakeup:
    """The Wakeup port: asks a worker to look at the outbox now instead of at its next round.

    Many hints within a moment are one hint, so a rush of orders does not flood the queue.
    """

    def __init__(self, enqueue: Callable[[], object]) -> None:
        self._enqueue = enqueue
        self._quiet_until = 0.0

    def outbox_filled(self) -> None:
        now = monotonic()
        if now < self._quiet_until:
            return
        self._quiet_until = now + 1 / WAKEUPS_PER_SECOND_MAX
        try:
            self._enqueue()
        except Exception:
            log.warning("could not wake a worker", exc_info=True)
