"""The worker process."""

import logging
import signal
from threading import Event, Thread
from time import monotonic
from types import FrameType

from entrypoints.container import build_container
from entrypoints.settings import Settings
from entrypoints.workers import pacemaker
from entrypoints.workers.crews import HEARTBEAT_SECONDS, RowsInHand, delivery_crews, outbox_crews

QUEUE_THREADS = 1
STOP_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. What is interrupted is found again by whoever looks next."""
    container = build_container(settings)
    stop = Event()

    def stop_on(signum: int, _frame: FrameType | None) -> None:
        log.info("stopping on %s", signal.Signals(signum).name)
        stop.set()

    in_hand = RowsInHand(keep=container.keep_leases, hand_back=container.hand_back)
    crews = outbox_crews(container.drain_outbox, in_hand) + delivery_crews(container.deliver_webhooks)
    for crew in crews:
        container.bell().listen(crew.call)
    threads = pacemaker.start(container, stop=stop)
    threads += tuple(thread for crew in crews for thread in crew.start(stop=stop))
    heart = Thread(target=_beat, args=(in_hand, stop), name="heartbeat", daemon=True)
    heart.start()
    container.wakeup_task()  # Registered before the consumer starts, or it would not know the task.
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
    for crew in crews:
        crew.call()
    deadline = monotonic() + STOP_SECONDS_MAX
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    if returned := in_hand.return_all():
        log.info("%d effects were handed back unfinished", returned)


def _beat(in_hand: RowsInHand, stop: Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            in_hand.heartbeat()
        except Exception:
            log.exception("the heartbeat failed; it is tried again")
