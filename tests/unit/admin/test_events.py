"""Events in the portal: what is shown of a sale, and how its terms change."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.accounts import Role
from domain.errors import InventoryUnavailable
from domain.events import EventState, LimitSubject, SaleTerms
from domain.ports.outbox import Effect
from entrypoints.admin import terms_form
from tests.fakes.sales import general, general_sale
from tests.unit.admin.desk import Desk
from tests.unit.application.house import House

FORM = {
    "opens_at": "2026-07-01T10:00",
    "closes_at": "2027-01-01T18:30",
    "admission_required": "yes",
    "hold_seconds": "7.5",
    "extensions_max": "2",
    "hold_seconds_cap": "90",
    "payment_seconds": "12",
    "per_order_max": "6",
    "per_buyer_max": "8",
    "limit_by": ["device", "phone"],
    "live_holds_per_buyer": "2",
    "live_holds_per_address": "0",
    "lapses_max": "4",
    "cooldown_seconds": "0",
    "may_strand_seats": "yes",
}
TYPED = SaleTerms(
    opens_at=datetime(2026, 7, 1, 9, 0, tzinfo=UTC),
    closes_at=datetime(2027, 1, 1, 18, 30, tzinfo=UTC),
    hold_seconds=450,
    payment_seconds=720,
    per_order_max=6,
    per_buyer_max=8,
    live_holds_per_buyer=2,
    admission_required=True,
    extensions_max=2,
    hold_seconds_cap=5_400,
    live_holds_per_address=0,
    lapses_max=4,
    cooldown_seconds=0,
    may_strand_seats=True,
    accessible_released=False,
    limit_by=frozenset({LimitSubject.DEVICE, LimitSubject.PHONE}),
)
"""What FORM says."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_dashboard_counts_what_is_sold_paid_held_and_free(desk: Desk) -> None:
    """Four numbers that add up to the capacity, from Postgres and the inventory together."""
    house = desk.house
    house.buy(general(house.sale, 3))
    house.place_order(general(house.sale, 2))
    house.hold(general(house.sale, 4))

    page = desk.signed_in(Role.VENUE_MANAGER).page("/")

    assert "<b>3</b> sold · 2 paying · 4 held · 91 free" in page
    assert "$148.50" in page


def test_a_silent_inventory_is_admitted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the inventory is away the page still comes, and says that it does not know."""

    def away(**_: object) -> None:
        raise InventoryUnavailable("Valkey does not answer")

    monkeypatch.setattr(desk.house.inventory, "snapshot", away)
    browser = desk.signed_in(Role.VENUE_MANAGER)

    assert "held unknown" in browser.page("/")
    assert "the inventory is silent" in browser.page(f"/events/{desk.house.event_id}")


def test_terms_are_typed_on_the_venues_clock(desk: Desk) -> None:
    """A summer's 10:00 in London is 09:00 UTC; every field is stored, and the inventory is told."""
    house = desk.house
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"/events/{house.event_id}"

    answer = browser.post(f"{path}/terms", seen_on=path, **FORM)

    assert answer.status_code == 303
    assert house.store.state.events[house.event_id].terms == TYPED
    assert Effect.RENEW_TERMS in {entry.row.effect for entry in house.store.state.outbox.values()}
    assert 'value="2026-07-01T10:00"' in browser.page(path)
    assert 'value="7.5"' in browser.page(path)
    assert "changed the terms" in browser.page("/audit?actor=venue_manager@example.com")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hold_seconds": "1"}, "Minutes, from 2 to 60"),
        ({"hold_seconds": "2.6e-42"}, "Minutes, from 2 to 60"),
        ({"hold_seconds": "61"}, "Minutes, from 2 to 60"),
        ({"hold_seconds_cap": "5"}, "At least as long as a reservation"),
        ({"hold_seconds_cap": "121"}, "Minutes, from 2 to 120"),
        ({"payment_seconds": "4"}, "Minutes, from 5 to 30"),
        ({"cooldown_seconds": "-1"}, "Minutes, from 0 to 60"),
        ({"extensions_max": "6"}, "from 0 to 5"),
        ({"per_order_max": "-1"}, "from 1 to 200"),
        ({"per_order_max": "9"}, "No more than one person may have in all, 8"),
        ({"live_holds_per_buyer": "0"}, "from 1 to 900"),
        ({"live_holds_per_address": "100001"}, "from 0 to 100,000"),
        ({"lapses_max": "0"}, "from 1 to 20"),
        ({"limit_by": ["device", "address"]}, "not one of the choices"),
        ({"closes_at": "2026-01-01T00:00"}, "closes after it opens"),
        ({"opens_at": "soon"}, "A date and a time"),
        ({"opens_at": "2026-07-01T10:00+02:00"}, "without a time zone"),
    ],
)
def test_terms_that_make_no_sense_are_explained(desk: Desk, change: dict[str, str], said: str) -> None:
    """The page comes back with what is wrong, what was typed is kept, and nothing changed."""
    house = desk.house
    before = house.store.state.events[house.event_id].terms
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"/events/{house.event_id}"

    answer = browser.post(f"{path}/terms", seen_on=path, **{**FORM, **change})

    assert answer.status_code == 422
    assert said in answer.text
    (name,) = change
    assert f'href="#{name}"' in answer.text
    assert house.store.state.events[house.event_id].terms == before


