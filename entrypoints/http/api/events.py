"""What is on offer: the list, one event, its seat map."""

from datetime import datetime

from flask import Response, request

from domain.ports.catalogue import EventFilter
from domain.prices import changed_at
from entrypoints.http.api import blueprint
from entrypoints.http.api.answers import cached, ok
from entrypoints.http.openapi import answers, operation
from entrypoints.http.problems import invalid
from entrypoints.http.representations import events as present
from entrypoints.http.representations.seat_maps import Encoded, encoded
from entrypoints.http.schemas.events import EventPageSchema, EventQuerySchema, EventSchema, SeatMapSchema
from entrypoints.http.schemas.parsing import load_query
from entrypoints.http.services import current

SEAT_MAPS_KEPT_MAX = 64
REVALIDATE = "public, no-cache"
FOR_GOOD = "public, max-age=31536000, immutable"

events = blueprint("events", "What is on offer.")

_QUERY = EventQuerySchema()
_seat_maps: dict[tuple[str, int, datetime | None], Encoded] = {}


@events.route("/events")
@operation(
    "List and search events",
    success={200: answers("The soonest first.", EventPageSchema)},
    problems=(422, 503),
    query=EventQuerySchema,
)
def list_events() -> Response:
    """Published events that have not ended."""
    wanted = EventFilter(**load_query(_QUERY))
    try:
        page = current().listings().events(wanted=wanted)
    except ValueError as error:
        raise invalid([("cursor", "Not a cursor of this list.")]) from error
    return ok({"items": [present.card(each) for each in page.items], "next_cursor": page.next_cursor})


@events.route("/events/<event:event>")
@operation(
    "Show one event",
    success={200: answers("With venue, tiers, prices and terms.", EventSchema)},
    problems=(404, 503),
)
def show_event(event: str) -> Response:
    """By id or slug."""
    return ok(present.whole(current().listings().event(event=event), now=current().clock().now()))


@events.route("/events/<event:event>/seat-map")
@operation(
    "Get an event's seat map and prices",
    success={
        200: answers("Geometry as lists in seat order, and the tiers.", SeatMapSchema),
        304: answers("You have it already (`If-None-Match`)."),
    },
    problems=(404, 503),
    parameters=(
        {
            "name": "v",
            "in": "query",
            "schema": {"type": "string"},
            "description": "The entity tag: an address with it may be cached for good.",
        },
    ),
)
def show_seat_map(event: str) -> Response:
    """The same bytes for everybody until the organiser changes the event, or one of its prices changes by itself."""
    sale, now = current().catalogue().on_sale(event=event), current().clock().now()
    key = (str(sale.event_id), sale.version, changed_at(sale.tiers, now))
    kept = _seat_maps.get(key)
    if kept is None:
        while len(_seat_maps) >= SEAT_MAPS_KEPT_MAX:
            _seat_maps.pop(next(iter(list(_seat_maps))), None)
        kept = _seat_maps.setdefault(key, encoded(sale, now=now))
    cache_control = FOR_GOOD if request.args.get("v") == kept.tag else REVALIDATE
    return cached(kept.plain, kept.gzipped, tag=kept.tag, cache_control=cache_control)
