"""Effects on the outside that are waiting, and those that gave up and need a person."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from domain.accounts import Action
from domain.errors import Rejection
from domain.ports.backoffice import EffectState
from domain.ports.outbox import DISCARD_REASON_LENGTH_MAX, Effect
from entrypoints.admin import words
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/outbox", view_func=outbox)
    blueprint.add_url_rule("/outbox/retry-all", view_func=retry_all, methods=["POST"])
    blueprint.add_url_rule("/outbox/<uuid:row_id>/retry", view_func=retry, methods=["POST"])
    blueprint.add_url_rule("/outbox/<uuid:row_id>/discard", view_func=discard, methods=["POST"])


@allowed(Action.VIEW)
def outbox() -> str:
    try:
        state = EffectState(request.args.get("state", EffectState.PARKED))
        effect = Effect(wanted) if (wanted := request.args.get("effect")) else None
        page = current().backoffice().effects(state=state, effect=effect, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    return render_template(
        "admin/outbox.html",
        page=page,
        state=state,
        effect=effect,
        reason_length_max=DISCARD_REASON_LENGTH_MAX,
        now=current().clock().now(),
    )


@allowed(Action.RETRY_OUTBOX)
def retry(row_id: UUID) -> Response:
    if current().revive_effect(row_id, actor=member().email):
        flash("It is tried again from the start.", "done")
    else:
        flash("It is not parked any more: somebody was faster.", "problem")
    return redirect(url_for("admin.outbox"), code=303)


@allowed(Action.RETRY_OUTBOX)
def retry_all() -> Response:
    try:
        effect = Effect(request.form.get("effect", ""))
    except ValueError:
        abort(404)
    if revived := current().revive_effects(effect, actor=member().email):
        flash(f"{words.count(revived)} tried again from the start: {words.EFFECTS[effect].lower()}.", "done")
    else:
        flash("None of this kind is parked any more.", "problem")
    return redirect(url_for("admin.outbox"), code=303)


@allowed(Action.DISCARD_EFFECTS)
def discard(row_id: UUID) -> Response:
    refused = current().discard_effect(row_id, because=request.form.get("because", ""), actor=member().email)
    if isinstance(refused, Rejection):
        flash(refused.message, "problem")
    else:
        flash("It will not happen. The audit trail says who decided it, and why.", "done")
    return redirect(url_for("admin.outbox"), code=303)
