"""A refund policy as a form: filled in with the rules in force, and read back field by field."""

import re
from decimal import Decimal

from werkzeug.datastructures import MultiDict

from domain.events import Event
from domain.money import AMOUNT_MINOR_MAX, BASIS_POINTS, CurrencyCode, Money
from domain.refund_policies import (
    HOURS_A_DAY,
    HOURS_BEFORE_MAX,
    WINDOWS_MAX,
    ExchangeRule,
    ReasonRule,
    RefundPolicy,
    RefundReason,
    RefundWindow,
    TierRule,
)
from entrypoints.admin import forms

Problems = dict[str, str]
"""What is wrong, by field."""

ROWS, ROWS_EMPTY = 5, 2
"""Windows that the form has room for at least, and empty ones after those that say something."""

AMOUNTS = {
    "handling_minor": "Kept of each ticket for handling",
    "kept_minor_min": "Kept of each ticket at least",
    "ticket_minor_max": "Given back per ticket at most",
    "order_minor_max": "Given back per order at most",
    "approval_minor_over": "A second person approves over",
}
EXCHANGE_FEE = "exchange_fee_minor"
RULED = (RefundReason.POSTPONED, RefundReason.GOODWILL)
UNITS = {"days": HOURS_A_DAY, "hours": 1}

_OF_WINDOWS = {"percent": "percent", "before": "until", "unit": "days or hours"}
_TITLES = {
    EXCHANGE_FEE: "Kept of each exchanged ticket",
    "exchange": "Tickets can be exchanged",
    "percent-exchange": "Exchanges, percent",
    "before-exchange": "Exchanges, until",
    "unit-exchange": "Exchanges, days or hours",
    "fees-exchange": "Exchanges, fees come back",
    "anywhere": "Exchanges for any event",
    "percent-postponed": "Postponed, percent",
    "fees-postponed": "Postponed, fees come back",
    "percent-goodwill": "Goodwill, percent",
    "fees-goodwill": "Goodwill, fees come back",
    "restock": "Places return to sale",
}

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?", re.ASCII)


def whole(policy: RefundPolicy, currency: CurrencyCode) -> forms.Form:
    """The form as it is first shown."""
    form = filled(policy)
    fill_amounts(form, policy, currency)
    return form


def filled(policy: RefundPolicy) -> forms.Form:
    """The form as it is first shown. Amounts are filled in by :func:`fill_amounts`, which knows the currency."""
    form: forms.Form = MultiDict()
    _fill_windows(form, "all", policy.windows, fees_returned=policy.fees_returned)
    for rule in policy.tiers:
        form[f"own-{rule.tier_id}"] = forms.YES
        _fill_windows(form, str(rule.tier_id), rule.windows, fees_returned=rule.fees_returned)
    for reason in policy.reasons:
        form[f"percent-{reason.reason}"] = f"{reason.basis_points / 100:g}"
        form[f"fees-{reason.reason}"] = forms.YES if reason.fees_returned else ""
    ruled = {rule.reason for rule in policy.reasons}
    for each in RULED:
        if each not in ruled:
            form[f"percent-{each}"], form[f"fees-{each}"] = "100", forms.YES
    form["restock"] = forms.YES if policy.restock else ""
    _fill_exchange(form, policy.exchange)
    form["version"] = str(policy.version)
    return form


def fill_amounts(form: forms.Form, policy: RefundPolicy, currency: CurrencyCode) -> None:
    """Each amount as people write it; nothing where there is no bound."""
    if policy.exchange is not None and policy.exchange.fee_minor:
        form[EXCHANGE_FEE] = _written(policy.exchange.fee_minor, currency)
    for name in AMOUNTS:
        minor = getattr(policy, name)
        bound = minor is not None and (minor or name == "approval_minor_over" or name.endswith("_max"))
        form[name] = _written(minor, currency) if bound else ""


