"""Holds: taking stock for a limited time, looking at it, giving it back."""

from flask import Response, request

from domain.errors import NotFound
from domain.holds import (
    ClaimedHold,
    HoldId,
)
from domain.refusals import checkout_in_progress, hold_lapsed
from entrypoints.http import express, tokens
from entrypoints.http.answer import to_response
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.openapi import IDEMPOTENCY_KEY, answers, operation
from entrypoints.http.problems import Problem
from entrypoints.http.representations import holds as present
from entrypoints.http.schemas.holds import HoldRequestSchema, HoldSchema, NewHoldSchema
from entrypoints.http.services import current

holds = blueprint("holds", "A buyer's time-limited claim on tickets.")


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
    return to_response(express.desks().holds(request.environ, event))


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
