"""A snapshot must stay small enough for a telephone in a crowd, whatever the house looks like."""

import gzip
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import uuid4

import orjson
import pytest

from application.queries.availability import Availability
from domain.ports.inventory import Snapshot
from domain.tiers import TierId
from entrypoints import availability_wire
from entrypoints.http.api import availability_desk
from tests.unit.http.shop import Shop

SEATS = 70_000
ROW = 35
ZONES, TIERS = 60, 12
GZIPPED_BYTES_MAX = 40_000
LETTERS = "fhsbac"


def _at_random(letters: str, *weights: int) -> str:
    return "".join(random.Random(7).choices(letters, weights or None, k=SEATS))


def _by_rows() -> str:
    return "".join(letter * ROW for letter in _at_random("fs")[: SEATS // ROW])


PATTERNS: dict[str, Callable[[], str]] = {
    "empty": lambda: "f" * SEATS,
    "half sold, seat by seat": partial(_at_random, "fs"),
    "95% sold, seat by seat": partial(_at_random, "fs", 5, 95),
    "sold by rows": _by_rows,
    "every state as likely as any other": partial(_at_random, LETTERS),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_snapshot_of_70_000_seats_is_small(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under 40 KB gzipped, as the desk sends it, even for a house that no real sale would make."""
    shop = Shop()
    seen = shop.availability("field")
    big = replace(
        seen,
        snapshot=Snapshot(event_id=seen.sale.event_id, epoch=9, version=10**6, free={}, seats=PATTERNS[pattern]()),
        zones={f"zone-{number:03}": 1_234 for number in range(ZONES)},
        tiers={TierId(uuid4()): 1_234 for _ in range(TIERS)},
    )

    def found(event: str, /) -> Availability:
        return big

    monkeypatch.setattr(shop, "availability", found)

    taken = availability_desk.Snapshots().get("field", shop)

    assert len(taken.gzipped) < GZIPPED_BYTES_MAX
    assert gzip.decompress(taken.gzipped) == taken.plain == orjson.dumps(availability_wire.whole(big))
