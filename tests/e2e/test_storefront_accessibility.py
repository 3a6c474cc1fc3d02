"""Every page of the storefront, on a phone and on a desk, by day and by night, has nothing that axe objects to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import DESK, PHONE, chromium, give_details, pay, see_confirmed, visit
from tests.e2e.browsing import reserve_field_tickets as reserve
from tests.e2e.cards import ACCESSIBILITY_CARD
from tests.live_house import Live

pytestmark = [pytest.mark.xdist_group("house"), pytest.mark.timeout(300)]

LOOKS = [
    pytest.param({"viewport": PHONE, "color_scheme": "light"}, id="phone by day"),
    pytest.param({"viewport": PHONE, "color_scheme": "dark"}, id="phone by night"),
    pytest.param({"viewport": DESK, "color_scheme": "light"}, id="desk by day"),
    pytest.param({"viewport": DESK, "color_scheme": "dark"}, id="desk by night"),
]
STILL_PAGES = (
    "/",
    "/?city=Atlantis",
    "/events/harbor-lights-festival",
    "/events/meridian-arena-night",
    "/events/old-town-theatre-hamlet",
    "/events/static-bloom",
    "/events/the-lighthouse-ledger",
    "/help",
    "/find-order",
    "/no-such-page",
)
TARGET_PIXELS_MIN = 44


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for this module."""
    with chromium() as running:
        yield running


def objections(page: Page) -> list[str]:
    """What axe finds, in one line each."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    return [
        f"{page.url}: {violation['id']}: {violation['help']}: {[node['html'][:120] for node in violation['nodes'][:3]]}"
        for violation in found.response["violations"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_barrier(browser: Browser, live: Live, look: dict[str, Any]) -> None:
    """WCAG 2.2 AA as far as a machine can tell, on every page from programme to refund."""
    with visit(browser, **look) as page:
        found: list[str] = []
        for address in STILL_PAGES:
            page.goto(f"{live.url}{address}")
            page.wait_for_load_state("load")
            found += objections(page)
        reserve(page, live.url, quantity=1)
        found += objections(page)
        page.locator("#checkout button").click()
        page.wait_for_selector("#problems")
        found += objections(page)
        give_details(page)
        pay(page, ACCESSIBILITY_CARD)
        see_confirmed(page)
        found += objections(page)
        page.get_by_role("link", name="Look at a refund").click()
        page.wait_for_url("**/refund")
        found += objections(page)
        page.get_by_role("button", name="See what comes back").click()
        page.get_by_role("button", name="Give back 1 ticket for").wait_for()
        found += objections(page)
        assert not found, "\n".join(found)


def test_everything_to_press_is_large_enough_for_a_thumb(browser: Browser, live: Live) -> None:
    """Buttons and fields are at least 44 pixels high on a phone."""
    with visit(browser, viewport=PHONE) as page:
        for address in ("/", "/events/harbor-lights-festival", "/events/old-town-theatre-hamlet"):
            page.goto(f"{live.url}{address}")
            small = page.evaluate(
                """least => [...document.querySelectorAll("button:not([aria-hidden]), .button, .input, summary")]
                    .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
                    .filter(([, box]) => box.height > 1 && box.height < least)
                    .map(([html]) => html)""",
                TARGET_PIXELS_MIN,
            )
            assert small == [], address


def test_no_page_is_wider_than_a_small_phone(browser: Browser, live: Live) -> None:
    """At 320 pixels nothing has to be scrolled sideways (WCAG 1.4.10)."""
    with visit(browser, viewport={"width": 320, "height": 640}) as page:
        for address in STILL_PAGES:
            page.goto(f"{live.url}{address}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
