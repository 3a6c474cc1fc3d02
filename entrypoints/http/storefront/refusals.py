"""A rejection in the words of the shop: what happened, and what to do now."""

from dataclasses import dataclass

from domain.errors import Rejection, RejectionCode
from domain.seat_maps import SeatMap
from entrypoints.http.storefront.presenters.basket import places


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Shown above a page; ``seats`` are ids of seats that are gone."""

    code: str
    title: str
    text: str
    seats: tuple[str, ...] = ()


_NEXT_STEPS = {
    RejectionCode.ACCESS_CODE_REQUIRED: "Check the code for typing mistakes. Without one, choose another ticket type.",
    RejectionCode.CHECKOUT_IN_PROGRESS: "Finish paying in the window where you began.",
    RejectionCode.HOLD_LAPSED: "What was yours is on sale again, so you may well get the same places.",
    RejectionCode.INVALID_REQUEST: "Change your choice below and try again.",
    RejectionCode.LIMIT_REACHED: "Choose fewer tickets below. The limit keeps places for as many people as possible.",
    RejectionCode.SALE_ENDED: "The venue may have tickets at the door.",
    RejectionCode.SALE_NOT_STARTED: "Come back when it has: there is no queue before that.",
    RejectionCode.SEATS_TAKEN: "They are marked as taken now. Everything else you chose is still chosen.",
    RejectionCode.SOLD_OUT: "Choose fewer tickets, or another ticket type. Unpaid tickets come back now and then.",
    RejectionCode.TOO_MANY_HOLDS: "Open the reservation that you have and release it, or let its time run out.",
    RejectionCode.UNKNOWN_SEAT: "Choose your seats again from the plan as it is now.",
    RejectionCode.UNKNOWN_TIER: "Choose again from the ticket types below.",
}


def notice(rejection: Rejection, seat_map: SeatMap) -> Notice:
    """For a person. Seats that somebody else has are named."""
    title = rejection.message
    indexes: tuple[int, ...] = ()
    if rejection.code is RejectionCode.SEATS_TAKEN:
        indexes = _indexes(rejection.details.get("seats"), limit=len(seat_map.seats))
        if indexes:
            title = f"Somebody was a moment faster: {'; '.join(places(indexes, seat_map))}."
    return Notice(
        code=rejection.code.value,
        title=title,
        text=_NEXT_STEPS.get(rejection.code, ""),
        seats=tuple(seat_map.seats[index].id for index in indexes),
    )


def _indexes(listed: object, *, limit: int) -> tuple[int, ...]:
    if not isinstance(listed, list | tuple):
        return ()
    return tuple(index for index in listed if isinstance(index, int) and 0 <= index < limit)
