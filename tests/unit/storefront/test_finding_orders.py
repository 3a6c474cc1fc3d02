"""Who lost the link to an order gets one that works once, and nobody learns whether an order exists."""

import re
from math import ceil

import pytest
from dependency_injector import providers

from domain.order_links import LINK_MINUTES
from domain.orders import Order
from entrypoints.http.limits import LINKS_PER_ORDER
from tests.fakes.rate_limits import FakeRateLimiter
from tests.unit.storefront.house import House
from tests.unit.storefront.visitor import Visitor

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+1 212 555 0142"}


@pytest.fixture
def order(house: House, visitor: Visitor) -> Order:
    """Bought in another browser; this one has forgotten it."""
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    house.pay(house.order().id)
    visitor.client.delete_cookie(f"tessera_order_{house.order().id.hex}")
    house.mail.sent.clear()
    return house.order()


def ask(visitor: Visitor, number: str, contact: str) -> str:
    visitor.open("/find-order").press("Send me a link", number=number, contact=contact)
    return visitor.words


def link_in(text: str) -> str:
    found = re.search(r"/find-order/\S+", text)
    assert found, text
    return found[0]


def texts(house: House) -> list[str]:
    return [message.body for message in house.store.state.messages.values() if "works once" in message.body]


def test_the_link_opens_the_order_once(house: House, visitor: Visitor, order: Order) -> None:
    """Sent by e-mail to the buyer; looking at it spends nothing, pressing its button does."""
    assert visitor.client.get(f"/orders/{order.id}").status_code == 404
    ask(visitor, order.number, " ADA@example.com ")
    house.work()
    (sent,) = house.mail.sent
    assert sent.to == "ada@example.com"
    link = link_in(sent.letter.text)
    for _ in range(2):
        assert "This link works once." in visitor.open(link).words
    visitor.press("Open my order")
    assert "See you there." in visitor.words
    assert f"Order {order.number}" in visitor.words
    answer = visitor.client.get(link)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    visitor.open(link)
    assert "does not open anything any more" in visitor.words
    assert "Open my order" not in visitor.words
    actions = [entry.action for entry in house.store.state.audit.values()]
    assert (actions.count("order.link_sent"), actions.count("order.link_used")) == (1, 1)


def test_a_telephone_gets_the_link_as_a_text_message(house: House, visitor: Visitor, order: Order) -> None:
    """However the number was typed; it goes to the number that was bought with."""
    ask(visitor, order.number.lower().replace("-", " "), "(212) 555-0142")
    (body,) = texts(house)
    visitor.open(link_in(body)).press("Open my order")
    assert "See you there." in visitor.words


def test_the_answer_is_the_same_whatever_was_typed(house: House, visitor: Visitor, order: Order) -> None:
    """A right pair, a wrong contact and a number that nobody has: one page, and a message for the first only."""
    right = ask(visitor, order.number, "ada@example.com")
    wrong = ask(visitor, order.number, "eve@example.com")
    nobody = ask(visitor, "AAAA-AAAA", "ada@example.com")
    short = ask(visitor, order.number, "0142")
    assert right == wrong == nobody == short
    assert len(house.store.state.order_links) == 1


def test_a_link_ends_by_itself(house: House, visitor: Visitor, order: Order) -> None:
    """After a quarter of an hour, spent or not, also under somebody's eyes; and a forged one never began."""
    ask(visitor, order.number, "ada@example.com")
    house.work()
    link = link_in(house.mail.sent[0].letter.text)
    forged = visitor.client.get(f"{link}x")
    visitor.open(link)
    house.clock.advance(seconds=LINK_MINUTES * 60)
    visitor.press("Open my order")
    assert "does not open anything any more" in visitor.words
    assert "Open my order" not in visitor.open(link).words
    assert forged.status_code == 410


def test_asking_again_and_again_is_answered_calmly(house: House, visitor: Visitor, order: Order) -> None:
    """How long to wait, that the last link still works, and what was typed; for a number that nobody has as well."""
    house.container.rate_limiter.override(providers.Object(FakeRateLimiter(house.clock.now)))
    minutes = ceil(LINKS_PER_ORDER.seconds / LINKS_PER_ORDER.at_most / 60)
    for number in (order.number, "K7Q2-MX4D"):
        contact = f"{number}@example.com"
        for _ in range(LINKS_PER_ORDER.at_most):
            assert "Look at your messages." in ask(visitor, number, contact)
        words = ask(visitor, number, contact)
        assert "asked for a few times already" in words
        assert f"You can ask for another in {minutes} minutes." in words
        assert f'value="{number}"' in visitor.page.html


def test_who_said_stop_is_not_written_to(house: House, visitor: Visitor, order: Order) -> None:
    """Not even because somebody asks for a link."""
    assert order.buyer.phone is not None
    with house.store() as uow:
        uow.messages.opt_out(order.buyer.phone, at=house.clock.now())
        uow.commit()
    ask(visitor, order.number, order.buyer.phone)
    assert texts(house) == []


def test_both_fields_are_needed(visitor: Visitor) -> None:
    """And what was typed is still there."""
    answer = visitor.open("/find-order").press("Send me a link", number="K7Q2-MX4D", contact=" ")
    assert "Please fill in both." in visitor.words
    assert 'value="K7Q2-MX4D"' in answer.page.html


def test_buyers_get_their_confirmation_by_e_mail(house: House, visitor: Visitor) -> None:
    """With the event, the total and the secret link, as text and as HTML; the refund is told as well."""
    visitor.open("/events/field").press("Reserve", qty_general="1").press("Continue to payment", ADA)
    house.pay(house.order().id)
    (confirmation,) = house.mail.sent
    assert confirmation.letter.subject == "Your tickets for Songs in the Field"
    assert house.order().number in confirmation.letter.text
    assert f"/orders/{house.order().id}?token=" in confirmation.letter.text
    assert f"/orders/{house.order().id}?token=" in confirmation.letter.html
    ticket = str(next(iter(house.store.state.tickets.values())).id)
    visitor.open(f"/orders/{house.order().id}/refund").press("See what comes back", tick=(ticket,))
    visitor.press("Give back 1 ticket for $22.50")
    house.work()
    assert house.mail.sent[-1].letter.subject == f"Refund for order {house.order().number}"
    assert "$22.50" in house.mail.sent[-1].letter.text
