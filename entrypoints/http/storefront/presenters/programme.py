"""The programme: events as cards, by month, and the filters above them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from domain.events import EventState
from domain.ports.catalogue import EventCard, EventFilter
from entrypoints.http.storefront import assets, wording

TEXT_LENGTH_MAX = 100
WORD_LENGTH_MAX = 80
CURSOR_LENGTH_MAX = 400
PAGE_LENGTH = 24
TIME_ZONE_SPREAD = timedelta(hours=14)
"""A date is written in a venue's own time, which is at most this far from UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    url: str
    name: str
    summary: str
    category: str
    artwork: str
    place: str
    when: str
    clock: str
    machine_time: str
    month: str
    month_sort: str
    price: str
    note: str | None
    cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The filters as they were asked for. ``bad_dates``: a date that could not be read was left out."""

    text: str
    city: str
    venue: str
    category: str
    day_from: date | None
    day_to: date | None
    bad_dates: bool
    cursor: str | None

    @property
    def any(self) -> bool:
        return any((self.text, self.city, self.venue, self.category, self.day_from, self.day_to))

    @property
    def query(self) -> dict[str, str]:
        """For links that keep the filters."""
        pairs = {
            "q": self.text,
            "city": self.city,
            "venue": self.venue,
            "category": self.category,
            "from": self.day_from.isoformat() if self.day_from else "",
            "to": self.day_to.isoformat() if self.day_to else "",
        }
        return {key: value for key, value in pairs.items() if value}

    def as_filter(self) -> EventFilter:
        """For the listing; its dates are generous, see :meth:`includes`."""
        return EventFilter(
            text=self.text or None,
            city=self.city or None,
            venue=self.venue or None,
            category=self.category or None,
            starts_from=_midnight(self.day_from) - TIME_ZONE_SPREAD if self.day_from else None,
            starts_to=_midnight(self.day_to) + timedelta(days=1) + TIME_ZONE_SPREAD if self.day_to else None,
            cursor=self.cursor,
            limit=PAGE_LENGTH,
        )

    def includes(self, card: EventCard) -> bool:
        """Whether the event is on one of these days on its venue's own calendar."""
        local = card.starts_at.astimezone(ZoneInfo(card.timezone)).date()
        return (self.day_from is None or local >= self.day_from) and (self.day_to is None or local <= self.day_to)


def wanted(query: MultiDict[str, str]) -> Wanted:
    """Read the filters from the address; what is too long to be meant is cut."""
    day_from, day_to = _date(query.get("from", "")), _date(query.get("to", ""))
    return Wanted(
        text=" ".join(query.get("q", "").split())[:TEXT_LENGTH_MAX],
        city=query.get("city", "")[:WORD_LENGTH_MAX],
        venue=query.get("venue", "")[:WORD_LENGTH_MAX],
        category=query.get("category", "")[:WORD_LENGTH_MAX],
        day_from=day_from,
        day_to=day_to,
        bad_dates=bool((query.get("from") and not day_from) or (query.get("to") and not day_to)),
        cursor=query.get("cursor", "")[:CURSOR_LENGTH_MAX] or None,
    )


def card(event: EventCard, *, now: datetime) -> Card:
    """One event in the list."""
    local = event.starts_at.astimezone(ZoneInfo(event.timezone))
    return Card(
        url=f"/events/{event.slug}",
        name=event.name,
        summary=event.summary,
        category=category(event.category),
        artwork=assets.artwork(event.artwork),
        place=f"{event.venue_name}, {event.city}",
        when=wording.short_day(event.starts_at, event.timezone),
        clock=wording.clock(event.starts_at, event.timezone),
        machine_time=wording.machine(event.starts_at, event.timezone),
        month=wording.month(event.starts_at, event.timezone),
        month_sort=f"{local:%Y-%m}",
        price=_prices(event),
        note=_note(event, now=now),
        cancelled=event.state is EventState.CANCELLED,
    )


def category(word: str) -> str:
    """As a label: ``concert`` → ``Concert``."""
    return word.replace("_", " ").replace("-", " ").capitalize()


def venue(slug: str) -> str:
    """A venue's slug as a label: ``old-town-theatre`` → ``Old Town Theatre``."""
    return slug.replace("-", " ").title()


def _prices(event: EventCard) -> str:
    if event.price_from is None:
        return ""
    if event.price_from == event.price_to:
        return wording.price(event.price_from)
    return f"From {wording.price(event.price_from)}"


def _note(event: EventCard, *, now: datetime) -> str | None:
    """What a visitor must know before opening the page."""
    if event.state is EventState.CANCELLED:
        return "Cancelled"
    if now < event.sale_opens_at:
        opens = event.sale_opens_at
        return f"On sale {wording.short_day(opens, event.timezone)}, {wording.clock(opens, event.timezone)}"
    if now >= event.sale_closes_at:
        return "Sale has ended"
    return None


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date.min + timedelta(days=2) < found < date.max - timedelta(days=3) else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
