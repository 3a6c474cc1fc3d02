"""Details of audit entries. They are kept as values of machines, and read by people."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from domain.accounts import Role
from domain.disputes import DisputeKind
from domain.money import CurrencyCode, Money
from domain.refund_batches import BatchPurpose
from domain.refund_policies import HOURS_A_DAY
from entrypoints.admin.words.amounts import count, money, plain_percent
from entrypoints.admin.words.disputes import DISPUTE_REASONS, FRAUD_TYPES
from entrypoints.admin.words.labels import label
from entrypoints.admin.words.refunds import BATCH_PURPOSES, refund_failure
from entrypoints.admin.words.times import moment

_POOLS = {"z": "zone", "t": "tier", "p": "promotion"}
"""What the letter in front of a pool's key means."""

_NAMES = {
    "approval_minor_over": "a second person approves over",
    "because": "why",
    "exchange": "exchanges",
    "fees_returned": "fees come back",
    "handling_minor": "kept for handling",
    "into": "new order",
    "kept_minor_min": "least that is kept",
    "kind_of": "kind",
    "order_minor_max": "most per order",
    "restock": "places return to sale",
    "same": "the same places",
    "ticket_minor_max": "most per ticket",
    "tickets_void": "tickets made void",
    "tiers": "rules of single tiers",
    "units": "tickets",
    "unpaid_orders": "orders that were not paid yet",
    "verdict": "assessment",
}
_UNSAID = frozenset({"currency", "language"})
"""What says how to read the rest."""

_VERDICTS = {"approve": "nothing was noticed", "review": "a person looks at it", "reject": "too risky"}
_RISKS = {
    "address_velocity": "many orders from one address",
    "card_velocity": "many orders with one card",
    "device_velocity": "many orders from one device",
    "radar_elevated": "Radar finds the payment risky",
    "radar_highest": "Radar finds the payment highly risky",
    "trouble_before": "trouble with this card or device before",
}
_REASONS = {
    "buyers_wish": "the buyer's wish",
    "event_cancelled": "the event is cancelled",
    "exchange": "an exchange for another date",
    "fraud": "fraud",
    "goodwill": "goodwill",
    "no_tickets": "money that bought nothing",
    "postponed": "the event is postponed",
}
_CHANNELS = {"email": "e-mail", "sms": "SMS"}

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-([0-9a-f]{12})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})")
_NOTED_AMOUNT = re.compile(r"([0-9]+) ([A-Z]{3})")
_STEP = re.compile(r"([0-9]+) from (.+)")
_AMOUNT = re.compile(r"amount|.*_minor(_.*)?|.* (price|flat|minimum|maximum)")
_SHARE = re.compile(r".*basis[_ ]points")


def details(values: Mapping[str, object], currency: CurrencyCode | None = None) -> list[tuple[str, str]]:
    """An audit entry's details, one line each, empty ones left out.

    Amounts are money where the currency is known, from the entry itself or from who asks.
    """
    noted = values.get("currency")
    known = CurrencyCode(noted) if isinstance(noted, str) else currency
    before, after = values.get("before"), values.get("after")
    changes = _changes(before, after, known) if isinstance(before, Mapping) and isinstance(after, Mapping) else []
    told = {name: value for name, value in values.items() if not (changes and name in {"before", "after"})}
    return changes + [
        (thing(name), _said(name, value, known))
        for name, value in told.items()
        if name not in _UNSAID and value not in (None, "", [])
    ]


def thing(name: str) -> str:
    """A field or a pool's key in words."""
    kind, _, key = name.partition(":")
    if key and kind in _POOLS:
        return f"{_POOLS[kind]} {key}"
    plain = _NAMES.get(name, name.replace("_", " "))
    return plain.replace("basis points", "share")


def _changes(
    before: Mapping[str, object], after: Mapping[str, object], currency: CurrencyCode | None
) -> list[tuple[str, str]]:
    """One line for each thing that is another now: ``zone floor``, ``100 → 120``."""
    names = (name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name))
    return [
        (thing(name), f"{_value(name, before.get(name), currency)} → {_value(name, after.get(name), currency)}")
        for name in names
        if name not in _UNSAID
    ]


def _said(name: str, value: object, currency: CurrencyCode | None) -> str:
    if name == "seats" and isinstance(value, list | tuple):
        return count(len(value))  # Seats are noted by their numbers in the map, which say nothing to people.
    if isinstance(value, list | tuple):
        return ", ".join(_text(name, str(each)) for each in value)
    return _value(name, value, currency)


