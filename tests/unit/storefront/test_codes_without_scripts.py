"""Codes, taxes and prices that change, on pages that work without any script."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.events import Event
from domain.fees import FeeRule
from domain.prices import PriceRules
from domain.promotions import PromotionKind
from domain.taxes import TaxRate, TaxRule
from domain.tiers import PriceStep
from tests.fakes import sales
from tests.fakes.world import START
from tests.unit.storefront.house import PROMO_CODE, House, announce
from tests.unit.storefront.visitor import Visitor

TAXES = (TaxRate(name="State tax", basis_points=600), TaxRate(name="City tax", basis_points=225))


def on_sale(house: House, slug: str, **changes: object) -> Event:
    """General admission with other prices; its fee is the event's: $2.00 and 5 %."""
    plain = sales.general_sale(capacity=500)
    tier = replace(sales.tier_of(plain, "general"), fee=None)
    sale = replace(plain, tiers=(tier,), prices=PriceRules(fee=FeeRule(flat_minor=200, basis_points=500)))
    sale = replace(sale, **changes)  # type: ignore[arg-type]  # any field
    return announce(house.container, sale, slug=slug, name=slug.title(), starts_at=START + timedelta(days=40))


def test_a_code_makes_the_basket_cheaper_line_by_line(visitor: Visitor) -> None:
    """What was taken off, under the name its organiser gave it, and what is left to pay."""
    visitor.open("/events/field").press("Reserve", qty_general="2", code=f" {PROMO_CODE.upper()}")

    assert visitor.address.startswith("/holds/")
    for words in ("General $90.00", "Discount Tenth Off \N{MINUS SIGN}$9.00", "Fees $9.00", "Total $90.00"):
        assert words in visitor.words
    assert "Continue to payment · $90.00" in visitor.words


def test_a_tier_that_waits_says_what_for(house: House, visitor: Visitor) -> None:
    """Where its number would be typed; the other one can be bought, and later so can this one."""
    plain = sales.general_sale(capacity=500, vip_capacity=5)
    early = replace(sales.tier_of(plain, "vip"), name="Early bird")
    later = replace(sales.tier_of(plain, "general"), opens_after=early.id)
    sale = replace(plain, tiers=(early, later))
    announce(house.container, sale, slug="dawn", name="Dawn", starts_at=START + timedelta(days=40))

    visitor.open("/events/dawn")

    assert "Opens when Early bird is sold out" in visitor.words
    assert 'name="qty.vip"' in visitor.page.html
    assert 'name="qty.general"' not in visitor.page.html


def test_a_wrong_code_is_refused_and_nothing_is_lost(visitor: Visitor) -> None:
    """The choice and the code are still there, and without the code it goes on at once."""
    visitor.open("/events/field").press("Reserve", qty_general="2", code="guess")

    assert visitor.status == 409
    assert "This code is not good for this event now." in visitor.words
    assert 'value="guess"' in visitor.page.html
    visitor.press("Reserve", code="")
    assert visitor.address.startswith("/holds/")
    assert "Discount" not in visitor.words


def test_the_same_choice_with_a_code_is_another_reservation(visitor: Visitor) -> None:
    """Whoever remembers the code a moment later does not find the price of before."""
    page = visitor.open("/events/field").page
    visitor.press("Reserve", qty_general="1")
    first = visitor.address
    visitor.page = page
    visitor.press("Reserve", qty_general="1", code=PROMO_CODE)
    assert visitor.address != first
    assert "Discount" in visitor.words


def test_a_code_that_is_for_other_tickets_says_so(house: House, visitor: Visitor) -> None:
    """Nobody pays the full price in the belief of a discount."""
    plain = sales.general_sale()
    off = sales.promotion("only vip", tiers=frozenset({sales.tier_of(plain, "vip").id}))
    sale = replace(plain, promotions=(off,))
    announce(house.container, sale, slug="two-sorts", name="Two Sorts", starts_at=START + timedelta(days=40))

    visitor.open("/events/two-sorts").press("Reserve", qty_general="1", code="only vip")

    assert visitor.status == 409
    assert "This code is not for General." in visitor.words


def test_added_taxes_are_in_every_price_and_named_in_the_basket(house: House, visitor: Visitor) -> None:
    """The price on the page is the price that is paid; the basket says what it is made of."""
    on_sale(house, "taxed", prices=PriceRules(fee=FeeRule(flat_minor=200), taxes=TaxRule(rates=TAXES, added=True)))

    visitor.open("/events/taxed")
    assert "$50.88" in visitor.words
    assert "$45.00 + $2.00 fee + $3.88 tax" in visitor.words
    assert "State tax (6%) and City tax (2.25%) are included." in visitor.words
    visitor.press("Reserve", qty_general="2")

    for words in ("Fees $4.00", "State tax, 6% $5.64", "City tax, 2.25% $2.12", "Total $101.76"):
        assert words in visitor.words


def test_a_tax_inside_is_named_beside_the_total(house: House, visitor: Visitor) -> None:
    """It is part of the price and changes nothing about it."""
    vat = TaxRule(rates=(TaxRate(name="VAT", basis_points=2_000),))
    on_sale(house, "inside", prices=PriceRules(taxes=vat))

    visitor.open("/events/inside").press("Reserve", qty_general="2")

    assert "Total of this, VAT, 20%: $15.00 $90.00" in visitor.words


def test_an_early_price_says_until_when_and_what_then(house: House, visitor: Visitor) -> None:
    """On the venue's clock; afterwards the page asks the later price."""
    plain = sales.general_sale()
    step = PriceStep(starts_at=START + timedelta(days=1), face=sales.usd(6_000))
    tier = replace(sales.tier_of(plain, "general"), fee=None, steps=(step,))
    on_sale(house, "early-bird", tiers=(tier,), prices=PriceRules())

    assert "$45.00 until Mon 23 November 2026, 07:00, then $60.00" in visitor.open("/events/early-bird").words

    house.clock.advance(seconds=timedelta(days=1).total_seconds())
    assert "$60.00" in visitor.open("/events/early-bird").words
    assert "then" not in visitor.words.partition("Code")[0].partition("Choose your tickets")[2]


def test_a_presale_is_open_to_who_has_its_code(house: House, visitor: Visitor) -> None:
    """Before the sale opens the page says for whom it is open, and the code is needed."""
    opens = START + timedelta(days=2)
    plain = sales.general_sale(opens_at=opens)
    early = sales.promotion("fan club", kind=PromotionKind.NONE, value=0, presale_at=START - timedelta(hours=1))
    announce(
        house.container, replace(plain, promotions=(early,)), slug="presale", name="Presale",
        starts_at=START + timedelta(days=40),
    )  # fmt: skip

    visitor.open("/events/presale")
    assert "on sale to holders of a presale code now, and to everybody from" in visitor.words
    assert "with a presale code; for everybody from Tue 24 November 2026" in visitor.words
    visitor.press("Reserve", qty_general="1")
    assert "The sale has not started yet." in visitor.words
    visitor.press("Reserve", qty_general="1", code="fan club")

    assert visitor.address.startswith("/holds/")


@pytest.mark.parametrize("slug", ["drama", "later"])
def test_where_no_code_is_good_none_is_asked_for(visitor: Visitor, slug: str) -> None:
    """A field that does nothing makes people look for something to put into it."""
    visitor.open(f"/events/{slug}")
    assert 'name="code"' not in visitor.page.html
