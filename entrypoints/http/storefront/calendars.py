"""An order's event for a calendar: as a file that every calendar reads, and as a link for a web calendar."""

from datetime import UTC, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from icalendar import Calendar
from icalendar import Event as Entry

from application.queries.order_details import OrderDetails

WEB_CALENDAR = "https://calendar.google.com/calendar/render"
PRODUCT = "-//Tessera//Tickets//EN"


def ics(details: OrderDetails, public_url: str) -> bytes:
    """One entry, named for the order so that adding it twice changes nothing. The secret link stays out of it."""
    event, order = details.event, details.order
    entry = Entry()
    entry.add("uid", f"{order.id}@{public_url.partition('://')[2].partition(':')[0]}")
    entry.add("dtstamp", (order.confirmed_at or order.placed_at).astimezone(UTC))
    entry.add("dtstart", event.starts_at.astimezone(ZoneInfo(details.venue.timezone)))
    entry.add("dtend", event.ends_at.astimezone(ZoneInfo(details.venue.timezone)))
    entry.add("summary", event.name)
    entry.add("location", _place(details))
    entry.add("description", f"Order {order.number}\n{public_url}/events/{event.slug}")
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    calendar.add_missing_timezones()
    found: bytes = calendar.to_ical()
    return found


def web_link(details: OrderDetails) -> str:
    """Opens a web calendar with the entry filled in."""
    event = details.event
    return f"{WEB_CALENDAR}?" + urlencode(
        {
            "action": "TEMPLATE",
            "text": event.name,
            "dates": f"{_compact(event.starts_at)}/{_compact(event.ends_at)}",
            "location": _place(details),
            "details": f"Order {details.order.number}",
        }
    )


def _place(details: OrderDetails) -> str:
    venue = details.venue
    return f"{venue.name}, {venue.address}, {venue.city}"


def _compact(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
