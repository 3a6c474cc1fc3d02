"""Rate limits: how often one key may do something, and how fast all of us may call a provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.pacing import Pace, Slot, Urgency


class RateLimiter(Protocol):
    """Fails open: when the counters cannot be reached everybody may pass, and the failure is reported."""

    def wait_seconds(self, *, key: str, at_most: int, seconds: int) -> int:
        """Count one more under ``key``: 0 when it may pass, else in how many whole seconds to try again.

        ``at_most`` in ``seconds``: a burst of so many at once, then an even pace; what is refused is not
        counted. Atomic over all processes.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What became of calls of one urgency to one endpoint, since the counters began."""

    calls: int = 0
    refused: int = 0
    """Callers who were told to come back later."""
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpending:
    """``limited``: how often the provider itself said that it was too much."""

    by_urgency: Mapping[Urgency, Spending]
    limited: int


class Budget(Protocol):
    """Calls to a provider, paced over all processes together (see :mod:`domain.pacing`).

    Raises InventoryUnavailable when the shared state cannot be reached: whoever calls then paces itself.
    """

    def reserve(
        self, *, endpoint: str, pace: Pace, urgency: Urgency, within_seconds: float, waited_seconds: float = 0.0
    ) -> Slot:
        """Book the next slot that a call of this urgency may have. Atomic over all processes.

        One that is further away than ``within_seconds`` is not booked, so that callers who give up, however many, take
        nothing from those who come later. ``waited_seconds`` is what this caller has waited already, for the books.
        """
        ...

    def cools(self, *, endpoint: str) -> int:
        """How many cool-downs concerned this endpoint so far."""
        ...

    def cool_down(self, *, endpoint: str, pace: Pace, seconds: float, everywhere: bool = False) -> float:
        """The provider refused a call for being one too many: nobody calls for a while. Answers how long.

        ``seconds`` is what the provider asked for (0: it did not say). ``everywhere``: all endpoints are meant.
        """
        ...

    def spending(self, *, endpoints: tuple[str, ...]) -> Mapping[str, EndpointSpending]:
        """What was spent, by endpoint; refusals that concerned all of them are under the empty name."""
        ...
