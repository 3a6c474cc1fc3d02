"""An event in the words of schema.org, for search engines and calendars that read pages."""

import json
from datetime import datetime

from markupsafe import Markup

from domain.events import EventState
from domain.money import Money
from domain.ports.catalogue import EventView
from domain.prices import unit_price
from entrypoints.http.storefront.presenters.event_page import Facts
from entrypoints.http.storefront.presenters.stock import Stock

SCHEMA = "https://schema.org"


def of_event(view: EventView, facts: Facts, stock: Stock | None, *, now: datetime, public_url: str) -> Markup:
    """JSON-LD that may stand inside a script element: no ``<`` is left in it that could end it."""
    event, venue = view.event, view.venue
    address = f"{public_url}/events/{event.slug}"
    cancelled = event.state is EventState.CANCELLED
    thing = {
        "@context": SCHEMA,
        "@type": "Event",
        "name": event.name,
        "description": event.summary,
        "image": f"{public_url}{facts.artwork}",
        "url": address,
        "startDate": facts.starts_machine,
        "endDate": facts.ends_machine,
        "eventStatus": f"{SCHEMA}/{'EventCancelled' if cancelled else 'EventScheduled'}",
        "eventAttendanceMode": f"{SCHEMA}/OfflineEventAttendanceMode",
        "location": {
            "@type": "Place",
            "name": venue.name,
            "address": {
                "@type": "PostalAddress",
                "streetAddress": venue.address,
                "addressLocality": venue.city,
                "addressCountry": venue.country,
            },
        },
        "offers": [
            {
                "@type": "Offer",
                "name": tier.name,
                "price": _decimal(unit_price(tier, view.prices, now=now).total),
                "priceCurrency": event.currency,
                "url": address,
                "validFrom": event.terms.opens_at.isoformat(),
                "availability": f"{SCHEMA}/{'InStock' if stock and stock.tiers.get(tier.key) else 'SoldOut'}",
            }
            for tier in event.tiers
            if not tier.locked and not tier.waits
            if stock is not None and not cancelled
        ],
    }
    return Markup(json.dumps(thing, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704  (escaped just now)


def _decimal(amount: Money) -> str:
    return f"{amount.decimal:f}"