def _written(minor: int, currency: CurrencyCode) -> str:
    return f"{Money(minor, currency).decimal:f}"


def title(name: str, event: Event) -> str | None:
    """What a field is called, for whoever reads of it away from its place."""
    if name in AMOUNTS:
        return AMOUNTS[name]
    if name in _TITLES:
        return _TITLES[name]
    kind, _, rest = name.partition("-")
    who, _, row = rest.rpartition("-") if kind in _OF_WINDOWS else (rest, "", "")
    owner = next((tier.name for tier in event.tiers if str(tier.id) == who), None)
    owner = "For everybody" if who == "all" else owner
    if owner is None:
        return None
    if kind in _OF_WINDOWS:
        return f"{owner}, window {int(row) + 1}, {_OF_WINDOWS[kind]}"
    return f"{owner}, {'rules of its own' if kind == 'own' else 'fees come back'}"


def read(form: forms.Form, event: Event) -> RefundPolicy | Problems:
    """The policy that was typed; or all that is wrong, one thing a field."""
    problems: Problems = {}
    windows = _windows(form, "all", problems)
    own = [tier for tier in event.tiers if forms.switch(form, f"own-{tier.id}")]
    of_tiers = [(tier.id, _windows(form, str(tier.id), problems)) for tier in own]
    amounts = {name: _amount(form, name, event.currency, problems) for name in AMOUNTS}
    shares = {reason: _points(form, f"percent-{reason}", problems) for reason in RULED}
    exchange = _exchange(form, event.currency, problems)
    if problems:
        return problems
    try:
        return RefundPolicy(
            exchange=exchange,
            windows=windows,
            fees_returned=forms.switch(form, "fees-all"),
            tiers=tuple(
                TierRule(tier_id=tier_id, windows=each, fees_returned=forms.switch(form, f"fees-{tier_id}"))
                for tier_id, each in of_tiers
            ),
            reasons=tuple(
                ReasonRule(reason=reason, basis_points=points, fees_returned=forms.switch(form, f"fees-{reason}"))
                for reason, points in shares.items()
                if points != BASIS_POINTS or not forms.switch(form, f"fees-{reason}")
            ),
            handling_minor=amounts["handling_minor"] or 0,
            kept_minor_min=amounts["kept_minor_min"] or 0,
            ticket_minor_max=amounts["ticket_minor_max"],
            order_minor_max=amounts["order_minor_max"],
            approval_minor_over=amounts["approval_minor_over"],
            restock=forms.switch(form, "restock"),
        )
    except ValueError as error:
        return {"policy": f"{str(error).capitalize()}."}


