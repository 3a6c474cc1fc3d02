"""Prices: what one ticket costs at a moment, part by part; whatever the rules are, the parts sum exactly."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RejectionCode
from domain.fees import NO_FEE, FeeRule
from domain.money import AMOUNT_MINOR_MAX, CurrencyCode, Money, charge_step, zero
from domain.prices import (
    PriceRules,
    PriceTerms,
    changed_at,
    charge_minor_min,
    compose,
    refuses_charge,
    tax_parts,
    unit_price,
)
from domain.promotions import Promotion, PromotionKind
from domain.taxes import NO_TAXES, TAXES_PER_VENUE_MAX, TaxRate, TaxRule
from domain.tiers import PRICE_STEPS_MAX, PriceStep
from tests.fakes.sales import general_sale, promotion, tier_of, usd

CURRENCIES = tuple(CurrencyCode(code) for code in ("JPY", "USD", "KWD"))
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

currencies = st.sampled_from(CURRENCIES)


def rates() -> st.SearchStrategy[tuple[TaxRate, ...]]:
    points = st.lists(st.integers(1, 2_500), max_size=TAXES_PER_VENUE_MAX)
    return points.map(lambda all_: tuple(TaxRate(name=f"Tax {n}", basis_points=p) for n, p in enumerate(all_)))


def taxes() -> st.SearchStrategy[TaxRule]:
    return st.builds(TaxRule, rates=rates(), added=st.booleans(), on_fees=st.booleans())


@st.composite
def prices(draw: st.DrawFn) -> tuple[Money, Money, FeeRule, TaxRule]:
    """A face value, a discount of it, and rules: every amount one that a card can be charged."""
    currency = draw(currencies)
    step = charge_step(currency)

    def amount(most: int) -> int:
        return draw(st.integers(0, most // step)) * step

    face = amount(1_000_000)
    least = amount(500)
    fee = FeeRule(
        flat_minor=amount(2_000),
        basis_points=draw(st.integers(0, 3_000)),
        minimum_minor=least,
        maximum_minor=draw(st.none() | st.just(least + amount(5_000))),
        absorbed=draw(st.booleans()),
    )
    return Money(face, currency), Money(min(face, amount(1_000_000)), currency), fee, draw(taxes())


@given(prices())
def test_the_parts_of_a_price_are_its_total(given_: tuple[Money, Money, FeeRule, TaxRule]) -> None:
    """None is negative, the discount never exceeds the face value, and a card can be charged the sum to the last."""
    face, discount, fee, rule = given_

    unit = compose(face, discount=discount, fee=fee, taxes=rule)

    assert min(unit.amounts) >= 0
    assert unit.discount <= unit.face
    added = unit.tax if unit.tax_added else zero(face.currency)
    assert unit.total == unit.face - unit.discount + unit.fee + added
    assert unit.total.amount % charge_step(face.currency) == 0
    assert unit.absorbed_fee <= unit.admission
    assert not (unit.fee.amount and unit.absorbed_fee.amount)


@given(prices(), st.integers(1, 50))
def test_taxes_by_name_sum_to_the_tax(given_: tuple[Money, Money, FeeRule, TaxRule], quantity: int) -> None:
    """Each ticket's tax is split exactly among its names, and so is that of any number of tickets."""
    face, discount, fee, rule = given_
    unit = compose(face, discount=discount, fee=fee, taxes=rule)

    parts = tax_parts([(unit, quantity), (unit, 1)], rule)

    assert sum(part.amount.amount for part in parts) == unit.tax.amount * (quantity + 1)
    assert [part.name for part in parts] == [rate.name for rate in rule.rates]


@given(st.integers(0, 5_000_000), st.sampled_from(["JPY", "USD"]), rates())
def test_a_tax_inside_is_the_tax_that_would_have_been_added(amount: int, code: str, all_: tuple[TaxRate, ...]) -> None:
    """Taking the included tax out and adding it again gives the price, to half a minor unit on each way."""
    price = Money(amount, CurrencyCode(code))
    inside = TaxRule(rates=all_)
    tax = inside.of(admission=price, fee=zero(price.currency))

    again = TaxRule(rates=all_, added=True).of(admission=price - tax, fee=zero(price.currency))

    assert zero(price.currency) <= tax <= price
    assert abs(again.amount - tax.amount) <= 1


@given(prices())
def test_a_place_that_costs_nothing_costs_nothing(given_: tuple[Money, Money, FeeRule, TaxRule]) -> None:
    """Whoever was promised a free ticket is asked for neither a fee nor a tax."""
    face, _, fee, rule = given_

    assert compose(face, discount=face, fee=fee, taxes=rule).total == zero(face.currency)


