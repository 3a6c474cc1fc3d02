"""Refunds that hang: failed ones that somebody is owed, and those that a bank keeps pending."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.mend_refund import SendRefundAnew, SettleRefundByHand
from domain.accounts import Action
from domain.errors import Rejection
from domain.ports.aftersales import RefundQueue
from domain.refunds import REFERENCE_LENGTH_MAX, RefundId
from entrypoints.admin import forms, words
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/refund-desk", view_func=refund_desk)
    blueprint.add_url_rule("/refund-desk/<uuid:refund_id>/again", view_func=send_refund_again, methods=["POST"])
    blueprint.add_url_rule("/refund-desk/<uuid:refund_id>/by-hand", view_func=settle_by_hand, methods=["POST"])


@allowed(Action.VIEW)
def refund_desk() -> str:
    now = current().clock().now()
    try:
        queue = RefundQueue(request.args.get("queue", RefundQueue.OWED))
        page = current().aftersales().refunds(queue=queue, now=now, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    return render_template("admin/refund_desk.html", page=page, queue=queue, queues=list(RefundQueue), now=now)


@allowed(Action.REFUND)
def send_refund_again(refund_id: RefundId) -> Response:
    answer = current().send_refund_anew(SendRefundAnew(refund_id=refund_id, actor=member().email))
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(f"{words.money(answer.amount)} are on their way once more.", "done")
    return _back()


@allowed(Action.REFUND)
def settle_by_hand(refund_id: RefundId) -> Response:
    """The buyer was paid outside of the provider."""
    why = "Write how to find the payment, such as the reference of the bank transfer."
    try:
        reference = forms.text(request.form, "reference", at_most=REFERENCE_LENGTH_MAX, required=why)
    except forms.Mistyped as mistake:
        flash(str(mistake), "problem")
        return _back()
    command = SettleRefundByHand(refund_id=refund_id, reference=reference, actor=member().email)
    answer = current().settle_refund_by_hand(command)
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(f"{words.money(answer.amount)} are noted as paid by hand.", "done")
    return _back()


def _back() -> Response:
    return redirect(url_for("admin.refund_desk"), code=303)
