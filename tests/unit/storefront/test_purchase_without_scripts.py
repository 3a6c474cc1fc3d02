"""The whole purchase with nothing but HTML: what a browser without scripts, and every search engine, can do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dependency_injector import providers

from domain.errors import ProviderUnavailable
from domain.fraud import RiskLevel
from domain.orders import OrderState
from entrypoints.http.limits import LOOKS_PER_ORDER
from tests.fakes.rate_limits import FakeRateLimiter
from tests.unit.storefront.house import ACCESS_CODE, House
from tests.unit.storefront.visitor import Visitor

ADA = {"name": "Ada Lovelace", "email": "Ada@Example.com", "phone": "+1 212 555 0142"}


def bought(house: House, visitor: Visitor, *, quantity: int = 2) -> Visitor:
    """Two field tickets, paid and confirmed, on their order's page."""
    visitor.open("/events/field").press("Reserve", qty_general=str(quantity))
    visitor.press("Continue to payment", ADA)
    house.pay(house.order().id)
    return visitor.open(f"/orders/{house.order().id}")


def test_a_ticket_can_be_bought_from_programme_to_code(house: House, visitor: Visitor) -> None:
    """Browse, choose, hold, check out, pay, and see codes: each step is a link or a form."""
    visitor.open("/")
    assert "/events/field" in visitor.page.links

    visitor.open("/events/field").press("Reserve", qty_general="2")
    assert visitor.address.startswith("/holds/")
    assert "2 tickets for Songs in the Field" in visitor.words
    assert "$99.00" in visitor.words

    visitor.press("Continue to payment", ADA)
    assert visitor.status == 303
    assert visitor.answer.headers["Location"] == house.gateway_url()

    house.pay(house.order().id)
    visitor.open(f"/orders/{house.order().id}?returned=1")
    assert visitor.address == f"/orders/{house.order().id}"
    assert "See you there." in visitor.words
    assert visitor.page.html.count('<article class="ticket"') == 2
    assert visitor.page.html.count('class="qr"') == 2


def test_what_was_typed_wrong_is_named_beside_its_field_and_nothing_is_lost(visitor: Visitor) -> None:
    """A form with mistakes comes back as 422 with every value kept and every error bound to its field."""
    visitor.open("/events/field").press("Reserve", qty_general="1")
    visitor.press("Continue to payment", name="Ada", email="ada@", phone="12")
    assert visitor.status == 422
    assert 'value="Ada"' in visitor.page.html
    assert 'id="email-error"' in visitor.page.html
    assert 'aria-describedby="email-hint email-error"' in visitor.page.html
    assert 'id="phone-error"' in visitor.page.html
    assert 'id="name-error"' not in visitor.page.html


def test_seats_of_two_sections_are_kept_while_looking_around(house: House, visitor: Visitor) -> None:
    """Seats ticked in one section stay chosen while another is looked at, and both are held."""
    visitor.open("/events/drama").press("Stalls")
    stalls = "SH-stalls-1-3"
    visitor.press("Balcony", tick=(stalls,))
    assert "Stalls, Row 1, seat 3" in visitor.words
    visitor.press("Reserve", tick=("SH-balcony-1-2",))
    assert visitor.address.startswith("/holds/")
    assert "Stalls, row 1, seat 3" in visitor.words
    assert "Balcony, row 1, seat 2" in visitor.words


def test_a_seat_may_be_sold_as_another_ticket_type(visitor: Visitor) -> None:
    """Where several ticket types sell a section, the chosen one is what is held and priced."""
    visitor.open("/events/drama").press("Stalls")
    visitor.press("Reserve", tick=("SH-stalls-1-3",), as_stalls="anywhere")
    assert "Anywhere Stalls, row 1, seat 3" in visitor.words
    assert "$77.00" in visitor.words


def test_a_seat_that_was_taken_is_named_and_the_others_stay_chosen(house: House, visitor: Visitor) -> None:
    """The slower of two says which seat is gone, in words, and keeps the rest of the choice."""
    slow = visitor
    slow.open("/events/drama").press("Stalls")
    quick = Visitor(house.app)
    quick.open("/events/drama").press("Stalls").press("Reserve", tick=("SH-stalls-1-1",))

    slow.press("Reserve", tick=("SH-stalls-1-1", "SH-stalls-1-2"))

    assert slow.status == 409
    assert "Somebody was a moment faster: Stalls, row 1, seat 1." in slow.words
    assert ("seat", "SH-stalls-1-2~stalls") in slow.page.forms[0].fields
    assert "SH-stalls-1-1~stalls" not in slow.page.html


def test_best_seats_together_are_chosen_for_the_buyer(visitor: Visitor) -> None:
    """A number is enough: the best neighbours are found and named."""
    visitor.open("/events/drama").press("Reserve", best_stalls="3")
    assert "3 tickets for A Quiet Drama" in visitor.words
    assert "Stalls, row 1, seats" in visitor.words


