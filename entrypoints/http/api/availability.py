"""What is free right now: a snapshot, and the way to the stream of changes."""

from flask import Response, request

from entrypoints.http import express
from entrypoints.http.answer import to_response
from entrypoints.http.api import PREFIX, blueprint
from entrypoints.http.openapi import answers, operation
from entrypoints.http.problems import Problem
from entrypoints.http.schemas.events import AvailabilitySchema
from entrypoints.http.services import current

_LOCATION = {"Location": {"description": "Where the stream is.", "schema": {"type": "string", "format": "uri"}}}

availability = blueprint("availability", "What is free right now.")


@availability.route("/events/<event:event>/availability")
@operation(
    "Get what is free",
    success={
        200: answers("A snapshot. `epoch` and `version` name its moment; it is at most 50 ms old.", AvailabilitySchema),
        304: answers("Nothing has changed (`If-None-Match`)."),
    },
    problems=(404, 503),
)
def show_availability(event: str) -> Response:
    """Ask often: an unchanged answer costs nobody anything."""
    return to_response(express.desks().availability(request.environ, event))


@availability.route("/events/<event:event>/availability/stream")
@operation(
    "Follow what is free",
    success={307: answers("The stream is served by a process of its own.", headers=_LOCATION)},
    problems=(404, 503),
    description=(
        "A `text/event-stream`: one `snapshot`, then `change` after `change` in absolute values, with ids to resume "
        "from (`Last-Event-ID`); a later `snapshot` replaces everything."
    ),
)
def follow_availability(event: str) -> Response:
    """Streams would occupy the threads that sell tickets, so they live elsewhere."""
    stream_url = current().settings().stream_url
    if not stream_url:
        raise Problem(503, "stream_unavailable", "There is no stream here. Ask for /availability instead.")
    return Response(status=307, headers={"Location": f"{stream_url}{PREFIX}/events/{event}/availability/stream"})
