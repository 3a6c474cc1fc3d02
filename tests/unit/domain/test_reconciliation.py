"""Telling drift from what is only under way."""

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.ports.inventory import Account, StandingClaim, StockLevels
from domain.reconciliation import Difference, Drift, differences
from tests.fakes.sales import buyer, general_sale, new_hold_id

LEVELS = StockLevels(free={"z:a": 5}, seats="fs", claimed=(), buyers={})
AGREES = Account(epoch=1, version=0, free={"z:a": 5}, seats="fs", held={"z:a": 0}, claims={}, strays=())


def test_agreement_is_no_difference() -> None:
    """And what is held is not missing."""
    assert differences(AGREES, LEVELS, settled=True) == ()
    assert differences(replace(AGREES, free={"z:a": 2}, held={"z:a": 3}), LEVELS, settled=True) == ()


def test_a_claim_counts_against_postgres_only_while_postgres_has_no_order_for_it() -> None:
    """An order's claim is taken on both sides; a checkout that got no further only here."""
    hold_id = new_hold_id(general_sale())
    ours = replace(AGREES, free={"z:a": 3}, claims={hold_id.nonce: {"z:a": 2}})
    claim = StandingClaim(hold_id=hold_id, pools={"z:a": 2}, seats=(), buyer=buyer(), until=None)  # type: ignore[arg-type]

    assert differences(ours, LEVELS, settled=True) == ()
    assert differences(ours, replace(LEVELS, free={"z:a": 3}, claimed=(claim,)), settled=True) == ()
    assert differences(ours, replace(LEVELS, claimed=(claim,)), settled=True) == (
        Difference(drift=Drift.STRANDED, what="z:a", units=2),
    )


@pytest.mark.parametrize(
    ("here", "true", "strays", "drift"),
    [
        ("f", "s", (), Drift.OFFERED),
        ("a", "b", (), Drift.OFFERED),
        ("s", "f", (), Drift.STRANDED),
        ("b", "f", (), Drift.STRANDED),
        ("h", "f", (0,), Drift.STRANDED),
        ("h", "f", (), None),
        ("h", "s", (), None),
        ("c", "f", (), None),
    ],
)
def test_seats_one_by_one(here: str, true: str, strays: tuple[int, ...], drift: Drift | None) -> None:
    """Held is somebody's, unless it is nobody's; letters of free seats are all free."""
    account = replace(AGREES, seats=here, strays=strays)

    found = differences(account, replace(LEVELS, seats=true), settled=True)

    assert [difference.drift for difference in found] == ([drift] if drift else [])


def test_too_many_holds_to_look_at_hide_only_what_is_stranded() -> None:
    """What is offered wrongly needs no sum."""
    busy = replace(AGREES, held=None, claims={uuid4(): {}})

    assert differences(replace(busy, free={"z:a": 1}), LEVELS, settled=True) == ()
    assert differences(replace(busy, free={"z:a": 6}), LEVELS, settled=True) != ()


def test_a_lowered_capacity_that_holds_exceed_is_not_drift() -> None:
    """Nothing is free until enough of them have come back; nobody is offered anything."""
    short = replace(AGREES, free={"z:a": -2}, held={"z:a": 7})

    assert differences(short, LEVELS, settled=True) == ()


def test_a_sale_that_the_inventory_has_not_heard_of_is_no_drift() -> None:
    """Its claim is still here, unknown to Postgres by now, and its places are taken there already."""
    ours = replace(AGREES, free={"z:a": 3}, claims={uuid4(): {"z:a": 2}})

    assert differences(ours, replace(LEVELS, free={"z:a": 3}), settled=False) == ()
    assert differences(ours, replace(LEVELS, free={"z:a": 3}), settled=True) != ()
