"""Prices, taxes and promotions at the desk: what organisers see, change and are refused."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from werkzeug.test import TestResponse

from application.commands.change_prices import ChangePrices, ChangeTaxes, told_prices
from domain.accounts import Role
from domain.errors import Rejection, RejectionCode
from domain.events import Event
from domain.fees import FeeRule
from domain.holds import ActiveHold
from domain.promotions import Promotion, PromotionKind, digest
from domain.taxes import TaxRate, TaxRule
from domain.tiers import TierId
from domain.venues import Venue
from tests.fakes.sales import general, general_sale, promotion, tier_of, usd
from tests.unit.admin.desk import Browser, Desk
from tests.unit.application.house import House


@pytest.fixture
def desk() -> Desk:
    """General admission: a floor of 100, of which 20 may be VIP."""
    return Desk()


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return desk.signed_in(Role.VENUE_MANAGER)


def event(desk: Desk) -> Event:
    with desk.house.store() as uow:
        return uow.events.get(desk.house.event_id)


def taxes_of(desk: Desk) -> TaxRule:
    with desk.house.store() as uow:
        return uow.venues.get(desk.house.sale.seat_map.venue_id).taxes


def address(desk: Desk, what: str) -> str:
    return f"/events/{desk.house.event_id}/{what}"


def filled(page: str) -> dict[str, object]:
    """The fields of a page's forms as they stand in it."""
    texts = re.findall(r'<input id="([^"]+)" name="[^"]+"[^>]*? value="([^"]*)"', page)
    ticked = re.findall(r'<input type="checkbox" name="([^"]+)" value="([^"]+)" checked', page)
    return {**dict(texts), **dict(ticked), "seen": seen(page)[0]}


def seen(page: str) -> list[str]:
    """What the forms of a page carry of what they showed: that of the prices, then that of the taxes."""
    return [unescape(value) for value in re.findall(r'<input type="hidden" name="seen" value="([^"]*)"', page)]


def send_prices(desk: Desk, browser: Browser, **changed: object) -> TestResponse:
    """Open the page, change some fields, send all of it."""
    path = address(desk, "prices")
    form = {**filled(browser.page(path)), **{name.replace("__", "."): value for name, value in changed.items()}}
    return browser.post(path, seen_on=path, **form)


def create(desk: Desk, browser: Browser, **form: object) -> TestResponse:
    """Open the page of promotions, fill in the form for a new one and send it."""
    path = address(desk, "promotions")
    (new_id,) = re.findall(r'name="id" value="([^"]+)"', browser.page(path))
    wanted = {"id": new_id, "code": "spring fling", "label": "Spring", "kind": "percent", "percent": "12.5", **form}
    return browser.post(path, seen_on=path, **wanted)


def test_a_page_that_is_sent_as_it_stands_changes_nothing(desk: Desk, browser: Browser) -> None:
    """Every field is filled in with what holds, in the units that it is read in."""
    before = event(desk)

    assert send_prices(desk, browser).status_code == 303

    assert event(desk) == before


def test_an_early_bird_and_a_fee_are_two_fields_each(desk: Desk, browser: Browser) -> None:
    """Typed on the venue's clock and in whole currency; the trail says what was and what is."""
    sale = desk.house.sale
    answer = send_prices(
        desk, browser, face__general="40.00", step_at__general__1="2027-03-14T20:00", step_to__general__1="45,5",
        fee_flat__event="1.50", fee_percent__event="8.25", own_fee__general="no",
    )  # fmt: skip
    assert answer.status_code == 303

    changed = event(desk)
    tier = next(tier for tier in changed.tiers if tier.key == "general")
    assert (tier.face, tier.fee, tier.steps[0].face) == (usd(4_000), None, usd(4_550))
    assert tier.steps[0].starts_at.isoformat() == "2027-03-14T20:00:00+00:00"
    assert changed.fee == FeeRule(flat_minor=150, basis_points=825)
    assert tier_of(sale, "vip").fee == next(tier for tier in changed.tiers if tier.key == "vip").fee
    page = browser.page(address(desk, "prices"))
    assert "$45.50 from" in page
    assert "changed the prices" in browser.page("/audit?action=event")


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_changed(desk: Desk, browser: Browser) -> None:
    """Each beside its field, with what was typed still there."""
    before = event(desk)

    answer = send_prices(
        desk, browser, face__general="a lot", fee_percent__event="250", fee_least__event="5", fee_most__event="2",
        step_at__vip__1="2027-03-14T20:00", step_to__vip__1="",
    )  # fmt: skip

    assert answer.status_code == 422
    for wrong in ("face.general", "fee_percent.event", "fee_most.event", "step_to.vip.1"):
        assert f'id="{wrong}-wrong"' in answer.text
    assert "a lot" in answer.text
    assert event(desk) == before