def _value(name: str, value: object, currency: CurrencyCode | None) -> str:
    rule = _RULES.get(name)
    if rule is not None and isinstance(value, Mapping | list):
        return rule(value, currency)
    match value:
        case None | "" | []:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return _number(name, value, currency)
        case list() | tuple():
            return ", ".join(_step(str(each), currency) for each in value)
        case Mapping():
            return ", ".join(f"{thing(str(key))} {_value(str(key), each, currency)}" for key, each in value.items())
    return _text(name, str(value))


def _number(name: str, value: int, currency: CurrencyCode | None) -> str:
    if currency and _AMOUNT.fullmatch(name):
        return money(Money(value, currency))
    return f"{plain_percent(value)}%" if _SHARE.fullmatch(name) else count(value)


def _noted_amount(value: str) -> str:
    """``586800 EUR``, as a total of one currency is noted."""
    found = _NOTED_AMOUNT.fullmatch(value)
    return money(Money(int(found[1]), CurrencyCode(found[2]))) if found else value


def _text(name: str, value: str) -> str:
    if name in _WORDS:
        return _WORDS[name](value)
    if found := _ID.fullmatch(value):
        return f"…{found[2]}"  # Long enough to tell one from another, and to look for.
    return f"{moment(datetime.fromisoformat(value))} UTC" if _MOMENT.fullmatch(value) else value


def _step(value: str, currency: CurrencyCode | None) -> str:
    """``4700 from 2027-01-01T00:00:00+00:00``: a price that begins by itself; everything else as it is."""
    found = _STEP.fullmatch(value)
    if not (found and currency):
        return value
    return f"{money(Money(int(found[1]), currency))} from {_text('', found[2])}"


def _reason(value: str) -> str:
    return _REASONS.get(value) or DISPUTE_REASONS.get(value) or FRAUD_TYPES.get(value) or value


def _role(value: str) -> str:
    return label(Role(value)).text if value in set(Role) else value


def _dispute_kind(value: str) -> str:
    return label(DisputeKind(value)).text if value in set(DisputeKind) else value


def _purpose(value: str) -> str:
    return BATCH_PURPOSES[BatchPurpose(value)].text if value in set(BatchPurpose) else value


_WORDS: Mapping[str, Callable[[str], str]] = {
    "amounts": _noted_amount,
    "channel": lambda value: _CHANNELS.get(value, value),
    "failure": refund_failure,
    "kind_of": _dispute_kind,
    "purpose": _purpose,
    "reason": _reason,
    "reasons": lambda value: _RISKS.get(value, value),
    "role": _role,
    "verdict": lambda value: _VERDICTS.get(value, value),
}


# Rules of a refund policy, as they are stored.


def _windows(value: object, _: CurrencyCode | None) -> str:
    """``100% until 30 days, 50% until 7 days``."""
    found = [each for each in value if isinstance(each, list)] if isinstance(value, list) else []
    return ", ".join(f"{plain_percent(points)}% until {_before(hours)}" for hours, points in found) or "not refundable"


def _before(hours: int) -> str:
    if hours and hours % HOURS_A_DAY == 0:
        return "1 day" if hours == HOURS_A_DAY else f"{hours // HOURS_A_DAY} days"
    return "1 hour" if hours == 1 else f"{hours} hours"


def _exchange(value: object, currency: CurrencyCode | None) -> str:
    if not isinstance(value, Mapping):
        return "none"
    fees = "fees too" if value["fees_returned"] else "without fees"
    where = "for any event" if value["anywhere"] else "for another date"
    kept = f", {_number('fee_minor', value['fee_minor'], currency)} kept of each ticket" if value["fee_minor"] else ""
    return f"{plain_percent(value['basis_points'])}% until {_before(value['hours_before'])}, {fees}, {where}{kept}"


def _of_tiers(value: object, currency: CurrencyCode | None) -> str:
    said = (
        f"{_text('tier', str(rule['tier']))} {_windows(rule['windows'], currency)}{_fees(rule)}"
        for rule in _mappings(value)
    )
    return "; ".join(said) or "none"


def _of_reasons(value: object, currency: CurrencyCode | None) -> str:
    said = (
        f"{_reason(str(rule['reason']))} {_value('basis_points', rule['basis_points'], currency)}{_fees(rule)}"
        for rule in _mappings(value)
    )
    return "; ".join(said) or "none"


def _fees(rule: Mapping[str, object]) -> str:
    return " and fees" if rule["fees_returned"] else ""


def _mappings(value: object) -> Iterable[Mapping[str, object]]:
    return (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()


_RULES: Mapping[str, Callable[[object, CurrencyCode | None], str]] = {
    "exchange": _exchange,
    "reasons": _of_reasons,
    "tiers": _of_tiers,
    "windows": _windows,
}
