"""The shop's pages: what is on, in a constant number of queries."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select, text

from adapters.postgres.reading import event_named, picture
from adapters.postgres.repositories.events import policy_in_force, with_tiers
from adapters.postgres.repositories.venues import read_map
from adapters.postgres.rows import events as event_rows
from adapters.postgres.rows import prices as price_rows
from adapters.postgres.rows import venues as venue_rows
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.tables import events, sales, venues
from adapters.postgres.transaction import Row
from domain.errors import NotFound
from domain.events import EventId, EventState
from domain.money import CurrencyCode, Money, zero
from domain.ports.catalogue import PAGE_LIMIT_MAX, EventCard, EventFilter, EventPage, EventView
from domain.prices import compose
from domain.tiers import face_at

TEXT_LENGTH_MAX = 200

_CARDS = """
    SELECT events.id, events.slug, events.name, events.summary, events.category, events.artwork, events.state,
           events.starts_at, events.doors_at, events.opens_at, events.closes_at, events.currency,
           venues.slug AS venue_slug, venues.name AS venue_name, venues.city, venues.timezone,
           events.fee, venues.taxes, offers.prices, house.capacity
    FROM events
    JOIN venues ON venues.id = events.venue_id
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(face_minor, price_steps, fee)) AS prices
        FROM tiers WHERE event_id = events.id AND NOT locked
    ) AS offers
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(capacity), 0) AS capacity FROM pools WHERE event_id = events.id AND zone_key IS NOT NULL
    ) AS house
    WHERE events.state = 'published' AND events.ends_at > :now {conditions}
    ORDER BY events.starts_at, events.id
    LIMIT :limit
"""
_CONDITIONS = {
    "text": """events.search @@ (
        SELECT to_tsquery('simple', string_agg(quote_literal(word) || ':*', ' & '))
        FROM regexp_split_to_table(trim(fold(:text)), ' +') AS word WHERE word <> '')""",
    "city": "venues.city = :city",
    "venue": "venues.slug = :venue",
    "category": "events.category = :category",
    "starts_from": "events.starts_at >= :starts_from",
    "starts_to": "events.starts_at < :starts_to",
}
_AFTER = "(events.starts_at, events.id) > (:after_time, :after_id)"
_FACETS = text("""
    SELECT array_agg(DISTINCT venues.city ORDER BY venues.city) AS city,
           array_agg(DISTINCT venues.slug ORDER BY venues.slug) AS venue,
           array_agg(DISTINCT events.category ORDER BY events.category) AS category
    FROM events JOIN venues ON venues.id = events.venue_id
    WHERE events.state = 'published' AND events.ends_at > :now