@pytest.mark.parametrize(
    ("rule", "fee"),
    [
        (NO_FEE, 0),
        (FeeRule(flat_minor=150), 150),
        (FeeRule(basis_points=550), 248),
        (FeeRule(flat_minor=100, basis_points=550), 348),
        (FeeRule(basis_points=550, minimum_minor=300), 300),
        (FeeRule(flat_minor=100, basis_points=550, maximum_minor=300), 300),
    ],
)
def test_a_fee_is_flat_and_a_share_within_bounds(rule: FeeRule, fee: int) -> None:
    """Of $45.00; 5.5 % of it is $2.475, which is rounded half up."""
    assert rule.of(usd(4_500)) == usd(fee)


def test_an_absorbed_fee_changes_nothing_for_the_buyer() -> None:
    """It is kept apart, so that the books know who owes it."""
    rule = FeeRule(flat_minor=300, absorbed=True)

    unit = compose(usd(4_500), discount=usd(0), fee=rule, taxes=NO_TAXES)

    assert (unit.total, unit.fee, unit.absorbed_fee) == (usd(4_500), usd(0), usd(300))
    assert compose(usd(200), discount=usd(0), fee=rule, taxes=NO_TAXES).absorbed_fee == usd(200)


def test_taxes_are_added_to_the_place_and_perhaps_to_the_fee() -> None:
    """8.25 % of $49.50 is $4.08375; of the place alone it is $3.7125."""
    rule = TaxRule(rates=(TaxRate(name="Sales tax", basis_points=825),), added=True)
    fee = FeeRule(flat_minor=450)

    assert compose(usd(4_500), discount=usd(0), fee=fee, taxes=rule).total == usd(4_950 + 408)
    without = compose(usd(4_500), discount=usd(0), fee=fee, taxes=replace(rule, on_fees=False))
    assert without.total == usd(4_950 + 371)


def test_a_tax_inside_is_said_and_not_charged_again() -> None:
    """20 % VAT in £30.00 is £5.00."""
    vat = TaxRule(rates=(TaxRate(name="VAT", basis_points=2_000),))

    unit = compose(usd(3_000), discount=usd(0), fee=NO_FEE, taxes=vat)

    assert (unit.total, unit.tax, unit.added_tax) == (usd(3_000), usd(500), usd(0))


def test_a_price_changes_at_its_moment_and_not_before() -> None:
    """An early bird is a first price with a later one; the moment itself belongs to the later."""
    steps = (PriceStep(starts_at=NOW, face=usd(5_500)), PriceStep(starts_at=NOW + HOUR, face=usd(6_500)))
    tier = replace(tier_of(general_sale(), "general"), fee=NO_FEE, steps=steps)
    moments = (NOW - timedelta(microseconds=1), NOW, NOW + HOUR, NOW + 9 * HOUR)

    seen = [unit_price(tier, PriceRules(), now=moment).total for moment in moments]

    assert seen == [usd(4_500), usd(5_500), usd(6_500), usd(6_500)]
    assert tier.next_step(NOW) == steps[1]
    assert tier.next_step(NOW + HOUR) is None
    assert changed_at([tier], NOW - HOUR) is None
    assert changed_at([tier], NOW + HOUR / 2) == NOW


@pytest.mark.parametrize(
    "moments", [(NOW, NOW), (NOW + HOUR, NOW), tuple(NOW + n * HOUR for n in range(PRICE_STEPS_MAX + 1))]
)
def test_prices_change_in_the_order_of_time(moments: tuple[datetime, ...]) -> None:
    """Two at one moment would contradict each other, and too many are a mistake."""
    steps = tuple(PriceStep(starts_at=moment, face=usd(100)) for moment in moments)
    with pytest.raises(ValueError, match="price steps"):
        replace(tier_of(general_sale(), "general"), steps=steps)


def test_a_tier_may_have_a_fee_of_its_own() -> None:
    """In place of the event's, also when it is none at all."""
    tier = tier_of(general_sale(), "general")
    rules = PriceRules(fee=FeeRule(flat_minor=777))

    assert unit_price(replace(tier, fee=None), rules, now=NOW).fee == usd(777)
    assert unit_price(replace(tier, fee=NO_FEE), rules, now=NOW).fee == usd(0)


