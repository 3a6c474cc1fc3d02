"""Settlements, summed by Postgres from the ledger: three statements in one picture, however many events."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, func, select, text, true

from adapters.postgres.reading import picture
from adapters.postgres.tables import (
    events,
    journals,
    postings,
    refund_tickets,
    refunds,
    tickets,
    tiers,
    venues,
)
from adapters.postgres.transaction import Row, Transaction
from domain.errors import NotFound
from domain.events import EventId, EventState
from domain.ledger import Account, JournalKind
from domain.money import CurrencyCode
from domain.ports.settlements import SETTLEMENTS_MAX, SettlementsFilter, VenueName
from domain.settlements import Basis, Figures, Settlement, Side, TierFigures
from domain.venues import VenueId

STATEMENT_SECONDS = 60
_TAKE_YOUR_TIME = text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
"""A year of a large house is summed in seconds; pages that buyers wait for have less."""


class PostgresSettlements:
    """Implements Settlements. Raises StoreUnavailable when Postgres cannot answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_event(self, event_id: EventId) -> Settlement:
        found = self._read(events.c.id == event_id, SettlementsFilter())
        if not found:
            raise NotFound("event")
        return found[0]

    def matching(self, *, wanted: SettlementsFilter) -> tuple[Settlement, ...]:
        conditions: list[ColumnElement[bool]] = [true()]
        if wanted.venue_id is not None:
            conditions.append(events.c.venue_id == wanted.venue_id)
        if wanted.basis is Basis.EVENTS:
            conditions += _within(events.c.starts_at, wanted)
        told = select(journals.c.id).where(journals.c.event_id == events.c.id, *_moved(journals.c.at, wanted))
        return self._read(and_(*conditions, told.exists()), wanted)

    def venues(self) -> tuple[VenueName, ...]:
        with picture(self._engine) as transaction:
            rows = transaction.rows(select(venues.c.id, venues.c.name).order_by(venues.c.name, venues.c.id))
        return tuple(VenueName(id=VenueId(row["id"]), name=row["name"]) for row in rows)

    def _read(self, which: ColumnElement[bool], wanted: SettlementsFilter) -> tuple[Settlement, ...]:
        with picture(self._engine) as transaction:
            transaction.run(_TAKE_YOUR_TIME)
            found = transaction.rows(_events(which))
            picked = [row["id"] for row in found]
            sums = _sums(transaction, picked, wanted)
            sold = _tiers(transaction, picked, wanted)
        return tuple(_settlement(row, sums.get(row["id"], {}), sold.get(row["id"], ())) for row in found)


_Sums = dict[CurrencyCode, dict[Side, int]]


def _events(which: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            *(events.c[name] for name in ("id", "slug", "name", "starts_at", "state", "currency")),
            venues.c.name.label("venue_name"),
            venues.c.city,
            venues.c.timezone,
        )
        .join(venues, venues.c.id == events.c.venue_id)
        .where(which)
        .order_by(events.c.starts_at, events.c.id)
        .limit(SETTLEMENTS_MAX)
    )


def _sums(transaction: Transaction, picked: Sequence[UUID], wanted: SettlementsFilter) -> dict[UUID, _Sums]:
    """By event and currency: a provider may charge in another than the event is sold in."""
    own = (journals.c.event_id, postings.c.currency, journals.c.kind, postings.c.account, postings.c.detail)
    rows = transaction.rows(
        select(*own, func.sum(postings.c.amount_minor).label("minor"))
        .join(journals, journals.c.id == postings.c.journal_id)
        .where(journals.c.event_id.in_(picked), *_moved(journals.c.at, wanted))
        .group_by(*own)
    )
    sums: dict[UUID, _Sums] = {}
    for row in rows:
        side = Side(JournalKind(row["kind"]), Account(row["account"]), row["detail"])
        of_event = sums.setdefault(row["event_id"], {})
        of_event.setdefault(CurrencyCode(row["currency"]), {})[side] = int(row["minor"])
    return sums


def _tiers(
    transaction: Transaction, picked: Sequence[UUID], wanted: SettlementsFilter
) -> dict[UUID, tuple[TierFigures, ...]]:
    """Tickets issued and refunded, by the tier as it is called now."""
    issued = (
        select(tickets.c.tier_id, func.count().label("units"))
        .where(tickets.c.event_id.in_(picked), *_moved(tickets.c.issued_at, wanted))
        .group_by(tickets.c.tier_id)
        .subquery("issued")
    )
    given_back = (
        select(tickets.c.tier_id, func.count(tickets.c.id.distinct()).label("units"))
        .join(refund_tickets, refund_tickets.c.ticket_id == tickets.c.id)
        .join(refunds, refunds.c.id == refund_tickets.c.refund_id)
        .where(tickets.c.event_id.in_(picked), *_moved(refunds.c.requested_at, wanted))
        .group_by(tickets.c.tier_id)
        .subquery("given_back")
    )
    rows = transaction.rows(
        select(
            tiers.c.event_id,
            tiers.c.name,
            func.coalesce(issued.c.units, 0).label("sold"),
            func.coalesce(given_back.c.units, 0).label("refunded"),
        )
        .outerjoin(issued, issued.c.tier_id == tiers.c.id)
        .outerjoin(given_back, given_back.c.tier_id == tiers.c.id)
        .where(tiers.c.event_id.in_(picked))
        .order_by(tiers.c.event_id, tiers.c.position, tiers.c.id)
    )
    found: dict[UUID, tuple[TierFigures, ...]] = {}
    for row in rows:
        figures = TierFigures(name=row["name"], sold=row["sold"], refunded=row["refunded"])
        found[row["event_id"]] = (*found.get(row["event_id"], ()), figures)
    return found


def _moved(at: ColumnElement[Any], wanted: SettlementsFilter) -> list[ColumnElement[bool]]:
    """When money moved matters only where the report is about that."""
    return _within(at, wanted) if wanted.basis is Basis.MONEY else []


def _within(at: ColumnElement[Any], wanted: SettlementsFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.begins_at is not None:
        conditions.append(at >= wanted.begins_at)
    if wanted.ends_at is not None:
        conditions.append(at < wanted.ends_at)
    return conditions


def _settlement(row: Row, sums: _Sums, tiers: Iterable[TierFigures]) -> Settlement:
    return Settlement(
        event_id=EventId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        venue_name=row["venue_name"],
        city=row["city"],
        timezone=row["timezone"],
        starts_at=row["starts_at"],
        state=EventState(row["state"]),
        figures=Figures.of_sums(CurrencyCode(row["currency"]), sums),
        tiers=tuple(tiers),
    )
