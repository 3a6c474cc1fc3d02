"""A day at the desk, with a real browser on the real house: look, find, decide, refund, and leave a trail."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import uuid4

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.e2e.browsing import chromium, visit
from tests.e2e.cards import DESK_CARD, RISKY_CARD
from tests.live_house import Live

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("house")]

EVENT = "harbor-lights-festival"
WAIT_MS = 20_000
STATE = "main .head"
"""Where an order's own state stands; further down are orders of perhaps the same buyer, and theirs."""
_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def key(browser: Browser, live: Live) -> StorageState:
    """The administrator's session, begun once: somebody who signs in again and again is asked to wait."""
    kept = json.loads((live.data_dir / "credentials.json").read_text())
    with visit(browser, base_url=live.url) as page:
        return signed_in(page, kept["admin_email"], kept["admin_password"]).context.storage_state()


@pytest.fixture
def desk(browser: Browser, live: Live, key: StorageState) -> Iterator[Page]:
    """The dashboard, seen by the administrator; what the console complains of fails the test."""
    with visit(browser, base_url=live.url, storage_state=key) as page:
        page.set_default_timeout(WAIT_MS)
        page.goto("/admin/")
        yield page


def signed_in(page: Page, email: str, password: str) -> Page:
    page.set_default_timeout(WAIT_MS)
    page.goto("/admin/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    return page


def bought(live: Live, card: str, *, tickets: int = 2, event: str = EVENT, tier_key: str = "general") -> str:
    """The number of an order that was paid through the shop's API and the provider's page."""
    name = uuid4().hex[:12]
    with requests.Session() as shop:
        tiers = shop.get(f"{live.url}/api/v1/events/{event}", timeout=_SECONDS_MAX).json()["tiers"]
        tier = next(tier["id"] for tier in tiers if tier["key"] == tier_key)
        hold = _posted(
            shop, f"{live.url}/api/v1/events/{event}/holds", {"items": [{"tier": tier, "quantity": tickets}]}
        )
        buyer = {"name": f"Ada {name}", "email": f"{name}@example.com", "phone": "+447700900123"}
        order = _posted(shop, f"{live.url}/api/v1/holds/{hold['id']}/checkout", {"buyer": buyer}, token=hold["token"])
        form = {"card_number": card, "exp_month": "12", "exp_year": "2049", "cvc": "123", "email": buyer["email"]}
        paid = shop.post(order["checkout_url"], data=form, timeout=_SECONDS_MAX, allow_redirects=False)
        assert paid.status_code == 303, paid.text
        shop.get(paid.headers["Location"], timeout=_SECONDS_MAX)
    return str(order["order"]["number"])


def _posted(shop: requests.Session, url: str, body: Mapping[str, Any], *, token: str | None = None) -> dict[str, Any]:
    headers = {"Idempotency-Key": str(uuid4())}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    answer = shop.post(url, json=body, headers=headers, timeout=_SECONDS_MAX)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def find(desk: Page, number: str) -> None:
    """As on the telephone: slash, the number, Enter."""
    desk.keyboard.press("/")
    expect(desk.get_by_placeholder("Find an order").first).to_be_focused()
    desk.keyboard.type(number.lower().replace("-", ""))
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name=f"Order {number}")).to_be_visible()


def reload_until(desk: Page, text: str, *, place: str = "main") -> None:
    """The workers need a moment. ``place``: where on the page it counts."""
    for _ in range(40):
        if desk.locator(place).get_by_text(text, exact=True).count():
            return
        desk.wait_for_timeout(500)
        desk.reload()
    pytest.fail(f"{text!r} never appeared:\n{desk.locator('main').inner_text()}")


def test_a_paid_order_is_found_and_partly_refunded(desk: Page, live: Live) -> None:
    """By its number to its page, from a quote to money that is back, and the trail tells all of it."""
    number = bought(live, DESK_CARD)
    find(desk, number)
    reload_until(desk, "Confirmed", place=STATE)

    desk.get_by_role("checkbox", name="Ticket 1").check()
    desk.get_by_label("Reason").select_option("goodwill")
    desk.get_by_role("button", name="Quote a refund").click()
    expect(desk.get_by_role("heading", name=re.compile(r"Give \$.* back\?"))).to_be_visible()
    desk.get_by_role("button", name=re.compile(r"Refund \$")).click()

    expect(desk.get_by_role("status")).to_contain_text("on their way back")
    reload_until(desk, "Paid back")
    assert desk.get_by_text("Partly refunded").count()
    expect(desk.get_by_role("region", name="What happened")).to_contain_text("requested a refund")


