"""Webhooks to organisers' own systems: where they go, how they fare, and every message with every try."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.manage_webhooks import EndpointAndSecret, EndpointTerms
from domain.accounts import Action
from domain.errors import Rejection
from domain.outgoing_webhooks import (
    CHOOSABLE,
    DESCRIPTION_LENGTH_MAX,
    URL_LENGTH_MAX,
    DeliveryId,
    DeliveryState,
    EndpointId,
    HookKind,
)
from domain.venues import VenueId
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/webhooks", view_func=webhooks)
    blueprint.add_url_rule("/webhooks", view_func=add_webhook, methods=["POST"])
    blueprint.add_url_rule("/webhooks/<uuid:endpoint_id>", view_func=webhook)
    blueprint.add_url_rule("/webhooks/<uuid:endpoint_id>", view_func=change_webhook, methods=["POST"])
    blueprint.add_url_rule("/webhooks/<uuid:endpoint_id>/secret", view_func=rotate_webhook, methods=["POST"])
    blueprint.add_url_rule("/webhooks/<uuid:endpoint_id>/switch", view_func=switch_webhook, methods=["POST"])
    blueprint.add_url_rule("/webhooks/<uuid:endpoint_id>/test", view_func=test_webhook, methods=["POST"])
    blueprint.add_url_rule("/webhooks/deliveries/<uuid:delivery_id>", view_func=delivery)
    blueprint.add_url_rule(
        "/webhooks/deliveries/<uuid:delivery_id>/again", view_func=send_webhook_again, methods=["POST"]
    )


@allowed(Action.MANAGE_WEBHOOKS)
def webhooks() -> str:
    return _list({})


@allowed(Action.MANAGE_WEBHOOKS)
def add_webhook() -> str | tuple[str, int]:
    try:
        terms = _terms()
    except forms.Mistyped as mistake:
        return _list({mistake.field: str(mistake)}), 422
    added = current().add_endpoint(terms, actor=member().email)
    if isinstance(added, Rejection):
        return _list({str(added.details.get("field", "url")): added.message}), 422
    return _with_secret(added), 201


@allowed(Action.MANAGE_WEBHOOKS)
def webhook(endpoint_id: UUID) -> str:
    return _page(EndpointId(endpoint_id), {})


@allowed(Action.MANAGE_WEBHOOKS)
def change_webhook(endpoint_id: UUID) -> Response | tuple[str, int]:
    try:
        terms = _terms()
    except forms.Mistyped as mistake:
        return _page(EndpointId(endpoint_id), {mistake.field: str(mistake)}), 422
    changed = current().change_endpoint(EndpointId(endpoint_id), terms=terms, actor=member().email)
    if isinstance(changed, Rejection):
        return _page(EndpointId(endpoint_id), {str(changed.details.get("field", "url")): changed.message}), 422
    flash("Saved. What waits is sent to the address as it is now.", "done")
    return _back(endpoint_id)


@allowed(Action.MANAGE_WEBHOOKS)
def rotate_webhook(endpoint_id: UUID) -> Response | str:
    rotated = current().rotate_secret(EndpointId(endpoint_id), actor=member().email)
    if isinstance(rotated, Rejection):
        flash(rotated.message, "problem")
        return _back(endpoint_id)
    return _with_secret(rotated)


@allowed(Action.MANAGE_WEBHOOKS)
def switch_webhook(endpoint_id: UUID) -> Response:
    wanted = forms.switch(request.form, "on")
    current().switch_endpoint(EndpointId(endpoint_id), on=wanted, actor=member().email)
    flash(
        "It is on. What waited is sent now." if wanted else "It is off. What happens from now on is not kept.", "done"
    )
    return _back(endpoint_id)


@allowed(Action.MANAGE_WEBHOOKS)
def test_webhook(endpoint_id: UUID) -> Response:
    sent = current().send_test(EndpointId(endpoint_id), actor=member().email)
    if isinstance(sent, Rejection):
        flash(sent.message, "problem")
        return _back(endpoint_id)
    flash("A test is on its way. Look again in a moment to see what came of it.", "done")
    return redirect(url_for("admin.delivery", delivery_id=sent.id), code=303)


@allowed(Action.MANAGE_WEBHOOKS)
def delivery(delivery_id: UUID) -> str:
    with current().unit_of_work() as uow:
        sent = uow.webhooks.get_delivery(DeliveryId(delivery_id))
        endpoint = uow.webhooks.get_endpoint(sent.delivery.endpoint_id)
    return render_template("admin/webhook_delivery.html", sent=sent, endpoint=endpoint, now=current().clock().now())


@allowed(Action.MANAGE_WEBHOOKS)
def send_webhook_again(delivery_id: UUID) -> Response:
    again = current().send_again(DeliveryId(delivery_id), actor=member().email)
    if isinstance(again, Rejection):
        flash(again.message, "problem")
    else:
        flash("It is sent once more, under the same id.", "done")
    return redirect(url_for("admin.delivery", delivery_id=delivery_id), code=303)


def _terms() -> EndpointTerms:
    try:
        kinds = frozenset(map(HookKind, request.form.getlist("kinds")))
    except ValueError as error:
        raise forms.Mistyped("kinds", "Choose among what is listed.") from error
    venues = forms.uuids(request.form, "venue") if request.form.get("venue") else ()
    return EndpointTerms(
        url=forms.text(request.form, "url", at_most=URL_LENGTH_MAX, required="The address to send to."),
        description=forms.text(request.form, "description", at_most=DESCRIPTION_LENGTH_MAX),
        kinds=kinds,
        venue_id=VenueId(venues[0]) if venues else None,
    )


def _list(problems: dict[str, str]) -> str:
    with current().unit_of_work() as uow:
        endpoints = uow.webhooks.endpoints()
    return render_template(
        "admin/webhooks.html", endpoints=endpoints, problems=problems, now=current().clock().now(), **_choices()
    )


def _page(endpoint_id: EndpointId, problems: dict[str, str]) -> str:
    try:
        state = DeliveryState(wanted) if (wanted := request.args.get("state")) else None
        with current().unit_of_work() as uow:
            endpoint = uow.webhooks.get_endpoint(endpoint_id)
            page = uow.webhooks.log(endpoint_id, state=state, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    return render_template(
        "admin/webhook.html",
        endpoint=endpoint,
        page=page,
        state=state,
        states=list(DeliveryState),
        problems=problems,
        now=current().clock().now(),
        **_choices(),
    )


def _with_secret(made: EndpointAndSecret) -> str:
    """The one page that shows a secret. It is never stored and never shown again."""
    return render_template("admin/webhook_secret.html", endpoint=made.endpoint, secret=made.secret)


def _choices() -> dict[str, object]:
    return {
        "kinds": CHOOSABLE,
        "venues": current().settlements().venues(),
        "typed": request.form,
        "url_length_max": URL_LENGTH_MAX,
        "description_length_max": DESCRIPTION_LENGTH_MAX,
    }


def _back(endpoint_id: UUID) -> Response:
    return redirect(url_for("admin.webhook", endpoint_id=endpoint_id), code=303)
