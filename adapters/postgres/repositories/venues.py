"""Venues and their seat maps."""

from sqlalchemy import insert, select, text, update

from adapters.postgres.rows import seat_maps as map_rows
from adapters.postgres.rows import venues as rows
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.tables import seat_maps, seats, venues, zones
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.seat_maps import SeatMap, SeatMapId
from domain.venues import Venue, VenueId

_ADD_SEATS = text("""
    INSERT INTO seats (seat_map_id, index, zone_key, id, row_label, number, x, y, features)
    SELECT :seat_map_id, seat.*
    FROM unnest(CAST(:indexes AS int[]), CAST(:zone_keys AS text[]), CAST(:ids AS text[]), CAST(:row_labels AS text[]),
                CAST(:numbers AS text[]), CAST(:xs AS int[]), CAST(:ys AS int[]), CAST(:features AS smallint[])) AS seat
""")


class PostgresVenues:
    def __init__(self, transaction: Transaction, seat_maps_kept: SeatMapCache) -> None:
        self._transaction = transaction
        self._kept = seat_maps_kept
        self._new: set[SeatMapId] = set()

    def add(self, venue: Venue) -> None:
        self._transaction.run(insert(venues), rows.to_row(venue))

    def get(self, venue_id: VenueId, *, lock: bool = False) -> Venue:
        wanted = select(venues).where(venues.c.id == venue_id)
        row = self._transaction.first(wanted.with_for_update(key_share=True) if lock else wanted)
        if row is None:
            raise NotFound("venue")
        return rows.from_row(row)

    def save_taxes(self, venue: Venue) -> None:
        taxes = rows.to_row(venue)["taxes"]
        self._transaction.run(update(venues).where(venues.c.id == venue.id).values(taxes=taxes))

    def find(self, *, slug: str) -> Venue | None:
        row = self._transaction.first(select(venues).where(venues.c.slug == slug))
        return rows.from_row(row) if row else None

    def add_map(self, seat_map: SeatMap) -> None:
        self._transaction.run(insert(seat_maps), map_rows.to_row(seat_map))
        self._transaction.run(insert(zones), map_rows.zone_rows(seat_map))
        if seat_map.seats:
            self._transaction.run(_ADD_SEATS, {"seat_map_id": seat_map.id, **map_rows.seat_columns(seat_map)})
        self._new.add(seat_map.id)

    def get_map(self, seat_map_id: SeatMapId) -> SeatMap:
        kept = self._kept.get(seat_map_id)
        if kept is not None:
            return kept
        seat_map = read_map(self._transaction, seat_map_id)
        if seat_map_id not in self._new:
            self._kept.keep(seat_map)
        return seat_map


def read_map(transaction: Transaction, seat_map_id: SeatMapId) -> SeatMap:
    """A whole map with its zones and seats, in three queries. Raises NotFound."""
    row = transaction.first(select(seat_maps).where(seat_maps.c.id == seat_map_id))
    if row is None:
        raise NotFound("seat map")
    of_map = select(zones).where(zones.c.seat_map_id == seat_map_id).order_by(zones.c.position)
    seat = seats.c
    places = (
        select(seat.index, seat.zone_key, seat.id, seat.row_label, seat.number, seat.x, seat.y, seat.features)
        .where(seat.seat_map_id == seat_map_id)
        .order_by(seat.index)
    )
    return map_rows.from_rows(row, transaction.rows(of_map), transaction.run(places))