def test_a_tier_can_be_told_to_wait_for_another(desk: Desk, browser: Browser) -> None:
    """Chosen from a list; shown, noted in the trail, kept by a page that is sent as it stands, and taken back."""
    early = tier_of(desk.house.sale, "vip")
    assert send_prices(desk, browser, opens_after__general=early.key).status_code == 303

    assert waits_for(desk, "general") == early.id
    page = browser.page(address(desk, "prices"))
    assert "opens when Vip is sold out" in page
    assert f'<option value="{early.key}" selected>' in page
    desk.house.drain()
    assert isinstance(desk.house.hold(general(desk.house.sale, 1)), Rejection)
    send_prices(desk, browser, face__general="41.00")
    assert waits_for(desk, "general") == early.id
    assert send_prices(desk, browser, opens_after__general="").status_code == 303
    assert waits_for(desk, "general") is None
    desk.house.drain()
    assert isinstance(desk.house.hold(general(desk.house.sale, 1)), ActiveHold)


def test_tiers_do_not_wait_for_each_other(desk: Desk, browser: Browser) -> None:
    """The page says so beside the field, and nothing is changed."""
    vip, plain = tier_of(desk.house.sale, "vip"), tier_of(desk.house.sale, "general")

    answer = send_prices(desk, browser, opens_after__general=vip.key, opens_after__vip=plain.key)

    assert answer.status_code == 422
    assert "would wait for itself" in answer.text
    assert waits_for(desk, "general") is None


def waits_for(desk: Desk, key: str) -> TierId | None:
    return next(tier.opens_after for tier in event(desk).tiers if tier.key == key)


def test_two_prices_cannot_begin_at_one_moment(desk: Desk, browser: Browser) -> None:
    """One of them would never be asked."""
    answer = send_prices(
        desk, browser, step_at__vip__1="2027-03-14T20:00", step_to__vip__1="10", step_at__vip__2="2027-03-14T20:00",
        step_to__vip__2="20",
    )  # fmt: skip
    assert answer.status_code == 422
    assert "at the same moment" in answer.text


def test_taxes_belong_to_the_venue(desk: Desk, browser: Browser) -> None:
    """Named rates, on top or inside; from then on pages show them."""
    path = address(desk, "prices")
    form = {
        "tax_name.1": "State tax", "tax_percent.1": "6.25", "tax_name.2": "City tax", "tax_percent.2": "2",
        "taxes_added": "yes", "taxes_on_fees": "yes",
    }  # fmt: skip

    form["seen"] = seen(browser.page(path))[1]
    assert browser.post(address(desk, "taxes"), seen_on=path, **form).status_code == 303

    taxes = taxes_of(desk)
    assert taxes.rates == (TaxRate(name="State tax", basis_points=625), TaxRate(name="City tax", basis_points=200))
    assert (taxes.added, taxes.on_fees) == (True, True)
    page = browser.page(path)
    assert "on top: State tax $3.09, City tax $0.99" in page
    assert "changed the taxes of the venue" in browser.page("/audit?action=venue")


@pytest.mark.parametrize(
    "form",
    [
        {"tax_name.1": "VAT", "tax_percent.1": ""},
        {"tax_name.1": "", "tax_percent.1": "7"},
        {"tax_name.1": "VAT", "tax_percent.1": "7", "tax_name.2": "VAT", "tax_percent.2": "3"},
        {"tax_name.1": "A", "tax_percent.1": "99", "tax_name.2": "B", "tax_percent.2": "3"},
    ],
)
def test_taxes_that_cannot_be_are_refused(desk: Desk, browser: Browser, form: dict[str, object]) -> None:
    """Half a line, two of one name, more than everything."""
    carried = seen(browser.page(address(desk, "prices")))[1]
    answer = browser.post(address(desk, "taxes"), seen_on=address(desk, "prices"), **form, seen=carried)
    assert answer.status_code == 422
    assert taxes_of(desk).rates == ()


