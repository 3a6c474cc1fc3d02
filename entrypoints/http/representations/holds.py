"""Holds: what a buyer has, at which price, until when."""

from domain.events import Sale, SaleTerms
from domain.holds import ActiveHold, ClaimedHold, HeldLine
from domain.orders import OrderLine
from domain.seat_maps import SeatIndex, SeatMap
from domain.taxes import TaxRule
from entrypoints.http.representations import Json, moment, money
from entrypoints.http.representations.prices import price


def hold(held: ActiveHold | ClaimedHold, *, sale: Sale, token: str | None = None) -> Json:
    """``token`` only in the answer that makes the hold. A claimed hold's order is being paid."""
    shown: Json = {
        "id": str(held.id),
        "event": held.id.event_id,
        "state": "active" if isinstance(held, ActiveHold) else "claimed",
        "expires_at": moment(held.expires_at),
        "extensions": _extensions(held, sale.terms),
        "items": [line(each, sale.seat_map, held.price_terms.taxes) for each in held.lines],
        "promotion": held.price_terms.promotion,
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


def line(held: HeldLine | OrderLine, plan: SeatMap, taxes: TaxRule) -> Json:
    """One item, priced when it was held: the one shape of it, in holds and in orders."""
    return {
        "tier": held.tier_id,
        "tier_name": held.tier_name,
        "quantity": held.quantity,
        "seats": [seat(index, plan) for index in held.seats],
        "unit": money(held.unit.total),
        "price": price(held.unit, taxes),
        "total": money(held.total),
    }


def seat(index: SeatIndex, plan: SeatMap) -> Json:
    """A seat by its name and its place, as on the ticket."""
    found = plan.seats[index]
    return {"id": found.id, "zone": found.zone, "row": found.row, "number": found.number}
