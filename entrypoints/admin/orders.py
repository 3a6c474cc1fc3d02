"""Finding orders, and everything about one of them."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.decide_reviews import DECIDED_SECONDS_BEFORE
from application.commands.resend_link import ResendLink
from domain.accounts import Action
from domain.errors import Rejection
from domain.events import EventId
from domain.orders import PAID, OrderId, OrderState
from domain.payments import PaymentState, standing
from domain.ports.backoffice import OrdersFilter, SearchField, fields_of
from domain.ports.messages import MessageId
from domain.refund_policies import ASKED_FOR
from domain.refund_requests import RequestState
from domain.refunds import exchanged
from domain.tickets import TicketState
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/orders", view_func=orders)
    blueprint.add_url_rule("/orders/<uuid:order_id>", view_func=order)
    blueprint.add_url_rule("/orders/<uuid:order_id>/resend", view_func=resend, methods=["POST"])


@allowed(Action.VIEW)
def orders() -> str | Response:
    """A list; the one order whose number was typed is opened at once."""
    try:
        events = forms.uuids(request.args, "event")
        wanted = OrdersFilter(
            text=forms.search(request.args, "q"),
            states=frozenset(OrderState(state) for state in request.args.getlist("state") if state),
            event_id=EventId(events[0]) if events else None,
            cursor=request.args.get("cursor"),
        )
        page = current().backoffice().orders(wanted=wanted)
    except ValueError:
        abort(404)
    if wanted.text and SearchField.NUMBER in fields_of(wanted.text) and len(page.items) == 1:
        return redirect(url_for("admin.order", order_id=page.items[0].id), code=303)
    return render_template(
        "admin/orders.html", page=page, wanted=wanted, states=list(OrderState), now=current().clock().now()
    )


@allowed(Action.VIEW)
def order(order_id: OrderId) -> str:
    file = current().backoffice().order(order_id)
    disputes, warnings = current().aftersales().of_order(order_id)
    payment = standing(file.payments)
    with current().unit_of_work() as uow:
        requests = uow.refund_requests.of_order(order_id)
    waits = file.order.state is OrderState.IN_REVIEW and payment is not None
    return render_template(
        "admin/order.html",
        file=file,
        disputes=disputes,
        warnings=warnings,
        related=current().aftersales().related_orders(order_id),
        made_good={refund.replaces for refund in file.refunds},
        order=file.order,
        asked=[each for each in requests if each.state is RequestState.WAITING],
        not_granted=[each for each in requests if each.state in {RequestState.DECLINED, RequestState.LAPSED}],
        exchanged=exchanged(file.refunds),
        payment=payment,
        awaits_review=waits and payment is not None and payment.state is PaymentState.AUTHORISED,
        refundable=(
            file.order.state in PAID
            and file.order.frozen_because is None
            and any(ticket.state is TicketState.VALID for ticket in file.tickets)
        ),
        linkable=file.order.state in PAID and file.order.buyer.phone is not None and not file.opted_out,
        message_id=current().ids().uuid(),
        reasons=ASKED_FOR,
        decided_hours_before=DECIDED_SECONDS_BEFORE // 3_600,
        now=current().clock().now(),
    )


@allowed(Action.VIEW)
def resend(order_id: OrderId) -> Response:
    """Send the buyer the secret link again. Everybody at the desk may: it goes to the buyer's own number."""
    try:
        (message_id,) = forms.uuids(request.form, "message_id")
    except ValueError:
        abort(400)
    command = ResendLink(order_id=order_id, message_id=MessageId(message_id), actor=member().email)
    answer = current().resend_link(command)
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(f"The link is on its way to {answer.to}.", "done")
    return redirect(url_for("admin.order", order_id=order_id), code=303)
