"""How money, dates and counts are written for people.

Every time is written in the time zone of the place where it happens, and says which one that is.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.lists import format_list

from domain.money import Money
from entrypoints.amounts import shown

LOCALE = "en_GB"
"""Day before month, 24 hours: the least ambiguous English."""

SECONDS_COUNTED_MAX = 90
"""Longer than this, people count in minutes."""


def money(amount: Money) -> str:
    """With its currency, and without cents only where the currency has none: ``$45.00``, ``¥4,500``."""
    return shown(amount)


def price(amount: Money) -> str:
    """Like :func:`money`, and a price of nothing is called free."""
    return money(amount) if amount.amount else "Free"


def percent(basis_points: int) -> str:
    """``8.25%``: a share that is kept in hundredths of a percent."""
    return f"{basis_points / 100:g}%"


def number(value: int) -> str:
    """With separators for thousands: ``14,000``."""
    return f"{value:,}"


def count(value: int, one: str, many: str | None = None) -> str:
    """``1 ticket``, ``2 tickets``."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def join(words: Iterable[str]) -> str:
    """``stalls, balcony and box``."""
    return format_list(list(words), locale=LOCALE)


def day(moment: datetime, timezone: str) -> str:
    """``Friday 12 March 2027``."""
    return format_date(_local(moment, timezone), "EEEE d MMMM y", locale=LOCALE)


def short_day(moment: datetime, timezone: str) -> str:
    """``Fri 12 Mar``: for lists, whose headings say the month and the year."""
    return format_date(_local(moment, timezone), "EEE d MMM", locale=LOCALE)


def month(moment: datetime, timezone: str) -> str:
    """``March 2027``: the heading above the events of one month."""
    return format_skeleton("yMMMM", _local(moment, timezone), locale=LOCALE)


def clock(moment: datetime, timezone: str) -> str:
    """``20:00``."""
    return format_time(_local(moment, timezone), "HH:mm", locale=LOCALE)


def exact_clock(moment: datetime, timezone: str) -> str:
    """``20:00:30``: where the second decides."""
    return format_time(_local(moment, timezone), "HH:mm:ss", locale=LOCALE)


def day_and_clock(moment: datetime, timezone: str) -> str:
    """``Fri 12 March 2027, 20:00``."""
    local = _local(moment, timezone)
    return f"{format_date(local, 'EEE d MMMM y', locale=LOCALE)}, {clock(moment, timezone)}"


def zone_name(moment: datetime, timezone: str) -> str:
    """``New York time (UTC-5)``: whose clock is meant, in words that need no abbreviation."""
    city = get_timezone_name(ZoneInfo(timezone), width="long", locale=LOCALE, return_zone=True)
    place = str(city).rsplit("/", 1)[-1].replace("_", " ")
    minutes = int((_local(moment, timezone).utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    offset = f"{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}" if minutes else ""
    return f"{place} time (UTC{offset})"


def machine(moment: datetime, timezone: str) -> str:
    """For ``<time datetime>``: RFC 3339 with the venue's offset."""
    return _local(moment, timezone).isoformat(timespec="seconds")


def span(seconds: int) -> str:
    """A length of time: ``10 minutes``, ``1 minute``, ``45 seconds``."""
    return count(seconds // 60, "minute") if seconds >= 60 and seconds % 60 == 0 else count(seconds, "second")


def wait(seconds: float) -> str:
    """How long something still takes, never less than it does: ``30 seconds``, ``2 minutes``."""
    whole = ceil(max(1.0, seconds))
    return span(whole) if whole <= SECONDS_COUNTED_MAX else count(ceil(whole / 60), "minute")


def not_before(moment: datetime, timezone: str) -> str:
    """The first full minute at which ``moment`` has come: ``20:15``."""
    return clock(moment + timedelta(minutes=1) - timedelta(microseconds=1), timezone)


def _local(moment: datetime, timezone: str) -> datetime:
    return moment.astimezone(ZoneInfo(timezone))
