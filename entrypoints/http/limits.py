"""How often somebody may try what costs us or others something. 429 says when to come back.

Each limit is counted under the thing that it protects, not under a network address: behind one address there may be
a whole office. Holds are not counted here: the hold script keeps its own limits in the same round trip.
"""

from dataclasses import dataclass

from entrypoints.http.problems import CODE_OF_STATUS, Problem
from entrypoints.http.services import current


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many tries in so many seconds."""

    name: str
    at_most: int
    seconds: int


CHECKOUTS_PER_HOLD = Limit(name="checkout", at_most=20, seconds=60)
REFUNDS_PER_ORDER = Limit(name="refund", at_most=20, seconds=60)
LOOKS_PER_ORDER = Limit(name="look", at_most=6, seconds=60)
"""How often coming back from paying asks the provider. Its calls are paced for all buyers together."""


LINKS_PER_ORDER = Limit(name="link-order", at_most=4, seconds=900)
LINKS_PER_CONTACT = Limit(name="link-contact", at_most=4, seconds=900)
LINKS_PER_ADDRESS = Limit(name="link-address", at_most=60, seconds=900)
"""Each sends somebody a message. Counted before anything is looked up, so a limit tells nothing about an order."""


def wait_seconds_for(limit: Limit, subject: object) -> int:
    """Count one try of ``subject``: 0 when it may be made, else in how many seconds to come back."""
    limiter = current().rate_limiter()
    return limiter.wait_seconds(key=f"{limit.name}:{subject}", at_most=limit.at_most, seconds=limit.seconds)


def enforce(limit: Limit, subject: object) -> None:
    """Count one try of ``subject``. Raises Problem 429 when that is too many."""
    if wait_seconds := wait_seconds_for(limit, subject):
        raise Problem(
            429,
            CODE_OF_STATUS[429],
            f"Too many tries. Please wait {wait_seconds} seconds.",
            headers={"Retry-After": str(wait_seconds)},
        )
