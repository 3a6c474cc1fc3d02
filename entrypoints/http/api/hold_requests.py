"""Reading the body of a hold request: quickly when it is right, thoroughly when it is not.

The schema takes ten times as long as all the rest of our Python on this path, so a body that is plainly right is
read by hand: the three plain kinds of item, without options. Whatever the quick reader does not accept goes to the
schema, whose word is final and whose messages the client gets; a property test shows that the quick reader accepts
nothing that the schema would not.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.holds import LINES_PER_HOLD_MAX, SEATS_PER_HOLD_MAX
from domain.promotions import CODE_LENGTH_MAX
from entrypoints.http.front import Environ
from entrypoints.http.schemas.contacts import Contact
from entrypoints.http.schemas.holds import SEAT_ID_LENGTH_MAX, TIER_LENGTH_MAX, HoldRequestSchema, Preference
from entrypoints.http.schemas.parsing import decoded, json_bytes, load

_SCHEMA = HoldRequestSchema()
_BODY_FIELDS = frozenset({"items", "promo_code"})


class WantedItem(NamedTuple):
    """One tier's word and exactly one of: a quantity, seats, a number of best-available seats.

    ``or_tiers``: these would do as well, the cheapest first or, unless ``cheapest``, the nearest.
    """

    tier: str
    quantity: int | None = None
    seats: tuple[str, ...] = ()
    best_available: int | None = None
    or_tiers: tuple[str, ...] = ()
    cheapest: bool = False
    accessible: bool = False
    split: bool = False


class HoldRequest(NamedTuple):
    """What was asked for. Both are tuples because a frozen dataclass takes three times as long to make."""

    items: tuple[WantedItem, ...]
    code: str | None
    contact: Contact | None = None


def read_hold_request(environ: Environ) -> HoldRequest:
    """A request's body. Raises Problem 413, 415 or 422."""
    value = decoded(json_bytes(environ))
    return quickly(value) or thoroughly(value)


def thoroughly(value: Any) -> HoldRequest:
    """By the schema. Raises Problem 422 naming every wrong field."""
    loaded = load(_SCHEMA, value)
    code = loaded.get("promo_code") or loaded.get("access_code")
    return HoldRequest(tuple(map(_wanted, loaded["items"])), code, loaded.get("buyer"))


def _wanted(item: Mapping[str, Any]) -> WantedItem:
    tier, *others = item.get("tiers") or [item["tier"]]
    return WantedItem(
        tier,
        item.get("quantity"),
        tuple(item.get("seats", ())),
        item.get("best_available"),
        or_tiers=tuple(others),
        cheapest=item.get("prefer") is Preference.PRICE,
        accessible=item.get("accessible", False),
        split=item.get("split", False),
    )


def quickly(value: Any) -> HoldRequest | None:
    """By hand, or None when the schema should look."""
    if type(value) is not dict or not value.keys() <= _BODY_FIELDS:
        return None
    items = value.get("items")
    if type(items) is not list or not 1 <= len(items) <= LINES_PER_HOLD_MAX:
        return None
    code = value.get("promo_code")
    if code is not None and not _is_word(code, CODE_LENGTH_MAX):
        return None
    wanted = []
    for item in items:
        read = _item(item)
        if read is None:
            return None
        wanted.append(read)
    return HoldRequest(tuple(wanted), code)


def _item(item: Any) -> WantedItem | None:
    if type(item) is not dict or len(item) != 2:
        return None
    tier: Any = item.get("tier")
    if not _is_word(tier, TIER_LENGTH_MAX):
        return None
    if _is_count(quantity := item.get("quantity")):
        return WantedItem(tier, quantity)
    if _is_count(best := item.get("best_available")):
        return WantedItem(tier, None, (), best)
    seats = item.get("seats")
    if type(seats) is not list or not 1 <= len(seats) <= SEATS_PER_HOLD_MAX:
        return None
    return WantedItem(tier, None, tuple(seats)) if all(_is_word(seat, SEAT_ID_LENGTH_MAX) for seat in seats) else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= SEATS_PER_HOLD_MAX


def _is_word(value: Any, length_max: int) -> bool:
    return type(value) is str and 0 < len(value) <= length_max
