"""Orders that wait for a person's judgement."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.decide_reviews import DECIDED_SECONDS_BEFORE, WARNED_SECONDS_BEFORE
from application.commands.review_order import ReviewOrder
from domain.accounts import Action
from domain.errors import Rejection
from domain.orders import OrderId
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/reviews", view_func=reviews)
    blueprint.add_url_rule("/orders/<uuid:order_id>/review", view_func=decide, methods=["POST"])


@allowed(Action.VIEW)
def reviews() -> str:
    waiting = current().backoffice().reviews()
    return render_template(
        "admin/reviews.html",
        waiting=waiting,
        now=current().clock().now(),
        ahead=timedelta(seconds=DECIDED_SECONDS_BEFORE),
        soon=timedelta(seconds=WARNED_SECONDS_BEFORE - DECIDED_SECONDS_BEFORE),
    )


@allowed(Action.REVIEW_ORDERS)
def decide(order_id: OrderId) -> Response:
    """Approve or reject, with a note that the audit trail keeps."""
    page = redirect(url_for("admin.order", order_id=order_id), code=303)
    approve = request.form.get("verdict") == "approve"
    try:
        note = forms.text(request.form, "note")
        if not approve:
            forms.text(request.form, "note", required="Write why the order is rejected: others will ask.")
    except forms.Mistyped as mistake:
        flash(str(mistake), "problem")
        return page
    answer = current().review_order(ReviewOrder(order_id=order_id, approve=approve, actor=member().email, note=note))
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    elif approve:
        flash("Approved. The money is being captured; the tickets follow within moments.", "done")
    else:
        flash("Rejected. The money is let go and the places are back on sale.", "done")
    return page
