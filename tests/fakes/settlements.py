"""Settlements, by looking at every journal in the in-memory store."""

from datetime import datetime

from domain.errors import NotFound
from domain.events import Event, EventId
from domain.money import CurrencyCode
from domain.ports.settlements import SETTLEMENTS_MAX, SettlementsFilter, VenueName
from domain.settlements import Basis, Figures, Settlement, Side, TierFigures
from tests.fakes.unit_of_work import FakeStore


class FakeSettlements:
    """Implements Settlements."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def of_event(self, event_id: EventId) -> Settlement:
        if event_id not in self._store.state.events:
            raise NotFound("event")
        return self._settle(self._store.state.events[event_id], SettlementsFilter())

    def matching(self, *, wanted: SettlementsFilter) -> tuple[Settlement, ...]:
        found = [
            self._settle(event, wanted)
            for event in sorted(self._store.state.events.values(), key=lambda one: (one.starts_at, one.id))
            if wanted.venue_id in (None, event.venue_id)
            and (wanted.basis is Basis.MONEY or _within(event.starts_at, wanted))
        ]
        return tuple(one for one in found if one.figures.sums or one.figures.others)[:SETTLEMENTS_MAX]

    def venues(self) -> tuple[VenueName, ...]:
        named = (VenueName(id=venue.id, name=venue.name) for venue in self._store.state.venues.values())
        return tuple(sorted(named, key=lambda venue: (venue.name, venue.id)))

    def _settle(self, event: Event, wanted: SettlementsFilter) -> Settlement:
        state = self._store.state
        venue = state.venues[event.venue_id]

        def counts(at: datetime) -> bool:
            return wanted.basis is Basis.EVENTS or _within(at, wanted)

        sums: dict[CurrencyCode, dict[Side, int]] = {}
        for journal in state.journals.values():
            if journal.event_id != event.id or not counts(journal.at):
                continue
            for posting in journal.postings:
                told = sums.setdefault(posting.amount.currency, {})
                side = Side(journal.kind, posting.account, posting.detail)
                told[side] = told.get(side, 0) + posting.amount.amount
        given_back = {
            ticket for refund in state.refunds.values() if counts(refund.requested_at) for ticket in refund.tickets
        }
        own = [ticket for ticket in state.tickets.values() if ticket.event_id == event.id]
        return Settlement(
            event_id=event.id,
            slug=event.slug,
            name=event.name,
            venue_name=venue.name,
            city=venue.city,
            timezone=venue.timezone,
            starts_at=event.starts_at,
            state=event.state,
            figures=Figures.of_sums(event.currency, sums),
            tiers=tuple(
                TierFigures(
                    name=tier.name,
                    sold=sum(one.tier_id == tier.id and counts(one.issued_at) for one in own),
                    refunded=sum(one.tier_id == tier.id and one.id in given_back for one in own),
                )
                for tier in sorted(event.tiers, key=lambda one: (one.position, one.id))
            ),
        )


def _within(at: datetime, wanted: SettlementsFilter) -> bool:
    return (wanted.begins_at is None or at >= wanted.begins_at) and (wanted.ends_at is None or at < wanted.ends_at)
