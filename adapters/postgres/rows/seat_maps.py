"""Seat maps as rows: one of the map, one a zone, and the seats as columns of values (up to 120,000 of them)."""

from collections.abc import Iterable, Sequence
from sys import intern
from typing import Any

from adapters.postgres.transaction import Row
from domain.seat_maps import Area, Point, Seat, SeatFeature, SeatMap, SeatMapId, Zone, ZoneKind
from domain.seat_maps import Row as SeatRow
from domain.venues import VenueId

_BITS = {SeatFeature.ACCESSIBLE: 1, SeatFeature.COMPANION: 2, SeatFeature.RESTRICTED_VIEW: 4}
_FEATURES = {
    mask: frozenset(feature for feature, bit in _BITS.items() if mask & bit) for mask in range(sum(_BITS.values()) + 1)
}


def to_row(seat_map: SeatMap) -> dict[str, Any]:
    return {
        "id": seat_map.id,
        "venue_id": seat_map.venue_id,
        "name": seat_map.name,
        "version": seat_map.version,
        "code": seat_map.code,
        "width": seat_map.width,
        "height": seat_map.height,
        "focal_x": seat_map.focal.x,
        "focal_y": seat_map.focal.y,
        "seat_count": len(seat_map.seats),
        "areas": [{"label": area.label, "kind": area.kind, "outline": _pairs(area.outline)} for area in seat_map.areas],
    }


def zone_rows(seat_map: SeatMap) -> list[dict[str, Any]]:
    return [
        {
            "seat_map_id": seat_map.id,
            "key": zone.key,
            "position": position,
            "name": zone.name,
            "kind": zone.kind.value,
            "capacity": zone.capacity,
            "outline": _pairs(zone.outline),
            "row_firsts": [row.first for row in zone.rows],
            "row_counts": [row.count for row in zone.rows],
        }
        for position, zone in enumerate(seat_map.zones)
    ]


def seat_columns(seat_map: SeatMap) -> dict[str, list[Any]]:
    """One list a column, all in seat order."""
    seats = seat_map.seats
    return {
        "indexes": [seat.index for seat in seats],
        "zone_keys": [seat.zone for seat in seats],
        "ids": [seat.id for seat in seats],
        "row_labels": [seat.row for seat in seats],
        "numbers": [seat.number for seat in seats],
        "xs": [seat.x for seat in seats],
        "ys": [seat.y for seat in seats],
        "features": [sum(_BITS[feature] for feature in seat.features) for seat in seats],
    }


def from_rows(row: Row, zones: Iterable[Row], seats: Iterable[Sequence[Any]]) -> SeatMap:
    """``seats``: (index, zone, id, row, number, x, y, features) in seat order."""
    return SeatMap(
        id=SeatMapId(row["id"]),
        venue_id=VenueId(row["venue_id"]),
        name=row["name"],
        version=row["version"],
        code=row["code"],
        width=row["width"],
        height=row["height"],
        focal=Point(row["focal_x"], row["focal_y"]),
        zones=tuple(_zone(zone) for zone in zones),
        seats=tuple(_seat(*seat) for seat in seats),
        areas=tuple(
            Area(label=area["label"], kind=area["kind"], outline=_points(area["outline"])) for area in row["areas"]
        ),
    )


def _zone(row: Row) -> Zone:
    return Zone(
        key=row["key"],
        name=row["name"],
        kind=ZoneKind(row["kind"]),
        capacity=row["capacity"],
        outline=_points(row["outline"]),
        rows=tuple(
            SeatRow(first=first, count=count) for first, count in zip(row["row_firsts"], row["row_counts"], strict=True)
        ),
    )


def _seat(index: int, zone: str, id_: str, row: str, number: str, x: int, y: int, features: int) -> Seat:
    # Zone, row and number repeat thousands of times in a map: one string each is enough.
    return Seat(
        index=index,
        id=id_,
        zone=intern(zone),
        row=intern(row),
        number=intern(number),
        x=x,
        y=y,
        features=_FEATURES[features],
    )


def _pairs(outline: tuple[Point, ...]) -> list[list[int]]:
    return [[point.x, point.y] for point in outline]


def _points(pairs: Iterable[Sequence[int]]) -> tuple[Point, ...]:
    return tuple(Point(x, y) for x, y in pairs)