""")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PostgresListings:
    """The port on Postgres: on the primary or on a replica. ``now`` tells which events have ended."""

    def __init__(self, engine: Engine, *, seat_maps: SeatMapCache, now: Callable[[], datetime] = _utc_now) -> None:
        self._engine = engine
        self._seat_maps = seat_maps
        self._now = now

    def events(self, *, wanted: EventFilter) -> EventPage:
        limit = max(1, min(wanted.limit, PAGE_LIMIT_MAX))
        conditions, parameters = _where(wanted)
        # Only constants of this module are put into the statement; every value is a parameter.
        statement = text(_CARDS.format(conditions="".join(f"\n AND {condition}" for condition in conditions)))
        now = self._now()
        with picture(self._engine) as transaction:
            found = transaction.rows(statement, {**parameters, "now": now, "limit": limit + 1})
        items = tuple(_card(row, now) for row in found[:limit])
        return EventPage(items=items, next_cursor=items[-1].cursor if len(found) > limit else None)

    def event(self, *, event: str) -> EventView:
        which = event_named(event)
        if which is None:
            raise NotFound("event")
        wanted = select(events, sales.c.version).join(sales, sales.c.event_id == events.c.id)
        with picture(self._engine) as transaction:
            row = transaction.first(wanted.where(which & (events.c.state != EventState.DRAFT.value)))
            if row is None:
                raise NotFound("event")
            found = with_tiers(transaction, row)
            venue = transaction.first(select(venues).where(venues.c.id == found.venue_id))
            policy = transaction.first(policy_in_force(found.id))
            seat_map = self._seat_maps.get(found.seat_map_id) or read_map(transaction, found.seat_map_id)
        self._seat_maps.keep(seat_map)
        assert venue is not None, "a foreign key keeps an event's venue"
        assert policy is not None, "an event is stored with its first policy"
        return EventView(
            event=found,
            venue=venue_rows.from_row(venue),
            seat_map=seat_map,
            sale_version=row["version"],
            refund_terms=event_rows.policy_from_row(policy).terms(
                found.currency, {tier.id: tier.name for tier in found.tiers}
            ),
        )

    def facets(self) -> dict[str, tuple[str, ...]]:
        with picture(self._engine) as transaction:
            row = transaction.first(_FACETS, {"now": self._now()})
        return {name: tuple((row[name] if row else None) or ()) for name in ("city", "venue", "category")}


def _where(wanted: EventFilter) -> tuple[list[str], dict[str, Any]]:
    """The conditions that were asked for, and their values. Raises ValueError for a broken cursor."""
    values: dict[str, Any] = {
        "text": (wanted.text or "").strip()[:TEXT_LENGTH_MAX] or None,
        "city": wanted.city,
        "venue": wanted.venue,
        "category": wanted.category,
        "starts_from": wanted.starts_from,
        "starts_to": wanted.starts_to,
    }
    parameters = {name: value for name, value in values.items() if value is not None}
    conditions = [_CONDITIONS[name] for name in parameters]
    if wanted.cursor is not None:
        parameters["after_time"], parameters["after_id"] = read_cursor(wanted.cursor)
        conditions.append(_AFTER)
    return conditions, parameters


def cursor_of(starts_at: datetime, event_id: UUID) -> str:
    """Where a page goes on: after the event with this start and id. Opaque to clients."""
    return urlsafe_b64encode(f"{starts_at.isoformat()} {event_id.hex}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """What :func:`cursor_of` wrote. Raises ValueError."""
    padded = cursor + "=" * (-len(cursor) % 4)
    starts_at, separator, event_id = urlsafe_b64decode(padded.encode()).decode().partition(" ")
    moment = datetime.fromisoformat(starts_at)
    if not separator or moment.tzinfo is None:
        raise ValueError("this is not a cursor of an event list")
    return moment, UUID(hex=event_id)


def _card(row: Row, now: datetime) -> EventCard:
    totals = _totals(row, now)
    return EventCard(
        id=EventId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        summary=row["summary"],
        category=row["category"],
        artwork=row["artwork"],
        venue_slug=row["venue_slug"],
        venue_name=row["venue_name"],
        city=row["city"],
        timezone=row["timezone"],
        state=EventState(row["state"]),
        starts_at=row["starts_at"],
        doors_at=row["doors_at"],
        sale_opens_at=row["opens_at"],
        sale_closes_at=row["closes_at"],
        price_from=min(totals, default=None),
        price_to=max(totals, default=None),
        capacity=row["capacity"],
        cursor=cursor_of(row["starts_at"], row["id"]),
    )


def _totals(row: Row, now: datetime) -> list[Money]:
    """What a ticket of each tier that is open to everybody costs now, fees and taxes included."""
    currency, taxes = CurrencyCode(row["currency"]), price_rows.taxes_from_row(row["taxes"])
    return [
        compose(
            face_at(Money(face, currency), price_rows.steps_from_row(steps, currency), now),
            discount=zero(currency),
            fee=price_rows.fee_from_row(row["fee"] if fee is None else fee),
            taxes=taxes,
        ).total
        for face, steps, fee in row["prices"] or ()
    ]
