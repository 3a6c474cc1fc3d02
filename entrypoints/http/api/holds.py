"""Holds: taking stock for a limited time, looking at it, giving it back."""

from flask import Response, request

from domain.errors import NotFound, Rejection, RejectionCode
from domain.holds import ActiveHold, ClaimedHold, HoldId
from domain.refusals import checkout_in_progress, hold_lapsed
from entrypoints.http import express, idempotency, tokens
from entrypoints.http.answer import to_response
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.openapi import IDEMPOTENCY_KEY, answers, operation
from entrypoints.http.problems import Problem, respond
from entrypoints.http.representations import Json
from entrypoints.http.representations import holds as present
from entrypoints.http.schemas.holds import ExtensionRequestSchema, HoldRequestSchema, HoldSchema, NewHoldSchema
from entrypoints.http.schemas.parsing import load_json
from entrypoints.http.services import current

holds = blueprint("holds", "A buyer's time-limited claim on tickets.")

_EXTENSION = ExtensionRequestSchema()


@holds.route("/events/<event:event>/holds", methods=["POST"])
@operation(
    "Hold tickets",
    success={201: answers("Held until `expires_at`: all items, at these prices.", NewHoldSchema)},
    problems=(403, 404, 409, 413, 415, 422, 429, 503),
    body=HoldRequestSchema,
    parameters=(IDEMPOTENCY_KEY,),
    description=(
        "All items or none. 409: `sold_out`, `seats_taken` (`seats` says which), `seats_reserved` (which are kept for "
        "people who need an accessible one), `seat_stranded` (which would be left alone), `limit_reached` (`by` says "
        "under what you are counted), `too_many_holds`, `code_not_applicable`, `code_used_up`. 403: `code_refused`, "
        "whatever is wrong with the code. 429: `cooling_down`, after several holds that lapsed; `too_many_codes`."
    ),
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
    return respond(_over()) if found is None else ok(_shown(found))


@holds.route("/holds/<hold:hold>/extensions", methods=["POST"])
@operation(
    "Extend a hold",
    success={201: answers("Held until the new `expires_at`.", HoldSchema)},
    problems=(401, 403, 404, 409, 410, 413, 415, 422, 503),
    body=ExtensionRequestSchema,
    body_required=False,
    parameters=(IDEMPOTENCY_KEY,),
    security="holdToken",
    description=(
        "As much time again as the sale gives a hold, from now; never less than is left. Idempotent by `number`. 409: "
        "`extensions_used_up`, `checkout_in_progress`. 410: it is over."
    ),
)
def extend_hold(hold: str) -> Response:
    """With ``number`` a retry needs no memory of ours; with a key alone the answer is kept, as a refund's is."""
    hold_id = _own(hold)
    wanted = load_json(_EXTENSION) if _has_body() else {}
    if "number" not in wanted:
        return idempotency.once(f"extensions:{hold_id}", wanted, lambda: _extended(hold_id, None))
    idempotency.key(request.environ)
    return _extended(hold_id, wanted["number"])


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


def _extended(hold_id: HoldId, number: int | None) -> Response:
    extended = current().extend_hold(hold_id, number=number)
    if not isinstance(extended, Rejection):
        return ok(_shown(extended), 201)
    return respond(_over()) if extended.code is RejectionCode.HOLD_LAPSED else refuse(extended)


def _shown(found: ActiveHold | ClaimedHold) -> Json:
    return present.hold(found, sale=current().catalogue().on_sale(event=str(found.id.event_id)))


def _over() -> Problem:
    """There is nothing any more at an address that names one hold; elsewhere a lapsed hold is a conflict."""
    lapsed = hold_lapsed()
    return Problem(410, lapsed.code.value, lapsed.message)


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _own(word: str) -> HoldId:
    hold_id = HoldId.parse(word)
    if hold_id is None:
        raise NotFound("reservation")
    tokens.require_hold(hold_id)
    return hold_id
