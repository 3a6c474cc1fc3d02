"""Tiers: what may be offered, which pools a ticket draws from, how many one order may take."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RejectionCode
from domain.money import CurrencyCode, Money
from domain.seat_maps import ZoneKind
from domain.tiers import PER_ORDER_MAX, Tier, TierId, tier_pool, zone_pool

USD = CurrencyCode("USD")
FLOOR = Tier(
    id=TierId(UUID(int=1)),
    key="floor",
    name="Floor",
    description="",
    kind=ZoneKind.GENERAL_ADMISSION,
    zones=("pit",),
    face=Money(4_500, USD),
    position=0,
)


def test_general_admission_draws_from_its_zone() -> None:
    """Two tiers of one zone share that zone's stock."""
    assert FLOOR.pools == (zone_pool("pit"),)


def test_a_tier_with_a_capacity_of_its_own_draws_from_two_pools() -> None:
    """VIP runs out by itself, and the zone with it."""
    assert replace(FLOOR, capacity=10).pools == (zone_pool("pit"), tier_pool("floor"))


def test_a_reserved_tier_draws_only_from_its_own_capacity() -> None:
    """Its zones are drawn from seat by seat."""
    seats = replace(FLOOR, kind=ZoneKind.RESERVED, zones=("a", "b"))
    assert seats.pools == ()
    assert replace(seats, capacity=5).pools == (tier_pool("floor"),)


def test_a_zone_and_a_tier_of_one_name_have_different_pools() -> None:
    """Names given by organisers cannot mix up stock."""
    assert zone_pool("vip") != tier_pool("vip")


@pytest.mark.parametrize(
    "changes",
    [
        {"zones": ()},
        {"zones": ("a", "b")},
        {"per_order_min": 0},
        {"per_order_min": 5, "per_order_max": 4},
        {"per_order_max": PER_ORDER_MAX + 1},
        {"face": Money(-1, USD)},
        {"face": Money(5, CurrencyCode("KWD"))},
    ],
    ids=str,
)
def test_an_impossible_tier_cannot_be_made(changes: dict[str, object]) -> None:
    """No zone, two zones to stand in at once, limits upside down, or a price below nothing."""
    with pytest.raises(ValueError, match="tier floor"):
        replace(FLOOR, **changes)  # type: ignore[arg-type]  # any field


@given(st.integers(min_value=-(10**9), max_value=10**9))
def test_a_quantity_is_taken_within_the_limits_and_refused_outside(quantity: int) -> None:
    """Nothing, less than nothing and a billion are refused with the limits in the answer."""
    group = replace(FLOOR, per_order_min=5, per_order_max=20)
    rejection = group.refuses_quantity(quantity)
    if 5 <= quantity <= 20:
        assert rejection is None
    else:
        assert rejection is not None
        assert rejection.code is RejectionCode.LIMIT_REACHED
        assert rejection.details == {"tier": str(FLOOR.id), "minimum": 5, "maximum": 20}