def test_a_promotion_is_made_once_however_often_it_is_sent(desk: Desk, browser: Browser) -> None:
    """Its code is kept as a digest only, and is good at once; the list says what it does and how often it was used."""
    assert create(desk, browser, uses_max="50", per_buyer_max="2", ends_at="2030-01-01T00:00").status_code == 303

    (made,) = event(desk).promotions
    assert (made.digest, made.kind, made.value) == (digest("Spring Fling"), PromotionKind.PERCENT, 1_250)
    assert (made.uses_max, made.per_buyer_max, made.active) == (50, 2, True)
    form = {"id": str(made.id), "code": "spring fling", "label": "Spring", "kind": "percent", "percent": "12.5"}
    path = address(desk, "promotions")
    assert browser.post(path, seen_on=path, **form).status_code == 303
    assert len(event(desk).promotions) == 1
    page = browser.page(path)
    assert "12.5% off" in page
    assert "spring fling" not in page.lower()
    desk.house.drain()
    assert "created a promotion" in browser.page("/audit?action=promotion")


def test_uses_are_counted_where_they_stand(desk: Desk) -> None:
    """Sold, being paid and in baskets, of as many as there may be."""
    off = promotion("sesame", value=10_000, uses_max=9)
    house = House(sale=replace(general_sale(), promotions=(off,)))
    desk = Desk(house)
    sold = house.hold(general(house.sale, 2), code="sesame")
    assert isinstance(sold, ActiveHold), sold
    house.checkout(sold.id)
    house.drain()
    house.hold(general(house.sale, 3), code="sesame")

    page = desk.signed_in(Role.SUPPORT).page(address(desk, "promotions"))

    seen = {name: re.findall(rf'data-name="{name}" class="amount">([^<]*)<', page) for name in ("Sold", "Held", "Of")}
    assert seen == {"Sold": ["2"], "Held": ["3"], "Of": ["9"]}


def test_a_promotion_is_stopped_and_let_go_on(desk: Desk, browser: Browser) -> None:
    """The form says which, so pressing twice is once."""
    create(desk, browser)
    (made,) = event(desk).promotions
    path = address(desk, f"promotions/{made.id}")

    for _ in range(2):
        assert browser.post(f"{path}/switch", seen_on=path, active="no").status_code == 303
    assert [each.active for each in event(desk).promotions] == [False]
    assert "Stopped" in browser.page(address(desk, "promotions"))

    browser.post(f"{path}/switch", seen_on=path, active="yes")
    assert [each.active for each in event(desk).promotions] == [True]


def test_a_promotion_is_changed_and_keeps_its_code(desk: Desk, browser: Browser) -> None:
    """Everything but the code can be another."""
    create(desk, browser)
    (made,) = event(desk).promotions
    path = address(desk, f"promotions/{made.id}")
    vip = tier_of(desk.house.sale, "vip").id

    answer = browser.post(path, seen_on=path, label="Summer", kind="amount", amount="5", tier=str(vip), uses_max="7")

    assert answer.status_code == 303
    (changed,) = event(desk).promotions
    wanted = replace(
        made, label="Summer", kind=PromotionKind.AMOUNT, value=500, tiers=frozenset({vip}), uses_max=7
    )  # fmt: skip
    assert changed == wanted


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"code": "abc"}, "code"),
        ({"label": " "}, "label"),
        ({"percent": "0"}, "percent"),
        ({"kind": "amount", "amount": "0"}, "amount"),
        ({"kind": "none"}, "kind"),
        ({"kind": "elephant"}, "kind"),
        ({"uses_max": "-1"}, "uses_max"),
        ({"starts_at": "2027-03-14T20:00", "ends_at": "2027-03-14T19:00"}, "ends_at"),
        ({"tier": "3e4e0c1e-7d3c-4d3a-9f8e-000000000000"}, "tiers"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused(
    desk: Desk, browser: Browser, form: dict[str, object], field: str
) -> None:
    """Beside the field that is wrong, and nothing is made."""
    answer = create(desk, browser, **form)
    assert answer.status_code == 422
    assert f'id="{field}-wrong"' in answer.text
    assert event(desk).promotions == ()


def test_two_codes_of_one_event_are_not_the_same(desk: Desk, browser: Browser) -> None:
    """Nobody would know which was meant. Once the first is stopped, its word is free."""
    create(desk, browser)
    answer = create(desk, browser, code=" SPRING fling ")
    assert answer.status_code == 422
    assert "Another promotion of this event has this code" in answer.text
    (made,) = event(desk).promotions
    path = address(desk, f"promotions/{made.id}")
    browser.post(f"{path}/switch", seen_on=path, active="no")
    assert create(desk, browser).status_code == 303


def test_a_presale_needs_no_discount(desk: Desk, browser: Browser) -> None:
    """It opens the sale early, which is enough."""
    assert create(desk, browser, kind="none", presale_at="2026-11-01T10:00").status_code == 303
    (made,) = event(desk).promotions
    assert isinstance(made, Promotion)
    assert made.presale_at is not None
    assert made.good_at(made.presale_at + timedelta(days=1))


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE])
def test_who_may_only_look_finds_no_form_and_no_way(desk: Desk, role: Role) -> None:
    """Prices are read by everybody at the desk and changed by those who edit events."""
    browser = desk.signed_in(role)
    for what in ("prices", "promotions"):
        assert '<button class="act">' not in browser.page(address(desk, what))
    answer = browser.post(address(desk, "prices"), seen_on="/orders", face="1")
    assert answer.status_code == 403


