"""What a buyer's choice of seats does to its row: the plain rule that the inventory's script must agree with."""

import re
from collections.abc import Collection, Iterator

_FREE_RUN = re.compile("f+")
_ALONE = re.compile("(?<!f)f(?!f)")


def stranded(row: str, chosen: Collection[int]) -> tuple[int, ...]:
    """Free seats of a row that this choice would leave alone though the same row had a better choice.

    ``row`` has one letter a seat (``f`` is free), ``chosen`` are offsets of free seats in it. Each run of free seats is
    judged by itself: taking as many seats from one end leaves nobody alone, or one when a single seat remains. A choice
    that leaves more than that strands them. So the last seats can always be bought, and whoever takes all but one of
    a run is not to blame for the one.
    """
    return tuple(offset for run in _FREE_RUN.finditer(row) for offset in _stranded_in(run, chosen))


def _stranded_in(run: re.Match[str], chosen: Collection[int]) -> Iterator[int]:
    after = "".join("h" if place in chosen else "f" for place in range(run.start(), run.end()))
    taken = after.count("h")
    alone = [run.start() + match.start() for match in _ALONE.finditer(after)]
    unavoidable = 1 if len(after) - taken == 1 else 0
    if taken and len(alone) > unavoidable:
        yield from alone
