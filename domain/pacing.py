"""How calls to a provider are paced, so that who waits is whoever can.

A provider allows so many calls a second to each of its endpoints, and perhaps so many to all of them together. Each
limit is one *cell* of the generic cell rate algorithm (ITU-T I.371): the moment at which its bucket would be full again
is all that it remembers. The urgency of a call says how much of the bucket it must leave to others:

- LIVE (a buyer waits) may take all of it, and then queue for the slots to come.
- SETTLING (money that was authorised, a single refund) leaves half of it.
- BULK (batches of thousands) leaves everything but one slot, so a buyer who comes now waits for one slot at most.

Whoever may not take a slot now asks again later and books nothing meanwhile: nobody ever waits behind a queue of lesser
calls. So that nobody starves either, a class that got nothing for TURNS_MAX slots may queue like a buyer, once.

When the provider says that it has had enough (429), the cell is full until the cool-down ends, for everybody.

This arithmetic is written twice: here, for one process, and in ``budget.lua``, for all of them. One contract suite
holds both to the same answers. Times are whole microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

SECOND_US = 1_000_000
TURNS_MAX = 10
"""A lesser class has one slot in so many for itself, however busy the others are."""
COOL_FIRST_US = SECOND_US // 2
COOL_MAX_US = 30 * SECOND_US
COOL_FORGOTTEN_US = 10 * SECOND_US
"""A second refusal within this time after a cool-down makes the next one twice as long."""


class Urgency(StrEnum):
    LIVE = "live"
    SETTLING = "settling"
    BULK = "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many calls a second, and after a pause one second's worth at once. ``None``: no limit that we know of."""

    per_second: int | None

    @property
    def interval_us(self) -> int:
        """Between two slots."""
        return SECOND_US // self.per_second if self.per_second else 0

    @property
    def burst_us(self) -> int:
        """How far ahead of the even pace slots may run."""
        return SECOND_US - self.interval_us if self.per_second else 0

    def tolerance_us(self, urgency: Urgency) -> int:
        """How far ahead of the even pace calls of this urgency may run."""
        match urgency:
            case Urgency.LIVE:
                return self.burst_us
            case Urgency.SETTLING:
                return min(self.burst_us, max(self.interval_us, self.burst_us // 2))
            case Urgency.BULK:
                return min(self.burst_us, self.interval_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a provider allows: calls to one endpoint, and to all of its endpoints together."""

    endpoint: Limit
    everywhere: Limit = field(default_factory=lambda: Limit(per_second=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """``booked``: call in ``seconds``. Otherwise ask again in ``seconds``, if that is of any use.

    ``cools`` counts the cool-downs so far: a slot that was booked before another one began is void.
    """

    booked: bool
    seconds: float
    cools: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One limit's state. ``turns`` is when each urgency may queue like a buyer again."""

    full_at: int = 0
    turns: Mapping[Urgency, int] = field(default_factory=dict)
    cool_until: int = 0
    cool_step: int = 0
    cools: int = 0

    def cool(self, *, now: int, least_us: int, limit: Limit) -> "Cell":
        """The provider refused a call for being one too many.

        Refusals that arrive while it cools down are of the same rush, and prolong it only when they ask for more.
        """
        until = now + least_us
        step = self.cool_step
        if now >= self.cool_until:
            step = step + 1 if self.cools and now < self.cool_until + COOL_FORGOTTEN_US else 0
            until = now + max(least_us, min(COOL_MAX_US, COOL_FIRST_US * 2**step))
        if until <= self.cool_until:
            return self
        full_at = max(self.full_at, until + limit.burst_us)
        return replace(self, full_at=full_at, cool_until=until, cool_step=step, cools=self.cools + 1)


def book(
    here: Cell, everywhere: Cell, *, pace: Pace, urgency: Urgency, within_us: int, now: int
) -> tuple[Cell, Cell, Slot]:
    """Book the next slot that a call of this urgency may have, if it is near enough: both cells, or neither."""
    limits = ((here, pace.endpoint), (everywhere, pace.everywhere))
    queue = max(0, *(cell.full_at - now - limit.burst_us for cell, limit in limits))
    wait = max(0, *(cell.full_at - now - limit.tolerance_us(urgency) for cell, limit in limits))
    turn = 0 if urgency is Urgency.LIVE else max(0, here.turns.get(urgency, 0) - now)
    cools = here.cools + everywhere.cools
    if wait > 0 and (turn > 0 or queue > within_us):
        seconds = (min(wait, turn) if turn > 0 else wait) / SECOND_US
        return here, everywhere, Slot(booked=False, seconds=seconds, cools=cools)
    away = queue if wait > 0 else 0
    turns = {**here.turns, urgency: now + TURNS_MAX * pace.endpoint.interval_us}
    return (
        replace(here, full_at=max(here.full_at, now) + pace.endpoint.interval_us, turns=turns),
        replace(everywhere, full_at=max(everywhere.full_at, now) + pace.everywhere.interval_us),
        Slot(booked=True, seconds=away / SECOND_US, cools=cools),
    )
