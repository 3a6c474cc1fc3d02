"""Moving to another date with nothing but HTML: choose tickets, choose a date, buy; the old ones end by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.events import Event, EventId, EventState
from domain.orders import OrderState
from domain.refund_policies import STANDARD_POLICY, ExchangeRule
from domain.tickets import Ticket, TicketState
from domain.tiers import TierId
from entrypoints.http.storefront.exchanging import COOKIE
from tests.unit.storefront.house import ACTOR, House
from tests.unit.storefront.test_purchase_without_scripts import ADA, bought
from tests.unit.storefront.visitor import Visitor

RULE = ExchangeRule(hours_before=24, fee_minor=250)


@pytest.fixture
def second(house: House) -> Event:
    """The field plays again a day later, and both evenings may be exchanged."""
    policy = replace(STANDARD_POLICY, exchange=RULE)
    night = replace(
        house.field,
        id=EventId(uuid4()),
        slug="field-second-night",
        state=EventState.DRAFT,
        starts_at=house.field.starts_at + timedelta(days=1),
        doors_at=house.field.doors_at + timedelta(days=1),
        ends_at=house.field.ends_at + timedelta(days=1),
        tiers=tuple(replace(tier, id=TierId(uuid4())) for tier in house.field.tiers),
        promotions=(),
    )
    with house.store() as uow:
        uow.events.replace_policy(house.field.id, policy)
        uow.commit()
    house.container.create_event(night, policy=policy, actor=ACTOR)
    house.container.publish_event(night.id, actor=ACTOR)
    return night


def chosen(house: House, visitor: Visitor) -> Visitor:
    """One of two tickets for the first evening is being exchanged, on the page of the second."""
    bought(house, visitor)
    assert "Exchange for another date" in visitor.words
    old = house.order()
    first = next(iter(house.store.state.tickets.values()))
    visitor.open(f"/orders/{old.id}/exchange?ticket={first.id}&review=1")
    return visitor.press("Choose new places")


def test_a_ticket_is_exchanged_from_link_to_code(house: House, visitor: Visitor, second: Event) -> None:
    """Each step says what is paid and what comes back; both orders name each other; nothing is remembered after."""
    chosen(house, visitor)
    old = house.order()
    assert visitor.address == f"/events/{second.slug}"
    assert "You are exchanging 1 ticket for Songs in the Field" in visitor.words
    visitor.press("Reserve", qty_general="1")
    assert "You pay $49.50 now." in visitor.words
    assert "$47.00 goes back to your card when your new tickets are confirmed." in visitor.words
    visitor.press("Continue to payment", ADA)
    new = house.order()
    assert new.exchanges is not None
    assert new.exchanges.order_id == old.id
    visitor.open(f"/orders/{new.id}")
    assert f"In exchange for 1 ticket of order {old.number}" in visitor.words
    house.pay(new.id)
    visitor.open(f"/orders/{new.id}")
    assert f"Exchanged for 1 ticket of order {old.number} , which gave back $47.00" in visitor.words.replace(
        f"{old.number},", f"{old.number} ,"
    )
    visitor.open(f"/orders/{old.id}")
    assert f"/orders/{new.id}" in visitor.page.links
    states = [ticket.state for ticket in house.store.state.tickets.values() if ticket.order_id == old.id]
    assert states == [TicketState.VOID, TicketState.VALID]
    visitor.open(f"/events/{second.slug}")
    assert "You are exchanging" not in visitor.words


def test_stopping_leaves_everything_as_it_was(house: House, visitor: Visitor, second: Event) -> None:
    """What is reserved stays reserved, and is then an ordinary purchase."""
    chosen(house, visitor).press("Reserve", qty_general="1")
    visitor.press("Stop exchanging")
    assert visitor.address.startswith("/holds/")
    assert "goes back to your card" not in visitor.words
    visitor.press("Continue to payment", ADA)
    assert house.order().exchanges is None


def test_another_window_s_order_is_shown_before_it_is_paid(house: House, visitor: Visitor, second: Event) -> None:
    """One window promises an exchange, the other has stopped it and ordered: nobody pays for what no page said."""
    chosen(house, visitor).press("Reserve", qty_general="1")
    promising = Visitor(house.app)
    promising.client, promising.page = visitor.client, visitor.page
    visitor.press("Stop exchanging").press("Continue to payment", ADA)
    promising.press("Continue to payment", ADA)
    assert promising.address.startswith(f"/orders/{house.order().id}")
    assert house.order().exchanges is None


def test_fewer_places_than_tickets_are_refused_in_words(house: House, visitor: Visitor, second: Event) -> None:
    """Both tickets for one place: the page says what to do, and nothing is ordered."""
    bought(house, visitor)
    old = house.order()
    tickets = "&".join(f"ticket={ticket.id}" for ticket in house.store.state.tickets.values())
    visitor.open(f"/orders/{old.id}/exchange?{tickets}&review=1").press("Choose new places")
    visitor.press("Reserve", qty_general="1").press("Continue to payment", ADA)
    assert visitor.status == 409
    assert "For 2 tickets that you give back you have chosen 1." in visitor.words
    assert house.order().id == old.id


def test_without_the_old_order_s_key_nothing_is_exchanged(house: House, visitor: Visitor, second: Event) -> None:
    """The cookie proves nothing: copied to another browser it neither shows nor does anything."""
    chosen(house, visitor)
    words = visitor.client.get_cookie(COOKIE)
    assert words is not None
    stranger = Visitor(house.app)
    stranger.client.set_cookie(COOKIE, words.value)
    stranger.open(f"/events/{second.slug}")
    assert "exchanging" not in stranger.words
    stranger.press("Reserve", qty_general="1").press("Continue to payment", ADA)
    assert house.order().exchanges is None


def test_too_late_is_said_before_anything_is_chosen(house: House, visitor: Visitor, second: Event) -> None:
    """After the rule's end there is no link, and its page says why."""
    bought(house, visitor)
    house.clock.advance(seconds=(house.field.starts_at - house.clock.now()).total_seconds() - 3_600)
    visitor.open(f"/orders/{house.order().id}")
    assert "Exchange for another date" not in visitor.words
    visitor.open(f"/orders/{house.order().id}/exchange")
    assert "Exchanges ended 24 hours before the start." in visitor.words


def test_a_ticket_that_was_used_meanwhile_costs_nothing(house: House, visitor: Visitor, second: Event) -> None:
    """The money is let go, and the page of the new order says why."""
    chosen(house, visitor).press("Reserve", qty_general="1").press("Continue to payment", ADA)
    new = house.order()
    with house.store() as uow:
        ticket = next(iter(house.store.state.tickets.values()))
        used = ticket.check_in(now=house.clock.now())
        assert isinstance(used, Ticket)
        uow.tickets.save(used)
        uow.commit()
    house.pay(new.id)
    visitor.open(f"/orders/{new.id}")
    assert house.order().state is OrderState.CANCELLED
    assert "cannot be exchanged any more" in visitor.words
    assert "No money was taken." in visitor.words
