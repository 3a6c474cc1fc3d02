"""The sandbox's pages in a real browser: they can be used, obey their own policy, and are accessible."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.contract.sandbox_harness import Sandbox, running_sandbox

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which bin/test installs")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone's page; whatever its console complains of fails the test, a declined card's 402 excepted."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]  # a plain dictionary
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [complaint for complaint in complaints if "402" not in complaint] == []


def fill_card(page: Page, number: str) -> None:
    for name, value in (("card_number", number), ("exp_month", "12"), ("exp_year", "34"), ("cvc", "123")):
        page.fill(f"#{name}", value)
    if page.get_attribute("#email", "readonly") is None:
        page.fill("#email", "ada@example.com")
    page.click("text=/^Pay \\$/")


def test_a_person_pays_after_a_declined_card_and_a_challenge(sandbox: Sandbox, page: Page) -> None:
    """Decline, try again, prove oneself to the bank, and arrive at the merchant; the policy lets the redirect pass."""
    session = sandbox.open_session(success_url=f"{sandbox.url}/inbox?done={{CHECKOUT_SESSION_ID}}")
    page.goto(str(session.url))
    fill_card(page, "4000 0000 0000 9995")
    assert "insufficient funds" in page.inner_text("[role=alert]")
    assert page.evaluate("document.activeElement.id") == "card_number"
    fill_card(page, "4000 0027 6000 3184")
    page.click("text=Approve")
    page.wait_for_url(f"**/inbox?done={session.id}")
    assert sandbox.intent_of(session).status == "requires_capture"
    page.goto(f"{sandbox.url}/c/pay/{session.id}")
    assert page.get_by_role("link", name="Continue to Tessera").is_visible()


def test_the_form_is_used_by_keyboard_alone(sandbox: Sandbox, page: Page) -> None:
    """From the first field to the button with Tab, and paid with Enter."""
    session = sandbox.open_session(success_url=f"{sandbox.url}/inbox")
    page.goto(str(session.url))
    page.focus("#email")
    for text in ("ada@example.com", "4242424242424242", "12", "34", "123", "Ada"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox")
    assert sandbox.intent_of(session).status == "requires_capture"


def test_the_inbox_follows_without_losing_what_is_being_typed(sandbox: Sandbox, page: Page) -> None:
    """A new message appears by itself while a reply is half written; sending it works."""
    number = "+15005550123"
    sandbox.twilio.messages.create(to=number, from_="+15005550006", body="First")
    page.goto(f"{sandbox.url}/inbox?number=%2B15005550123")
    page.fill("#body", "Half a rep")
    sandbox.twilio.messages.create(to=number, from_="+15005550006", body="Second: https://shop.example/t/1")
    page.wait_for_selector(".log >> text=Second")
    assert page.input_value("#body") == "Half a rep"
    assert page.get_by_role("link", name="https://shop.example/t/1").is_visible()
    page.fill("#body", "STOP")
    page.click("text=Send")
    page.wait_for_selector("text=This phone has opted out")


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_every_page_is_accessible(sandbox: Sandbox, browser: Browser, scheme: str, viewport: dict[str, int]) -> None:
    """No finding of axe, contrast included, and nothing wider than the screen."""
    session, expired = sandbox.open_session(), sandbox.open_session()
    sandbox.stripe.v1.checkout.sessions.expire(expired.id)
    complete = sandbox.open_session()
    sandbox.pay(complete)
    sandbox.twilio.messages.create(to="+15005550188", from_="+15005550006", body="Hello")
    sandbox.control("POST", "faults", target="stripe", path="/nowhere", kind="500")
    # axe is a script of its own, which the pages' policy would refuse.
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]  # literals
    page = context.new_page()
    paths = [f"/c/pay/{one.id}" for one in (session, expired, complete)]
    for path in (*paths, "/c/pay/cs_test_nothing", "/inbox", "/inbox?number=%2B15005550188", "/_sandbox/"):
        page.goto(sandbox.url + path)
        violations = [(found["id"], found["nodes"][0]["html"]) for found in Axe().run(page).response["violations"]]
        assert violations == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    context.close()