def test_a_risky_order_is_approved_by_a_person(desk: Page, live: Live) -> None:
    """It waits in the queue with its reason; approved, its money is taken and its tickets are there."""
    number = bought(live, RISKY_CARD)
    find(desk, number)
    reload_until(desk, "In review", place=STATE)
    desk.goto("/admin/reviews")
    row = desk.get_by_role("row").filter(has_text=number)
    expect(row).to_contain_text("Radar finds this payment risky")
    row.get_by_role("link", name=number).click()

    desk.get_by_label("Note").fill("known to us")
    desk.get_by_role("button", name="Approve and capture").click()

    expect(desk.get_by_role("status")).to_contain_text("Approved")
    reload_until(desk, "Confirmed", place=STATE)
    expect(desk.get_by_role("region", name="What happened")).to_contain_text("known to us")


def open_event(desk: Page, words: str) -> str:
    """The address of the first event that is found by these words, which is shown."""
    desk.goto(f"/admin/events?q={words}")
    desk.locator("a.open").first.click()
    expect(desk.get_by_role("heading", name="Terms of the sale")).to_be_visible()
    return desk.url


def test_the_terms_of_a_sale_are_tuned(desk: Page) -> None:
    """What cannot be is said at its field and nothing that was typed is lost; what can be is saved and shown again."""
    open_event(desk, EVENT.split("-", maxsplit=1)[0])
    lasts, longest = (
        desk.get_by_role("spinbutton", name=re.compile(f"^{name}")) for name in ("A reservation", "At the")
    )
    minutes = str(float(lasts.input_value()) + 0.5)

    lasts.fill(minutes)
    longest.fill("2")
    desk.get_by_role("checkbox", name="Phone").uncheck()
    desk.get_by_role("button", name="Save the terms").click()
    expect(desk.get_by_role("alert")).to_contain_text("At the longest: At least as long")
    expect(lasts).to_have_value(minutes)
    longest.fill("60")
    desk.get_by_role("button", name="Save the terms").click()

    expect(desk.get_by_role("status")).to_contain_text("The terms are changed")
    expect(lasts).to_have_value(minutes)
    expect(desk.get_by_role("checkbox", name="Phone")).not_to_be_checked()
    expect(desk.get_by_role("checkbox", name="Device")).to_be_checked()


def test_house_seats_are_kept_back_and_given_back(desk: Page) -> None:
    """Typed and ticked seats leave the sale, the list says them in words, and two of them go back on sale."""
    desk.goto(f"{open_event(desk, 'lighthouse')}/stock")  # Nobody else buys there.
    desk.get_by_role("combobox", name="Zone").select_option(label="Balcony")
    desk.get_by_role("button", name="Keep places back").click()
    desk.get_by_label("What for").fill("House seats")
    rows = desk.locator("details")
    rows.last.locator("summary").click()
    rows.last.get_by_role("checkbox").first.check()
    desk.get_by_role("textbox", name="Seats").fill("A 2-4")
    desk.get_by_role("button", name="Keep them back").click()

    expect(desk.get_by_role("status")).to_contain_text("4 places are kept back: House seats.")
    kept = desk.get_by_role("row").filter(has_text="House seats")
    expect(kept).to_contain_text("Balcony, row A: 2\u20134")
    kept.get_by_role("link", name="Give back").click()
    assert_usable(desk)
    desk.get_by_label("Only a part").check()
    for number in ("2", "3"):
        desk.get_by_role("group", name="Balcony, row A").get_by_role("checkbox", name=number).check()
    desk.get_by_role("button", name="Put them back on sale").click()

    expect(desk.get_by_role("status")).to_contain_text("2 places are given back")
    expect(kept).to_contain_text("Balcony, row A: 4")
    desk.goto("/admin/audit?action=stock")
    expect(desk.get_by_role("row").filter(has_text="gave places back")).to_have_count(1)


