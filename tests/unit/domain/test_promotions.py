"""Promotions: which code is good for what, now; and what a hold with one asks of the stock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.demands import Demand, demand, price
from domain.errors import Rejection, RejectionCode
from domain.holds import fingerprint
from domain.limits import counted_under, limits, recognised
from domain.promotions import Promotion, PromotionKind, digest, find, promotion_pool
from tests.fakes.sales import (
    OPENED,
    best,
    buyer,
    chosen,
    general,
    general_sale,
    opening,
    promotion,
    reserved_sale,
    terms,
    tier_of,
    usd,
)

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def refusal(answer: object) -> RejectionCode:
    assert isinstance(answer, Rejection), answer
    return answer.code


@pytest.mark.parametrize("typed", ["sesame", " SESAME ", "Sesame"])
def test_a_code_is_forgiving_about_case_and_spaces(typed: str) -> None:
    """It was read aloud or copied from a letter."""
    wanted = promotion("sesame")
    assert find((promotion("other"), wanted), typed, now=NOW) is wanted


@pytest.mark.parametrize(
    "known",
    [
        (),
        (promotion("sesame", active=False),),
        (promotion("sesame", ends_at=NOW),),
        (promotion("sesame", starts_at=NOW + HOUR),),
    ],
    ids=["never was", "stopped", "over", "not yet"],
)
def test_whatever_is_wrong_with_a_code_the_answer_is_the_same(known: tuple[Promotion, ...]) -> None:
    """Somebody who guesses learns nothing from it."""
    assert find(known, "sesame", now=NOW) == find((), "anything", now=NOW)
    assert refusal(find(known, "sesame", now=NOW)) is RejectionCode.CODE_REFUSED


def test_a_code_may_be_used_again_once_it_was_stopped() -> None:
    """The one that is good is found behind the one that is not."""
    again = promotion("sesame")
    assert find((promotion("sesame", active=False), again), "sesame", now=NOW) is again


def test_a_hold_draws_its_tickets_from_the_promotions_pool() -> None:
    """One unit a covered ticket, over all lines; tickets of other tiers use nothing."""
    sale = general_sale()
    off = promotion(tiers=frozenset({tier_of(sale, "general").id}))

    wanted = demand(sale, (general(sale, 2), general(sale, 3, "vip")), now=OPENED, promotion=off)

    assert isinstance(wanted, Demand)
    assert wanted.pools[promotion_pool(off.key)] == 2
    lines = price(sale, (general(sale, 2), general(sale, 3, "vip")), now=OPENED, promotion=off)
    assert [line.promotion for line in lines] == [off.key, None]
    assert [line.unit.discount for line in lines] == [usd(450), usd(0)]


def test_seats_that_may_become_covered_count_as_covered() -> None:
    """A cap may refuse a little early, and never lets anybody past."""
    sale = reserved_sale()
    off = promotion(tiers=frozenset({tier_of(sale, "balcony").id}))

    wanted = demand(sale, (best(sale, 2, "stalls", "balcony"),), now=OPENED, promotion=off)

    assert isinstance(wanted, Demand)
    assert wanted.pools[promotion_pool(off.key)] == 2


def test_the_cheapest_tier_is_the_one_that_is_cheapest_with_the_code() -> None:
    """A discount on the stalls can make them cheaper than the balcony; what is priced first is looked at first."""
    sale = reserved_sale()
    off = promotion(kind=PromotionKind.AMOUNT, value=8_000, tiers=frozenset({tier_of(sale, "stalls").id}))
    line = best(sale, 2, "balcony", "stalls", cheapest=True)

    wanted = demand(sale, (line,), now=OPENED, promotion=off)
    priced = price(sale, (line,), now=OPENED, promotion=off)

    assert isinstance(wanted, Demand)
    assert [choice.tier_key for choice in wanted.best[0].choices] == ["stalls", "balcony"]
    assert [each.tier_name for each in (priced[0], *priced[0].or_else)] == ["Stalls", "Balcony"]


def test_a_code_that_is_for_none_of_the_tickets_is_refused() -> None:
    """Nobody should pay more than they think."""
    sale = general_sale()
    off = promotion(tiers=frozenset({tier_of(sale, "vip").id}))
    assert refusal(demand(sale, (general(sale, 1),), now=OPENED, promotion=off)) is RejectionCode.CODE_NOT_APPLICABLE


def test_a_presale_opens_what_it_is_for_and_nothing_else() -> None:
    """Its holders may buy before the sale opens; with a tier beside it that waits, the later moment counts."""
    sale = general_sale(opens_at=NOW + 5 * HOUR)
    vip = replace(tier_of(sale, "vip"), opens_at=NOW + 9 * HOUR)
    sale = replace(sale, tiers=(tier_of(sale, "general"), vip))
    early = opening("first in line", tier_of(sale, "general"))
    early = replace(early, presale_at=NOW)

    def opens(*lines: object, code: Promotion | None) -> datetime:
        answer = demand(sale, lines, now=OPENED, promotion=code)  # type: ignore[arg-type]  # lines of any kind
        assert isinstance(answer, Demand), answer
        return answer.opens_at

    assert opens(general(sale, 1), code=early) == NOW
    assert opens(general(sale, 1), code=None) == NOW + 5 * HOUR
    assert opens(general(sale, 1), general(sale, 1, "vip"), code=early) == NOW + 9 * HOUR
    whole = replace(early, tiers=frozenset({tier_of(sale, "general").id, vip.id}))
    assert opens(general(sale, 1), general(sale, 1, "vip"), code=whole) == NOW


def test_a_presale_never_closes_what_is_open() -> None:
    """Once the sale is open, a code with a later presale changes nothing."""
    sale = general_sale()
    late = replace(promotion(), presale_at=NOW)
    answer = demand(sale, (general(sale, 1),), now=OPENED, promotion=late)
    assert isinstance(answer, Demand)
    assert answer.opens_at == sale.terms.opens_at


def test_a_buyer_with_a_code_is_counted_under_it_too() -> None:
    """Under each personal key once more; read back, it is the same buyer."""
    who = buyer("ada", email="e", phone="p", account="a", promotion="spring")

    keys = counted_under(who)

    assert keys == (
        "a:a",
        "d:device-ada",
        "e:e",
        "p:p",
        "a:a~spring",
        "d:device-ada~spring",
        "e:e~spring",
        "p:p~spring",
    )
    assert recognised(counted=keys, address=who.address) == who
    assert recognised(counted=keys[:4], address=who.address) == replace(who, promotion=None)


def test_what_one_person_may_have_with_a_code_is_a_limit_of_its_own() -> None:
    """Beside the event's, by the same keys; a key that does not limit people does not limit codes either."""
    off = promotion(per_buyer_max=2)
    who = buyer("ada", promotion=off.key)

    found = limits(terms(), who, promotion=off)

    assert [(limit.key, limit.units_max, limit.of_promotion) for limit in found if limit.of_promotion] == [
        (f"d:device-ada~{off.key}", 2, True)
    ]
    unlimited = limits(terms(limit_by=frozenset()), who, promotion=off)
    assert all(limit.units_max > 2 for limit in unlimited)
    assert not any(limit.of_promotion for limit in limits(terms(), buyer("ada")))


def test_the_same_wish_with_another_code_is_another_wish() -> None:
    """A retry finds its hold; a lower price is not found by it."""
    sale = reserved_sale()
    lines = (chosen(sale, 1),)
    assert fingerprint(lines) != fingerprint(lines, promotion="spring")
    assert fingerprint(lines, promotion="spring") == fingerprint(lines, promotion="spring")


def test_a_code_is_kept_as_a_digest_only() -> None:
    """Nobody who reads the database can use it."""
    made = promotion("sesame")
    assert made.digest == digest("Sesame")
    assert "sesame" not in repr(replace(made, label="Spring")).lower()
