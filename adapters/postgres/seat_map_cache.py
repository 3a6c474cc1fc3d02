"""Seat maps kept in memory: they are big (thousands of seats) and a version of one never changes."""

from collections import OrderedDict
from threading import Lock

from domain.seat_maps import SeatMap, SeatMapId

SEAT_MAPS_KEPT_MAX = 128


class SeatMapCache:
    """The most recently used seat maps of this process, shared by all its threads."""

    def __init__(self, *, at_most: int = SEAT_MAPS_KEPT_MAX) -> None:
        self._at_most = at_most
        self._kept: OrderedDict[SeatMapId, SeatMap] = OrderedDict()
        self._lock = Lock()

    def get(self, seat_map_id: SeatMapId) -> SeatMap | None:
        with self._lock:
            seat_map = self._kept.get(seat_map_id)
            if seat_map is not None:
                self._kept.move_to_end(seat_map_id)
            return seat_map

    def keep(self, seat_map: SeatMap) -> None:
        """Only maps that are committed: a rolled back one must not live on here."""
        with self._lock:
            self._kept[seat_map.id] = seat_map
            self._kept.move_to_end(seat_map.id)
            while len(self._kept) > self._at_most:
                self._kept.popitem(last=False)
