"""A reservation's page for who needs longer: one button, said before what it gives, and never pressed in vain twice."""

from __future__ import annotations

import pytest

from domain.holds import ActiveHold, HoldId
from tests.unit.storefront.house import House
from tests.unit.storefront.visitor import Visitor


@pytest.fixture
def holder(visitor: Visitor) -> Visitor:
    """Somebody with an ordinary seat of the chapel, where a hold may be extended twice but lasts 25 minutes at most."""
    return visitor.open("/events/chapel").press("Reserve", best_seat="1")


def held(house: House, visitor: Visitor) -> ActiveHold:
    """What the visitor holds, as the inventory knows it."""
    hold_id = HoldId.parse(visitor.address.split("/")[2])
    assert hold_id is not None
    found = house.inventory.find(hold_id=hold_id)
    assert isinstance(found, ActiveHold)
    return found


def test_more_time_is_offered_with_what_it_gives(holder: Visitor) -> None:
    """How long, how often, and where it ends, before anybody presses."""
    assert "Press for 10 minutes more. You can do this 2 times" in holder.words
    assert "no reservation lasts longer than 25 minutes" in holder.words


def test_more_time_is_given_and_nothing_typed_is_lost(house: House, holder: Visitor) -> None:
    """The clock has as much again, the page says until when, and half a form stays half a form without complaint."""
    house.clock.advance(seconds=420)
    holder.press("Get more time", name="Ada", email="ada@")
    assert holder.status == 200
    assert ">13:00</span>" in holder.page.html
    assert "You have more time: until" in holder.words
    assert 'value="Ada"' in holder.page.html
    assert 'value="ada@"' in holder.page.html
    assert "email-error" not in holder.page.html
    assert "You can do this once" in holder.words


def test_pressing_twice_is_one_extension(house: House, holder: Visitor) -> None:
    """The form names the extension it asks for, so an impatient thumb does not spend the next one."""
    house.clock.advance(seconds=60)
    before = holder.page
    holder.press("Get more time")
    holder.page = before
    holder.press("Get more time")
    assert holder.status == 200
    assert held(house, holder).extensions == 1


def test_when_all_of_it_is_used_the_page_says_so_calmly(house: House, holder: Visitor) -> None:
    """No button is left; a form from before gets the reason and the hour, and the places stay."""
    for _ in range(2):
        house.clock.advance(seconds=400)
        before = holder.page
        holder.press("Get more time")
    assert "You have had all the extra time there is." in holder.words
    assert "Get more time" not in holder.words

    holder.page = before
    holder.press("Get more time", number="3")
    assert holder.status == 409
    assert "Your places stay yours until" in holder.words
    assert 'data-code="extensions_used_up"' in holder.page.html
    assert "notice-sorry" not in holder.page.html.split('data-code="extensions_used_up"')[0].rpartition("<div")[2]


def test_too_late_is_the_end_and_a_way_on(house: House, holder: Visitor) -> None:
    """What lapsed does not come back by a button; the page leads to choosing again."""
    house.clock.advance(seconds=601)
    holder.press("Get more time")
    assert holder.status == 410
    assert "/events/chapel" in holder.page.links


def test_enter_in_a_field_still_means_payment(holder: Visitor) -> None:
    """The first button of the form is what Enter presses: it must not spend an extension."""
    form = next(form for form in holder.page.forms if form.action.endswith("/checkout"))
    assert form.buttons[0].action is None


@pytest.mark.parametrize("number", ["", "0", "-1", "9999999999", "²", "two"])
def test_a_number_that_cannot_be_read_is_the_next_one(house: House, holder: Visitor, number: str) -> None:
    """Whatever a browser was made to send, one press is one extension."""
    house.clock.advance(seconds=60)
    holder.press("Get more time", number=number)
    assert holder.status == 200
    assert held(house, holder).extensions == 1
