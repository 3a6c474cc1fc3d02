"""What a reservation's page offers to who needs longer."""

from dataclasses import dataclass

from domain.holds import ActiveHold
from domain.ports.catalogue import EventView
from entrypoints.http.storefront import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTime:
    """``number`` is the extension that the button asks for, or None; ``limit`` is said where it can be reached."""

    number: int | None
    gives: str
    left: str
    limit: str | None


def more_time(hold: ActiveHold, view: EventView) -> MoreTime | None:
    """None where the organiser allows no extensions at all."""
    terms = view.event.terms
    if not terms.extensions_max:
        return None
    left = terms.extensions_max - hold.extensions
    capped = terms.hold_seconds_cap < terms.hold_seconds * (terms.extensions_max + 1)
    return MoreTime(
        number=hold.extensions + 1 if left > 0 else None,
        gives=wording.span(terms.hold_seconds),
        left="once" if left == 1 else f"{left} times",
        limit=wording.span(terms.hold_seconds_cap) if capped else None,
    )
