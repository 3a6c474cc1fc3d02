"""Events, their tiers and their refund policies as rows."""

from collections.abc import Iterable
from typing import Any

from adapters.postgres.rows import prices
from adapters.postgres.transaction import Row
from domain.events import Event, EventId, EventState, LimitSubject, Sale, SaleTerms
from domain.money import CurrencyCode, Money
from domain.prices import PriceRules
from domain.refund_policies import RefundPolicy
from domain.refund_policy_json import from_json, to_json
from domain.seat_maps import SeatMap, SeatMapId, ZoneKind
from domain.taxes import TaxRule
from domain.tiers import Tier, TierId
from domain.venues import VenueId


def to_row(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "slug": event.slug,
        "name": event.name,
        "summary": event.summary,
        "description": event.description,
        "category": event.category,
        "artwork": event.artwork,
        "venue_id": event.venue_id,
        "seat_map_id": event.seat_map_id,
        "currency": event.currency,
        "doors_at": event.doors_at,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "state": event.state.value,
        "opens_at": event.terms.opens_at,
        "closes_at": event.terms.closes_at,
        "hold_seconds": event.terms.hold_seconds,
        "payment_seconds": event.terms.payment_seconds,
        "per_order_max": event.terms.per_order_max,
        "per_buyer_max": event.terms.per_buyer_max,
        "live_holds_per_buyer": event.terms.live_holds_per_buyer,
        "admission_required": event.terms.admission_required,
        "extensions_max": event.terms.extensions_max,
        "hold_seconds_cap": event.terms.hold_seconds_cap,
        "live_holds_per_address": event.terms.live_holds_per_address,
        "lapses_max": event.terms.lapses_max,
        "cooldown_seconds": event.terms.cooldown_seconds,
        "may_strand_seats": event.terms.may_strand_seats,
        "accessible_released": event.terms.accessible_released,
        "limit_by": sorted(subject.value for subject in event.terms.limit_by),
        "fee": prices.fee_to_row(event.fee),
    }


def from_row(row: Row, tiers: Iterable[Row], promotions: Iterable[Row]) -> Event:
    """``tiers``: rows of this event, in order, each with its ``zones``; likewise ``promotions`` with their tiers."""
    return Event(
        id=EventId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        summary=row["summary"],
        description=row["description"],
        category=row["category"],
        artwork=row["artwork"],
        venue_id=VenueId(row["venue_id"]),
        seat_map_id=SeatMapId(row["seat_map_id"]),
        currency=CurrencyCode(row["currency"]),
        doors_at=row["doors_at"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        state=EventState(row["state"]),
        terms=SaleTerms(
            opens_at=row["opens_at"],
            closes_at=row["closes_at"],
            hold_seconds=row["hold_seconds"],
            payment_seconds=row["payment_seconds"],
            per_order_max=row["per_order_max"],
            per_buyer_max=row["per_buyer_max"],
            live_holds_per_buyer=row["live_holds_per_buyer"],
            admission_required=row["admission_required"],
            extensions_max=row["extensions_max"],
            hold_seconds_cap=row["hold_seconds_cap"],
            live_holds_per_address=row["live_holds_per_address"],
            lapses_max=row["lapses_max"],
            cooldown_seconds=row["cooldown_seconds"],
            may_strand_seats=row["may_strand_seats"],
            accessible_released=row["accessible_released"],
            limit_by=frozenset(map(LimitSubject, row["limit_by"])),
        ),
        tiers=tuple(tier_from_row(tier) for tier in tiers),
        fee=prices.fee_from_row(row["fee"]),
        promotions=tuple(prices.promotion_from_row(promotion) for promotion in promotions),
    )


def sale(event: Event, *, epoch: int, version: int, seat_map: SeatMap, taxes: TaxRule) -> Sale:
    """The event as the hold path sees it; ``taxes`` are its venue's."""
    return Sale(
        event_id=event.id,
        slug=event.slug,
        state=event.state,
        epoch=epoch,
        version=version,
        currency=event.currency,
        terms=event.terms,
        tiers=event.tiers,
        seat_map=seat_map,
        starts_at=event.starts_at,
        prices=PriceRules(fee=event.fee, taxes=taxes),
        promotions=event.promotions,
    )


def tier_to_row(event: Event, tier: Tier) -> dict[str, Any]:
    return {
        "id": tier.id,
        "event_id": event.id,
        "key": tier.key,
        "name": tier.name,
        "description": tier.description,
        "kind": tier.kind.value,
        "position": tier.position,
        "currency": tier.face.currency,
        "face_minor": tier.face.amount,
        "fee": None if tier.fee is None else prices.fee_to_row(tier.fee),
        "price_steps": prices.steps_to_row(tier.steps),
        "per_order_min": tier.per_order_min,
        "per_order_max": tier.per_order_max,
        "capacity": tier.capacity,
        "opens_at": tier.opens_at,
        "closes_at": tier.closes_at,
        "locked": tier.locked,
        "accessible": tier.accessible,
        "opens_after": tier.opens_after,
        "opened_at": tier.opened_at,
    }


def tier_zone_rows(event: Event) -> list[dict[str, Any]]:
    return [
        {"tier_id": tier.id, "event_id": event.id, "position": position, "zone_key": zone}
        for tier in event.tiers
        for position, zone in enumerate(tier.zones)
    ]


def tier_from_row(row: Row) -> Tier:
    currency = CurrencyCode(row["currency"])
    return Tier(
        id=TierId(row["id"]),
        key=row["key"],
        name=row["name"],
        description=row["description"],
        kind=ZoneKind(row["kind"]),
        zones=tuple(row["zones"]),
        face=Money(row["face_minor"], currency),
        position=row["position"],
        fee=None if row["fee"] is None else prices.fee_from_row(row["fee"]),
        steps=prices.steps_from_row(row["price_steps"], currency),
        per_order_max=row["per_order_max"],
        per_order_min=row["per_order_min"],
        capacity=row["capacity"],
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        locked=row["locked"],
        accessible=row["accessible"],
        opens_after=TierId(row["opens_after"]) if row["opens_after"] else None,
        opened_at=row["opened_at"],
    )


def policy_to_row(policy: RefundPolicy) -> dict[str, Any]:
    return {"rules": to_json(policy)}


def policy_from_row(row: Row) -> RefundPolicy:
    return from_json(row["rules"], version=row["version"])
