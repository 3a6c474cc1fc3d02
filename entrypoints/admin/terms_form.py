"""The terms of a sale as a form: filled in with what holds now, and read back field by field."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from werkzeug.datastructures import MultiDict

from domain.events import (
    COOLDOWN_SECONDS_MAX,
    EXTENSIONS_MAX,
    HOLD_SECONDS_CAP_MAX,
    HOLD_SECONDS_MAX,
    HOLD_SECONDS_MIN,
    LAPSES_MAX,
    LIVE_HOLDS_MAX,
    LIVE_HOLDS_PER_ADDRESS_MAX,
    PAYMENT_SECONDS_MAX,
    PAYMENT_SECONDS_MIN,
    PEOPLE,
    PER_BUYER_MAX,
    SaleTerms,
)
from entrypoints.admin import forms, words

Problems = dict[str, str]
"""What is wrong, by field."""

NUMBERS = {
    "extensions_max": (0, EXTENSIONS_MAX),
    "per_order_max": (1, PER_BUYER_MAX),
    "per_buyer_max": (1, PER_BUYER_MAX),
    "live_holds_per_buyer": (1, LIVE_HOLDS_MAX),
    "live_holds_per_address": (0, LIVE_HOLDS_PER_ADDRESS_MAX),
    "lapses_max": (1, LAPSES_MAX),
}
"""Fields that are whole numbers: least and most."""

DURATIONS = {
    "hold_seconds": (HOLD_SECONDS_MIN, HOLD_SECONDS_MAX),
    "hold_seconds_cap": (HOLD_SECONDS_MIN, HOLD_SECONDS_CAP_MAX),
    "payment_seconds": (PAYMENT_SECONDS_MIN, PAYMENT_SECONDS_MAX),
    "cooldown_seconds": (0, COOLDOWN_SECONDS_MAX),
}
"""Fields that are kept in seconds and typed in minutes: least and most seconds."""

TITLES = {
    "opens_at": "Sale opens",
    "closes_at": "Sale closes",
    "hold_seconds": "A reservation lasts",
    "extensions_max": "May be extended",
    "hold_seconds_cap": "At the longest",
    "payment_seconds": "Time to pay",
    "per_order_max": "Tickets per order",
    "per_buyer_max": "Tickets per person",
    "live_holds_per_buyer": "Reservations per person",
    "live_holds_per_address": "Reservations per network",
    "lapses_max": "Lapses in a row",
    "cooldown_seconds": "The pause",
    "limit_by": "A person is recognised by",
}
"""What fields are called, in the order of the form."""

MOMENTS = ("opens_at", "closes_at")
SWITCHES = ("admission_required", "may_strand_seats", "accessible_released")

_READERS: Mapping[str, Callable[[forms.Form, str], object]] = {
    **{name: partial(forms.whole, least=least, most=most) for name, (least, most) in NUMBERS.items()},
    **{name: partial(forms.seconds, least=least, most=most) for name, (least, most) in DURATIONS.items()},
    **dict.fromkeys(SWITCHES, forms.switch),
    "limit_by": partial(forms.several, of=PEOPLE),
}


def filled(terms: SaleTerms, *, timezone: str) -> forms.Form:
    """The form as it is first shown."""
    form: forms.Form = MultiDict()
    for name in MOMENTS:
        form[name] = words.for_input(getattr(terms, name), timezone)
    for name in NUMBERS:
        form[name] = str(getattr(terms, name))
    for name in DURATIONS:
        form[name] = words.minutes(getattr(terms, name))
    for name in SWITCHES:
        form[name] = forms.YES if getattr(terms, name) else ""
    form.setlist("limit_by", sorted(terms.limit_by))
    return form


def read(form: forms.Form, terms: SaleTerms, *, timezone: str) -> SaleTerms | Problems:
    """``terms`` with everything replaced that the form has; or all that is wrong, one thing a field."""
    readers: dict[str, Callable[[forms.Form, str], object]] = dict(_READERS)
    readers |= dict.fromkeys(MOMENTS, partial(forms.moment, timezone=timezone))
    values: dict[str, Any] = {}
    problems: Problems = {}
    for name, reader in readers.items():
        try:
            values[name] = reader(form, name)
        except forms.Mistyped as mistake:
            problems[name] = str(mistake)
    problems |= _disagreements(values)
    if problems:
        return {name: problems[name] for name in TITLES if name in problems}
    return replace(terms, **values)


def _disagreements(values: Mapping[str, Any]) -> Problems:
    """Fields that are fine by themselves and not together. Those that could not be read agree with everything."""
    problems: Problems = {}
    if values.keys() >= {"opens_at", "closes_at"} and values["closes_at"] <= values["opens_at"]:
        problems["closes_at"] = "A sale closes after it opens."
    if values.keys() >= {"per_order_max", "per_buyer_max"} and values["per_order_max"] > values["per_buyer_max"]:
        problems["per_order_max"] = f"No more than one person may have in all, {values['per_buyer_max']}."
    if values.keys() >= {"hold_seconds", "hold_seconds_cap"} and values["hold_seconds_cap"] < values["hold_seconds"]:
        problems["hold_seconds_cap"] = "At least as long as a reservation lasts without being extended."
    return problems
