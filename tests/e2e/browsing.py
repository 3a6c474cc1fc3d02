"""A real browser for end-to-end tests, and the steps that many of its visits share."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}

CONFIRMED_WITHIN_MS = 30_000
ASKED_SHOWN = 25
SEEN_WITHIN_MS = 2_000
SEEN_CHARACTERS = 1_500
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+12125550142"}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, without a window."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: `bin/test` installs it on Debian when it runs as root")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, *, provoked: str = "", **options: Any) -> Iterator[Page]:
    """A new visitor's page. Anything that a browser complains about in its console fails the test, but for what was
    ``provoked`` on purpose.

    Without motion: while a page scrolls smoothly, a press and its release land on different things, and nobody clicked.
    A step that fails tells what the visitor saw: where the page was, what it said, and what was asked of the server.
    """
    context = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
    page = context.new_page()
    complaints: list[str] = []
    asked: deque[Request] = deque(maxlen=ASKED_SHOWN)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said.type, said.text) else None)
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - it counts arguments; a built-in has none to show
    try:
        yield page
    except Exception as error:
        error.add_note("\n".join(_seen(page, asked, complaints)))
        raise
    finally:
        context.close()
    assert [text for text in complaints if not provoked or provoked not in text] == []


def _seen(page: Page, asked: Iterable[Request], complaints: list[str]) -> Iterator[str]:
    yield f"The visitor was at {page.url}; the console complained of {complaints}."
    for request in asked:
        answer = request.existing_response
        fate = request.failure or (f"{answer.status}" if answer else "no answer yet")
        yield f"  {request.method} {request.url}: {fate}"
    yield page.locator("body").inner_text(timeout=SEEN_WITHIN_MS)[:SEEN_CHARACTERS]


def _is_complaint(kind: str, text: str) -> bool:
    """A refused form or seat is an answer that the page handles; the browser logs its status all the same."""
    return kind == "error" and not re.search(r"status of (402|404|409|410|422)", text)


def reserve_field_tickets(page: Page, url: str, *, quantity: int) -> None:
    """Hold so many general tickets of the festival."""
    page.goto(f"{url}/events/harbor-lights-festival")
    page.locator("[data-tier=general] input[type=number]").fill(str(quantity))
    page.locator("[data-tier=general] input[type=number]").blur()
    page.locator("#reserve").click()
    page.wait_for_url("**/holds/*")


def give_details(page: Page) -> None:
    """Fill in the guest form and go on to the provider's page."""
    for field, value in ADA.items():
        page.fill(f"#{field}", value)
    page.locator("#checkout button").click()
    page.wait_for_selector("#card_number")


def pay(page: Page, card: str) -> None:
    """On the provider's page."""
    page.fill("#card_number", card)
    page.fill("#exp_month", "12")
    page.fill("#exp_year", "34")
    page.fill("#cvc", "123")
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def see_confirmed(page: Page) -> None:
    """The order's page says so by itself."""
    page.wait_for_url("**/orders/*")
    expect(page.locator("h1")).to_have_text("See you there.", timeout=CONFIRMED_WITHIN_MS)