def _fill_exchange(form: forms.Form, rule: ExchangeRule | None) -> None:
    """Without a rule the fields say what one would be, and the switch is off."""
    shown = rule or ExchangeRule(hours_before=HOURS_A_DAY)
    in_days = shown.hours_before % HOURS_A_DAY == 0
    unit = "days" if in_days else "hours"
    form["exchange"] = forms.YES if rule else ""
    form["before-exchange"] = str(shown.hours_before // UNITS[unit])
    form["unit-exchange"] = unit
    form["percent-exchange"] = f"{shown.basis_points / 100:g}"
    form["fees-exchange"] = forms.YES if shown.fees_returned else ""
    form["anywhere"] = forms.YES if shown.anywhere else ""


def _exchange(form: forms.Form, currency: CurrencyCode, problems: Problems) -> ExchangeRule | None:
    """The rule that was typed, if exchanges are switched on; what is wrong goes to ``problems``."""
    if not forms.switch(form, "exchange"):
        return None
    hours = UNITS.get(form.get("unit-exchange", ""), HOURS_A_DAY)
    fee, points = _amount(form, EXCHANGE_FEE, currency, problems), _points(form, "percent-exchange", problems)
    try:
        before = hours * forms.whole(form, "before-exchange", least=0, most=HOURS_BEFORE_MAX // hours)
        if not points:
            problems.setdefault("percent-exchange", "An exchange gives back more than nothing.")
    except forms.Mistyped as mistake:
        problems["before-exchange"] = str(mistake)
    if problems:
        return None
    return ExchangeRule(
        hours_before=before,
        basis_points=points,
        fees_returned=forms.switch(form, "fees-exchange"),
        fee_minor=fee or 0,
        anywhere=forms.switch(form, "anywhere"),
    )


def _fill_windows(form: forms.Form, who: str, windows: tuple[RefundWindow, ...], *, fees_returned: bool) -> None:
    for row in range(_room_for(len(windows))):
        form[f"unit-{who}-{row}"] = "days"
    for row, window in enumerate(windows):
        in_days = window.hours_before % HOURS_A_DAY == 0
        unit = "days" if in_days else "hours"
        form[f"before-{who}-{row}"] = str(window.hours_before // UNITS[unit])
        form[f"unit-{who}-{row}"] = unit
        form[f"percent-{who}-{row}"] = f"{window.basis_points / 100:g}"
    form[f"fees-{who}"] = forms.YES if fees_returned else ""


def _windows(form: forms.Form, who: str, problems: Problems) -> tuple[RefundWindow, ...]:
    """The rows that say something, the earliest first however they were typed."""
    found = []
    for row in range(WINDOWS_MAX):
        if not _says_something(form, who, row):
            continue
        name = f"before-{who}-{row}"
        hours = UNITS.get(form.get(f"unit-{who}-{row}", ""), HOURS_A_DAY)
        try:
            before = hours * forms.whole(form, name, least=0, most=HOURS_BEFORE_MAX // hours)
        except forms.Mistyped as mistake:
            problems[name] = str(mistake)
            continue
        found.append(RefundWindow(hours_before=before, basis_points=_points(form, f"percent-{who}-{row}", problems)))
    return tuple(sorted(found, key=lambda window: -window.hours_before))


def rows_of(form: forms.Form, who: str) -> range:
    """The rows of windows to show: all that say something, and empty ones up to what the language allows."""
    used = [row for row in range(WINDOWS_MAX) if _says_something(form, who, row)]
    return range(_room_for(max(used, default=-1) + 1))


def _room_for(windows: int) -> int:
    return min(WINDOWS_MAX, max(ROWS, windows + ROWS_EMPTY))


def _says_something(form: forms.Form, who: str, row: int) -> bool:
    return any(form.get(f"{name}-{who}-{row}", "").strip() for name in ("before", "percent"))


def _points(form: forms.Form, name: str, problems: Problems) -> int:
    value = form.get(name, "").strip().replace(",", ".")
    if _PERCENT.fullmatch(value) and (points := int(Decimal(value) * 100)) <= BASIS_POINTS:
        return points
    problems[name] = "A share from 0 to 100 percent."
    return 0


def _amount(form: forms.Form, name: str, currency: CurrencyCode, problems: Problems) -> int | None:
    try:
        amount = money(form, name, currency)
    except forms.Mistyped as mistake:
        problems[name] = str(mistake)
        return None
    return amount.amount if amount else None


def money(form: forms.Form, name: str, currency: CurrencyCode) -> Money | None:
    """An amount as people write it, with no more decimals than its currency has; None where nothing was typed."""
    value = form.get(name, "").strip().replace(",", ".")
    if not value:
        return None
    exponent = Money(0, currency).exponent
    pattern = rf"[0-9]{{1,8}}(\.[0-9]{{1,{exponent}}})?" if exponent else r"[0-9]{1,8}"
    if not re.fullmatch(pattern, value, re.ASCII) or (minor := int(Decimal(value).scaleb(exponent))) > AMOUNT_MINOR_MAX:
        example = f"{Money(1250, currency).decimal:f}"
        raise forms.Mistyped(name, f"An amount in {currency}, such as {example}.")
    return Money(minor, currency)
