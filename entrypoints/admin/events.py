"""Events: how each sells, and the terms of its sale."""

from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.postpone_event import PostponeEvent
from domain.accounts import Action
from domain.errors import Rejection
from domain.events import Event, EventId, EventState, SaleTerms
from domain.ports.backoffice import EventsFilter, EventStock
from domain.postponements import NOTE_LENGTH_MAX
from domain.prices import PriceRules, unit_price
from domain.tiers import UnitPrice, tier_pool
from entrypoints.admin import forms, terms_form
from entrypoints.admin.live_stock import LiveStock, live_stock
from entrypoints.admin.services import RECENT, current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/events", view_func=events)
    blueprint.add_url_rule("/events/<uuid:event_id>", view_func=event)
    blueprint.add_url_rule("/events/<uuid:event_id>/terms", view_func=change_terms, methods=["POST"])
    blueprint.add_url_rule("/events/<uuid:event_id>/publish", view_func=publish, methods=["GET", "POST"])
    blueprint.add_url_rule("/events/<uuid:event_id>/cancel", view_func=cancel, methods=["GET", "POST"])
    blueprint.add_url_rule("/events/<uuid:event_id>/postpone", view_func=postpone, methods=["GET", "POST"])


@allowed(Action.VIEW)
def events() -> str:
    now = current().clock().now()
    try:
        state = request.args.get("state")
        wanted = EventsFilter(
            text=forms.search(request.args, "q"),
            state=EventState(state) if state else None,
            past=request.args.get("past") == "yes",
            cursor=request.args.get("cursor"),
        )
        page = current().backoffice().events(wanted=wanted, now=now, since=now - RECENT)
    except ValueError:
        abort(404)
    return render_template("admin/events.html", page=page, wanted=wanted, states=list(EventState), now=now)


@allowed(Action.VIEW)
def event(event_id: EventId) -> str:
    return _page(event_id)


@allowed(Action.EDIT_EVENTS)
def change_terms(event_id: EventId) -> Response | tuple[str, int]:
    found = _event(event_id)
    timezone = current().backoffice().event(event_id, since=current().clock().now()).figures.timezone
    terms = terms_form.read(request.form, found.terms, timezone=timezone)
    if not isinstance(terms, SaleTerms):
        return _page(event_id, problems=terms), 422
    answer = current().change_terms(event_id, terms=terms, actor=member().email)
    if isinstance(answer, Rejection):
        return _page(event_id, problems={"terms": answer.message}), 422
    flash("The terms are changed. Shoppers see them within a second; reservations keep what they were given.", "done")
    return redirect(url_for("admin.event", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def publish(event_id: EventId) -> str | Response:
    """Ask first; publishing is seen by everybody."""
    found = _event(event_id)
    if request.method == "GET":
        return _confirmation("admin/event_publish.html", found)
    answer = current().publish_event(event_id, actor=member().email)
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(f"{answer.name} is published.", "done")
    return redirect(url_for("admin.event", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def cancel(event_id: EventId) -> str | Response | tuple[str, int]:
    """Ask first, and have the event's short name typed: this cannot be taken back."""
    found = _event(event_id)
    if request.method == "GET":
        return _confirmation("admin/event_cancel.html", found)
    if request.form.get("slug", "").strip() != found.slug:
        problem = f"Type {found.slug} to confirm."
        return _confirmation("admin/event_cancel.html", found, problem=problem), 422
    current().cancel_event(event_id, actor=member().email)
    flash(f"{found.name} is cancelled. Nothing is sold any more.", "done")
    if member().may(Action.REFUND):
        return redirect(url_for("admin.new_batch", event=event_id), code=303)
    flash("Ask finance to prepare the refunds: under Batches, for all orders together.", "done")
    return redirect(url_for("admin.event", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def postpone(event_id: EventId) -> str | Response | tuple[str, int]:
    """A new date, and what buyers may do whom it does not suit."""
    found = _event(event_id)
    if request.method == "GET":
        return _confirmation("admin/event_postpone.html", found)
    timezone = current().backoffice().event(event_id, since=current().clock().now()).figures.timezone
    try:
        until = request.form.get("refunds_until", "").strip()
        command = PostponeEvent(
            event_id=event_id,
            starts_at=forms.moment(request.form, "starts_at", timezone=timezone),
            refunds_until=forms.moment(request.form, "refunds_until", timezone=timezone) if until else None,
            note=forms.text(request.form, "note", at_most=NOTE_LENGTH_MAX),
            actor=member().email,
        )
    except forms.Mistyped as mistake:
        return _confirmation("admin/event_postpone.html", found, problems={mistake.field: str(mistake)}), 422
    answer = current().postpone_event(command)
    if isinstance(answer, Rejection):
        field = str(answer.details.get("field", "starts_at"))
        return _confirmation("admin/event_postpone.html", found, problems={field: answer.message}), 422
    flash(f"{found.name} has its new date. Everybody with a ticket is written to in these minutes.", "done")
    return redirect(url_for("admin.event", event_id=event_id), code=303)


def _event(event_id: EventId) -> Event:
    with current().unit_of_work() as uow:
        return uow.events.get(event_id)


def _page(event_id: EventId, *, problems: dict[str, str] | None = None) -> str:
    now = current().clock().now()
    stock = current().backoffice().event(event_id, since=now - RECENT)
    found = _event(event_id)
    live = live_stock(event_id)
    return render_template(
        "admin/event.html",
        event=found,
        unit=_unit_prices(found, now),
        stock=stock,
        whole=live.of_all_zones(stock.figures.stock),
        zones=[(pool, live.of_pool(pool.key, pool.stock)) for pool in stock.pools if pool.key.startswith("z:")],
        limits=_limits(found, stock, live),
        problems=problems or {},
        typed=request.form if problems else terms_form.filled(found.terms, timezone=stock.figures.timezone),
        titles=terms_form.TITLES,
        numbers=terms_form.NUMBERS,
        durations=terms_form.DURATIONS,
        now=now,
    )


def _unit_prices(event: Event, now: datetime) -> dict[str, UnitPrice]:
    """What a ticket of each tier costs now, by the tier's key."""
    with current().unit_of_work() as uow:
        taxes = uow.venues.get(event.venue_id).taxes
    rules = PriceRules(fee=event.fee, taxes=taxes)
    return {tier.key: unit_price(tier, rules, now=now) for tier in event.tiers}


def _limits(event: Event, stock: EventStock, live: LiveStock) -> dict[str, int]:
    """What is left of each tier's own limit, for tiers that have one."""
    own = {pool.key: pool.stock for pool in stock.pools}
    keys = {tier.key: tier_pool(tier.key) for tier in event.tiers if tier.capacity is not None}
    return {tier: live.of_pool(key, own[key]).free for tier, key in keys.items()}


def _confirmation(
    template: str, event: Event, *, problem: str | None = None, problems: dict[str, str] | None = None
) -> str:
    now = current().clock().now()
    stock = current().backoffice().event(event.id, since=now - RECENT)
    return render_template(template, event=event, stock=stock, problem=problem, problems=problems or {}, now=now)
