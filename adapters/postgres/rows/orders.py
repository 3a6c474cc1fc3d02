"""Orders, their lines and their tickets as rows."""

from collections.abc import Iterable
from typing import Any

from adapters.postgres.rows import prices
from adapters.postgres.transaction import Row
from domain.events import EventId
from domain.holds import HoldId
from domain.limits import counted_under, recognised
from domain.money import CurrencyCode, Money
from domain.orders import Buyer, Exchange, Order, OrderId, OrderLine, OrderLineId, OrderState, StockState
from domain.promotions import promotion_pool
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import TierId, UnitPrice


def to_row(order: Order) -> dict[str, Any]:
    """Everything but the refund policy's version."""
    return {
        "id": order.id,
        "number": order.number,
        "event_id": order.event_id,
        "hold_nonce": order.hold_id.nonce,
        "buyer_name": order.buyer.name,
        "buyer_email": order.buyer.email,
        "buyer_phone": order.buyer.phone,
        "device": order.fingerprint.device,
        "address": order.fingerprint.address,
        "buyer_keys": list(counted_under(order.fingerprint)),
        "pools": dict(order.pools),
        "currency": order.total.currency,
        "total_minor": order.total.amount,
        "price_terms": prices.terms_to_row(order.price_terms),
        "placed_at": order.placed_at,
        "exchanged_order_id": order.exchanges.order_id if order.exchanges else None,
        "exchanged_tickets": list(order.exchanges.tickets) if order.exchanges else None,
        **changes(order),
    }


def changes(order: Order) -> dict[str, Any]:
    """What may differ from one save to the next."""
    return {
        "state": order.state.value,
        "stock": order.stock.value,
        "refunded_minor": order.refunded.amount,
        "deadline_at": order.deadline_at,
        "confirmed_at": order.confirmed_at,
        "ended_at": order.ended_at,
        "ended_because": order.ended_because,
        "retaken_epoch": order.retaken_epoch,
        "frozen_because": order.frozen_because,
    }


def line_rows(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "id": line.id,
            "order_id": order.id,
            "event_id": order.event_id,
            "position": position,
            "tier_id": line.tier_id,
            "tier_name": line.tier_name,
            "quantity": line.quantity,
            **_price_to_row(line.unit),
            "seats": list(line.seats),
            "promotion_pool": promotion_pool(line.promotion) if line.promotion else None,
        }
        for position, line in enumerate(order.lines)
    ]


def from_row(row: Row, lines: Iterable[Row]) -> Order:
    """``lines``: rows of this order, in order."""
    event_id = EventId(row["event_id"])
    return Order(
        id=OrderId(row["id"]),
        number=row["number"],
        event_id=event_id,
        hold_id=HoldId(event_id, row["hold_nonce"]),
        state=OrderState(row["state"]),
        stock=StockState(row["stock"]),
        buyer=Buyer(name=row["buyer_name"], email=row["buyer_email"], phone=row["buyer_phone"]),
        fingerprint=recognised(counted=row["buyer_keys"], address=row["address"]),
        lines=tuple(_line(line, row["currency"]) for line in lines),
        pools=row["pools"],
        placed_at=row["placed_at"],
        deadline_at=row["deadline_at"],
        confirmed_at=row["confirmed_at"],
        ended_at=row["ended_at"],
        ended_because=row["ended_because"],
        frozen_because=row["frozen_because"],
        refunded=Money(row["refunded_minor"], CurrencyCode(row["currency"])),
        retaken_epoch=row["retaken_epoch"],
        price_terms=prices.terms_from_row(row["price_terms"]),
        exchanges=_exchange(row),
    )


def _exchange(row: Row) -> Exchange | None:
    if row["exchanged_order_id"] is None:
        return None
    tickets = tuple(TicketId(each) for each in row["exchanged_tickets"])
    return Exchange(order_id=OrderId(row["exchanged_order_id"]), tickets=tickets)


def _line(row: Row, currency: str) -> OrderLine:
    return OrderLine(
        id=OrderLineId(row["id"]),
        tier_id=TierId(row["tier_id"]),
        tier_name=row["tier_name"],
        quantity=row["quantity"],
        unit=_price_from_row(row, currency=currency),
        seats=tuple(row["seats"]),
        promotion=row["promotion_pool"].removeprefix(promotion_pool("")) if row["promotion_pool"] else None,
    )


def _price_to_row(price: UnitPrice) -> dict[str, Any]:
    face, discount, fee, absorbed_fee, tax = price.amounts
    return {
        "face_minor": face,
        "discount_minor": discount,
        "fee_minor": fee,
        "absorbed_fee_minor": absorbed_fee,
        "tax_minor": tax,
        "tax_added": price.tax_added,
    }


def _price_from_row(row: Row, *, currency: str) -> UnitPrice:
    def part(name: str) -> Money:
        return Money(row[f"{name}_minor"], CurrencyCode(currency))

    return UnitPrice(
        face=part("face"),
        discount=part("discount"),
        fee=part("fee"),
        absorbed_fee=part("absorbed_fee"),
        tax=part("tax"),
        tax_added=row["tax_added"],
    )


def ticket_to_row(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "order_id": ticket.order_id,
        "order_line_id": ticket.line_id,
        "event_id": ticket.event_id,
        "tier_id": ticket.tier_id,
        "tier_name": ticket.tier_name,
        "currency": ticket.price.face.currency,
        **_price_to_row(ticket.price),
        "zone": ticket.zone,
        "place": ticket.place,
        "seat": ticket.seat,
        "code": ticket.code,
        "issued_at": ticket.issued_at,
        **ticket_changes(ticket),
    }


def ticket_changes(ticket: Ticket) -> dict[str, Any]:
    return {"state": ticket.state.value, "used_at": ticket.used_at}


def ticket_from_row(row: Row) -> Ticket:
    return Ticket(
        id=TicketId(row["id"]),
        order_id=OrderId(row["order_id"]),
        line_id=OrderLineId(row["order_line_id"]),
        event_id=EventId(row["event_id"]),
        tier_id=TierId(row["tier_id"]),
        tier_name=row["tier_name"],
        price=_price_from_row(row, currency=row["currency"]),
        zone=row["zone"],
        place=row["place"],
        seat=row["seat"],
        code=row["code"],
        state=TicketState(row["state"]),
        issued_at=row["issued_at"],
        used_at=row["used_at"],
    )
