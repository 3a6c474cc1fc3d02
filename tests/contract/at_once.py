"""What only happens when several do it in the same moment: deeds that begin together, each on a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def together(*deeds: Callable[[], object]) -> list[object]:
    """What each answers, in the order of the deeds. Raises what the first of them raised that failed."""
    gate = Barrier(len(deeds))

    def begin(deed: Callable[[], object]) -> object:
        gate.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as threads:
        return [begun.result() for begun in [threads.submit(begin, deed) for deed in deeds]]
