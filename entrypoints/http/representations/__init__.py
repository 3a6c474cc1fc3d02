"""What the domain looks like in JSON. Plain functions to plain dicts: the schemas describe them, a test compares."""

from datetime import UTC, datetime

from domain.money import Money

Json = dict[str, object]


def money(amount: Money) -> Json:
    """Minor units and currency."""
    return {"amount": amount.amount, "currency": amount.currency}


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
