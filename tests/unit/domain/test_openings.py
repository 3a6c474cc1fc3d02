"""Tiers that open when another is gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.openings import due, misfit, not_yet, waited_for
from domain.tiers import Tier
from tests.fakes.sales import mixed_sale, tier_of

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SALE = mixed_sale()
EARLY, LATER, LAST = tier_of(SALE, "vip"), tier_of(SALE, "general"), tier_of(SALE, "stalls")
WAITING = replace(LATER, opens_after=EARLY.id)


def is_due(first: Tier, *, free: int) -> bool:
    return bool(due((first, WAITING), {first.id: free}, now=NOW))


@pytest.mark.parametrize(("free", "opens"), [(1, False), (0, True), (-1, True)])
def test_a_tier_opens_when_the_other_is_gone(free: int, opens: bool) -> None:
    """Not before."""
    assert is_due(EARLY, free=free) is opens


def test_what_nobody_can_buy_is_gone() -> None:
    """Fewer are left than are sold at once, its time is over, or it is no more: nothing waits for ever."""
    assert is_due(replace(EARLY, per_order_min=2), free=1)
    assert not is_due(replace(EARLY, per_order_min=2), free=2)
    assert is_due(replace(EARLY, closes_at=NOW), free=5)
    assert not is_due(replace(EARLY, closes_at=NOW + timedelta(seconds=1)), free=5)
    assert due((WAITING,), {}, now=NOW) == {WAITING.id}


def test_a_tier_opens_once_for_good() -> None:
    """It is not due again, and waits for nothing, whatever comes back of the other."""
    opened = replace(WAITING, opened_at=NOW)
    assert not opened.waits
    assert waited_for(opened, (EARLY, opened)) is None
    assert due((EARLY, opened), {EARLY.id: 0}, now=NOW) == frozenset()


def test_a_chain_opens_link_by_link() -> None:
    """The third waits for the second, which nobody has bought yet."""
    last = replace(LAST, opens_after=WAITING.id)
    assert due((EARLY, WAITING, last), {EARLY.id: 0, WAITING.id: 9, last.id: 9}, now=NOW) == {WAITING.id}
    assert misfit((EARLY, WAITING, last)) is None


def test_a_refusal_says_what_is_waited_for() -> None:
    """By name, and by id for programs."""
    refusal = not_yet(WAITING, (EARLY, WAITING))
    assert refusal.message == "General opens when Vip is sold out."
    assert refusal.details == {"tier": str(WAITING.id), "opens_after": str(EARLY.id)}


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ((WAITING,), "another of its own event"),
        ((replace(EARLY, opens_after=EARLY.id),), "wait for itself"),
        ((replace(EARLY, opens_after=LATER.id), WAITING), "wait for itself"),
        ((replace(EARLY, locked=True), WAITING), "needs a code"),
    ],
)
def test_no_tier_waits_for_what_never_comes(tiers: tuple[Tier, ...], says: str) -> None:
    """Circles, strangers, and tiers that not everybody may know of."""
    refusal = misfit(tiers)
    assert refusal is not None
    assert says in refusal.message
    assert str(refusal.details["field"]).startswith("opens_after.")