def test_nobody_overwrites_prices_they_have_not_seen(desk: Desk, browser: Browser) -> None:
    """Two managers at one form: the later one is told who set what, keeps what was typed, and may mean it."""
    path = address(desk, "prices")
    opened = filled(browser.page(path))
    send_prices(desk, desk.signed_in(Role.ADMIN), face__general="40.00", face__vip="99.00")

    answer = browser.post(path, seen_on=path, **{**opened, "face.general": "38.00"})

    assert answer.status_code == 409
    assert "admin@example.com saved something else" in answer.text
    assert "<b>General, price of the place</b>: 45.00 → 40.00; you typed 38.00" in answer.text
    assert "<b>Vip, price of the place</b>: 120.00 → 99.00</li>" in answer.text
    assert {tier.key: tier.face for tier in event(desk).tiers} == {"general": usd(4_000), "vip": usd(9_900)}
    goes_on = filled(answer.text)
    assert (goes_on["face.general"], goes_on["face.vip"]) == ("38.00", "99.00")
    assert browser.post(path, seen_on=path, **goes_on).status_code == 303
    assert {tier.key: tier.face for tier in event(desk).tiers} == {"general": usd(3_800), "vip": usd(9_900)}


def test_a_form_that_says_nothing_of_what_it_showed_is_not_believed(desk: Desk, browser: Browser) -> None:
    """It may be as old as it likes."""
    before = event(desk)
    for wrong in ("", "[]", "no", '{"face.general": 1}'):
        assert send_prices(desk, browser, seen=wrong, face__general="1.00").status_code == 409
    assert event(desk) == before


def test_the_very_moment_belongs_to_whoever_came_first(desk: Desk) -> None:
    """The use case looks once more, under the event's lock."""
    sale = event(desk)
    stale = {**told_prices(sale), "general price": 1}
    command = ChangePrices(event_id=sale.id, fee=sale.fee, tiers={}, actor="vera@example.com", seen=stale)

    answer = desk.change_prices(command)

    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.WRONG_STATE
    assert isinstance(desk.change_prices(replace(command, seen=told_prices(sale))), Event)


def test_the_very_moment_of_taxes_too(desk: Desk) -> None:
    """Under the venue's lock."""
    mine = TaxRule(rates=(TaxRate(name="VAT", basis_points=2_000),))
    command = ChangeTaxes(venue_id=event(desk).venue_id, taxes=mine, actor="vera@example.com", seen=mine)

    answer = desk.change_taxes(command)

    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.WRONG_STATE
    assert isinstance(desk.change_taxes(replace(command, seen=taxes_of(desk))), Venue)
    assert taxes_of(desk) == mine


def test_nobody_overwrites_taxes_they_have_not_seen(desk: Desk, browser: Browser) -> None:
    """They hold for a whole venue, so two pages of two events meet here as well."""
    prices, taxes = address(desk, "prices"), address(desk, "taxes")
    carried = seen(browser.page(prices))[1]
    mine = {"tax_name.1": "VAT", "tax_percent.1": "20", "taxes_added": "no"}
    admin = desk.signed_in(Role.ADMIN)
    admin.post(taxes, seen_on=prices, **{**mine, "tax_percent.1": "19"}, seen=carried)

    answer = browser.post(taxes, seen_on=prices, **mine, seen=carried)

    assert answer.status_code == 409
    assert "<b>Rate of tax 1</b>: empty → 19; you typed 20" in answer.text
    assert taxes_of(desk).rates == (TaxRate(name="VAT", basis_points=1_900),)
    assert browser.post(taxes, seen_on=prices, **mine, seen=seen(answer.text)[1]).status_code == 303
