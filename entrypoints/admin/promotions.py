"""Promotions of an event: codes, what they do, and how often they were used."""

from dataclasses import dataclass, replace
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.change_prices import SavePromotion
from domain.accounts import Action
from domain.errors import Rejection
from domain.events import Event, EventId
from domain.promotions import CODE_LENGTH_MAX, LABEL_LENGTH_MAX, Promotion, PromotionId, PromotionKind, promotion_pool
from domain.venues import Venue
from entrypoints.admin import forms, price_forms
from entrypoints.admin.live_stock import live_stock
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """Tickets that were had with a promotion. ``held`` is None when the inventory does not answer."""

    sold: int
    paying: int
    held: int | None


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/events/<uuid:event_id>/promotions", view_func=promotions)
    blueprint.add_url_rule("/events/<uuid:event_id>/promotions", view_func=create_promotion, methods=["POST"])
    one = "/events/<uuid:event_id>/promotions/<uuid:promotion_id>"
    blueprint.add_url_rule(one, view_func=promotion)
    blueprint.add_url_rule(one, view_func=change_promotion, methods=["POST"])
    blueprint.add_url_rule(f"{one}/switch", view_func=switch_promotion, methods=["POST"])


@allowed(Action.VIEW)
def promotions(event_id: EventId) -> str:
    return _list(event_id)


@allowed(Action.EDIT_EVENTS)
def create_promotion(event_id: EventId) -> Response | tuple[str, int]:
    event, venue = _event_and_venue(event_id)
    # Named by the form, so that sending it twice makes one.
    new_id = _new_id(request.form)
    known = _found(event, new_id)
    wanted = price_forms.read_promotion(request.form, event, promotion_id=new_id, known=known, timezone=venue.timezone)
    if isinstance(wanted, dict):
        return _list(event_id, problems=wanted, typed=request.form), 422
    answer = current().save_promotion(SavePromotion(event_id=event.id, promotion=wanted, actor=member().email))
    if isinstance(answer, Rejection):
        return _list(event_id, problems=_problem(answer), typed=request.form), 422
    flash(f"{answer.label} is good from now on. Its code is not kept: note it down.", "done")
    return redirect(url_for("admin.promotions", event_id=event_id), code=303)


@allowed(Action.VIEW)
def promotion(event_id: EventId, promotion_id: UUID) -> str:
    return _one(event_id, promotion_id)


@allowed(Action.EDIT_EVENTS)
def change_promotion(event_id: EventId, promotion_id: UUID) -> Response | tuple[str, int]:
    event, venue = _event_and_venue(event_id)
    known = _known(event, promotion_id)
    wanted = price_forms.read_promotion(
        request.form, event, promotion_id=known.id, known=known, timezone=venue.timezone
    )
    if isinstance(wanted, dict):
        return _one(event_id, promotion_id, problems=wanted, typed=request.form), 422
    answer = current().save_promotion(SavePromotion(event_id=event.id, promotion=wanted, actor=member().email))
    if isinstance(answer, Rejection):
        return _one(event_id, promotion_id, problems=_problem(answer), typed=request.form), 422
    flash(f"{answer.label} is changed. Reservations and orders keep what they were given.", "done")
    return redirect(url_for("admin.promotions", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def switch_promotion(event_id: EventId, promotion_id: UUID) -> Response:
    """Stop it, or let it go on. The form says which, so pressing twice is once."""
    event, _ = _event_and_venue(event_id)
    known = _known(event, promotion_id)
    wanted = replace(known, active=request.form.get("active") == forms.YES)
    answer = current().save_promotion(SavePromotion(event_id=event.id, promotion=wanted, actor=member().email))
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(
            f"{answer.label} {'is good again' if answer.active else 'is stopped; what was sold with it stays'}.", "done"
        )
    return redirect(url_for("admin.promotions", event_id=event_id), code=303)


def _event_and_venue(event_id: EventId) -> tuple[Event, Venue]:
    with current().unit_of_work() as uow:
        event = uow.events.get(event_id)
        return event, uow.venues.get(event.venue_id)


def _found(event: Event, promotion_id: UUID) -> Promotion | None:
    return next((each for each in event.promotions if each.id == promotion_id), None)


def _known(event: Event, promotion_id: UUID) -> Promotion:
    found = _found(event, promotion_id)
    if found is None:
        abort(404)
    return found


def _new_id(form: forms.Form) -> PromotionId:
    try:
        return PromotionId(UUID(form.get("id", "")))
    except ValueError:
        return PromotionId(current().ids().uuid())


def _problem(rejection: Rejection) -> dict[str, str]:
    return {str(rejection.details.get("field", "promotion")): rejection.message}


def _uses(event: Event) -> dict[str, Uses]:
    """By the key of the promotion."""
    with current().unit_of_work() as uow:
        counts = uow.stock.pools(event.id)
    live = live_stock(event.id)
    found: dict[str, Uses] = {}
    for each in event.promotions:
        pool = promotion_pool(each.key)
        count = counts[pool]
        held = count.held(free=live.free.get(pool)) if live.answers else None
        found[each.key] = Uses(sold=count.allocated, paying=count.claimed, held=held)
    return found


def _list(event_id: EventId, *, problems: dict[str, str] | None = None, typed: forms.Form | None = None) -> str:
    event, venue = _event_and_venue(event_id)
    if typed is None:
        typed = price_forms.filled_promotion(None, event, timezone=venue.timezone)
    return render_template(
        "admin/promotions.html",
        uses=_uses(event),
        new_id=typed.get("id") or current().ids().uuid(),
        **_common(event, venue, typed, problems),
    )


def _one(
    event_id: EventId,
    promotion_id: UUID,
    *,
    problems: dict[str, str] | None = None,
    typed: forms.Form | None = None,
) -> str:
    event, venue = _event_and_venue(event_id)
    known = _known(event, promotion_id)
    if typed is None:
        typed = price_forms.filled_promotion(known, event, timezone=venue.timezone)
    return render_template(
        "admin/promotion.html",
        promotion=known,
        uses=_uses(event)[known.key],
        **_common(event, venue, typed, problems),
    )


def _common(event: Event, venue: Venue, typed: forms.Form, problems: dict[str, str] | None) -> dict[str, object]:
    return {
        "event": event,
        "venue": venue,
        "tiers": sorted(event.tiers, key=lambda tier: tier.position),
        "kinds": PromotionKind,
        "typed": typed,
        "problems": problems or {},
        "now": current().clock().now(),
        "code_length_max": CODE_LENGTH_MAX,
        "label_length_max": LABEL_LENGTH_MAX,
    }
