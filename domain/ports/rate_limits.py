"""Rate limits: how often one key may do something, and how fast all of us may call a provider."""

from typing import Protocol


class RateLimiter(Protocol):
    """Fails open: when the counters cannot be reached everybody may pass, and the failure is reported."""

    def wait_seconds(self, *, key: str, at_most: int, seconds: int) -> int:
        """Count one more under ``key``: 0 when it may pass, else in how many whole seconds to try again.

        ``at_most`` in ``seconds``: a burst of so many at once, then an even pace; what is refused is not
        counted. Atomic over all processes.
        """
        ...


class Budget(Protocol):
    """Fails open like RateLimiter: the provider's own limit is then the only one."""

    def reserve(self, *, key: str, per_second: int, within_seconds: float) -> float:
        """Book the next free slot under ``key`` and answer how many seconds away it is (0: now).

        Slots are ``per_second`` apart, with a burst of one second's worth after a pause. Atomic over all
        processes: no two callers are given the same slot. One that is further away than ``within_seconds`` is
        not booked, so that callers who give up, however many, take nothing from those who come later.
        """
        ...