def test_a_locked_ticket_type_opens_with_its_word_only(visitor: Visitor) -> None:
    """Without the access code the type is refused kindly; with it, in any case, it is sold."""
    visitor.open("/events/field").press("Reserve", qty_vip="1")
    assert visitor.status == 409
    assert "needs an access code" in visitor.words
    visitor.press("Reserve", code=f"  {ACCESS_CODE.upper()} ")
    assert visitor.address.startswith("/holds/")


@pytest.mark.parametrize("nonsense", ["-1", "1000000000", "2.6e-42", "11", "NaN"])
def test_a_senseless_number_is_refused_and_explained(visitor: Visitor, nonsense: str) -> None:
    """No number that cannot be sold is ever held, whatever a browser was made to send."""
    visitor.open("/events/field").press("Reserve", qty_general=nonsense)
    assert visitor.status == 409
    assert "is sold 1 to 10 at a time" in visitor.words


def test_choosing_nothing_is_said_so(visitor: Visitor) -> None:
    """An empty choice is no error page."""
    visitor.open("/events/field").press("Reserve")
    assert visitor.status == 409
    assert "Choose at least one ticket first." in visitor.words


def test_pressing_twice_makes_one_reservation(house: House, visitor: Visitor) -> None:
    """The same page sent again with the same choice finds its reservation."""
    visitor.open("/events/field")
    page = visitor.page
    first = visitor.press("Reserve", qty_general="2").address
    visitor.page = page
    assert visitor.press("Reserve", qty_general="2").address == first
    snapshot = house.inventory.snapshot(event_id=house.field.id)
    assert snapshot is not None
    assert snapshot.free["z:floor"] == 498


def test_a_reservation_can_be_given_back_and_made_again_from_the_same_page(house: House, visitor: Visitor) -> None:
    """Giving back returns the stock at once; the page kept by the Back button still works."""
    visitor.open("/events/field")
    page = visitor.page
    visitor.press("Reserve", qty_general="2").press("Give them back")
    assert visitor.address == "/events/field"
    visitor.page = page
    assert visitor.press("Reserve", qty_general="2").status == 200
    assert visitor.address.startswith("/holds/")


def test_a_lapsed_reservation_says_so_and_leads_back(house: House, visitor: Visitor) -> None:
    """After its time the reservation's page is 410 with the way to choose again; nothing was charged."""
    visitor.open("/events/field").press("Reserve", qty_general="2")
    address = visitor.address
    house.clock.advance(seconds=601)
    visitor.open(address)
    assert visitor.status == 410
    assert "/events/field" in visitor.page.links
    assert "Nothing was charged" in visitor.words


def test_somebody_elses_reservation_and_order_do_not_exist(house: House, visitor: Visitor) -> None:
    """Without the key both answer 404: not even their existence is told."""
    visitor.open("/events/field").press("Reserve", qty_general="2")
    address = visitor.address
    stranger = Visitor(house.app)
    assert stranger.open(address).status == 404
    visitor.press("Continue to payment", ADA)
    assert stranger.open(f"/orders/{house.order().id}").status == 404
    assert stranger.open(f"/orders/{house.order().id}?token=guess").status == 404


def test_the_secret_link_opens_the_order_and_leaves_the_address_bar(house: House, visitor: Visitor) -> None:
    """The token of the link becomes a cookie no script can read, and the address is clean."""
    bought(house, visitor)
    other = Visitor(house.app)
    link = house.container.access().order_url(house.order().id).removeprefix("http://shop.test")
    answer = other.client.get(link)
    assert answer.headers["Location"] == f"/orders/{house.order().id}"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert other.open(f"/orders/{house.order().id}").status == 200


def test_the_event_page_offers_the_way_back_to_a_reservation(visitor: Visitor) -> None:
    """Who holds tickets and looks around finds them again; who gave them back is not bothered."""
    visitor.open("/events/field").press("Reserve", qty_general="1")
    address = visitor.address
    assert address in visitor.open("/events/field").page.links
    visitor.open(address).press("Give it back")
    assert address not in visitor.open("/events/field").page.links


def test_a_provider_that_is_away_costs_nobody_their_tickets(house: House, visitor: Visitor) -> None:
    """With the payment page away the order is kept and the same button, later, leads there."""
    visitor.open("/events/field").press("Reserve", qty_general="1")
    house.gateway.fail_next("open_checkout", ProviderUnavailable("away"))
    visitor.press("Continue to payment", ADA)
    assert "The payment page does not answer just now." in visitor.words
    visitor.press("Continue to payment")
    assert visitor.answer.headers["Location"] == house.gateway_url()


