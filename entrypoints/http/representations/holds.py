"""Holds: what a buyer has, at which price, until when."""

from domain.events import Sale, SaleTerms
from domain.holds import ActiveHold, ClaimedHold, HeldLine
from domain.money import Money
from domain.seat_maps import SeatIndex, SeatMap
from domain.tiers import TierId, UnitPrice
from entrypoints.http.representations import Json, moment, money


def hold(held: ActiveHold | ClaimedHold, *, sale: Sale, token: str | None = None) -> Json:
    """``token`` only in the answer that makes the hold. A claimed hold's order is being paid."""
    shown: Json = {
        "id": str(held.id),
        "event": held.id.event_id,
        "state": "active" if isinstance(held, ActiveHold) else "claimed",
        "expires_at": moment(held.expires_at),
        "extensions": _extensions(held, sale.terms),
        "items": [line(each, sale.seat_map) for each in held.lines],
        "total": money(held.total),
    }
    if token is not None:
        shown["token"] = token
    return shown


def _extensions(held: ActiveHold | ClaimedHold, terms: SaleTerms) -> Json:
    """How often its time was extended and may be. What is being paid has the order's deadline instead."""
    if not isinstance(held, ActiveHold):
        return {"used": None, "left": 0}
    some_time_left = terms.hold_seconds_cap > terms.hold_seconds
    left = max(0, terms.extensions_max - held.extensions) if some_time_left else 0
    return {"used": held.extensions, "left": left}


def line(held: HeldLine, plan: SeatMap) -> Json:
    """One item, priced when it was held."""
    return item(held.tier_id, held.tier_name, held.quantity, held.seats, held.unit, held.total, plan)


def item(
    tier_id: TierId,
    tier_name: str,
    quantity: int,
    seats: tuple[SeatIndex, ...],
    unit: UnitPrice,
    total: Money,
    plan: SeatMap,
) -> Json:
    """The one shape of an item, in holds and in orders."""
    return {
        "tier": tier_id,
        "tier_name": tier_name,
        "quantity": quantity,
        "seats": [seat(index, plan) for index in seats],
        "unit": money(unit.total),
        "total": money(total),
    }


def seat(index: SeatIndex, plan: SeatMap) -> Json:
    """A seat by its name and its place, as on the ticket."""
    found = plan.seats[index]
    return {"id": found.id, "zone": found.zone, "row": found.row, "number": found.number}
