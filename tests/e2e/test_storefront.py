"""Buying at the storefront with a real browser, on the real processes, paying at the sandbox."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from domain.money import EXPONENTS, SIGNS, CurrencyCode, Money
from domain.seat_rules import stranded
from entrypoints.amounts import shown
from tests.e2e.browsing import (
    CONFIRMED_WITHIN_MS,
    PHONE,
    chromium,
    give_details,
    pay,
    reserve_field_tickets,
    see_confirmed,
    visit,
)
from tests.e2e.cards import DECLINED_CARD, STOREFRONT_CARD
from tests.live_house import Live

pytestmark = [pytest.mark.xdist_group("house"), pytest.mark.timeout(300)]

THEATRE = "old-town-theatre-hamlet"
ARENA = "meridian-arena-night"
RANDOM_ROWS = 400


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for this module."""
    with chromium() as running:
        yield running


def seat_letters(page: Page, live: Live, event: str) -> str:
    """The availability string as the API tells it now."""
    answer = page.request.get(f"{live.url}/api/v1/events/{event}/availability")
    return str(answer.json()["seats"])


def choose_by_keyboard(page: Page, *, seats: int) -> None:
    """Walk on the plan from free seat to free seat and choose so many."""
    expect(page.locator("#map")).to_have_attribute("data-live", "true", timeout=15_000)
    page.locator("#map-canvas").focus()
    page.keyboard.press("ArrowDown")
    for _ in range(60):
        if page.locator(".picked-row").count() == seats:
            return
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
    pytest.fail("the keyboard found too few free seats")


def test_browse_choose_hold_pay_and_find_the_code_and_the_message(browser: Browser, live: Live) -> None:
    """On a phone: from the programme to QR codes that a scanner reads, and the link in the SMS inbox."""
    with visit(browser, viewport=PHONE) as page:
        page.goto(live.url)
        page.get_by_label("Search by artist").fill("harbor")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Harbor Lights Festival").click()
        page.get_by_role("button", name=re.compile("General.* ticket more")).click()
        page.get_by_role("button", name=re.compile("General.* ticket more")).click()
        expect(page.locator("#bar-note")).to_have_text("2 tickets, all fees included")
        shown = page.locator("#total").inner_text()
        page.locator("#reserve").click()
        page.wait_for_url("**/holds/*")
        expect(page.locator("#clock")).to_have_text(re.compile(r"^(9|10):\d\d$"))
        expect(page.locator(".basket-total td")).to_have_text(shown)
        give_details(page)
        pay(page, STOREFRONT_CARD)
        see_confirmed(page)
        assert "token" not in page.url
        assert page.locator(".ticket").count() == 2

        page.locator(".ticket-qr").first.screenshot(path=(picture := live.data_dir / "qr.png"))
        with Image.open(picture) as image:
            found = zxingcpp.read_barcodes(image)
        printed = page.locator(".ticket-code").first.inner_text().replace(" ", "")
        assert [code.text for code in found] == [printed]
        assert page.request.get(page.locator(".ticket-file").first.evaluate("link => link.href")).ok

        order_url = page.url
        page.goto(f"{live.sandbox_url}/inbox")
        expect(page.get_by_text(order_url.removeprefix(live.url)).first).to_be_visible(timeout=CONFIRMED_WITHIN_MS)


def test_a_reservation_whose_answer_was_lost_is_made_once(browser: Browser, live: Live) -> None:
    """The tickets are held, but the phone was in a tunnel: the choice stays, and the button leads to the same hold."""
    told: list[str] = []

    def lose(route: Route) -> None:
        told.append(route.fetch().json()["location"])
        route.abort()

    with visit(browser, viewport=PHONE, provoked="net::ERR_FAILED") as page:
        page.route(re.compile("/events/harbor-lights-festival/hold"), lose, times=1)
        page.goto(f"{live.url}/events/harbor-lights-festival")
        page.get_by_role("button", name=re.compile("General.* ticket more")).click()
        page.locator("#reserve").click()
        expect(page.get_by_text("There is no connection just now.")).to_be_visible()
        expect(page.locator("#bar-note")).to_have_text("1 ticket, all fees included")
        page.locator("#reserve").click()
        page.wait_for_url("**/holds/*")
        assert [page.url.removeprefix(live.url)] == told


