"""Blocks: stock that the house keeps out of sale, and gives back to it.

House seats, production holds, press, seats behind a camera platform: seats of the map, or so many places of a zone of
general admission. A block says who wanted it, when, and what for; giving places back makes it smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.seat_maps import SeatIndex, SeatMap, ZoneKind

StockBlockId = NewType("StockBlockId", UUID)

LABEL_LENGTH_MAX = 60
REASON_LENGTH_MAX = 500
LABELS_USUAL = ("House seats", "Production", "Press", "Camera platform")
"""What houses keep places for most often: suggestions, not a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedStock:
    """Seats of the map (ascending, each once), or a ``quantity`` of a ``zone`` of general admission."""

    seats: tuple[SeatIndex, ...] = ()
    zone: str | None = None
    quantity: int = 0

    @property
    def units(self) -> int:
        return len(self.seats) + self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class StockBlock:
    """One block and what it still keeps. ``actor`` is a staff member's e-mail; ``reason`` may be empty."""

    id: StockBlockId
    event_id: EventId
    label: str
    reason: str
    actor: str
    at: datetime
    stock: BlockedStock

    def part(self, wanted: BlockedStock | None) -> BlockedStock | Rejection:
        """What to give back: ``wanted``, if the block keeps all of that, or everything for None."""
        if wanted is None:
            return self.stock
        if wanted.units < 1 or wanted.quantity < 0:
            return _invalid("Say which seats or how many places to give back.")
        if strangers := sorted(set(wanted.seats) - set(self.stock.seats)):
            return Rejection(
                code=RejectionCode.UNKNOWN_SEAT,
                message="Some of these seats are not kept by this block.",
                details={"seats": strangers},
            )
        if wanted.quantity > self.stock.quantity or wanted.zone not in {None, self.stock.zone}:
            return _invalid(f"This block keeps {self.stock.quantity} places.")
        return BlockedStock(
            seats=tuple(sorted(set(wanted.seats))),
            zone=self.stock.zone if wanted.quantity else None,
            quantity=wanted.quantity,
        )


def refuses_words(*, label: str, reason: str) -> Rejection | None:
    """A block needs a label that fits on a line; why is told in a few sentences at most."""
    if not 1 <= len(label.strip()) <= LABEL_LENGTH_MAX:
        return _invalid(f"A block needs a label of 1 to {LABEL_LENGTH_MAX} characters.", field="label")
    if len(reason) > REASON_LENGTH_MAX:
        return _invalid(f"A reason has at most {REASON_LENGTH_MAX} characters.", field="reason")
    return None


def refuses_stock(wanted: BlockedStock, *, seat_map: SeatMap) -> Rejection | None:
    """Why this cannot be blocked in any house with this map: unknown or doubled seats, or a zone of the wrong kind."""
    if bool(wanted.seats) is (wanted.zone is not None):
        return _invalid("Name either seats or a zone.")
    if wanted.zone is None:
        return _refuses_seats(wanted.seats, seat_map)
    zone = next((zone for zone in seat_map.zones if zone.key == wanted.zone), None)
    if zone is None:
        return _invalid(f"The seat map has no zone “{wanted.zone}”.", field="zone")
    if zone.kind is ZoneKind.RESERVED:
        return _invalid(f"{zone.name} has numbered seats: say which ones to keep.", field="seats")
    if wanted.quantity < 1:
        return _invalid("Keep at least one place.", field="quantity")
    return None


def named(seats: Sequence[SeatIndex], *, seat_map: SeatMap) -> list[str]:
    """Seats as people call them."""
    names = {zone.key: zone.name for zone in seat_map.zones}
    return [f"{names[seat_map.seats[index].zone]}, {seat_map.seats[index].label}" for index in seats]


def _refuses_seats(seats: tuple[SeatIndex, ...], seat_map: SeatMap) -> Rejection | None:
    if unknown := [index for index in seats if not 0 <= index < len(seat_map.seats)]:
        return Rejection(
            code=RejectionCode.UNKNOWN_SEAT,
            message="Some of these seats are not on the seat map.",
            details={"seats": unknown},
        )
    if list(seats) != sorted(set(seats)):
        return _invalid("Name every seat once, in the order of the map.", field="seats")
    return None


def _invalid(message: str, **details: object) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details=details)
