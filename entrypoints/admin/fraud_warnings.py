"""Early fraud warnings: a bank suspects a payment, and a person decides whether the sale stands."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.follow_fraud_warning import DecideWarning
from domain.accounts import Action
from domain.errors import Rejection
from domain.fraud_warnings import FraudWarningId
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member

_DECIDED = "decided"


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/fraud-warnings", view_func=fraud_warnings)
    blueprint.add_url_rule("/fraud-warnings/<uuid:warning_id>", view_func=decide_warning, methods=["POST"])


@allowed(Action.VIEW)
def fraud_warnings() -> str:
    show = request.args.get("show", "waiting")
    if show not in {"waiting", _DECIDED}:
        abort(404)
    rows = current().aftersales().warnings(waiting=show != _DECIDED)
    return render_template("admin/fraud_warnings.html", rows=rows, show=show, now=current().clock().now())


@allowed(Action.REFUND)
def decide_warning(warning_id: FraudWarningId) -> Response:
    """Refund what nobody has used, or let the sale stand, with a note that says why."""
    page = redirect(url_for("admin.fraud_warnings"), code=303)
    refund = request.form.get("decision") == "refund"
    required = None if refund else "Write why the sale stands: others will ask."
    try:
        note = forms.text(request.form, "note", required=required)
    except forms.Mistyped as mistake:
        flash(str(mistake), "problem")
        return page
    answer = current().decide_warning(
        DecideWarning(warning_id=warning_id, refund=refund, actor=member().email, note=note)
    )
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    elif refund:
        flash("The money is on its way back, and the unused tickets are void.", "done")
    else:
        flash("Dismissed: the sale stands, and it is not held against the buyer.", "done")
    return page
