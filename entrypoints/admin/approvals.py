"""Refunds and batches of refunds that wait for a second person."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.decide_refund import DecideRefund
from domain.accounts import Action
from domain.errors import Rejection
from domain.refund_requests import NOTE_LENGTH_MAX, RefundRequestId
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member

APPROVALS_MAX = 200
"""How many the page shows: whoever has more waiting needs people, not a longer page."""


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/approvals", view_func=approvals)
    blueprint.add_url_rule("/approvals/<uuid:request_id>", view_func=decide_approval, methods=["POST"])


@allowed(Action.REFUND)
def approvals() -> str:
    """The longest waiting first."""
    with current().unit_of_work() as uow:
        waiting = uow.refund_requests.waiting(at_most=APPROVALS_MAX)
        rows = [(each, uow.orders.get(each.order_id)) for each in waiting]
        batches = [
            (batch, uow.refund_batches.approvable(batch.id))
            for batch in uow.refund_batches.awaiting_approval(at_most=APPROVALS_MAX)
        ]
        events = {order.event_id: uow.events.get(order.event_id) for _, order in rows}
    return render_template(
        "admin/approvals.html",
        rows=rows,
        batches=batches,
        events=events,
        note_length=NOTE_LENGTH_MAX,
        now=current().clock().now(),
    )


def waiting_for_somebody() -> int:
    """How much waits, counted no further than the page shows."""
    with current().unit_of_work() as uow:
        requests = len(uow.refund_requests.waiting(at_most=APPROVALS_MAX))
        return requests + len(uow.refund_batches.awaiting_approval(at_most=APPROVALS_MAX))


@allowed(Action.REFUND)
def decide_approval(request_id: UUID) -> Response:
    """Yes or no; the no needs a note."""
    page = redirect(url_for("admin.approvals"), code=303)
    try:
        note = forms.text(request.form, "note", at_most=NOTE_LENGTH_MAX)
    except forms.Mistyped as mistake:
        flash(str(mistake), "problem")
        return page
    approve = request.form.get("verdict") == "approve"
    command = DecideRefund(
        request_id=RefundRequestId(request_id), approve=approve, actor=member().email, note=note
    )  # fmt: skip
    answer = current().decide_refund(command)
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    elif approve:
        flash("Approved. The tickets are void and the money is on its way.", "done")
    else:
        flash("Declined. The buyer reads your note with the order, and the tickets stay valid.", "done")
    return page
