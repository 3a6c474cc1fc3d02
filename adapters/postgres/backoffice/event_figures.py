"""Events and how they sell."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, func, select, true

from adapters.postgres.backoffice.paging import cursor
from adapters.postgres.tables import events, orders, pools, tickets, tiers, venues, zones
from adapters.postgres.transaction import Row
from domain.events import EventId, EventState
from domain.money import CurrencyCode, Money
from domain.ports.backoffice import (
    DASHBOARD_EVENTS_MAX,
    EventFigures,
    EventsFilter,
    PoolFigures,
    StockFigures,
)
from domain.tickets import TicketState


def most_urgent(*, now: datetime) -> Subquery:
    """What a dashboard shows: events on sale by their start, then those to come by their opening, then the rest."""
    to_come, running = events.c.opens_at > now, events.c.closes_at > now
    return (
        select(events)
        .where(events.c.state == EventState.PUBLISHED.value, events.c.ends_at > now)
        .order_by(*_urgency(to_come, running))
        .limit(DASHBOARD_EVENTS_MAX)
        .add_columns(func.row_number().over(order_by=_urgency(to_come, running)).label("place"))
        .subquery("picked")
    )


def matching(wanted: EventsFilter, *, now: datetime) -> Select[Any]:
    """Events by what somebody looks for; the caller pages it."""
    statement = select(events).where(events.c.ends_at <= now if wanted.past else events.c.ends_at > now)
    if wanted.state:
        statement = statement.where(events.c.state == wanted.state.value)
    if wanted.text:
        words = func.lower(events.c.name + " " + events.c.venue_words)
        statement = statement.where(words.contains(wanted.text.lower(), autoescape=True))
    return statement


def figures_of(picked: Subquery, *, since: datetime) -> Select[Any]:
    """Everything EventFigures has, for events that were picked before: nothing is summed for those not shown."""
    stock = (
        select(
            func.coalesce(func.sum(pools.c.capacity), 0).label("capacity"),
            func.coalesce(func.sum(pools.c.claimed), 0).label("claimed"),
            func.coalesce(func.sum(pools.c.allocated), 0).label("allocated"),
            func.coalesce(func.sum(pools.c.blocked), 0).label("blocked"),
        )
        .where(pools.c.event_id == picked.c.id, pools.c.kind.not_in(("tier", "promotion")))
        .lateral("stock")
    )
    recent = orders.c.confirmed_at >= since
    sales = (
        select(
            func.coalesce(func.sum(orders.c.total_minor), 0).label("gross_minor"),
            func.coalesce(func.sum(orders.c.refunded_minor), 0).label("refunded_minor"),
            func.coalesce(func.sum(orders.c.total_minor).filter(recent), 0).label("recent_minor"),
            func.count().filter(recent).label("recent_orders"),
        )
        .where(orders.c.event_id == picked.c.id, orders.c.confirmed_at.is_not(None))
        .lateral("sales")
    )
    return (
        select(
            *(picked.c[name] for name in ("id", "slug", "name", "state", "starts_at", "opens_at", "closes_at")),
            picked.c.currency,
            venues.c.name.label("venue_name"),
            venues.c.city,
            venues.c.timezone,
            *stock.c,
            *sales.c,
        )
        .join(venues, venues.c.id == picked.c.venue_id)
        .join(stock, true())
        .join(sales, true())
    )


def figures_from_row(row: Row) -> EventFigures:
    currency = CurrencyCode(row["currency"])
    return EventFigures(
        id=EventId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        venue_name=row["venue_name"],
        city=row["city"],
        timezone=row["timezone"],
        state=EventState(row["state"]),
        starts_at=row["starts_at"],
        sale_opens_at=row["opens_at"],
        sale_closes_at=row["closes_at"],
        stock=stock_from_row(row),
        recent_orders=row["recent_orders"],
        recent_gross=Money(int(row["recent_minor"]), currency),
        gross=Money(int(row["gross_minor"]), currency),
        refunded=Money(int(row["refunded_minor"]), currency),
        cursor=cursor(row["starts_at"], row["id"]),
    )


def pools_of(event_id: EventId) -> Select[Any]:
    """Every pool of an event with the name of its zone or tier: zones as the map has them, then tiers by key."""
    name = func.coalesce(zones.c.name, tiers.c.name)
    return (
        select(pools.c.key, name.label("name"), pools.c.capacity, pools.c.claimed, pools.c.allocated, pools.c.blocked)
        .outerjoin(zones, (zones.c.seat_map_id == pools.c.seat_map_id) & (zones.c.key == pools.c.zone_key))
        .outerjoin(tiers, (tiers.c.event_id == pools.c.event_id) & (pools.c.key == "t:" + tiers.c.key))
        .where(pools.c.event_id == event_id, pools.c.kind != "promotion")
        .order_by(pools.c.kind == "tier", zones.c.position, pools.c.key)
    )


def pool_from_row(row: Row) -> PoolFigures:
    return PoolFigures(key=row["key"], name=row["name"], stock=stock_from_row(row))


def sold_by_tier(event_id: EventId) -> Select[Any]:
    """Tickets that are out there, by tier key."""
    return (
        select(tiers.c.key, func.count().label("sold"))
        .join(tickets, tickets.c.tier_id == tiers.c.id)
        .where(tickets.c.event_id == event_id, tickets.c.state != TicketState.VOID.value)
        .group_by(tiers.c.key)
    )


def stock_from_row(row: Row) -> StockFigures:
    return StockFigures(
        capacity=int(row["capacity"]),
        claimed=int(row["claimed"]),
        allocated=int(row["allocated"]),
        blocked=int(row["blocked"]),
    )


def _urgency(to_come: ColumnElement[bool], running: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    return (
        case((to_come, 1), (running, 0), else_=2),
        case((to_come, events.c.opens_at), else_=events.c.starts_at),
        events.c.id,
    )
