"""Refunds by staff: first what it would give and why, then doing it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.request_refund import RequestRefund
from domain.accounts import Action
from domain.errors import Rejection
from domain.orders import OrderId
from domain.refund_policies import ASKED_FOR, RefundReason
from domain.tickets import TicketId
from entrypoints.admin import forms, words
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/orders/<uuid:order_id>/refund", view_func=quote)
    blueprint.add_url_rule("/orders/<uuid:order_id>/refund", view_func=refund, methods=["POST"])


@allowed(Action.REFUND)
def quote(order_id: OrderId) -> str | Response:
    """What would be given back now, ticket by ticket; nothing changes yet."""
    try:
        tickets, reason = _asked(request.args)
    except forms.Mistyped as mistake:
        return _back(order_id, str(mistake))
    answer = current().refund_quote(order_id, tickets, reason)
    if isinstance(answer, Rejection):
        return _back(order_id, answer.message)
    file = current().backoffice().order(order_id)
    return render_template(
        "admin/refund.html",
        quote=answer,
        order=file.order,
        file=file,
        reason=reason,
        tickets={ticket.id: ticket for ticket in file.tickets},
    )


@allowed(Action.REFUND)
def refund(order_id: OrderId) -> Response:
    try:
        tickets, reason = _asked(request.form)
    except forms.Mistyped as mistake:
        return _back(order_id, str(mistake))
    answer = current().request_refund(
        RequestRefund(order_id=order_id, tickets=tickets, reason=reason, actor=member().email)
    )
    if isinstance(answer, Rejection):
        return _back(order_id, answer.message)
    flash(f"{words.money(answer.amount)} are on their way back to the buyer. The tickets are void.", "done")
    return redirect(url_for("admin.order", order_id=order_id), code=303)


def _asked(form: forms.Form) -> tuple[tuple[TicketId, ...], RefundReason]:
    tickets = tuple(TicketId(name) for name in forms.uuids(form, "ticket"))
    if not tickets:
        raise forms.Mistyped("ticket", "Choose the tickets to refund.")
    choose = "Choose a reason for the refund."
    reason = forms.one_of(form, "reason", RefundReason, required=choose)
    if reason not in ASKED_FOR:
        raise forms.Mistyped("reason", choose)
    return tickets, reason


def _back(order_id: OrderId, problem: str) -> Response:
    flash(problem, "problem")
    return redirect(url_for("admin.order", order_id=order_id), code=303)
