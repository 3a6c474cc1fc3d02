"""The worker process."""

import logging
import signal
from threading import Event
from types import FrameType

from entrypoints.container import build_container
from entrypoints.settings import Settings
from entrypoints.workers import pacemaker

QUEUE_THREADS = 4
STOP_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. What is interrupted is found again by whoever looks next."""
    container = build_container(settings)
    stop = Event()

    def stop_on(signum: int, _frame: FrameType | None) -> None:
        log.info("stopping on %s", signal.Signals(signum).name)
        stop.set()

    threads = pacemaker.start(container, stop=stop)
    container.drain_task()  # Registered before the consumer starts, or it would not know the task.
    consumer = container.queue().create_consumer(
        workers=QUEUE_THREADS, worker_type="thread", periodic=False, initial_delay=0.05, max_delay=0.5
    )
    consumer.start()
    # After the consumer, which installs handlers of its own that would only stop itself.
    signal.signal(signal.SIGTERM, stop_on)
    signal.signal(signal.SIGINT, stop_on)
    log.info("worker is up")
    stop.wait()
    consumer.stop(graceful=False)
    for thread in threads:
        thread.join(STOP_SECONDS_MAX / len(threads))
