"""What every page keeps to: a strict policy, a way on, true states, and addresses that may be kept for good."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from entrypoints.http.storefront import assets
from entrypoints.http.storefront.presenters.programme import PAGE_LENGTH
from tests.fakes import sales
from tests.fakes.world import START
from tests.unit.storefront.house import House, announce
from tests.unit.storefront.visitor import HTML, Visitor

INLINE = re.compile(r"<[^>]+\s(?:style|on[a-z]+)=", re.IGNORECASE)


@pytest.mark.parametrize("address", ["/", "/events/drama", "/events/field", "/events/later", "/help", "/nothing-here"])
def test_no_page_needs_more_than_its_own_policy_allows(visitor: Visitor, address: str) -> None:
    """No inline style or handler, every script with this answer's nonce, nothing from other hosts."""
    visitor.open(address)
    policy = visitor.answer.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert "'unsafe-inline'" not in policy
    assert not INLINE.search(visitor.page.html)
    assert all(f'nonce="{nonce[1]}"' in tag for tag in re.findall(r"<script[^>]*>", visitor.page.html))
    sources = re.findall(r"(?:src|href)=\"(https?:[^\"]+)\"", visitor.page.html)
    assert all(source.startswith("http://shop.test") for source in sources)


def test_no_cache_between_us_and_a_visitor_keeps_an_event_page(visitor: Visitor) -> None:
    """Its form names this copy: two people with the same copy would share one reservation, and its key."""
    visitor.open("/events/field")

    assert "private" in visitor.answer.headers["Cache-Control"]


def test_a_page_that_is_not_there_offers_a_way_on(visitor: Visitor) -> None:
    """404 for people is a page with links, and names the request for support."""
    visitor.open("/events/no-such-event")
    assert visitor.status == 404
    assert "There is nothing here." in visitor.words
    assert {"/", "/help"} <= set(visitor.page.links)
    assert visitor.answer.headers["X-Request-ID"] in visitor.words


def test_a_form_without_its_secret_is_refused_with_an_explanation(house: House) -> None:
    """A forged or stale post changes nothing and says what to do."""
    answer = house.app.test_client().post("/events/field/hold", data={"qty.general": "1"}, headers=HTML)
    assert answer.status_code == 400
    assert "allow cookies" in answer.text


def test_an_unopened_sale_says_when_and_at_what_price(visitor: Visitor) -> None:
    """Before the sale: the moment in the venue's time zone, all prices, and nothing to press."""
    visitor.open("/events/later")
    assert "Tickets go on sale Wednesday 25 November 2026 at 07:00" in visitor.words
    assert "New York time (UTC-5)" in visitor.words
    assert "$49.50" in visitor.words
    assert not any("Reserve" in button.text for form in visitor.page.forms for button in form.buttons)


def test_a_cancelled_event_says_so(house: House, visitor: Visitor) -> None:
    """Its page stays, and tells those with tickets what to do."""
    house.container.cancel_event(house.drama.id, actor="organiser@example.com")
    assert "This event is cancelled." in visitor.open("/events/drama").words


def test_times_are_the_venues_own(visitor: Visitor) -> None:
    """Noon UTC in winter is seven in the morning in New York, and the page says whose clock that is."""
    visitor.open("/events/drama")
    assert "Starts 07:00, doors 06:00" in visitor.words
    assert "Thursday 21 January 2027" in visitor.words


def test_the_address_with_an_id_leads_to_the_one_with_a_name(house: House, visitor: Visitor) -> None:
    """One page, one address."""
    assert visitor.open(f"/events/{house.drama.id}").address == "/events/drama"


def test_structured_data_is_true_and_cannot_break_out(visitor: Visitor) -> None:
    """Search engines read the same prices, fees included, as people do."""
    visitor.open("/events/drama")
    found = re.search(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', visitor.page.html, re.DOTALL)
    assert found is not None
    assert "<" not in found[1]
    thing = json.loads(found[1])
    assert thing["startDate"] == "2027-01-21T07:00:00-05:00"
    assert {offer["price"] for offer in thing["offers"]} == {"99.00", "55.00", "77.00"}


def test_the_search_finds_by_word_city_and_local_day(house: House, visitor: Visitor) -> None:
    """Dates are the venue's: an event at 23:30 in New York is found on that day and not on the next."""
    assert "A Quiet Drama" in visitor.open("/?q=drama").words
    assert "A Quiet Drama" not in visitor.open("/?q=field").words
    assert "Nothing on that fits" in visitor.open("/?city=Atlantis").words
    assert "A Quiet Drama" in visitor.open("/?from=2027-01-21&to=2027-01-21").words
    assert "A Quiet Drama" not in visitor.open("/?from=2027-01-22&to=2027-01-22").words
    assert "could not be read" in visitor.open("/?from=soon").words


def test_more_events_than_a_page_are_reached_by_its_link(house: House, visitor: Visitor) -> None:
    """Cursor paging: the later page has what the first has not."""
    for number in range(PAGE_LENGTH):
        announce(
            house.container,
            sales.general_sale(),
            slug=f"night-{number}",
            name=f"Night {number}",
            starts_at=START + timedelta(days=200 + number),
        )
    last = f"/events/night-{PAGE_LENGTH - 1}"
    visitor.open("/")
    assert last not in visitor.page.links
    visitor.open(next(link for link in visitor.page.links if "cursor=" in link))
    assert last in visitor.page.links


def test_assets_may_be_kept_for_good_and_only_those_listed_exist(house: House) -> None:
    """The address names the contents; another version is served but not kept; no path leads out of the folders."""
    client = house.app.test_client()
    kept = client.get(assets.url("css/base.css"), headers={"Accept-Encoding": "gzip"})
    assert "immutable" in kept.headers["Cache-Control"]
    assert kept.headers["Content-Encoding"] == "gzip"
    old = client.get("/assets/000000000000/css/base.css")
    assert "immutable" not in old.headers["Cache-Control"]
    assert client.get(assets.url("../templates/storefront/layout.html")).status_code == 404
    assert client.get(assets.url("js/event-page.js")).mimetype == "text/javascript"


def test_robots_stay_out_of_what_is_private(visitor: Visitor) -> None:
    """Reservations and orders are not for indexes."""
    assert "Disallow: /orders/" in visitor.open("/robots.txt").answer.text