def test_a_running_total_is_written_as_the_server_writes_it(browser: Browser, live: Live) -> None:
    """Also of currencies whose decimals browsers leave out: forints and rupiahs were shown a hundredfold."""
    amounts = [Money(1_234_567, CurrencyCode(code)) for code in (*SIGNS, *EXPONENTS, "CHF", "HUF", "IDR", "COP", "INR")]
    with visit(browser) as page:
        page.goto(f"{live.url}/events/harbor-lights-festival")
        written = page.evaluate(
            """async ([address, amounts]) => {
                const { moneyIn } = await import(address);
                return amounts.map(([minor, currency, decimals]) => moneyIn(currency, decimals)(minor));
            }""",
            [
                page.locator("script[src*=event-page]").evaluate("script => script.src").replace("event-page", "money"),
                [[amount.amount, amount.currency, amount.exponent] for amount in amounts],
            ],
        )
    assert written == [shown(amount) for amount in amounts]


def test_a_declined_card_may_be_followed_by_a_good_one(browser: Browser, live: Live) -> None:
    """The same reservation, the same page, another card."""
    with visit(browser) as page:
        reserve_field_tickets(page, live.url, quantity=1)
        give_details(page)
        pay(page, DECLINED_CARD)
        expect(page.get_by_role("alert")).to_be_visible()
        pay(page, STOREFRONT_CARD)
        see_confirmed(page)


def test_seats_chosen_on_the_plan_are_the_seats_on_the_tickets(browser: Browser, live: Live) -> None:
    """Two seats by keyboard on the canvas, a whole purchase without a mouse, and their names on the tickets."""
    with visit(browser) as page:
        page.goto(f"{live.url}/events/{THEATRE}")
        expect(page.locator("#map")).to_be_visible()
        choose_by_keyboard(page, seats=2)
        names = page.locator(".picked-row > span:first-child").all_inner_texts()
        expect(page.locator("#bar-note")).to_have_text("2 tickets, all fees included")
        page.locator("#reserve").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/holds/*")
        page.locator("#name").focus()
        for typed in ("Ada Lovelace", "ada@example.com", ""):
            page.keyboard.type(typed)
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#card_number")
        page.locator("#card_number").focus()
        for typed in (STOREFRONT_CARD, "12", "34", "123"):
            page.keyboard.type(typed)
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        see_confirmed(page)
        places = [text.casefold() for text in page.locator(".ticket-place").all_inner_texts()]
        for name in names:
            seat = re.search(r"row (\S+), seat (\S+?)(,|$)", name.casefold())
            assert seat is not None
            assert any(seat[0].rstrip(",") in place for place in places)


def test_a_choice_that_is_given_back_is_free_for_others_at_once(browser: Browser, live: Live) -> None:
    """Held seats show as held to others, live, and as free again when they are released."""
    with visit(browser) as page, visit(browser) as other:
        before = seat_letters(page, live, THEATRE)
        page.goto(f"{live.url}/events/{THEATRE}")
        choose_by_keyboard(page, seats=1)
        page.locator("#reserve").click()
        page.wait_for_url("**/holds/*")
        assert seat_letters(other, live, THEATRE).count("h") == before.count("h") + 1
        page.get_by_role("button", name=re.compile("back and choose again")).click()
        page.wait_for_url(f"**/events/{THEATRE}")
        assert seat_letters(other, live, THEATRE) == before


def test_a_seat_that_goes_while_it_is_chosen_is_told_kindly(browser: Browser, live: Live) -> None:
    """The page hears of it by itself, names the seat, and takes it out of the sum."""
    with visit(browser) as slow, visit(browser) as quick:
        for page in (slow, quick):
            page.goto(f"{live.url}/events/{THEATRE}")
            choose_by_keyboard(page, seats=1)
        name = slow.locator(".picked-row > span:first-child").inner_text()
        assert name == quick.locator(".picked-row > span:first-child").inner_text()
        quick.locator("#reserve").click()
        quick.wait_for_url("**/holds/*")
        expect(slow.locator("#said")).to_contain_text("just taken by someone else", timeout=15_000)
        expect(slow.locator("#said")).to_contain_text(name)
        expect(slow.locator(".picked-row")).to_have_count(0)
        expect(slow.locator("#reserve")).to_have_text("Reserve")


def test_an_unpaid_order_that_is_cancelled_returns_its_places(browser: Browser, live: Live) -> None:
    """Left at the payment page, then cancelled on the order's page: the count is what it was."""
    with visit(browser) as page:

        def free() -> int:
            answer = page.request.get(f"{live.url}/api/v1/events/harbor-lights-festival/availability")
            return sum(answer.json()["zones"].values())

        before = free()
        reserve_field_tickets(page, live.url, quantity=3)
        give_details(page)
        assert free() == before - 3
        page.get_by_role("link", name=re.compile("Back to")).click()
        page.wait_for_url("**/orders/*")
        page.get_by_role("button", name="Cancel this order").click()
        expect(page.get_by_role("link", name="Choose again")).to_be_visible(timeout=CONFIRMED_WITHIN_MS)
        for _ in range(60):
            if free() == before:
                break
            page.wait_for_timeout(250)
        assert free() == before


