"""Seats that are kept, seats that would be left alone, sections that do not matter: all of it with forms alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from application.commands.start_checkout import StartCheckout
from domain.events import EventId
from domain.holds import HoldId
from domain.orders import Buyer
from domain.ports.inventory import Snapshot
from tests.fakes.inventory import FakeInventory
from tests.unit.storefront.house import House
from tests.unit.storefront.visitor import Visitor

WHEELCHAIR, COMPANION = "SH-house-1-1", "SH-house-1-2"


def seat_of(visitor: Visitor, seat_id: str) -> str:
    """The HTML of one seat in the list."""
    found = re.search(
        rf'<label class="seat-box[^>]*><input[^>]*value="{seat_id}(~seat)?".*?</label>', visitor.page.html
    )
    assert found is not None, seat_id
    return found[0]


def test_kept_seats_are_told_from_taken_ones(visitor: Visitor) -> None:
    """They cannot be ticked, are not struck through, say what they are for, and are in no count of what is left."""
    visitor.open("/events/chapel?section=house")
    kept = seat_of(visitor, WHEELCHAIR)
    assert "disabled" in kept
    assert " kept" in kept
    assert "gone" not in kept
    assert "kept for wheelchair users and companions" in kept
    assert "12 left" in visitor.words


def test_asking_for_an_accessible_seat_opens_them(visitor: Visitor) -> None:
    """One tick and one button, and both seats of a pair can be reserved."""
    visitor.open("/events/chapel").press("House").press("Show them in the list", tick=("1",))
    assert "disabled" not in seat_of(visitor, WHEELCHAIR)
    assert "16 left" in visitor.words
    visitor.press("Reserve", tick=(WHEELCHAIR, COMPANION))
    assert visitor.address.startswith("/holds/")
    assert "wheelchair space and companion seat" in visitor.words


def test_a_kept_seat_that_nobody_asked_for_is_refused_by_name(visitor: Visitor) -> None:
    """A crafted form gets the reason and the way on, and the choice is still there."""
    visitor.open("/events/chapel").press("Reserve", {"seat": WHEELCHAIR})
    assert visitor.status == 409
    assert "Kept for wheelchair users and their companions: House, row 1, seat 1" in visitor.words
    assert "tick “I need an accessible seat”" in visitor.words
    assert f'value="{WHEELCHAIR}~seat" checked' in visitor.page.html


def test_a_letter_that_is_news_is_neither_free_nor_taken(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of yesterday, shown an availability string of tomorrow, says nothing that could be untrue."""
    plain = FakeInventory.snapshot

    def of_tomorrow(self: FakeInventory, *, event_id: EventId) -> Snapshot | None:
        found = plain(self, event_id=event_id)
        return found and replace(found, seats="?" + found.seats[1:])

    monkeypatch.setattr(FakeInventory, "snapshot", of_tomorrow)
    visitor.open("/events/chapel?section=house")
    assert "disabled" in seat_of(visitor, WHEELCHAIR)
    assert "gone" not in seat_of(visitor, WHEELCHAIR)


def test_a_seat_that_would_be_left_alone_is_named_and_the_choice_kept(visitor: Visitor) -> None:
    """The second seat of a row would strand the first: said by name, marked in the list, and one step from right."""
    visitor.open("/events/chapel").press("House").press("Reserve", tick=("SH-house-2-2",))
    assert visitor.status == 409
    assert "This would leave House, row 2, seat 1 alone." in visitor.words
    assert "alone" in seat_of(visitor, "SH-house-2-1").split(">")[0]
    assert "would be left alone" in seat_of(visitor, "SH-house-2-1")
    assert "checked" in seat_of(visitor, "SH-house-2-2")
    visitor.press("Reserve", tick=("SH-house-2-1",))
    assert visitor.address.startswith("/holds/")


def test_scripts_know_the_runs_of_seats_only_where_the_rule_is_on(visitor: Visitor) -> None:
    """The chapel forbids stranding and tells its two rows of 8; the drama allows it and tells nothing."""
    assert 'data-runs="8x2"' in visitor.open("/events/chapel").page.html
    assert "data-runs" not in visitor.open("/events/drama").page.html


@pytest.mark.parametrize(("prefer", "found"), [("view", "Stalls, row 1"), ("cheapest", "Balcony, row 1")])
def test_any_section_finds_what_is_preferred(visitor: Visitor, prefer: str, found: str) -> None:
    """The nearest or the cheapest of the ordinary ticket types; the range of prices is said before."""
    visitor.open("/events/drama")
    assert "$55.00 to $99.00" in visitor.words
    visitor.press("Reserve", {"best.*": "2", "prefer": prefer})
    assert found in visitor.words


def test_any_section_is_offered_only_where_there_are_several(visitor: Visitor) -> None:
    """One seated ticket type is no choice, and a form that asks for it all the same is refused."""
    assert "Any section" not in visitor.open("/events/chapel").words
    visitor.press("Reserve", {"best.*": "2"})
    assert visitor.status == 409
    assert "no such ticket type" in visitor.words


def test_separate_groups_are_an_answer_to_too_few_together(visitor: Visitor) -> None:
    """Nine of a balcony with rows of eight: refused with that advice, and found once it is followed."""
    visitor.open("/events/drama").press("Reserve", best_balcony="9")
    assert visitor.status == 409
    assert "say that separate seats would do as well" in visitor.words
    visitor.press("Reserve", {"split.balcony": "1"})
    assert "9 tickets for A Quiet Drama" in visitor.words


def test_best_seats_may_have_a_wheelchair_space_among_them(visitor: Visitor) -> None:
    """Two of the chapel, and with that tick one of them is a wheelchair space."""
    visitor.open("/events/chapel").press("Reserve", {"best.seat": "2", "access.seat": "1"})
    assert visitor.address.startswith("/holds/")
    assert "wheelchair space" in visitor.words


def test_after_several_lapses_it_is_said_when_and_why(house: House, visitor: Visitor) -> None:
    """Until when, in whose time, that others get a turn; calmly, and with everything still chosen."""
    for _ in range(3):
        visitor.open("/events/chapel").press("Reserve", best_seat="1")
        house.clock.advance(seconds=601)
    visitor.open("/events/chapel").press("Reserve", best_seat="2")
    assert visitor.status == 409
    assert re.search(r"You can reserve again in (\d+ seconds|2 minutes), at \d\d:\d\d\.", visitor.words)
    assert "so now others get a turn" in visitor.words
    assert "New York time" in visitor.words
    assert 'class="notice" role="alert"' in visitor.page.html
    assert ("best.seat", "2") in visitor.page.forms[0].fields


def test_a_limit_by_address_of_mail_keeps_what_was_typed(house: House, visitor: Visitor) -> None:
    """Another device with the same e-mail is the same person: said at the checkout, with form and places kept."""
    friend = Visitor(house.app).open("/events/chapel").press("Reserve", best_seat="3")
    hold_id = HoldId.parse(friend.address.split("/")[2])
    assert hold_id is not None
    house.container.start_checkout(
        StartCheckout(hold_id=hold_id, buyer=Buyer(name="Ada", email="ada@example.com", phone=None))
    )
    visitor.open("/events/chapel").press("Reserve", best_seat="2")
    visitor.press("Continue to payment", name="Ada L", email="Ada@example.com")
    assert visitor.status == 409
    assert "At most 4 tickets for this event can go to this e-mail address." in visitor.words
    assert "It has 3 tickets already." in visitor.words
    assert 'value="Ada L"' in visitor.page.html
    assert 'value="Ada@example.com"' in visitor.page.html
