"""What the domain looks like in JSON. Plain functions to plain dicts: the schemas describe them, a test compares."""

from datetime import UTC, datetime

import orjson

from domain.money import Money

Json = dict[str, object]
"""Values that :func:`encoded` can write: JSON's own, UUIDs and moments."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


def money(amount: Money) -> Json:
    """Minor units and currency."""
    return {"amount": amount.amount, "currency": amount.currency}


def moment(at: datetime) -> datetime:
    """A time in UTC. :func:`encoded` writes it as RFC 3339, to the second."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def encoded(body: object) -> bytes:
    """JSON as it is sent."""
    return orjson.dumps(body, option=_OPTIONS)