def test_two_people_decide_about_much_money(desk: Page, browser: Browser, live: Live) -> None:
    """With mouse and screen: the policy asks for a second person, finance asks, the administrator approves."""
    desk.goto(f"{open_event(desk, 'tide')}/refund-policy")
    desk.get_by_label("A second person approves over").fill("0")
    desk.get_by_role("button", name="Put in force").click()
    expect(desk.get_by_role("status")).to_contain_text("This policy is in force")
    email, password = f"{uuid4().hex[:8]}@house.example", uuid4().hex
    desk.goto("/admin/staff")
    for name, value in (("name", "Fina"), ("email", email), ("password", password)):
        desk.locator(f"#{name}").fill(value)
    desk.locator("#role").select_option("finance")
    desk.get_by_role("button", name="Add", exact=True).click()
    number = bought(live, DESK_CARD, tickets=1, event="tide-and-guitar", tier_key="quay")

    with visit(browser, base_url=live.url) as page:
        finance = signed_in(page, email, password)
        find(finance, number)
        reload_until(finance, "Confirmed", place=STATE)
        finance.get_by_role("checkbox", name="Ticket 1").check()
        finance.get_by_label("Reason").select_option("goodwill")
        finance.get_by_role("button", name="Quote a refund").click()
        finance.get_by_role("button", name=re.compile("Ask for approval of")).click()
        expect(finance.get_by_role("region", name="Approval")).to_contain_text("a colleague decides")

    find(desk, number)
    desk.get_by_role("link", name="Decide under Approvals").click()
    assert_usable(desk)
    asked = desk.get_by_role("listitem").filter(has_text=number)
    asked.get_by_label("Note").fill("Agreed with the artist.")
    asked.get_by_role("button", name=re.compile("Approve ")).click()

    expect(desk.get_by_role("status")).to_contain_text("Approved.")
    find(desk, number)
    reload_until(desk, "Paid back")


def test_rows_are_walked_with_the_keyboard(desk: Page) -> None:
    """j and k move, Enter opens, g and a letter goes elsewhere, ? explains."""
    desk.goto("/admin/events")
    for key in ("j", "j", "k"):
        desk.keyboard.press(key)
    expect(desk.locator("a.open").first).to_be_focused()
    name = desk.locator("a.open").first.inner_text()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name=name, level=1)).to_be_visible()

    desk.keyboard.press("g")
    desk.keyboard.press("o")
    desk.wait_for_url("**/admin/orders")
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog", name="Keys")).to_be_visible()


def test_a_phone_opens_the_rooms_with_one_button(desk: Page) -> None:
    """The rooms are out of the way until they are asked for; Escape puts them away and the button has the focus."""
    desk.set_viewport_size({"width": 390, "height": 844})
    rooms = desk.get_by_role("navigation", name="Desk")
    expect(rooms).to_be_hidden()

    desk.get_by_role("button", name="Menu").press("Enter")
    expect(rooms.get_by_role("group", name="Money").get_by_role("link", name="Disputes")).to_be_visible()
    assert_usable(desk)
    desk.keyboard.press("Escape")
    expect(rooms).to_be_hidden()
    expect(desk.get_by_role("button", name="Menu")).to_be_focused()

    desk.get_by_role("button", name="Menu").press("Enter")
    rooms.get_by_role("link", name="Refund desk").click()
    expect(desk.get_by_role("heading", name="Refund desk")).to_be_visible()


def assert_usable(desk: Page) -> None:
    """No violation of WCAG 2.2 AA that a machine can find, and nothing to scroll sideways for."""
    found = Axe().run(desk, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, f"{desk.url}: {found.generate_report()}"
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth"), desk.url


PAGES = (
    *("", "events", "orders", "reviews", "outbox", "outbox?state=waiting", "audit", "staff"),
    *("refund-desk", "approvals", "refund-batches", "refund-batches/new", "disputes", "fraud-warnings"),
    *("books", "webhooks"),
)
OF_AN_EVENT = ("prices", "promotions", "refund-policy", "postpone", "cancel")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("light", 390), ("dark", 1280)])
def test_pages_can_be_used_by_everybody(desk: Page, live: Live, scheme: Literal["light", "dark"], width: int) -> None:
    """Every kind of page, in light and dark, on a desk and on a phone."""
    number = bought(live, DESK_CARD, tickets=1)
    find(desk, number)
    order = desk.url
    event = open_event(desk, "hamlet")
    stock = (f"{event}/stock", f"{event}/stock/keep?zone=balcony")
    about = (f"{event}/{page}" for page in OF_AN_EVENT)
    desk.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    desk.set_viewport_size({"width": width, "height": 900})

    for address in (*(f"/admin/{page}" for page in PAGES), order, f"{order}/ledger", event, *stock, *about):
        desk.goto(address)
        desk.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert_usable(desk)
