"""Refunds by staff: first what it would give and why, then doing it."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.request_refund import RequestRefund
from domain.accounts import Action
from domain.errors import Rejection
from domain.money import Money
from domain.orders import Order, OrderId
from domain.quotes import DIGEST_LENGTH
from domain.refund_policies import ASKED_FOR, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.tickets import TicketId
from entrypoints.admin import forms, words
from entrypoints.admin.policy_form import money
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/orders/<uuid:order_id>/refund", view_func=quote)
    blueprint.add_url_rule("/orders/<uuid:order_id>/refund", view_func=refund, methods=["POST"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the form says: these tickets, or ``amount`` alone while every ticket stays valid."""

    tickets: tuple[TicketId, ...]
    reason: RefundReason
    amount: Money | None


@allowed(Action.REFUND)
def quote(order_id: OrderId) -> str | Response:
    """What would be given back now, step by step; nothing changes yet."""
    file = current().backoffice().order(order_id)
    try:
        asked = _asked(request.args, file.order)
    except forms.Mistyped as mistake:
        return _back(order_id, str(mistake))
    answer = current().refund_quote(order_id, asked.tickets, asked.reason, amount=asked.amount)
    if isinstance(answer, Rejection):
        return _back(order_id, answer.message)
    return render_template(
        "admin/refund.html",
        quote=answer,
        order=file.order,
        file=file,
        asked=asked,
        typed_amount=request.args.get("amount", ""),
        free=bool(asked.tickets) and not any(t.price.total.amount for t in file.tickets if t.id in asked.tickets),
        tickets={ticket.id: ticket for ticket in file.tickets},
    )


@allowed(Action.REFUND)
def refund(order_id: OrderId) -> Response:
    try:
        asked = _asked(request.form, current().backoffice().order(order_id).order)
    except forms.Mistyped as mistake:
        return _back(order_id, str(mistake))
    answer = current().request_refund(
        RequestRefund(
            order_id=order_id,
            tickets=asked.tickets,
            reason=asked.reason,
            actor=member().email,
            amount=asked.amount,
            quote_digest=request.form.get("quote", "")[:DIGEST_LENGTH],
        )
    )
    if isinstance(answer, Rejection):
        return _back(order_id, answer.message)
    flash(_told(answer), "done")
    return redirect(url_for("admin.order", order_id=order_id), code=303)


def _told(answer: Refund | RefundRequest) -> str:
    amount = words.money(answer.amount)
    if isinstance(answer, RefundRequest):
        return f"{amount} wait for the approval of somebody else. Nothing has gone back yet."
    if answer.payment_id is None:
        return "The tickets are void. Nothing was paid for them, so no money moves."
    void = "The tickets are void." if answer.tickets else "Every ticket stays valid."
    return f"{amount} are on their way back to the buyer. {void}"


def _asked(form: forms.Form, order: Order) -> Asked:
    tickets = tuple(TicketId(name) for name in forms.uuids(form, "ticket"))
    choose = "Choose a reason for the refund."
    reason = forms.one_of(form, "reason", RefundReason, required=choose)
    if reason not in ASKED_FOR:
        raise forms.Mistyped("reason", choose)
    amount = money(form, "amount", order.total.currency)
    if amount is not None and (tickets or reason is not RefundReason.GOODWILL):
        raise forms.Mistyped("amount", "An amount is given out of goodwill, for no ticket: choose one or the other.")
    if amount is None and not tickets:
        raise forms.Mistyped("ticket", "Choose the tickets to refund.")
    return Asked(tickets=tickets, reason=reason, amount=amount)


def _back(order_id: OrderId, problem: str) -> Response:
    flash(problem, "problem")
    return redirect(url_for("admin.order", order_id=order_id), code=303)
