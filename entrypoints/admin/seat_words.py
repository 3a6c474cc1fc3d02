"""Seats as people say and write them: ``Row C, seats 4-9 and 12`` there, ``C 4-9, 12`` back again.

A row here is a *printed* row: an aisle does not end it. Numbers count as they are printed, so that ``1-7`` of a row
with odd numbers means its seats 1, 3, 5 and 7.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.seat_maps import Seat, SeatIndex, SeatMap
from entrypoints.admin.forms import Mistyped

TYPED_LENGTH_MAX = 4_000

_LINES = re.compile(r"[\n;]+")
_RANGE = re.compile(r"(.+?)\s*(?:-|–|—|\bto\b)\s*(.+)", re.IGNORECASE)  # noqa: RUF001  (people paste such dashes)
_ROW_WORD = re.compile(r"rows?\s+", re.IGNORECASE)
_SEAT_WORD = re.compile(r"[\s:,]*(?:seats?\b)?[\s:]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRow:
    """One row of a zone, its seats in the order of their numbers."""

    zone: str
    label: str
    seats: tuple[Seat, ...]

    def position(self, number: str) -> int:
        """Where the seat with this number is in ``seats``. Raises Mistyped."""
        for position, seat in enumerate(self.seats):
            if seat.number.casefold() == number.strip().casefold():
                return position
        raise Mistyped("seats", f"Row {self.label} has no seat “{number.strip()}”.")

    def in_words(self, wanted: Iterable[SeatIndex]) -> str:
        """``4-9, 12``: neighbouring numbers as a range."""
        chosen = frozenset(wanted)
        ranges: list[list[Seat]] = []
        before = False
        for seat in self.seats:
            if seat.index in chosen:
                if before:
                    ranges[-1].append(seat)
                else:
                    ranges.append([seat])
            before = seat.index in chosen
        return ", ".join(_said(each) for each in ranges)


def rows_of(seat_map: SeatMap, zone: str) -> tuple[PrintedRow, ...]:
    """The printed rows of a zone, in the order of the map."""
    rows: dict[str, list[Seat]] = {}
    for run in seat_map.zone(zone).rows:
        for seat in seat_map.seats[run.first : run.first + run.count]:
            rows.setdefault(seat.row, []).append(seat)
    return tuple(
        PrintedRow(zone=zone, label=label, seats=tuple(sorted(seats, key=lambda seat: _natural(seat.number))))
        for label, seats in rows.items()
    )


def in_words(seats: Iterable[SeatIndex], seat_map: SeatMap) -> tuple[str, ...]:
    """One line a row: ``Stalls, row C: 4-9, 12``."""
    wanted = frozenset(seats)
    zones = {seat_map.seats[index].zone for index in wanted}
    return tuple(
        f"{zone.name}, row {row.label}: {row.in_words(wanted)}"
        for zone in seat_map.zones
        if zone.key in zones
        for row in rows_of(seat_map, zone.key)
        if not wanted.isdisjoint(seat.index for seat in row.seats)
    )


def read(text: str, rows: tuple[PrintedRow, ...]) -> frozenset[SeatIndex]:
    """The seats that somebody typed, a row a line; a row alone is all of it. Raises Mistyped for ``seats``."""
    return frozenset(seat for line in _LINES.split(text) if line.strip() for seat in _line(line.strip(), rows))


def _line(line: str, rows: tuple[PrintedRow, ...]) -> Iterator[SeatIndex]:
    row, rest = _row(line, rows)
    pieces = [piece for piece in _SEAT_WORD.sub("", rest, count=1).split(",") if piece.strip()]
    if not pieces:
        yield from (seat.index for seat in row.seats)
    for piece in pieces:
        first, last = _ends(piece.strip(), row)
        yield from (seat.index for seat in row.seats[min(first, last) : max(first, last) + 1])


def _row(line: str, rows: tuple[PrintedRow, ...]) -> tuple[PrintedRow, str]:
    """The row that a line begins with, the longest name first, and what follows."""
    for said in (line, _ROW_WORD.sub("", line, count=1)):
        for row in sorted(rows, key=lambda row: -len(row.label)):
            rest = said[len(row.label) :]
            if said.casefold().startswith(row.label.casefold()) and (not rest or rest[0] in " \t\r:,"):
                return row, rest
    name = line.split(maxsplit=1)[0]
    raise Mistyped("seats", f"There is no row “{name}” here. Write a row a line, such as {_example(rows)}.")


def _ends(piece: str, row: PrintedRow) -> tuple[int, int]:
    """One number, or two with a dash or "to" between them."""
    if any(seat.number.casefold() == piece.casefold() for seat in row.seats):
        return row.position(piece), row.position(piece)
    span = _RANGE.fullmatch(piece)
    if span is None:
        return row.position(piece), row.position(piece)
    return row.position(span[1]), row.position(span[2])


def _example(rows: tuple[PrintedRow, ...]) -> str:
    row = rows[0]
    return f"{row.label} {row.seats[0].number}-{row.seats[-1].number}"


def _said(seats: list[Seat]) -> str:
    first, last = seats[0].number, seats[-1].number
    return first if len(seats) == 1 else f"{first}–{last}"  # noqa: RUF001  (the dash of ranges)


def _natural(number: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts 9 before 10, and 12 before 12A."""
    parts = re.findall(r"[0-9]+|[^0-9]+", number)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
