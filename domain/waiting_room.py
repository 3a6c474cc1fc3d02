"""The waiting room before a flash sale: first come, first served, at a pace the house can bear."""

from dataclasses import dataclass
from datetime import datetime

ADMITTED_PER_SECOND_MAX = 10_000
ADMISSION_SECONDS_DEFAULT = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPolicy:
    """How fast the door lets people in, and how long one may stay. A pace of 0 keeps the door shut."""

    admitted_per_second: int
    admission_seconds: int = ADMISSION_SECONDS_DEFAULT

    def __post_init__(self) -> None:
        if not 0 <= self.admitted_per_second <= ADMITTED_PER_SECOND_MAX:
            raise ValueError(f"a door lets in 0 to {ADMITTED_PER_SECOND_MAX} people a second")
        if self.admission_seconds < 1:
            raise ValueError("an admission lasts a second at least")

    def wait_seconds(self, ahead: int) -> int | None:
        """About how long somebody with so many people ahead waits; None while the door is shut."""
        if self.admitted_per_second == 0:
            return None
        return -(-(ahead + 1) // self.admitted_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """Still outside: how many are ahead, and about how long that takes (None: nobody knows yet)."""

    ahead: int
    wait_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Inside until then."""

    until: datetime
