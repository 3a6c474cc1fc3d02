"""A day at the desk, with a real browser on the real house: look, find, decide, refund, and leave a trail."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import uuid4

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import chromium, visit
from tests.e2e.cards import DESK_CARD, RISKY_CARD
from tests.live_house import Live

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("house")]

EVENT = "harbor-lights-festival"
WAIT_MS = 20_000
_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def desk(browser: Browser, live: Live) -> Iterator[Page]:
    """The dashboard, seen by the administrator; what the console complains of fails the test."""
    kept = json.loads((live.data_dir / "credentials.json").read_text())
    with visit(browser, base_url=live.url) as page:
        page.set_default_timeout(WAIT_MS)
        page.goto("/admin/")
        page.get_by_label("E-mail").fill(kept["admin_email"])
        page.get_by_label("Password").fill(kept["admin_password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        yield page


def bought(live: Live, card: str, *, tickets: int = 2) -> str:
    """The number of an order that was paid through the shop's API and the provider's page."""
    name = uuid4().hex[:12]
    with requests.Session() as shop:
        tiers = shop.get(f"{live.url}/api/v1/events/{EVENT}", timeout=_SECONDS_MAX).json()["tiers"]
        tier = next(tier["id"] for tier in tiers if tier["key"] == "general")
        hold = _posted(
            shop, f"{live.url}/api/v1/events/{EVENT}/holds", {"items": [{"tier": tier, "quantity": tickets}]}
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


def reload_until(desk: Page, text: str) -> None:
    """The workers need a moment."""
    for _ in range(40):
        if desk.locator("main").get_by_text(text, exact=True).count():
            return
        desk.wait_for_timeout(500)
        desk.reload()
    pytest.fail(f"{text!r} never appeared:\n{desk.locator('main').inner_text()}")


def test_a_paid_order_is_found_and_partly_refunded(desk: Page, live: Live) -> None:
    """By its number to its page, from a quote to money that is back, and the trail tells all of it."""
    number = bought(live, DESK_CARD)
    find(desk, number)
    reload_until(desk, "Confirmed")

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
    reload_until(desk, "In review")
    desk.goto("/admin/reviews")
    row = desk.get_by_role("row").filter(has_text=number)
    expect(row).to_contain_text("Radar finds this payment risky")
    row.get_by_role("link", name=number).click()

    desk.get_by_label("Note").fill("known to us")
    desk.get_by_role("button", name="Approve and capture").click()

    expect(desk.get_by_role("status")).to_contain_text("Approved")
    reload_until(desk, "Confirmed")
    expect(desk.get_by_role("region", name="What happened")).to_contain_text("known to us")


def test_the_terms_of_a_sale_are_tuned(desk: Page) -> None:
    """A longer reservation is saved and shown again."""
    desk.goto(f"/admin/events?q={EVENT.split('-', maxsplit=1)[0]}")
    desk.locator("a.open").first.click()
    before = int(desk.get_by_label("A reservation lasts").input_value())

    desk.get_by_label("A reservation lasts").fill(str(before + 60))
    desk.get_by_role("button", name="Save the terms").click()

    expect(desk.get_by_role("status")).to_contain_text("The terms are changed")
    expect(desk.get_by_label("A reservation lasts")).to_have_value(str(before + 60))


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


PAGES = ("", "events", "orders", "reviews", "outbox", "outbox?state=waiting", "audit", "staff")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("light", 390), ("dark", 1280)])
def test_pages_can_be_used_by_everybody(desk: Page, live: Live, scheme: Literal["light", "dark"], width: int) -> None:
    """No violation of WCAG 2.2 AA that a machine can find, in light and dark, on a desk and on a phone."""
    number = bought(live, DESK_CARD, tickets=1)
    find(desk, number)
    order = desk.url
    desk.goto("/admin/events")
    event = desk.locator("a.open").first.get_attribute("href")
    desk.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    desk.set_viewport_size({"width": width, "height": 900})
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

    for address in (*(f"/admin/{page}" for page in PAGES), order, str(event)):
        desk.goto(address)
        found = Axe().run(desk, options=options)
        assert found.violations_count == 0, f"{address}: {found.generate_report()}"
        assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