@given(
    kind=st.sampled_from(PromotionKind),
    value=st.integers(1, 10_000),
    face=st.integers(0, 100_000),
    currency=currencies,
)
def test_a_discount_is_never_more_than_the_price(
    kind: PromotionKind, value: int, face: int, currency: CurrencyCode
) -> None:
    """And never less than nothing, whatever was promised."""
    step = charge_step(currency)
    price = Money(face * step, currency)
    off = promotion(kind=kind, value=0 if kind is PromotionKind.NONE else value * step if kind is PromotionKind.AMOUNT
                    else value)  # fmt: skip

    assert zero(currency) <= off.discount(price) <= price
    assert off.discount(price).amount % step == 0


def test_a_promotion_discounts_the_tiers_it_is_for() -> None:
    """And the fee is a share of what is left; other tiers cost what they cost."""
    sale = general_sale()
    general, vip = tier_of(sale, "general"), tier_of(sale, "vip")
    off = promotion(kind=PromotionKind.AMOUNT, value=1_500, tiers=frozenset({general.id}))
    rules = PriceRules(fee=FeeRule(basis_points=1_000))

    unit = unit_price(replace(general, fee=None), rules, now=NOW, promotion=off)

    assert (unit.face, unit.discount, unit.fee, unit.total) == (usd(4_500), usd(1_500), usd(300), usd(3_300))
    assert unit_price(vip, rules, now=NOW, promotion=off).discount == usd(0)


@given(currency=currencies, amount=st.integers(0, 2 * AMOUNT_MINOR_MAX))
def test_a_total_that_no_card_can_be_charged_is_refused(currency: CurrencyCode, amount: int) -> None:
    """Too little, or too much; nothing at all needs no card."""
    refused = refuses_charge(Money(amount, currency))

    if amount and amount < charge_minor_min(currency):
        assert refused is not None
        assert refused.code is RejectionCode.AMOUNT_TOO_SMALL
    elif amount > AMOUNT_MINOR_MAX:
        assert refused is not None
        assert refused.code is RejectionCode.AMOUNT_TOO_LARGE
    else:
        assert refused is None


def test_the_terms_of_a_sale_name_the_promotion_and_the_taxes() -> None:
    """What a receipt says later is what held then."""
    vat = TaxRule(rates=(TaxRate(name="VAT", basis_points=700),))
    off = promotion(label="For the neighbours")
    sale = replace(general_sale(), prices=PriceRules(taxes=vat), promotions=(off,))

    assert sale.price_terms(off.key) == PriceTerms(taxes=vat, promotion="For the neighbours")
    assert sale.price_terms(None) == PriceTerms(taxes=vat)
    assert general_sale().price_terms(None) == PriceTerms()


def test_rules_that_cannot_be_are_not_made() -> None:
    """A tax without a name, five of them, more than everything; a fee upside down; a promotion of nothing."""
    with pytest.raises(ValueError, match="name"):
        TaxRate(name=" ", basis_points=100)
    with pytest.raises(ValueError, match="at most"):
        TaxRule(rates=tuple(TaxRate(name=str(n), basis_points=1) for n in range(TAXES_PER_VENUE_MAX + 1)))
    with pytest.raises(ValueError, match="100 percent"):
        TaxRule(rates=(TaxRate(name="A", basis_points=9_000), TaxRate(name="B", basis_points=2_000)))
    with pytest.raises(ValueError, match="minimum"):
        FeeRule(minimum_minor=2, maximum_minor=1)
    with pytest.raises(ValueError, match="takes off"):
        promotion(value=0)
    with pytest.raises(ValueError, match="ends after"):
        promotion(starts_at=NOW, ends_at=NOW)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10_000), st.sampled_from([1, 10]))
def test_a_share_is_rounded_half_up_to_its_step(amount: int, points: int, step: int) -> None:
    """To the nearest multiple, away from zero at the half."""
    share = usd(amount).share(points, 10_000, step=step).amount
    exact_times_ten_thousand = amount * points

    assert share % step == 0
    assert 2 * abs(share * 10_000 - exact_times_ten_thousand) <= step * 10_000
    if 2 * abs(share * 10_000 - exact_times_ten_thousand) == step * 10_000:
        assert abs(share * 10_000) >= abs(exact_times_ten_thousand)


def test_a_promotion_is_known_by_the_end_of_its_id() -> None:
    """Ids that are made in one moment begin alike; what pools are called must differ."""
    first, second = promotion(), promotion()
    assert isinstance(first, Promotion)
    assert first.key != second.key
    assert first.id.hex.endswith(first.key)
