"""Which seats are best: the plain rule that the inventory's script must agree with."""

from collections.abc import Iterator, Sequence

from domain.ports.inventory import SEAT_FREE
from domain.seat_maps import Row, SeatIndex


def best_seats(seats: Sequence[str], rows: Sequence[Row], quantity: int) -> tuple[SeatIndex, ...] | None:
    """The first row (best first) with ``quantity`` free neighbours, and its best neighbours.

    Within a row: fewest single seats left alone, then nearest to the row's middle, then leftmost.
    """
    for row in rows:
        runs = tuple(_free_runs(seats, row))
        choices = [
            (_left_alone(first, count, start, quantity), abs(2 * start + quantity - 2 * row.first - row.count), start)
            for first, count in runs
            for start in range(first, first + count - quantity + 1)
        ]
        if choices:
            start = min(choices)[2]
            return tuple(range(start, start + quantity))
    return None


def _left_alone(first: SeatIndex, count: int, start: SeatIndex, quantity: int) -> int:
    return (start - first == 1) + (first + count - start - quantity == 1)


def _free_runs(seats: Sequence[str], row: Row) -> Iterator[tuple[SeatIndex, int]]:
    run = 0
    for index in range(row.first, row.first + row.count + 1):
        if index < row.first + row.count and seats[index] == SEAT_FREE:
            run += 1
        elif run:
            yield index - run, run
            run = 0
