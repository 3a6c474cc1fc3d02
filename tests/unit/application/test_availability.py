"""What is free is counted for the person who reads it: seats that are kept for some are not free to all."""

from dataclasses import replace

import pytest

from application.queries.availability import Counts, counted
from domain.events import Sale
from domain.seat_maps import SeatFeature
from tests.fakes import sales

ALL_FREE = "acffacffffffffff"
"""Of an accessible_sale(): 0 and 4 are accessible, 1 and 5 for companions."""


def count(sale: Sale, seats: str, **free: int) -> Counts:
    """The counts when as many places are free as ``seats`` says, unless ``free`` says otherwise."""
    in_house = sum(letter in "fac" for letter in seats)
    return counted(sale, free={"z:house": in_house, **{f"t:{key}": units for key, units in free.items()}}, seats=seats)


def with_tiers(sale: Sale, **capacity: int | None) -> Sale:
    """The same sale with an ordinary tier ``seat`` and an accessible one, ``wheel``."""
    ordinary = replace(sales.tier_of(sale, "seat"), capacity=capacity.get("seat"))
    wheel = sales.tier("wheel", ordinary.kind, ordinary.zones, accessible=True, capacity=capacity.get("wheel"))
    return replace(sale, tiers=(ordinary, wheel))


def by_key(sale: Sale, counts: Counts) -> dict[str, int]:
    return {tier.key: counts.tiers[tier.id] for tier in sale.tiers}


def test_kept_seats_are_not_free_to_all() -> None:
    """A zone says what anybody may take, and apart from it how many accessible seats there are for who asks."""
    counts = count(sales.accessible_sale(), ALL_FREE)

    assert counts.zones == {"house": 12}
    assert counts.accessible == {"house": 2}


@pytest.mark.parametrize(
    ("seats", "open_to_all", "accessible"),
    [
        ("hhffacffffffffff", 12, 1),
        ("acffacffhhssbbff", 6, 2),
        ("achhachhhhhhhhhh", 0, 2),
        ("hcffscffffffffff", 12, 0),
        ("h" * 16, 0, 0),
    ],
)
def test_counts_follow_the_letters(seats: str, open_to_all: int, accessible: int) -> None:
    """Whatever is taken, and by whom."""
    counts = count(sales.accessible_sale(), seats)

    assert (counts.zones, counts.accessible) == ({"house": open_to_all}, {"house": accessible})


def test_an_accessible_tier_counts_kept_seats() -> None:
    """And no other tier does, so nobody is promised what would be refused."""
    sale = with_tiers(sales.accessible_sale())

    assert by_key(sale, count(sale, ALL_FREE)) == {"seat": 12, "wheel": 16}
    assert by_key(sale, count(sale, "achhachhhhhhhhhh")) == {"seat": 0, "wheel": 4}


def test_a_tiers_own_capacity_still_counts() -> None:
    """The smaller of both, for either kind of tier; a pool that is overdrawn reads as nothing."""
    sale = with_tiers(sales.accessible_sale(), seat=20, wheel=20)

    assert by_key(sale, count(sale, ALL_FREE, seat=5, wheel=14)) == {"seat": 5, "wheel": 14}
    assert by_key(sale, count(sale, ALL_FREE, seat=20, wheel=-1)) == {"seat": 12, "wheel": 0}


def test_released_seats_are_like_any_other() -> None:
    """Nothing is kept, so nothing is counted apart."""
    sale = sales.accessible_sale(accessible_released=True)

    counts = count(sale, "f" * 16)

    assert (counts.zones, counts.accessible) == ({"house": 16}, {})


def test_a_zone_without_kept_seats_is_not_named() -> None:
    """General admission and plain houses say nothing of accessible seats; nor does a zone that is not on sale."""
    general = sales.general_sale()
    assert counted(general, free={"z:floor": 100, "t:vip": 20}, seats="").accessible == {}

    ramp = sales.accessible_sale()
    assert counted(ramp, free={}, seats=ALL_FREE).accessible == {}


def test_a_pool_that_holds_have_overdrawn_is_empty() -> None:
    """After a rebuild a pool may have less than nothing; nobody reads a number below zero."""
    sale = sales.accessible_sale()

    assert counted(sale, free={"z:house": -3}, seats="h" * 16).zones == {"house": 0}
    assert counted(sale, free={"z:house": 1}, seats=ALL_FREE).zones == {"house": 0}


def test_differences_are_absolute() -> None:
    """What changed since an earlier moment, at its new value; what did not is left out."""
    sale = with_tiers(sales.accessible_sale())
    before, after = count(sale, ALL_FREE), count(sale, "hcffacffffffffff")

    since = after.since(before)

    assert (since.zones, since.accessible) == ({}, {"house": 1})
    assert since.tiers == {sales.tier_of(sale, "wheel").id: 15}
    assert after.since(after) == Counts(zones={}, accessible={}, tiers={})


def test_features_other_than_accessibility_change_nothing() -> None:
    """A restricted view is no reason to keep a seat."""
    sale = sales.accessible_sale()
    seats = tuple(
        replace(seat, features=frozenset({SeatFeature.RESTRICTED_VIEW})) if seat.index == 8 else seat
        for seat in sale.seat_map.seats
    )

    assert count(replace(sale, seat_map=replace(sale.seat_map, seats=seats)), ALL_FREE).zones == {"house": 12}