def test_a_declined_card_may_try_again(house: House, visitor: Visitor) -> None:
    """The page says that no money was taken and leads to the payment page again."""
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    house.gateway.decline(house.gateway.session_of(house.order().id))
    visitor.open(f"/orders/{house.order().id}?returned=1")
    assert "That card was declined." in visitor.words
    visitor.press("Continue to payment")
    assert visitor.answer.headers["Location"] == house.gateway_url()


def test_reloading_the_way_back_without_end_does_not_use_up_the_provider(house: House, visitor: Visitor) -> None:
    """Calls to the provider are paced for all buyers together, so one order asks only so often; its page opens."""
    limiter = FakeRateLimiter(house.clock.now)
    house.container.rate_limiter.override(providers.Object(limiter))
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    for _ in range(50):
        visitor.open(f"/orders/{house.order().id}?returned=1")

    assert visitor.status == 200
    assert house.gateway.calls.count("look_up") == LOOKS_PER_ORDER.at_most


def test_an_order_can_be_cancelled_before_it_is_paid(house: House, visitor: Visitor) -> None:
    """Giving up frees the places and says that no money was taken."""
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    visitor.open(f"/orders/{house.order().id}").press("Cancel this order")
    assert house.order().state in {OrderState.CANCELLED, OrderState.EXPIRED}
    assert "No money was taken" in visitor.words


def test_an_order_under_review_is_explained_and_waits_without_scripts(house: House, visitor: Visitor) -> None:
    """Nobody is left with a blank wait: the page says why, and looks again by itself."""
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    order_id = house.order().id
    house.gateway.pay(house.gateway.session_of(order_id), risk=RiskLevel.ELEVATED)
    visitor.open(f"/orders/{order_id}?returned=1")
    assert "We are looking at your order." in visitor.words
    assert '<noscript><meta http-equiv="refresh"' in visitor.page.html


def test_the_part_that_changes_is_answered_with_304_until_it_does(house: House, visitor: Visitor) -> None:
    """Asking again is cheap while nothing happens, and never misses what does."""
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    now = f"/orders/{house.order().id}/now"
    first = visitor.client.get(now)
    tag = first.headers["ETag"]
    assert 'data-stage="to_pay"' in first.text
    assert visitor.client.get(now, headers={"If-None-Match": tag}).status_code == 304
    house.pay(house.order().id)
    second = visitor.client.get(now, headers={"If-None-Match": tag})
    assert second.status_code == 200
    assert 'data-stage="confirmed"' in second.text


def test_a_refund_is_quoted_line_by_line_before_it_is_asked_for(house: House, visitor: Visitor) -> None:
    """20 days before the start half of the face value comes back, the fee stays, and the page says both first."""
    bought(house, visitor)
    ticket = str(next(iter(house.store.state.tickets.values())).id)
    visitor.open(f"/orders/{house.order().id}/refund")
    assert "50% is returned until 7 days before the start. The fee is kept." in visitor.words
    visitor.press("See what comes back", tick=(ticket,))
    assert "1 ticket: $22.50 comes back" in visitor.words
    visitor.press("Give back 1 ticket for $22.50")
    assert "$22.50" in visitor.words
    assert "On its way to your bank" in visitor.words
    house.work()
    assert "Some of your tickets were refunded" in visitor.open(f"/orders/{house.order().id}").words


def test_a_late_refund_is_not_offered_as_if_it_gave_something(house: House, visitor: Visitor) -> None:
    """When nothing would come back the page says so and has no button to lose a ticket with."""
    bought(house, visitor)
    house.clock.advance(seconds=timedelta(days=15).total_seconds())
    ticket = str(next(iter(house.store.state.tickets.values())).id)
    visitor.open(f"/orders/{house.order().id}/refund").press("See what comes back", tick=(ticket,))
    assert "Nothing would come back for these." in visitor.words
    assert not any("Give back" in button.text for form in visitor.page.forms for button in form.buttons)


def test_a_cancelled_event_gives_everything_back(house: House, visitor: Visitor) -> None:
    """Fees included, whatever the policy says of changed minds."""
    bought(house, visitor)
    house.container.cancel_event(house.field.id, actor="organiser@example.com")
    visitor.open(f"/orders/{house.order().id}/refund")
    assert "$49.50" in visitor.words
    assert "Everything is returned." in visitor.words


def test_the_calendar_file_names_the_event_and_keeps_the_secret(house: House, visitor: Visitor) -> None:
    """It can be shared: the order's key is not in it."""
    bought(house, visitor)
    answer = visitor.client.get(f"/orders/{house.order().id}/event.ics")
    assert answer.mimetype == "text/calendar"
    assert "SUMMARY:Songs in the Field" in answer.text
    assert "token" not in answer.text
