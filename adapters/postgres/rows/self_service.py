"""Refunds that wait for approval, and links that open an order once, as rows."""

from typing import Any

from adapters.postgres.transaction import Row
from domain.money import CurrencyCode, Money
from domain.order_links import LinkChannel, OrderLink, OrderLinkId
from domain.orders import OrderId
from domain.refund_policies import RefundReason
from domain.refund_requests import RefundRequest, RefundRequestId, RequestState
from domain.refunds import RefundId
from domain.tickets import TicketId


def request_to_row(request: RefundRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "order_id": request.order_id,
        "tickets": list(request.tickets),
        "currency": request.amount.currency,
        "amount_minor": request.amount.amount,
        "reason": request.reason.value,
        "requested_by": request.requested_by,
        "requested_at": request.requested_at,
        **request_changes(request),
    }


def request_changes(request: RefundRequest) -> dict[str, Any]:
    return {
        "state": request.state.value,
        "decided_by": request.decided_by,
        "decided_at": request.decided_at,
        "note": request.note,
        "refund_id": request.refund_id,
    }


def request_from_row(row: Row) -> RefundRequest:
    return RefundRequest(
        id=RefundRequestId(row["id"]),
        order_id=OrderId(row["order_id"]),
        tickets=tuple(TicketId(ticket) for ticket in row["tickets"]),
        amount=Money(row["amount_minor"], CurrencyCode(row["currency"])),
        reason=RefundReason(row["reason"]),
        state=RequestState(row["state"]),
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        note=row["note"],
        refund_id=RefundId(row["refund_id"]) if row["refund_id"] else None,
    )


def link_to_row(link: OrderLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "order_id": link.order_id,
        "channel": link.channel.value,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "used_at": link.used_at,
    }


def link_from_row(row: Row) -> OrderLink:
    return OrderLink(
        id=OrderLinkId(row["id"]),
        order_id=OrderId(row["order_id"]),
        channel=LinkChannel(row["channel"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
    )
