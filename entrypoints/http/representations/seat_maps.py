"""A seat map for drawing: a struct of arrays in seat order, four times smaller than an array of objects.

Built once per version of a sale and kept as bytes, plain and gzipped.
"""

import gzip
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from domain.events import Sale
from domain.seat_maps import Area, Point, Seat, SeatFeature, Zone
from entrypoints.http.representations import Json
from entrypoints.http.representations import encoded as to_bytes
from entrypoints.http.representations.events import tier

FEATURE_BITS = {SeatFeature.ACCESSIBLE: 1, SeatFeature.COMPANION: 2, SeatFeature.RESTRICTED_VIEW: 4}

_GZIP_LEVEL = 9
_ETAG_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A body ready to send. ``tag`` names its content, without quotes."""

    plain: bytes
    gzipped: bytes
    tag: str


def encoded(sale: Sale, *, now: datetime) -> Encoded:
    """The bytes that every visitor of this version gets until a price changes by itself."""
    plain = to_bytes(seat_map(sale, now=now))
    return Encoded(
        plain=plain,
        gzipped=gzip.compress(plain, compresslevel=_GZIP_LEVEL, mtime=0),
        tag=blake2b(plain, digest_size=_ETAG_BYTES).hexdigest(),
    )


def seat_map(sale: Sale, *, now: datetime) -> Json:
    """Geometry and tiers of one sale at this moment's prices; availability refers to its seats by position."""
    plan = sale.seat_map
    position = {zone.key: index for index, zone in enumerate(plan.zones)}
    seats = plan.seats
    return {
        "event": str(sale.event_id),
        "seat_map": {"id": str(plan.id), "code": plan.code, "version": plan.version, "name": plan.name},
        "width": plan.width,
        "height": plan.height,
        "focal": _point(plan.focal),
        "areas": [_area(area) for area in plan.areas],
        "zones": [_zone(zone, sale) for zone in plan.zones],
        "tiers": [tier(each, sale.prices, now=now) for each in sorted(sale.tiers, key=lambda each: each.position)],
        "seats": {
            "id": [seat.id for seat in seats],
            "zone": [position[seat.zone] for seat in seats],
            "row": [seat.row for seat in seats],
            "number": [seat.number for seat in seats],
            "x": [seat.x for seat in seats],
            "y": [seat.y for seat in seats],
            "features": [_features(seat) for seat in seats],
        },
    }


def _features(seat: Seat) -> int:
    return sum(FEATURE_BITS[feature] for feature in seat.features)


def _point(point: Point) -> list[int]:
    return [point.x, point.y]


def _area(area: Area) -> Json:
    return {"label": area.label, "kind": area.kind, "outline": [_point(point) for point in area.outline]}


def _zone(zone: Zone, sale: Sale) -> Json:
    first = min((row.first for row in zone.rows), default=None)
    return {
        "key": zone.key,
        "name": zone.name,
        "kind": zone.kind.value,
        "capacity": zone.capacity,
        "outline": [_point(point) for point in zone.outline],
        "first": first,
        "count": sum(row.count for row in zone.rows),
        "tiers": [str(each.id) for each in sale.tiers if zone.key in each.zones],
    }
