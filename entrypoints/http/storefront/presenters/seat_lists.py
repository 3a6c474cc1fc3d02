"""Sections of an event's page, with rows and seats, for who has no use for a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from domain.events import Event
from domain.ports.inventory import (
    SEAT_ACCESSIBLE,
    SEAT_COMPANION,
    SEAT_FREE,
    SEAT_HELD,
    SEAT_SOLD,
)
from domain.seat_maps import Seat, SeatFeature, SeatMap, ZoneKind
from entrypoints.http.storefront import choices
from entrypoints.http.storefront.choices import Choice
from entrypoints.http.storefront.presenters.stock import Stock, left
from entrypoints.http.storefront.presenters.ticket_types import TierRow

FEATURE_WORDS = {
    SeatFeature.ACCESSIBLE: "wheelchair space",
    SeatFeature.COMPANION: "companion seat",
    SeatFeature.RESTRICTED_VIEW: "restricted view",
}

KEPT_WORDS = "kept for wheelchair users and companions"
SHUT_WORDS = "not for sale"
ALONE_WORDS = "would be left alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatBox:
    """One seat in the list. Not ``free``, it is taken or held, ``kept`` for who asks for an accessible seat, or
    ``shut``: not for sale at all. ``alone``: what was chosen would leave it alone.
    """

    id: str
    field: str
    number: str
    label: str
    free: bool
    chosen: bool
    kept: bool
    shut: bool
    alone: bool
    marks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOfSeats:
    name: str
    seats: tuple[SeatBox, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A reserved zone. ``rows`` only for the one that is open: a bowl has thousands of seats."""

    key: str
    name: str
    left: str
    free: int
    kept: int
    prices: str
    sold_as: tuple[TierRow, ...]
    rows: tuple[RowOfSeats, ...]

    @property
    def open(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedSeat:
    """A seat chosen earlier, kept while other sections are looked at."""

    field: str
    label: str
    tier: str
    price: str


def sections(
    event: Event,
    seat_map: SeatMap,
    stock: Stock | None,
    choice: Choice,
    rows: tuple[TierRow, ...],
    *,
    opened: str,
    alone: frozenset[str] = frozenset(),
) -> tuple[Section, ...]:
    """Reserved zones that some ticket type sells, in the map's order; the ``opened`` one with its seats."""
    by_key = {row.key: row for row in rows}
    found = []
    for zone in seat_map.zones:
        sold_as = tuple(by_key[tier.key] for tier in choices.tiers_of_zone(event.tiers, zone.key))
        if zone.kind is not ZoneKind.RESERVED or not sold_as:
            continue
        letters = stock.letters(zone) if stock else ""
        kept = letters.count(SEAT_ACCESSIBLE) + letters.count(SEAT_COMPANION)
        free = letters.count(SEAT_FREE) + (kept if choice.accessible else 0)
        seats = [seat for row in zone.rows for seat in seat_map.seats[row.first : row.first + row.count]]
        cheapest = min(sold_as, key=lambda row: row.total_minor)
        found.append(
            Section(
                key=zone.key,
                name=zone.name,
                left=left(free) if free or not kept else f"{kept} kept",
                free=free,
                kept=kept,
                prices=cheapest.total if len(sold_as) == 1 else f"from {cheapest.total}",
                sold_as=sold_as,
                rows=_rows(seats, stock, choice, alone) if zone.key == opened else (),
            )
        )
    return tuple(found)


def picked(choice: Choice, seat_map: SeatMap, rows: tuple[TierRow, ...]) -> tuple[PickedSeat, ...]:
    """The seats chosen so far, for a list from which each can be taken out again."""
    by_key = {row.key: row for row in rows}
    found = []
    for chosen in choice.seats:
        seat, row = seat_map.by_id.get(chosen.seat_id), by_key.get(chosen.tier_key)
        if seat and row:
            name = seat_map.zone(seat.zone).name
            found.append(PickedSeat(field=chosen.field, label=f"{name}, {seat.label}", tier=row.name, price=row.total))
    return tuple(found)


def on_request(event: Event, seat_map: SeatMap) -> bool:
    """Whether some seats on sale are kept for who asks for an accessible one."""
    sold = {key for tier in event.tiers for key in tier.zones}
    return not event.terms.accessible_released and any(seat_map.seats[index].zone in sold for index in seat_map.special)


def runs(event: Event, seat_map: SeatMap) -> str | None:
    """How many seats follow each other without a gap, run by run in seat order: what the rule about seats left alone
    is about. None where an organiser allows to leave them.
    """
    if event.terms.may_strand_seats or not seat_map.rows:
        return None
    lengths = groupby(row.count for row in seat_map.rows)
    return " ".join(f"{length}x{len(list(same))}" for length, same in lengths)


def seat_name(seat: Seat) -> str:
    """What is said aloud of a seat in a list: ``Row C, seat 14, restricted view``."""
    marks = [FEATURE_WORDS[feature] for feature in SeatFeature if feature in seat.features]
    return ", ".join([seat.label, *marks])


def _rows(seats: list[Seat], stock: Stock | None, choice: Choice, alone: frozenset[str]) -> tuple[RowOfSeats, ...]:
    chosen = {seat.seat_id: seat.field for seat in choice.seats}
    return tuple(
        RowOfSeats(name=name, seats=tuple(_box(seat, stock, choice, chosen, alone=seat.id in alone) for seat in of_row))
        for name, of_row in groupby(seats, key=lambda seat: seat.row)
    )


def _box(seat: Seat, stock: Stock | None, choice: Choice, chosen: Mapping[str, str], *, alone: bool) -> SeatBox:
    letter = stock.seats[seat.index : seat.index + 1] if stock else ""
    for_who_asks = letter in {SEAT_ACCESSIBLE, SEAT_COMPANION}
    free = letter == SEAT_FREE or (for_who_asks and choice.accessible)
    kept = for_who_asks and not choice.accessible
    # A letter that is news to this page says nothing about who has the seat.
    shut = not for_who_asks and letter not in {SEAT_FREE, SEAT_HELD, SEAT_SOLD}
    notes = [text for said, text in ((kept, KEPT_WORDS), (shut, SHUT_WORDS), (alone, ALONE_WORDS)) if said]
    return SeatBox(
        id=seat.id,
        field=chosen.get(seat.id, seat.id),
        number=seat.number,
        label=", ".join([seat_name(seat), *notes]),
        free=free,
        chosen=free and seat.id in chosen,
        kept=kept,
        shut=shut,
        alone=alone,
        marks=" ".join(feature.value for feature in SeatFeature if feature in seat.features),
    )
