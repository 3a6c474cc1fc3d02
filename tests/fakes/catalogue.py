"""What is on offer, read from the in-memory store: the catalogue of the hold path and the shop's listings."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from unicodedata import combining, normalize
from uuid import UUID

from domain.errors import NotFound
from domain.events import Event, EventId, EventState, Sale
from domain.ports.catalogue import PAGE_LIMIT_MAX, EventCard, EventFilter, EventPage, EventView
from domain.ports.world import Clock
from domain.prices import PriceRules, unit_price
from domain.venues import Venue
from tests.fakes.store_state import State
from tests.fakes.unit_of_work import FakeStore


class FakeCatalogue:
    """Remembers a sale from its first reading on, as real ones do, until ``fresh`` is asked. Counts ``readings``."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self._known: dict[EventId, Sale] = {}
        self.readings = 0

    def on_sale(self, *, event: str) -> Sale:
        known = next((sale for sale in self._known.values() if event in {sale.slug, str(sale.event_id)}), None)
        if known is not None:
            return known
        found = _named(self._store.state, event)
        if found is None:
            raise NotFound("event")
        return self.fresh(event_id=found.id)

    def fresh(self, *, event_id: EventId) -> Sale:
        self.readings += 1
        self._known.pop(event_id, None)
        state = self._store.state
        event = state.events.get(event_id)
        if event is None or event.state is EventState.DRAFT:
            raise NotFound("event")
        row = state.sales[event_id]
        self._known[event_id] = sale = Sale(
            event_id=event.id,
            slug=event.slug,
            state=event.state,
            epoch=row.epoch,
            version=row.version,
            currency=event.currency,
            terms=event.terms,
            tiers=event.tiers,
            seat_map=state.seat_maps[event.seat_map_id],
            starts_at=event.starts_at,
            prices=PriceRules(fee=event.fee, taxes=state.venues[event.venue_id].taxes),
            promotions=event.promotions,
        )
        return sale

    def running(self) -> tuple[EventId, ...]:
        events = self._store.state.events.values()
        return tuple(event.id for event in events if event.state is EventState.PUBLISHED)


class FakeListings:
    """The shop's pages, by looking at everything."""

    def __init__(self, store: FakeStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def events(self, *, wanted: EventFilter) -> EventPage:
        after = _read_cursor(wanted.cursor) if wanted.cursor is not None else None
        limit = max(1, min(wanted.limit, PAGE_LIMIT_MAX))
        cards = [
            self._card(event)
            for event in sorted(self._current(), key=lambda event: (event.starts_at, event.id))
            if self._matches(event, wanted) and (after is None or (event.starts_at, event.id) > after)
        ]
        page = tuple(cards[:limit])
        return EventPage(items=page, next_cursor=page[-1].cursor if len(cards) > limit else None)

    def event(self, *, event: str) -> EventView:
        state = self._store.state
        found = _named(state, event)
        if found is None or found.state is EventState.DRAFT:
            raise NotFound("event")
        return EventView(
            event=found,
            venue=state.venues[found.venue_id],
            seat_map=state.seat_maps[found.seat_map_id],
            sale_version=state.sales[found.id].version,
            refund_terms=state.policies[found.id][-1].terms(
                found.currency, {tier.id: tier.name for tier in found.tiers}
            ),
        )

    def facets(self) -> dict[str, tuple[str, ...]]:
        venues = [self._venue(event) for event in self._current()]
        return {
            "city": tuple(sorted({venue.city for venue in venues})),
            "venue": tuple(sorted({venue.slug for venue in venues})),
            "category": tuple(sorted({event.category for event in self._current()})),
        }

    def _current(self) -> list[Event]:
        now = self._clock.now()
        return [e for e in self._store.state.events.values() if e.state is EventState.PUBLISHED and e.ends_at > now]

    def _venue(self, event: Event) -> Venue:
        return self._store.state.venues[event.venue_id]

    def _matches(self, event: Event, wanted: EventFilter) -> bool:
        venue = self._venue(event)
        words = f"{event.name} {event.summary} {event.description} {event.category} {venue.name} {venue.city}"
        known = _folded(words).split()
        return (
            all(any(word.startswith(part) for word in known) for part in _folded(wanted.text or "").split())
            and wanted.city in {None, venue.city}
            and wanted.venue in {None, venue.slug}
            and wanted.category in {None, event.category}
            and (wanted.starts_from is None or event.starts_at >= wanted.starts_from)
            and (wanted.starts_to is None or event.starts_at < wanted.starts_to)
        )

    def _card(self, event: Event) -> EventCard:
        venue = self._venue(event)
        rules = PriceRules(fee=event.fee, taxes=venue.taxes)
        now = self._clock.now()
        prices = [unit_price(tier, rules, now=now).total for tier in event.tiers if not tier.locked]
        zones = {zone for tier in event.tiers for zone in tier.zones}
        seat_map = self._store.state.seat_maps[event.seat_map_id]
        return EventCard(
            id=event.id,
            slug=event.slug,
            name=event.name,
            summary=event.summary,
            category=event.category,
            artwork=event.artwork,
            venue_slug=venue.slug,
            venue_name=venue.name,
            city=venue.city,
            timezone=venue.timezone,
            state=event.state,
            starts_at=event.starts_at,
            doors_at=event.doors_at,
            sale_opens_at=event.terms.opens_at,
            sale_closes_at=event.terms.closes_at,
            price_from=min(prices, default=None),
            price_to=max(prices, default=None),
            capacity=sum(zone.capacity for zone in seat_map.zones if zone.key in zones),
            cursor=_cursor(event),
        )


def _folded(words: str) -> str:
    """No case, no accents: as people type words into a search box."""
    return "".join(letter for letter in normalize("NFKD", words.casefold()) if not combining(letter))


def _named(state: State, word: str) -> Event | None:
    return next((event for event in state.events.values() if word in {event.slug, str(event.id)}), None)


def _cursor(event: Event) -> str:
    return urlsafe_b64encode(f"{event.starts_at.isoformat()} {event.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    starts_at, event_id = urlsafe_b64decode(cursor).decode().split(" ")
    moment = datetime.fromisoformat(starts_at)
    if moment.tzinfo is None:
        raise ValueError("this is not a cursor of an event list")
    return moment, UUID(event_id)
