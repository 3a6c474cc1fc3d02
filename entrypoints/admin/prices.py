"""Prices of an event: what its tiers cost and when that changes, the fee, and the taxes of its venue."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.change_prices import ChangePrices, ChangeTaxes, told_prices
from domain.accounts import Action
from domain.errors import Rejection
from domain.events import Event, EventId
from domain.openings import waited_for
from domain.prices import PriceRules, tax_parts, unit_price
from domain.venues import Venue
from entrypoints.admin import forms, lost_updates, price_forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/events/<uuid:event_id>/prices", view_func=prices)
    blueprint.add_url_rule("/events/<uuid:event_id>/prices", view_func=change_prices, methods=["POST"])
    blueprint.add_url_rule("/events/<uuid:event_id>/taxes", view_func=change_taxes, methods=["POST"])


@allowed(Action.VIEW)
def prices(event_id: EventId) -> str:
    return _page(event_id)


@allowed(Action.EDIT_EVENTS)
def change_prices(event_id: EventId) -> Response | tuple[str, int]:
    """What others saved since the page was opened is shown first; the use case looks once more."""
    event, venue = _event_and_venue(event_id)
    if found := _overtaken_prices(event, venue):
        return _page(event_id, typed=found.typed, overtaken=found), 409
    wanted = price_forms.read_prices(request.form, event, timezone=venue.timezone)
    if isinstance(wanted, dict):
        return _page(event_id, problems=wanted, typed=request.form), 422
    fee, tiers = wanted
    answer = current().change_prices(
        ChangePrices(event_id=event.id, fee=fee, tiers=tiers, actor=member().email, seen=told_prices(event))
    )
    if isinstance(answer, Rejection):
        if found := _overtaken_prices(*_event_and_venue(event_id)):  # In this very moment.
            return _page(event_id, typed=found.typed, overtaken=found), 409
        field = str(answer.details.get("field", "prices"))
        return _page(event_id, problems={field: answer.message}, typed=request.form), 422
    flash("The prices are changed. Shoppers see them within a second; reservations and orders keep theirs.", "done")
    return redirect(url_for("admin.prices", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def change_taxes(event_id: EventId) -> Response | tuple[str, int]:
    """The venue's, from the page of one of its events."""
    _, venue = _event_and_venue(event_id)
    if found := _overtaken_taxes(venue):
        return _page(event_id, typed_taxes=found.typed, overtaken_taxes=found), 409
    taxes = price_forms.read_taxes(request.form)
    if isinstance(taxes, dict):
        return _page(event_id, problems=taxes, typed_taxes=request.form), 422
    answer = current().change_taxes(ChangeTaxes(venue_id=venue.id, taxes=taxes, actor=member().email, seen=venue.taxes))
    if isinstance(answer, Rejection):
        _, venue = _event_and_venue(event_id)
        if found := _overtaken_taxes(venue):  # In this very moment.
            return _page(event_id, typed_taxes=found.typed, overtaken_taxes=found), 409
        return _page(event_id, problems={"taxes": answer.message}, typed_taxes=request.form), 422
    flash(f"The taxes of {venue.name} are changed, for everything that is sold there from now on.", "done")
    return redirect(url_for("admin.prices", event_id=event_id), code=303)


def _overtaken_prices(event: Event, venue: Venue) -> lost_updates.Overtaken | None:
    return lost_updates.overtaken(
        request.form,
        price_forms.filled_prices(event, timezone=venue.timezone),
        title=lambda name: price_forms.price_title(name, event),
        action="event.prices_changed",
        subject=event.id,
    )


def _overtaken_taxes(venue: Venue) -> lost_updates.Overtaken | None:
    return lost_updates.overtaken(
        request.form,
        price_forms.filled_taxes(venue.taxes),
        title=price_forms.tax_title,
        action="venue.taxes_changed",
        subject=venue.id,
    )


def _event_and_venue(event_id: EventId) -> tuple[Event, Venue]:
    with current().unit_of_work() as uow:
        event = uow.events.get(event_id)
        return event, uow.venues.get(event.venue_id)


def _page(
    event_id: EventId,
    *,
    problems: dict[str, str] | None = None,
    typed: forms.Form | None = None,
    typed_taxes: forms.Form | None = None,
    overtaken: lost_updates.Overtaken | None = None,
    overtaken_taxes: lost_updates.Overtaken | None = None,
) -> str:
    event, venue = _event_and_venue(event_id)
    now, rules = current().clock().now(), PriceRules(fee=event.fee, taxes=venue.taxes)
    prices_now = price_forms.filled_prices(event, timezone=venue.timezone)
    taxes_now = price_forms.filled_taxes(venue.taxes)
    units = {tier.key: unit_price(tier, rules, now=now) for tier in event.tiers}
    return render_template(
        "admin/prices.html",
        event=event,
        venue=venue,
        tiers=sorted(event.tiers, key=lambda tier: tier.position),
        waited_for={tier.key: waited_for(tier, event.tiers) for tier in event.tiers},
        units=units,
        tax_parts={key: tax_parts([(unit, 1)], venue.taxes) for key, unit in units.items()},
        typed=typed if typed is not None else prices_now,
        typed_taxes=typed_taxes if typed_taxes is not None else taxes_now,
        seen=lost_updates.carried(typed) or lost_updates.seen(prices_now),
        seen_taxes=lost_updates.carried(typed_taxes) or lost_updates.seen(taxes_now),
        overtaken=overtaken,
        overtaken_taxes=overtaken_taxes,
        steps_offered={tier.key: price_forms.steps_offered(tier) for tier in event.tiers},
        rates=price_forms.RATES,
        problems=problems or {},
        now=now,
    )
