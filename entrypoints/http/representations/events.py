"""Events as cards in a list and as a whole."""

from datetime import datetime

from domain.events import Event
from domain.ports.catalogue import EventCard, EventView
from domain.prices import PriceRules, unit_price
from domain.seat_maps import SeatFeature, SeatMap
from domain.tiers import Tier
from domain.venues import Venue
from entrypoints.http.representations import Json, moment, money
from entrypoints.http.representations.prices import next_price, price


def card(shown: EventCard) -> Json:
    """One event in a list."""
    return {
        "id": str(shown.id),
        "slug": shown.slug,
        "name": shown.name,
        "summary": shown.summary,
        "category": shown.category,
        "artwork": shown.artwork,
        "state": shown.state.value,
        "starts_at": moment(shown.starts_at),
        "doors_at": moment(shown.doors_at),
        "sale": {"opens_at": moment(shown.sale_opens_at), "closes_at": moment(shown.sale_closes_at)},
        "venue": {
            "slug": shown.venue_slug,
            "name": shown.venue_name,
            "city": shown.city,
            "timezone": shown.timezone,
        },
        "price_from": money(shown.price_from) if shown.price_from else None,
        "price_to": money(shown.price_to) if shown.price_to else None,
        "capacity": shown.capacity,
    }


def event_of_order(event: Event, venue: Venue) -> Json:
    """The event as an order shows it: what, where, when."""
    return {
        "id": str(event.id),
        "slug": event.slug,
        "name": event.name,
        "artwork": event.artwork,
        "state": event.state.value,
        "starts_at": moment(event.starts_at),
        "doors_at": moment(event.doors_at),
        "venue": {"slug": venue.slug, "name": venue.name, "city": venue.city, "timezone": venue.timezone},
    }


def whole(view: EventView, *, now: datetime) -> Json:
    """One event with its venue, tiers and terms, and the prices of this moment."""
    event, venue = view.event, view.venue
    prices = [unit_price(tier, view.prices, now=now).total for tier in event.tiers if not tier.locked]
    return {
        **event_of_order(event, venue),
        "summary": event.summary,
        "description": event.description,
        "category": event.category,
        "ends_at": moment(event.ends_at),
        "currency": event.currency,
        "sale": {
            "opens_at": moment(event.terms.opens_at),
            "closes_at": moment(event.terms.closes_at),
            "hold_seconds": event.terms.hold_seconds,
            "hold_seconds_cap": event.terms.hold_seconds_cap,
            "extensions_max": event.terms.extensions_max,
            "payment_seconds": event.terms.payment_seconds,
            "per_order_max": event.terms.per_order_max,
            "per_buyer_max": event.terms.per_buyer_max,
            "admission_required": event.terms.admission_required,
            "may_strand_seats": event.terms.may_strand_seats,
            "accessible_seats": _accessible_seats(view.seat_map),
            "accessible_released": event.terms.accessible_released,
        },
        "venue": {
            "slug": venue.slug,
            "name": venue.name,
            "address": venue.address,
            "city": venue.city,
            "country": venue.country,
            "timezone": venue.timezone,
            "description": venue.description,
            "accessibility": venue.accessibility,
        },
        "price_from": money(min(prices)) if prices else None,
        "price_to": money(max(prices)) if prices else None,
        "capacity": view.seat_map.capacity,
        "tiers": [tier(each, view.prices, now=now) for each in sorted(event.tiers, key=lambda each: each.position)],
        "refund_terms": view.refund_terms,
        "version": view.sale_version,
    }


def _accessible_seats(plan: SeatMap) -> int:
    return sum(SeatFeature.ACCESSIBLE in plan.seats[index].features for index in plan.special)


def tier(shown: Tier, rules: PriceRules, *, now: datetime) -> Json:
    """What can be bought, and for how much at this moment."""
    return {
        "id": str(shown.id),
        "key": shown.key,
        "name": shown.name,
        "kind": shown.kind.value,
        "description": shown.description,
        "zones": list(shown.zones),
        "price": price(unit_price(shown, rules, now=now), rules.taxes),
        "next_price": next_price(shown, rules, now),
        "per_order_min": shown.per_order_min,
        "per_order_max": shown.per_order_max,
        "access_code_required": shown.locked,
        "accessible": shown.accessible,
        "opens_after": str(shown.opens_after) if shown.waits else None,
    }
