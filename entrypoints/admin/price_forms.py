"""The forms about prices, filled in and read back: fees, prices of tiers, taxes of a venue, promotions.

Fields of a tier end in its key. A price that changes by itself is a moment and an amount, ``step_at.<tier>.<number>``
and ``step_to.<tier>.<number>``; a pair that is left empty is none.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import TypeVar
from uuid import UUID

from werkzeug.datastructures import MultiDict

from application.commands.change_prices import TierPrices
from domain.events import Event
from domain.fees import FeeRule
from domain.money import BASIS_POINTS, CurrencyCode, Money
from domain.promotions import (
    CODE_LENGTH_MAX,
    CODE_LENGTH_MIN,
    LABEL_LENGTH_MAX,
    USES_MAX,
    Promotion,
    PromotionId,
    PromotionKind,
    digest,
)
from domain.taxes import TAX_NAME_LENGTH_MAX, TAXES_PER_VENUE_MAX, TaxRate, TaxRule
from domain.tiers import PRICE_STEPS_MAX, PriceStep, Tier, TierId
from entrypoints.admin import forms, words

Problems = dict[str, str]
"""What is wrong, by field."""

Value = TypeVar("Value")

STEPS_OFFERED_MORE = 2
"""Empty places for further price changes, beside those that there are."""
RATES = range(1, TAXES_PER_VENUE_MAX + 1)


_PRICE_TITLES = {
    "face": "price of the place",
    "step_at": "change {number}, from",
    "step_to": "change {number}, price of the place",
    "opens_after": "what it waits for",
    "own_fee": "a fee of its own",
    "fee_flat": "flat part of the fee",
    "fee_percent": "share of the price as fee",
    "fee_least": "least fee",
    "fee_most": "highest fee",
    "fee_absorbed": "fee paid by the house",
}
_TAX_TITLES = {
    "tax_name": "Name of tax {number}",
    "tax_percent": "Rate of tax {number}",
    "taxes_added": "Added on top",
    "taxes_on_fees": "Fees are taxed too",
}


class _Reading:
    """Collects what is wrong while the rest is read on."""

    def __init__(self, form: forms.Form) -> None:
        self.form = form
        self.problems: Problems = {}

    def __call__(self, read: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return read()
        except forms.Mistyped as mistake:
            self.problems[mistake.field] = str(mistake)
            return otherwise

    def has(self, name: str) -> bool:
        return bool(self.form.get(name, "").strip())


def steps_offered(tier: Tier) -> range:
    """Numbers of the places for price changes on the form."""
    return range(1, min(PRICE_STEPS_MAX, len(tier.steps) + STEPS_OFFERED_MORE) + 1)


def filled_prices(event: Event, *, timezone: str) -> forms.Form:
    """The prices as they are."""
    form: forms.Form = MultiDict()
    _fill_fee(form, "event", event.fee, event.currency)
    keys = {tier.id: tier.key for tier in event.tiers}
    for tier in event.tiers:
        form[f"face.{tier.key}"] = words.plain_amount(tier.face)
        for number, step in enumerate(tier.steps, 1):
            form[f"step_at.{tier.key}.{number}"] = words.for_input(step.starts_at, timezone)
            form[f"step_to.{tier.key}.{number}"] = words.plain_amount(step.face)
        if tier.fee is not None:
            form[f"own_fee.{tier.key}"] = forms.YES
        form[f"opens_after.{tier.key}"] = keys.get(tier.opens_after, "") if tier.opens_after else ""
        _fill_fee(form, tier.key, tier.fee or FeeRule(), event.currency)
    return form


def price_title(name: str, event: Event) -> str | None:
    """What a field of the form of prices is called, by whom it is of."""
    kind, _, rest = name.partition(".")
    of, _, number = rest.partition(".")
    owner = next((tier.name for tier in event.tiers if tier.key == of), "The event")
    words_for = _PRICE_TITLES.get(kind)
    return f"{owner}, {words_for.format(number=number)}" if words_for else None


def tax_title(name: str) -> str | None:
    """What a field of the form of taxes is called."""
    kind, _, number = name.partition(".")
    words_for = _TAX_TITLES.get(kind)
    return words_for.format(number=number) if words_for else None


def read_prices(
    form: forms.Form, event: Event, *, timezone: str
) -> tuple[FeeRule, dict[TierId, TierPrices]] | Problems:
    """The event's fee rule and its tiers' prices, or all that is wrong."""
    read = _Reading(form)
    fee = _read_fee(read, "event", event.currency)
    tiers = {tier.id: _read_tier(read, tier, event, timezone) for tier in event.tiers}
    return read.problems or (fee, tiers)


def _read_tier(read: _Reading, tier: Tier, event: Event, timezone: str) -> TierPrices:
    currency = event.currency
    face = read(lambda: forms.amount(read.form, f"face.{tier.key}", currency=currency), tier.face)
    steps: dict[str, PriceStep] = {}
    for number in range(1, PRICE_STEPS_MAX + 1):
        at, to = f"step_at.{tier.key}.{number}", f"step_to.{tier.key}.{number}"
        if read.has(at) or read.has(to):
            step = read(partial(_read_step, read.form, at, to, currency, timezone), None)
            if step is not None:
                steps[at] = step
    in_order = sorted(steps.values(), key=lambda step: step.starts_at)
    for earlier, later in pairwise(in_order):
        if earlier.starts_at == later.starts_at:
            field = next(name for name, step in reversed(steps.items()) if step is later)
            read.problems[field] = "Two prices cannot begin at the same moment."
    own = read.form.get(f"own_fee.{tier.key}") == forms.YES
    fee = _read_fee(read, tier.key, currency) if own else None
    opens_after = read(partial(_read_opens_after, read.form, tier, event), None)
    return TierPrices(face=face, steps=() if read.problems else tuple(in_order), fee=fee, opens_after=opens_after)


def _read_opens_after(form: forms.Form, tier: Tier, event: Event) -> TierId | None:
    """A field that was not sent leaves it as it is; an empty one says: it waits for none."""
    written = form.get(f"opens_after.{tier.key}")
    if written is None:
        return tier.opens_after
    if not written:
        return None
    first = next((each.id for each in event.tiers if each.key == written), None)
    if first is None:
        raise forms.Mistyped(f"opens_after.{tier.key}", "Choose one of the ticket types of this event.")
    return first


def _read_step(form: forms.Form, at: str, to: str, currency: CurrencyCode, timezone: str) -> PriceStep:
    return PriceStep(
        starts_at=forms.moment(form, at, timezone=timezone), face=forms.amount(form, to, currency=currency)
    )


def _fill_fee(form: forms.Form, of: str, fee: FeeRule, currency: CurrencyCode) -> None:
    form[f"fee_flat.{of}"] = words.plain_amount(Money(fee.flat_minor, currency))
    form[f"fee_percent.{of}"] = words.plain_percent(fee.basis_points)
    form[f"fee_least.{of}"] = words.plain_amount(Money(fee.minimum_minor, currency)) if fee.minimum_minor else ""
    form[f"fee_most.{of}"] = "" if fee.maximum_minor is None else words.plain_amount(Money(fee.maximum_minor, currency))
    form[f"fee_absorbed.{of}"] = forms.YES if fee.absorbed else ""


def _read_fee(read: _Reading, of: str, currency: CurrencyCode) -> FeeRule:
    form, nothing = read.form, Money(0, currency)

    def amount(name: str) -> Money:
        return forms.amount(form, name, currency=currency)

    least, most = f"fee_least.{of}", f"fee_most.{of}"
    minimum = read(lambda: amount(least), nothing) if read.has(least) else nothing
    maximum = read(lambda: amount(most), nothing) if read.has(most) else None
    if maximum is not None and maximum < minimum and most not in read.problems:
        read.problems[most] = "No less than the least."
        maximum = None
    return FeeRule(
        flat_minor=read(lambda: amount(f"fee_flat.{of}"), nothing).amount,
        basis_points=read(lambda: forms.percent(form, f"fee_percent.{of}"), 0),
        minimum_minor=minimum.amount,
        maximum_minor=None if maximum is None else max(maximum, minimum).amount,
        absorbed=forms.switch(form, f"fee_absorbed.{of}"),
    )


def filled_taxes(taxes: TaxRule) -> forms.Form:
    """The taxes of a venue as they are."""
    form: forms.Form = MultiDict()
    for number, rate in enumerate(taxes.rates, 1):
        form[f"tax_name.{number}"] = rate.name
        form[f"tax_percent.{number}"] = words.plain_percent(rate.basis_points)
    form["taxes_added"] = forms.YES if taxes.added else "no"
    form["taxes_on_fees"] = forms.YES if taxes.on_fees else ""
    return form


def read_taxes(form: forms.Form) -> TaxRule | Problems:
    """The taxes of a venue, or all that is wrong. A line without a name and a rate is none."""
    read = _Reading(form)
    rates: list[TaxRate] = []
    for number in RATES:
        name, percent = f"tax_name.{number}", f"tax_percent.{number}"
        if not read.has(name) and not read.has(percent):
            continue
        called = read(partial(forms.text, form, name, at_most=TAX_NAME_LENGTH_MAX, required="What it is called."), "")
        points = read(partial(forms.percent, form, percent, least=1), 0)
        if any(rate.name == called for rate in rates):
            read.problems[name] = "Another tax is called so."
        elif called and points and called.isprintable():
            rates.append(TaxRate(name=called, basis_points=points))
        elif called and points:
            read.problems[name] = "Letters and signs on one line."
    if sum(rate.basis_points for rate in rates) > BASIS_POINTS:
        read.problems["tax_percent.1"] = "All taxes together are at most 100 percent."
    if read.problems:
        return read.problems
    added = forms.switch(form, "taxes_added")
    return TaxRule(rates=tuple(rates), added=added, on_fees=forms.switch(form, "taxes_on_fees"))


def filled_promotion(promotion: Promotion | None, event: Event, *, timezone: str) -> forms.Form:
    """A promotion as it is, or an empty form for a new one."""
    form: forms.Form = MultiDict()
    if promotion is None:
        form["kind"] = PromotionKind.PERCENT.value
        return form
    form["label"], form["kind"] = promotion.label, promotion.kind.value
    if promotion.kind is PromotionKind.PERCENT:
        form["percent"] = words.plain_percent(promotion.value)
    elif promotion.kind is PromotionKind.AMOUNT:
        form["amount"] = words.plain_amount(Money(promotion.value, event.currency))
    form.setlist("tier", [str(tier) for tier in sorted(promotion.tiers)])
    for name in ("presale_at", "starts_at", "ends_at"):
        moment = getattr(promotion, name)
        form[name] = words.for_input(moment, timezone) if moment else ""
    for name in ("uses_max", "per_buyer_max"):
        number = getattr(promotion, name)
        form[name] = "" if number is None else str(number)
    return form


def read_promotion(
    form: forms.Form, event: Event, *, promotion_id: PromotionId, known: Promotion | None, timezone: str
) -> Promotion | Problems:
    """The promotion that the form describes, or all that is wrong. One that is ``known`` keeps its code."""
    read = _Reading(form)
    code = "" if known else read(lambda: _read_code(form), "")
    label = read(lambda: forms.text(form, "label", at_most=LABEL_LENGTH_MAX, required="What to call it."), "")
    kind = read(lambda: forms.one_of(form, "kind", PromotionKind, required="What it does."), PromotionKind.NONE)
    value = read(lambda: _read_value(form, kind, event.currency), 0)
    nothing: tuple[UUID, ...] = ()
    tiers = read(lambda: forms.uuids(form, "tier"), nothing)
    moments: dict[str, datetime | None] = {
        name: read(partial(forms.moment, form, name, timezone=timezone), None) if read.has(name) else None
        for name in ("presale_at", "starts_at", "ends_at")
    }
    if moments["starts_at"] and moments["ends_at"] and moments["ends_at"] <= moments["starts_at"]:
        read.problems["ends_at"] = "Later than it starts."
    limits: dict[str, int | None] = {
        name: read(partial(forms.whole, form, name, least=least, most=USES_MAX), None) if read.has(name) else None
        for name, least in (("uses_max", 0), ("per_buyer_max", 1))
    }
    if read.problems:
        return read.problems
    wanted = Promotion(
        id=promotion_id,
        digest=known.digest if known else digest(code),
        label=label,
        kind=kind,
        value=value,
        tiers=frozenset(map(TierId, tiers)),
        presale_at=moments["presale_at"],
        starts_at=moments["starts_at"],
        ends_at=moments["ends_at"],
        uses_max=limits["uses_max"],
        per_buyer_max=limits["per_buyer_max"],
    )
    return replace(wanted, active=known.active) if known else wanted


def _read_code(form: forms.Form) -> str:
    code = forms.text(form, "code", at_most=CODE_LENGTH_MAX, required="The word that its holders type.")
    if len(code) < CODE_LENGTH_MIN:
        raise forms.Mistyped("code", f"At least {CODE_LENGTH_MIN} characters: shorter ones are guessed.")
    return code


def _read_value(form: forms.Form, kind: PromotionKind, currency: CurrencyCode) -> int:
    match kind:
        case PromotionKind.PERCENT:
            return forms.percent(form, "percent", least=1)
        case PromotionKind.AMOUNT:
            return forms.amount(form, "amount", currency=currency, least=1).amount
        case PromotionKind.NONE:
            return 0
