"""Holds: taking stock for a limited time, looking at it, giving it back. The hottest path of the house.

Placing a hold costs one round trip to the inventory and no SQL; so nothing here asks anybody else anything.
"""

from collections.abc import Iterator
from hashlib import sha256
from uuid import UUID

from flask import Response

from application.commands.place_hold import PlaceHold
from domain.errors import NotFound, Rejection, RejectionCode
from domain.events import Sale
from domain.holds import (
    BestAvailableLine,
    BuyerFingerprint,
    ClaimedHold,
    GeneralLine,
    HoldId,
    HoldLine,
    SeatsLine,
    unknown_seats,
    unknown_tier,
)
from domain.refusals import checkout_in_progress, hold_lapsed
from domain.seat_maps import SeatIndex
from entrypoints.http import idempotency, identity, tokens
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.api.hold_requests import HoldRequest, WantedItem, read_hold_request
from entrypoints.http.openapi import IDEMPOTENCY_KEY, answers, operation
from entrypoints.http.problems import Problem
from entrypoints.http.representations import holds as present
from entrypoints.http.schemas.holds import HoldRequestSchema, HoldSchema, NewHoldSchema
from entrypoints.http.services import current

holds = blueprint("holds", "A buyer's time-limited claim on tickets.")


class _UnknownWord(Exception):
    def __init__(self, rejection: Rejection) -> None:
        self.rejection = rejection


@holds.route("/events/<event:event>/holds", methods=["POST"])
@operation(
    "Hold tickets",
    success={201: answers("Held until `expires_at`: all items, at these prices.", NewHoldSchema)},
    problems=(403, 404, 409, 413, 415, 422, 503),
    body=HoldRequestSchema,
    parameters=(IDEMPOTENCY_KEY,),
    description="All items or none. 409: `sold_out`, `seats_taken` (which), `limit_reached`, `too_many_holds`.",
)
def place_hold(event: str) -> Response:
    """With the same Idempotency-Key the same buyer finds the hold again; no second one is made."""
    wanted = read_hold_request()
    services = current()
    sale = services.catalogue().on_sale(event=event)
    buyer = identity.buyer()
    try:
        lines = tuple(_lines(wanted, sale))
    except _UnknownWord as unknown:
        return refuse(unknown.rejection)
    answer = services.place_hold(
        PlaceHold(
            hold_id=HoldId(sale.event_id, _nonce(buyer, sale)),
            event=event,
            lines=lines,
            buyer=buyer,
            access_code=wanted.access_code,
        )
    )
    if isinstance(answer, Rejection):
        return refuse(_with_seat_names(answer, sale))
    return ok(present.hold(answer, sale=sale, token=services.access().for_hold(answer.id)), 201)


@holds.route("/holds/<hold:hold>")
@operation(
    "Show a hold",
    success={200: answers("As it is now.", HoldSchema)},
    problems=(401, 403, 404, 410, 503),
    security="holdToken",
)
def show_hold(hold: str) -> Response:
    """410 once it has lapsed, was given back or has become an order that ended."""
    hold_id = _own(hold)
    found = current().inventory().find(hold_id=hold_id)
    if found is None:
        lapsed = hold_lapsed()
        raise Problem(410, lapsed.code.value, lapsed.message)
    return ok(present.hold(found, sale=current().catalogue().on_sale(event=str(hold_id.event_id))))


@holds.route("/holds/<hold:hold>", methods=["DELETE"])
@operation(
    "Give a hold back",
    success={204: answers("Nothing is held any more.")},
    problems=(401, 403, 404, 409, 503),
    security="holdToken",
)
def release_hold(hold: str) -> Response:
    """Idempotent. A hold whose order is being paid is ended by its order: 409 `checkout_in_progress`."""
    hold_id = _own(hold)
    if not current().release_hold(hold_id) and isinstance(current().inventory().find(hold_id=hold_id), ClaimedHold):
        return refuse(checkout_in_progress())
    return Response(status=204)


def _own(word: str) -> HoldId:
    hold_id = HoldId.parse(word)
    if hold_id is None:
        raise NotFound("reservation")
    tokens.require_hold(hold_id)
    return hold_id


def _nonce(buyer: BuyerFingerprint, sale: Sale) -> UUID:
    """From the caller's key when there is one, so that a retry names the same hold and nothing need be stored."""
    key = idempotency.key()
    if key is None:
        return identity.new_name()
    scoped = f"{buyer.device}\n{sale.event_id}\n{key}"
    return UUID(bytes=sha256(scoped.encode()).digest()[:16], version=5)


def _lines(wanted: HoldRequest, sale: Sale) -> Iterator[HoldLine]:
    """The request's words as the core's, or the words that mean nothing in this sale."""
    for item in wanted.items:
        tier = sale.tier_named(item.tier)
        if tier is None:
            raise _UnknownWord(unknown_tier(item.tier))
        if item.quantity is not None:
            yield GeneralLine(tier_id=tier.id, quantity=item.quantity)
        elif item.best_available is not None:
            yield BestAvailableLine(tier_id=tier.id, quantity=item.best_available)
        else:
            yield SeatsLine(tier_id=tier.id, seats=_seats(item, sale))


def _seats(item: WantedItem, sale: Sale) -> tuple[SeatIndex, ...]:
    by_id = sale.seat_map.by_id
    strangers = tuple(seat for seat in item.seats if seat not in by_id)
    if strangers:
        raise _UnknownWord(unknown_seats(strangers))
    return tuple(by_id[seat].index for seat in item.seats)


def _with_seat_names(rejection: Rejection, sale: Sale) -> Rejection:
    """The inventory names seats by position; the outside names them by id."""
    if rejection.code is not RejectionCode.SEATS_TAKEN:
        return rejection
    plan = sale.seat_map
    taken = rejection.details.get("seats", ())
    names = [plan.seats[index].id for index in taken if isinstance(index, int)] if isinstance(taken, list) else []
    return Rejection(code=rejection.code, message=rejection.message, details={**rejection.details, "seats": names})