def test_a_ticket_can_be_bought_without_any_script(browser: Browser, live: Live) -> None:
    """JavaScript off: a seat from the list, payment, and a page that finds its own confirmation."""
    with visit(browser, java_script_enabled=False, viewport=PHONE) as page:
        page.goto(f"{live.url}/events/{THEATRE}")
        page.locator(".section-name:not([disabled])").first.click()
        page.locator(".seat-box:not(.gone)").first.click()
        page.get_by_role("button", name="Reserve", exact=True).click()
        page.wait_for_url("**/holds/*")
        give_details(page)
        pay(page, STOREFRONT_CARD)
        see_confirmed(page)
        assert page.locator(".ticket").count() == 1


def test_scripts_judge_a_choice_as_the_house_does(browser: Browser, live: Live) -> None:
    """What would be left alone is told before sending by the very rule that the server judges by."""
    dice = random.Random(20260927)
    rows = ["".join(dice.choices("fha", weights=(7, 2, 1), k=dice.randint(1, 12))) for _ in range(RANDOM_ROWS)]
    cases = [(row, [at for at, letter in enumerate(row) if letter == "f" and dice.random() < 0.4]) for row in rows]
    with visit(browser) as page:
        page.goto(f"{live.url}/help")
        told = page.evaluate(
            """async cases => {
                const { leftAlone, startsOfRuns } = await import("/assets/any/js/seat-map/stranded.js");
                const starts = startsOfRuns(cases.map(([row]) => `${row.length}x1`).join(" "));
                return cases.map(([row, chosen], run) => leftAlone(
                    starts, chosen.map(offset => starts[run] + offset), seat => row[seat - starts[run]] === "f",
                ).map(seat => seat - starts[run]));
            }""",
            cases,
        )
    assert told == [list(stranded(row, chosen)) for row, chosen in cases]
    assert any(told)


def test_kept_seats_open_on_the_plan_for_who_asks(browser: Browser, live: Live) -> None:
    """The wheelchair bay: kept, counted as kept, and opened by the switch, for a pair of seats that can be reserved."""
    with visit(browser, viewport=PHONE) as page:
        page.goto(f"{live.url}/events/{THEATRE}")
        expect(page.locator("#map")).to_have_attribute("data-live", "true", timeout=15_000)
        bay = page.locator(".section[data-zone=bay]")
        expect(bay.locator("[data-zone-left]")).to_have_text(re.compile(r"^\d+ kept$"))
        bay.locator(".section-name").click()
        kept = bay.locator(".seat-box.kept input")
        expect(kept.first).to_be_disabled()
        page.locator("#accessible").check()
        expect(kept).to_have_count(0)
        expect(bay.locator("[data-zone-left]")).to_have_text(re.compile(r"^\d+ left$"))
        for box in bay.locator("input:not(:disabled)").all()[:2]:
            box.check()
        page.locator("#reserve").click()
        page.wait_for_url("**/holds/*")
        expect(page.locator(".basket-place")).to_contain_text("wheelchair space")
        page.locator("#name").fill("Ada")
        page.locator("#more-time").click()
        expect(page.locator("#extended")).to_be_focused()
        expect(page.locator("#name")).to_have_value("Ada")
        assert "/extend" not in page.url
        page.get_by_role("button", name=re.compile("back and choose again")).click()


def test_the_arena_shows_sections_from_afar_and_seats_from_near(browser: Browser, live: Live) -> None:
    """12,000 seats: the plan opens, zooms, and a tier of the standing floor sells beside it."""
    with visit(browser) as page:
        page.goto(f"{live.url}/events/{ARENA}")
        expect(page.locator("#map")).to_be_visible(timeout=15_000)
        page.get_by_role("button", name="Zoom in").click()
        page.get_by_role("button", name="Zoom in").click()
        expect(page.locator("#map-canvas")).to_have_attribute("data-zoomed", "")
        page.get_by_role("button", name="Show the whole plan").click()
        choose_by_keyboard(page, seats=2)
        expect(page.locator("#bar-note")).to_have_text("2 tickets, all fees included")
