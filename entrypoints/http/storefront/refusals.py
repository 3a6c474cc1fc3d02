"""A rejection in the words of the shop: what happened, and what to do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.errors import Rejection, RejectionCode
from domain.events import LimitSubject
from domain.seat_maps import SeatIndex, SeatMap
from entrypoints.http.storefront import wording
from entrypoints.http.storefront.presenters.basket import places


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Shown above a page. ``seats`` are ids of seats that are gone, ``alone`` of those that would be left alone.

    ``calm`` is said where nothing went wrong: a rule that is everybody's, not a failure.
    """

    code: str
    title: str
    text: str
    seats: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    calm: bool = False


_NEXT_STEPS = {
    RejectionCode.ACCESS_CODE_REQUIRED: "Check the code for typing mistakes. Without one, choose another ticket type.",
    RejectionCode.AMOUNT_TOO_LARGE: "Choose fewer tickets below; nothing speaks against a second order.",
    RejectionCode.CODE_NOT_APPLICABLE: "Take the code away to buy these tickets, or choose those that it is for.",
    RejectionCode.CODE_REFUSED: "Check it for typing mistakes, or take it away to buy without it. It may also be over, "
    "or not good yet. Everything you chose is still chosen.",
    RejectionCode.CODE_USED_UP: "Choose fewer tickets, or take the code away to buy without it. Unpaid tickets come "
    "back now and then, and the code with them.",
    RejectionCode.TOO_MANY_CODES: "Take the code away to go on at once. Everything you chose is still chosen.",
    RejectionCode.CHECKOUT_IN_PROGRESS: "Finish paying in the window where you began.",
    RejectionCode.EXCHANGE_UNDER_WAY: "Your places here are still held. That order is linked from the page of your "
    "old one.",
    RejectionCode.NOT_EXCHANGEABLE: "Nothing was charged, and your old tickets are as they were. Stop exchanging to "
    "buy these without it.",
    RejectionCode.HOLD_LAPSED: "What was yours is on sale again, so you may well get the same places.",
    RejectionCode.INVALID_REQUEST: "Change your choice below and try again.",
    RejectionCode.LIMIT_REACHED: "Choose fewer tickets below. The limit keeps places for as many people as possible.",
    RejectionCode.SALE_ENDED: "The venue may have tickets at the door.",
    RejectionCode.SALE_NOT_STARTED: "Come back when it has: there is no queue before that.",
    RejectionCode.SEATS_RESERVED: "If you need an accessible seat, tick “I need an accessible seat” above the list. A "
    "companion seat goes with a wheelchair space: choose both. Everything you chose is still chosen.",
    RejectionCode.SEATS_TAKEN: "They are marked as taken now. Everything else you chose is still chosen.",
    RejectionCode.SOLD_OUT: "Choose fewer tickets, or another ticket type. Unpaid tickets come back now and then.",
    RejectionCode.TOO_MANY_HOLDS: "Open the reservation that you have and release it, or let its time run out.",
    RejectionCode.UNKNOWN_SEAT: "Choose your seats again from the plan as it is now.",
    RejectionCode.UNKNOWN_TIER: "Choose again from the ticket types below.",
}
_LIMITED_BY = {LimitSubject.EMAIL.value: "this e-mail address", LimitSubject.PHONE.value: "this mobile number"}


def notice(rejection: Rejection, seat_map: SeatMap, *, timezone: str, now: datetime) -> Notice:
    """For a person. Seats are named, and so is the time from which another try makes sense, on the venue's clock."""
    match rejection.code:
        case RejectionCode.SEATS_TAKEN:
            return _seats_taken(rejection, seat_map)
        case RejectionCode.SEATS_RESERVED:
            return _seats_reserved(rejection, seat_map)
        case RejectionCode.SEAT_STRANDED:
            return _seat_stranded(rejection, seat_map)
        case RejectionCode.COOLING_DOWN:
            return _cooling_down(rejection, timezone, now)
        case RejectionCode.EXTENSIONS_USED_UP:
            return _extensions_used_up(rejection, timezone)
        case RejectionCode.SOLD_OUT if "together" in rejection.details:
            return _plain(rejection, text="Ask for fewer, or say that separate seats would do as well.")
        case RejectionCode.TOO_MANY_HOLDS if rejection.details.get("by") == LimitSubject.ADDRESS.value:
            return _network_is_busy(rejection)
        case RejectionCode.LIMIT_REACHED if rejection.details.get("by") in _LIMITED_BY:
            return _limit_of_contact(rejection)
        case _:
            return _plain(rejection)


