"""Tickets: the right of one person to one place, once."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.orders import Order, OrderId, OrderLineId, TicketId
from domain.seat_maps import SeatIndex, SeatMap
from domain.tiers import Tier, TierId, UnitPrice

__all__ = [
    "TICKET_CODE_BYTES",
    "Ticket",
    "TicketId",
    "TicketState",
    "issue",
]

TICKET_CODE_BYTES = 15
"""Entropy of the code in the QR: 120 bits, written as 24 characters of base 32."""


class TicketState(StrEnum):
    VALID = "valid"
    VOID = "void"
    CHECKED_IN = "checked_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One admission. ``code`` is the secret that the QR shows; ``place`` is what is printed beside it."""

    id: TicketId
    order_id: OrderId
    line_id: OrderLineId
    event_id: EventId
    tier_id: TierId
    tier_name: str
    price: UnitPrice
    zone: str
    place: str
    seat: SeatIndex | None
    code: str
    state: TicketState
    issued_at: datetime
    used_at: datetime | None = None

    def void(self) -> "Ticket | Rejection":
        """It admits nobody any more. A used ticket stays used."""
        if self.state is TicketState.CHECKED_IN:
            return Rejection(code=RejectionCode.WRONG_STATE, message="This ticket was already used at the door.")
        return replace(self, state=TicketState.VOID)

    def check_in(self, *, now: datetime, frozen_because: str | None = None) -> "Ticket | Rejection":
        """Let one person in, once. ``frozen_because``: what keeps the ticket's order from being used for now."""
        if frozen_because is not None and self.state is TicketState.VALID:
            return Rejection(
                code=RejectionCode.FROZEN,
                message=f"Do not let in yet, and keep the ticket: it is not void. {frozen_because} Call the office.",
                details={"state": self.state.value},
            )
        if self.state is not TicketState.VALID:
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message="This ticket was used before." if self.state is TicketState.CHECKED_IN else "Not valid.",
                details={"state": self.state.value, "used_at": self.used_at.isoformat() if self.used_at else None},
            )
        return replace(self, state=TicketState.CHECKED_IN, used_at=now)


def issue(
    order: Order,
    *,
    tiers: dict[TierId, Tier],
    seat_map: SeatMap,
    ids: tuple[UUID, ...],
    codes: tuple[str, ...],
    now: datetime,
) -> tuple[Ticket, ...]:
    """One ticket for every unit of every line, in order. ``ids`` and ``codes`` are as many as the order has units."""
    tickets: list[Ticket] = []
    for line in order.lines:
        for unit in range(line.quantity):
            seat = seat_map.seats[line.seats[unit]] if line.seats else None
            zone = seat_map.zone(seat.zone if seat else tiers[line.tier_id].zones[0])
            tickets.append(
                Ticket(
                    id=TicketId(ids[len(tickets)]),
                    order_id=order.id,
                    line_id=line.id,
                    event_id=order.event_id,
                    tier_id=line.tier_id,
                    tier_name=line.tier_name,
                    price=line.unit,
                    zone=zone.name,
                    place=seat.label if seat else "General admission",
                    seat=seat.index if seat else None,
                    code=codes[len(tickets)],
                    state=TicketState.VALID,
                    issued_at=now,
                )
            )
    return tuple(tickets)
