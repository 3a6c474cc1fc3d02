"""Giving tickets back: what comes back for each and why, then one clear yes."""

from http import HTTPStatus
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for

from application.commands.request_refund import RequestRefund
from application.queries.buyers_reason import buyers_reason
from application.queries.order_details import OrderDetails
from domain.audit import BUYER
from domain.errors import Rejection
from domain.quotes import DIGEST_LENGTH, Quote
from domain.refund_policies import RefundReason
from domain.tickets import TicketId, TicketState
from entrypoints.http import limits
from entrypoints.http.storefront import wording
from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.order import mine
from entrypoints.http.storefront.presenters import order_page as present
from entrypoints.http.storefront.refusals import Notice, notice


def refund(order_id: UUID) -> Response:
    """``GET /orders/<id>/refund``: every ticket with its quote; with ``ticket=…`` the sum of those, to confirm."""
    details = house().order_details(mine(order_id))
    return _page(details, said=None, status=HTTPStatus.OK)


def confirm_refund(order_id: UUID) -> Response:
    """``POST /orders/<id>/refund``"""
    details = house().order_details(mine(order_id))
    chosen = _chosen(details)
    if not chosen:
        return _page(details, said=_nothing_chosen(), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    limits.enforce(limits.REFUNDS_PER_ORDER, order_id)
    outcome = house().request_refund(
        RequestRefund(
            order_id=details.order.id,
            tickets=chosen,
            reason=_reason(details),
            actor=BUYER,
            # A page that says what comes back is a promise: without its name nothing is done, whatever it is now.
            quote_digest=request.form.get("quote", "")[:DIGEST_LENGTH],
        )
    )
    if isinstance(outcome, Rejection):
        said = notice(outcome, details.seat_map, timezone=details.venue.timezone, now=house().clock().now())
        return _page(details, said=said, status=HTTPStatus.CONFLICT)
    return make_response(redirect(url_for(".order", order_id=order_id, _anchor="refunds"), HTTPStatus.SEE_OTHER))


def _page(details: OrderDetails, *, said: Notice | None, status: HTTPStatus) -> Response:
    valid = tuple(ticket for ticket in details.tickets if ticket.state is TicketState.VALID)
    chosen = _chosen(details)
    every = _quote(details, tuple(ticket.id for ticket in valid))
    asked = _quote(details, chosen) if chosen else None
    # Together they may give back less than each alone: the chosen ones are shown as they were asked about.
    shown = asked if isinstance(asked, Quote) else every
    free = bool(chosen) and not any(ticket.price.total.amount for ticket in valid if ticket.id in chosen)
    if "review" in request.args and not chosen:
        said = _nothing_chosen()
    response = make_response(
        render_template(
            "storefront/refund.html",
            order=details.order,
            event=details.event,
            day=wording.day(details.event.starts_at, details.venue.timezone),
            rows=present.quote_rows(shown, valid, timezone=details.venue.timezone) if isinstance(shown, Quote) else (),
            refused=every.message if isinstance(every, Rejection) else None,
            approval=isinstance(asked, Quote) and asked.needs_approval,
            quote=asked.digest if isinstance(asked, Quote) else None,
            chosen={str(ticket_id) for ticket_id in chosen},
            total=wording.money(asked.total) if isinstance(asked, Quote) else None,
            nothing=isinstance(asked, Quote) and asked.total.amount == 0 and not free,
            free=free,
            count=wording.count(len(chosen), "ticket"),
            notice=said,
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _quote(details: OrderDetails, tickets: tuple[TicketId, ...]) -> Quote | Rejection:
    return house().refund_quote(details.order.id, tickets, _reason(details))


def _reason(details: OrderDetails) -> RefundReason:
    """What happened to the event decides, whatever the policy says of changed minds."""
    with house().unit_of_work() as uow:
        return buyers_reason(details.order, uow=uow, now=house().clock().now())


def _chosen(details: OrderDetails) -> tuple[TicketId, ...]:
    """The order's own valid tickets among those that were ticked."""
    ticked = set(request.values.getlist("ticket"))
    return tuple(t.id for t in details.tickets if str(t.id) in ticked and t.state is TicketState.VALID)


def _nothing_chosen() -> Notice:
    return Notice(code="invalid_request", title="Choose at least one ticket.", text="Tick the ones to give back.")
