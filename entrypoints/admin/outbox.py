"""Effects on the outside that are waiting, and those that gave up and need a person."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from domain.accounts import Action
from domain.ports.backoffice import EffectState
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/outbox", view_func=outbox)
    blueprint.add_url_rule("/outbox/<uuid:row_id>/retry", view_func=retry, methods=["POST"])


@allowed(Action.VIEW)
def outbox() -> str:
    try:
        state = EffectState(request.args.get("state", EffectState.PARKED))
        page = current().backoffice().effects(state=state, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    return render_template("admin/outbox.html", page=page, state=state, now=current().clock().now())


@allowed(Action.RETRY_OUTBOX)
def retry(row_id: UUID) -> Response:
    if current().revive_effect(row_id, actor=member().email):
        flash("It is tried again from the start.", "done")
    else:
        flash("It is not parked any more: somebody was faster.", "problem")
    return redirect(url_for("admin.outbox"), code=303)
