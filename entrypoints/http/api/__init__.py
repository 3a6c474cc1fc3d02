"""The JSON API: one blueprint, one module a noun. A view is parse, use case, present."""

from werkzeug.routing import BaseConverter

from entrypoints.http.openapi import ApiBlueprint

PREFIX = "/api/v1"

EVENT_PATTERN = r"[0-9A-Za-z][0-9A-Za-z-]{0,99}"
HOLD_PATTERN = r"[0-9A-Za-z_-]{43}"


class EventConverter(BaseConverter):
    """An event's id or slug. Whatever cannot be one is not found without asking anybody."""

    regex = EVENT_PATTERN


class HoldConverter(BaseConverter):
    """A hold's id, as we write it."""

    regex = HOLD_PATTERN


def blueprint(name: str, description: str) -> ApiBlueprint:
    """A part of the API under its common prefix."""
    return ApiBlueprint(name, __name__, url_prefix=PREFIX, description=description)