def _plain(rejection: Rejection, *, title: str = "", text: str = "") -> Notice:
    return Notice(
        code=rejection.code.value,
        title=title or rejection.message,
        text=text or _NEXT_STEPS.get(rejection.code, ""),
    )


def _seats_taken(rejection: Rejection, seat_map: SeatMap) -> Notice:
    seats = _indexes(rejection, seat_map)
    if not seats:
        return _plain(rejection)
    return Notice(
        code=rejection.code.value,
        title=f"Somebody was a moment faster: {'; '.join(places(seats, seat_map))}.",
        text=_NEXT_STEPS[rejection.code],
        seats=_ids(seats, seat_map),
    )


def _seats_reserved(rejection: Rejection, seat_map: SeatMap) -> Notice:
    named = rejection.details.get("seats")
    ids = [each for each in named if each in seat_map.by_id] if isinstance(named, list | tuple) else []
    seats = tuple(seat_map.by_id[each].index for each in ids)
    title = f"Kept for wheelchair users and their companions: {'; '.join(places(seats, seat_map))}." if seats else ""
    return _plain(rejection, title=title)


def _seat_stranded(rejection: Rejection, seat_map: SeatMap) -> Notice:
    seats = _indexes(rejection, seat_map)
    if not seats:
        return _plain(rejection)
    it = "it" if len(seats) == 1 else "them"
    return Notice(
        code=rejection.code.value,
        title=f"This would leave {'; '.join(places(seats, seat_map))} alone.",
        text=f"Move your choice by one seat, or take {it} as well: hardly anybody can use a single seat. "
        "Everything you chose is still chosen.",
        alone=_ids(seats, seat_map),
    )


def _cooling_down(rejection: Rejection, timezone: str, now: datetime) -> Notice:
    until = _moment(rejection.details, "until")
    if until is None or until <= now:
        return _plain(rejection)
    return Notice(
        code=rejection.code.value,
        title=f"You can reserve again in {wording.wait((until - now).total_seconds())}, at "
        f"{wording.not_before(until, timezone)}.",
        text="Several of your reservations ran out, so now others get a turn. Everything you chose is still chosen. "
        f"The clock is {wording.zone_name(until, timezone)}.",
        calm=True,
    )


def _extensions_used_up(rejection: Rejection, timezone: str) -> Notice:
    until = _moment(rejection.details, "expires_at")
    title = "There is no more time to add, so that others get a turn."
    if until is None:
        return _plain(rejection, title=title)
    clock = f"{wording.exact_clock(until, timezone)}, {wording.zone_name(until, timezone)}"
    return Notice(code=rejection.code.value, title=title, text=f"Your places stay yours until {clock}.", calm=True)


def _network_is_busy(rejection: Rejection) -> Notice:
    return Notice(
        code=rejection.code.value,
        title="Many people are choosing tickets over your connection just now.",
        text="That happens on a campus, at work or on a mobile network, and passes within minutes. Try again soon, or "
        "over another connection. Everything you chose is still chosen.",
        calm=True,
    )


def _limit_of_contact(rejection: Rejection) -> Notice:
    """At the checkout, where it becomes known whom the tickets are for."""
    maximum, taken = rejection.details.get("maximum"), rejection.details.get("taken")
    already = f"It has {wording.count(taken, 'ticket')} already. " if isinstance(taken, int) and taken else ""
    return Notice(
        code=rejection.code.value,
        title=f"At most {maximum} tickets for this event can go to {_LIMITED_BY[str(rejection.details['by'])]}.",
        text=f"{already}Nothing was charged. Give these places back and choose fewer.",
    )


def _indexes(rejection: Rejection, seat_map: SeatMap) -> tuple[SeatIndex, ...]:
    listed = rejection.details.get("seats")
    if not isinstance(listed, list | tuple):
        return ()
    return tuple(index for index in listed if isinstance(index, int) and 0 <= index < len(seat_map.seats))


def _ids(seats: tuple[SeatIndex, ...], seat_map: SeatMap) -> tuple[str, ...]:
    return tuple(seat_map.seats[index].id for index in seats)


def _moment(details: Mapping[str, object], key: str) -> datetime | None:
    text = details.get(key)
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