def test_nothing_that_was_typed_is_lost(desk: Desk) -> None:
    """Three mistakes are three messages, and every field of the page that comes back says what was typed."""
    house = desk.house
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"/events/{house.event_id}"
    typed = {**FORM, "hold_seconds": "", "per_order_max": "none", "lapses_max": "99"}

    page = browser.post(f"{path}/terms", seen_on=path, **typed).text

    fields = dict(re.findall(r'<input id="(\w+)" name="\1"[^>]* value="([^"]*)"', page))
    assert fields == {name: typed[name] for name in fields}
    assert len(fields) == len(FORM) - 3
    ticked = re.findall(r'name="(\w+)" value="(\w+)" checked', page)
    assert ticked == [
        ("admission_required", "yes"), ("limit_by", "device"), ("limit_by", "phone"), ("may_strand_seats", "yes"),
    ]  # fmt: skip
    assert page.count('class="wrong"') == 3
    assert "3 fields need another look" in page
    assert '<a href="#hold_seconds">A reservation lasts: Minutes, from 2 to 60.</a>' in page


def test_a_form_that_is_sent_back_as_it_came_changes_nothing(desk: Desk) -> None:
    """Durations survive minutes with decimals, whatever second they are."""
    for seconds in (120, 121, 127, 599, 3_599, 3_600):
        terms = replace(TYPED, hold_seconds=seconds, hold_seconds_cap=seconds, cooldown_seconds=seconds)

        form = terms_form.filled(terms, timezone="Europe/London")

        assert terms_form.read(form, terms, timezone="Europe/London") == terms


def test_who_may_only_read_reads_all_of_it(desk: Desk) -> None:
    """Support sees the terms in words, and no field."""
    house = desk.house
    event = house.store.state.events[house.event_id]
    house.store.state.events[house.event_id] = replace(event, terms=TYPED)

    page = desk.signed_in(Role.SUPPORT).page(f"/events/{house.event_id}")

    for said in (
        "7.5 minutes, may be extended 2 times, and ends after 90 minutes at the latest",
        "6 an order, 8 a person, recognised by device or phone",
        "2 a person, any number a network address",
        "no pause",
        "are kept for who asks for them",
    ):
        assert said in page
    assert 'name="hold_seconds"' not in page


def test_cancelling_is_asked_twice(desk: Desk) -> None:
    """Opening the page does nothing, the wrong word does nothing, the event's own name does it."""
    house = desk.house
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"/events/{house.event_id}/cancel"

    page = browser.page(path)
    wrong = browser.post(path, seen_on=path, slug="another")
    assert house.sale.slug in page
    assert wrong.status_code == 422
    assert house.store.state.events[house.event_id].state is EventState.PUBLISHED
    browser.post(path, seen_on=path, slug=house.sale.slug)

    assert house.store.state.events[house.event_id].state is EventState.CANCELLED
    after = browser.page(f"/events/{house.event_id}")
    assert "Save the terms" not in after
    assert "is cancelled" in after


def test_a_draft_is_published_after_a_question(desk: Desk) -> None:
    """GET asks, POST publishes, and the trail says who."""
    house = desk.house
    events = house.store.state.events
    events[house.event_id] = replace(events[house.event_id], state=EventState.DRAFT)
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"/events/{house.event_id}/publish"

    assert "go on sale" in browser.page(path)
    browser.post(path, seen_on=path)

    assert house.store.state.events[house.event_id].state is EventState.PUBLISHED
    assert "published the event" in browser.page("/audit")


@pytest.mark.parametrize("query", ["", "?q=small", "?q=TOWN", "?state=published"])
def test_events_are_found(desk: Desk, query: str) -> None:
    """By name, venue, city or state."""
    assert "Small House Night" in desk.signed_in(Role.SUPPORT).page(f"/events{query}")


@pytest.mark.parametrize("query", ["?q=opera", "?state=draft", "?past=yes"])
def test_other_events_are_not(desk: Desk, query: str) -> None:
    """An empty list says so."""
    page = desk.signed_in(Role.SUPPORT).page(f"/events{query}")

    assert "Small House Night" not in page
    assert "No event is like that" in page


def test_a_tier_with_its_own_limit_says_what_is_left() -> None:
    """VIP has 20 of its own; holding three leaves seventeen."""
    desk = Desk(House(sale=general_sale(vip_capacity=20)))
    desk.house.hold(general(desk.house.sale, 3, "vip"))

    assert "17 of 20 left" in desk.signed_in(Role.SUPPORT).page(f"/events/{desk.house.event_id}")


def test_an_inventory_that_loaded_nothing_holds_nothing(desk: Desk) -> None:
    """Before the first visitor of a sale there are no holds, and that is known."""
    page = desk.signed_in(Role.SUPPORT).page("/")

    assert "<b>0</b> sold · 100 free" in page
    assert "held unknown" not in page


def test_postponing_asks_and_tells(desk: Desk) -> None:
    """A date is typed on the venue's clock; nonsense comes back with what is wrong and what was typed."""
    house = desk.house
    path = f"/events/{house.event_id}/postpone"
    browser = desk.signed_in(Role.VENUE_MANAGER)

    wrong = browser.post(path, seen_on=path, starts_at="2001-01-01T20:00", note="Sorry.")
    right = browser.post(path, seen_on=path, starts_at="2027-06-10T20:00", refunds_until="2027-01-10T12:00", note="")

    assert (wrong.status_code, "in the future" in wrong.text, "Sorry." in wrong.text) == (422, True, True)
    assert right.status_code == 303
    assert house.store.state.events[house.event_id].starts_at.isoformat() == "2027-06-10T19:00:00+00:00"
    (kept,) = house.store.state.postponements.values()
    assert kept.refunds_until is not None
