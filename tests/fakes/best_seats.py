"""Which seats are best: the plain rule that the inventory's script must agree with."""

from collections.abc import Iterator, Sequence

from domain.ports.inventory import SEAT_ACCESSIBLE, SEAT_COMPANION, SEAT_FREE
from domain.seat_maps import Row, SeatIndex


def best_seats(
    seats: Sequence[str], rows: Sequence[Row], quantity: int, *, accessible: bool = False
) -> tuple[SeatIndex, ...] | None:
    """The first row (best first) with ``quantity`` free neighbours, and its best neighbours.

    Within a row: as few accessible seats as can be but one if asked for, then companions' seats beside it, then fewest
    single seats left alone, then nearest to the row's middle, then leftmost.
    """
    letters = {SEAT_FREE, SEAT_ACCESSIBLE, SEAT_COMPANION} if accessible else {SEAT_FREE}
    for row in rows:
        choices = []
        for first, count in _free_runs(seats, row, letters):
            for start in range(first, first + count - quantity + 1):
                special = sum(seats[index] == SEAT_ACCESSIBLE for index in range(start, start + quantity))
                if special or not accessible:
                    alone = _left_alone(first, count, start, quantity)
                    ordinary = sum(seats[index] == SEAT_FREE for index in range(start, start + quantity)) * accessible
                    middle = abs(2 * start + quantity - 2 * row.first - row.count)
                    choices.append((special, ordinary, alone, middle, start))
        if choices:
            start = min(choices)[-1]
            return tuple(range(start, start + quantity))
    return None


def _left_alone(first: SeatIndex, count: int, start: SeatIndex, quantity: int) -> int:
    return (start - first == 1) + (first + count - start - quantity == 1)


def _free_runs(seats: Sequence[str], row: Row, letters: set[str]) -> Iterator[tuple[SeatIndex, int]]:
    run = 0
    for index in range(row.first, row.first + row.count + 1):
        if index < row.first + row.count and seats[index] in letters:
            run += 1
        elif run:
            yield index - run, run
            run = 0
