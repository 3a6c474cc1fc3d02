"""Finding orders and acting on them: every change is a use case that leaves its trace."""

import re
from dataclasses import replace
from html import unescape

import pytest

from domain.accounts import Role
from domain.fraud import RiskLevel
from domain.orders import Buyer, Order, OrderState
from domain.ports.messages import MessageState
from domain.ports.payments import ProviderStatus
from domain.refund_policies import RefundReason
from domain.refunds import RefundState
from tests.fakes.sales import chosen, general, reserved_sale
from tests.unit.admin.desk import Desk
from tests.unit.application.house import House


@pytest.fixture
def desk() -> Desk:
    return Desk()


def risky_order(house: House) -> Order:
    """Authorised, found risky, waiting for a person."""
    order = house.place_order(general(house.sale, 2))
    house.gateway.pay(house.gateway.session_of(order.id), risk=RiskLevel.ELEVATED, review_opened=True)
    house.settle(order.id)
    house.drain()
    return house.order(order.id)


def actions(desk: Desk, actor: str) -> list[str]:
    return [entry.action for entry in desk.house.store.state.audit.values() if entry.actor == actor]


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, name
    return unescape(found[1])


@pytest.mark.parametrize("typed", ["ada@example", "Lovelace", "lovel", "07700 900123", "+44 7700 900123"])
def test_orders_are_found_by_what_people_say(desk: Desk, typed: str) -> None:
    """An address, any part of a name, a telephone number with or without the country."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    other = house.place_order(general(house.sale, 1))
    house.store.state.orders[other.id] = _as_of(
        other, Buyer(name="Grace Hopper", email="grace@example.org", phone="+12025550100")
    )

    page = desk.signed_in(Role.SUPPORT).client.get("/admin/orders", query_string={"q": typed}).text

    assert order.number in page
    assert other.number not in page


@pytest.mark.parametrize("write", [str, str.lower, lambda number: number.replace("-", "")])
def test_a_number_read_out_on_the_phone_opens_its_order(desk: Desk, write: object) -> None:
    """With or without its hyphen, in any case."""
    order = desk.house.buy(general(desk.house.sale, 1))
    assert callable(write)

    answer = desk.signed_in(Role.SUPPORT).client.get("/admin/orders", query_string={"q": write(order.number)})

    assert answer.headers["Location"] == f"/admin/orders/{order.id}"


def test_nothing_found_says_what_can_be_searched(desk: Desk) -> None:
    """An empty list helps on."""
    page = desk.signed_in(Role.SUPPORT).page("/orders?q=zzz")

    assert "No order is like that" in page


def test_seats_have_names_before_there_are_tickets() -> None:
    """Support can tell a waiting buyer which seats are theirs."""
    desk = Desk(House(sale=reserved_sale()))
    order = desk.house.place_order(chosen(desk.house.sale, 0, 1))

    page = desk.signed_in(Role.SUPPORT).page(f"/orders/{order.id}")

    assert "Stalls, Row 1, seat 1" in page
    assert "Awaiting payment" in page


def test_the_buyers_key_is_not_shown(desk: Desk) -> None:
    """Support sees that a link was sent, and not the secret that opens it."""
    order = desk.house.buy(general(desk.house.sale, 1))

    page = desk.signed_in(Role.SUPPORT).page(f"/orders/{order.id}")

    assert "token=…" in page
    assert desk.house.access.for_order(order.id) not in page


def test_approving_captures_and_says_who(desk: Desk) -> None:
    """After approval the money is captured, the tickets are there, and the trail names the person and the note."""
    house = desk.house
    order = risky_order(house)
    browser = desk.signed_in(Role.SUPPORT)
    assert "Radar finds this payment risky" in browser.page("/reviews")

    browser.post(
        f"/orders/{order.id}/review", seen_on=f"/orders/{order.id}", verdict="approve", note="spoke to her on the phone"
    )
    house.drain()

    assert house.order(order.id).state is OrderState.CONFIRMED
    page = browser.page(f"/orders/{order.id}")
    assert "support@example.com</b> approved the order" in page
    assert "spoke to her on the phone" in page
    assert "Nothing waits for a review" in browser.page("/reviews")


def test_rejecting_needs_a_reason(desk: Desk) -> None:
    """Without a note nothing happens; with one the money goes back and so do the places."""
    house = desk.house
    order = risky_order(house)
    browser = desk.signed_in(Role.SUPPORT)
    path = f"/orders/{order.id}"

    browser.post(f"{path}/review", seen_on=path, verdict="reject", note=" ")
    assert house.order(order.id).state is OrderState.IN_REVIEW
    browser.post(f"{path}/review", seen_on=path, verdict="reject", note="a stolen card")
    house.drain()

    assert house.order(order.id).state is OrderState.CANCELLED
    payment = desk.backoffice().order(order.id).payments[-1]
    assert payment.intent_id is not None
    assert house.gateway.status(payment.intent_id) is ProviderStatus.CANCELLED


def test_a_decided_order_is_not_decided_again(desk: Desk) -> None:
    """The second of two people who press at the same time is told so."""
    order = risky_order(desk.house)
    browser = desk.signed_in(Role.SUPPORT)
    path = f"/orders/{order.id}"
    browser.post(f"{path}/review", seen_on=path, verdict="approve", note="")

    browser.post(f"{path}/review", seen_on="/", verdict="reject", note="too late")

    assert "not waiting for a review" in browser.page(path)


def test_a_refund_is_quoted_and_then_made(desk: Desk) -> None:
    """Finance sees what goes back and why, and only the second page does it."""
    house = desk.house
    order = house.buy(general(house.sale, 2))
    ticket, other = house.tickets(order.id)
    browser = desk.signed_in(Role.FINANCE)
    quoted = f"/orders/{order.id}/refund?ticket={ticket.id}&reason=goodwill"

    page = browser.page(quoted)
    assert "Give $49.50 back?" in page
    assert not house.store.state.refunds
    named = quote_on(page)
    browser.post(f"/orders/{order.id}/refund", seen_on=quoted, ticket=str(ticket.id), reason="goodwill", quote=named)
    house.drain()

    (refund,) = house.store.state.refunds.values()
    assert (refund.state, refund.tickets) == (RefundState.SUCCEEDED, (ticket.id,))
    assert house.order(order.id).state is OrderState.PARTIALLY_REFUNDED
    assert "refund.requested" in actions(desk, "finance@example.com")
    again = browser.post(f"/orders/{order.id}/refund", seen_on="/orders", ticket=str(ticket.id), reason="goodwill")
    assert again.status_code == 303
    assert len(house.store.state.refunds) == 1
    assert str(other.id) in browser.page(f"/orders/{order.id}")


def quote_on(page: str) -> str:
    """The quote that a page shows, by its name."""
    found = re.search(r'name="quote" value="([0-9a-f]+)"', page)
    assert found, "no quote on this page"
    return found[1]


def test_goodwill_may_be_an_amount_and_leaves_the_tickets_valid(desk: Desk) -> None:
    """Typed as people write it; more than was paid is refused, and so is an amount for a ticket."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    (ticket,) = house.tickets(order.id)
    browser = desk.signed_in(Role.FINANCE)
    quoted = f"/orders/{order.id}/refund?reason=goodwill&amount=12.50"
    page = browser.page(quoted)
    assert "Give $12.50 back?" in page
    assert "every ticket stays valid" in page
    form = {"reason": "goodwill", "amount": "12.50", "quote": quote_on(page)}
    browser.post(f"/orders/{order.id}/refund", seen_on=quoted, **form)
    house.drain()
    (refund,) = house.store.state.refunds.values()
    assert (refund.amount.amount, refund.tickets) == (1_250, ())
    assert house.tickets(order.id) == (ticket,)
    for wrong in ("amount=100", "amount=1.234", "amount=x", f"amount=1&ticket={ticket.id}"):
        assert browser.get(f"/orders/{order.id}/refund?reason=goodwill&{wrong}").status_code == 303, wrong


@pytest.mark.parametrize("form", [{}, {"ticket": "nonsense", "reason": "goodwill"}, {"ticket": "x", "reason": ""}])
def test_a_refund_form_that_says_nothing_is_sent_back(desk: Desk, form: dict[str, str]) -> None:
    """No ticket, no reason or rubbish: back to the order with what is missing."""
    order = desk.house.buy(general(desk.house.sale, 1))
    browser = desk.signed_in(Role.FINANCE)

    answer = browser.client.get(f"/admin/orders/{order.id}/refund", query_string=form)

    assert answer.headers["Location"] == f"/admin/orders/{order.id}"
    assert 'role="alert"' in browser.page(f"/orders/{order.id}")


def test_the_link_is_sent_again_once_per_press(desk: Desk) -> None:
    """The same form sent twice is one message; the trail says who asked for it."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    browser = desk.signed_in(Role.SUPPORT)
    path = f"/orders/{order.id}"
    message_id = field(browser.page(path), "message_id")
    sent = len(house.sms.sent)

    for _ in range(2):
        browser.post(f"{path}/resend", seen_on=path, message_id=message_id)
    house.drain()

    assert len(house.sms.sent) == sent + 1
    assert house.access.order_url(order.id) in house.sms.sent[-1].body
    assert actions(desk, "support@example.com") == ["message.resent"]
    assert {m.state for m in house.store.state.messages.values()} == {MessageState.QUEUED}


def test_who_said_stop_is_left_alone(desk: Desk) -> None:
    """The button is gone, and posting anyway sends nothing."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    house.store.state.opted_out[str(order.buyer.phone)] = house.clock.now()
    browser = desk.signed_in(Role.SUPPORT)
    path = f"/orders/{order.id}"
    sent = len(house.sms.sent)

    assert "must not be written to" in browser.page(path)
    browser.post(f"{path}/resend", seen_on="/", message_id=str(house.ids.uuid()))
    house.drain()

    assert len(house.sms.sent) == sent


@pytest.mark.parametrize(
    "path", ["/orders?cursor=rubbish", "/orders?state=imaginary", "/orders?event=7", "/audit?cursor=%20"]
)
def test_addresses_that_nobody_wrote_are_not_found(desk: Desk, path: str) -> None:
    """A broken link is a 404, not a crash."""
    assert desk.signed_in(Role.SUPPORT).get(path).status_code == 404


def test_an_order_that_is_not_there(desk: Desk) -> None:
    """404 in the portal's own clothes."""
    answer = desk.signed_in(Role.SUPPORT).get(f"/orders/{desk.house.ids.uuid()}")

    assert answer.status_code == 404
    assert "There is no such thing" in answer.text


def test_what_buyers_write_is_text(desk: Desk) -> None:
    """A name full of markup is shown, not obeyed."""
    order = desk.house.place_order(general(desk.house.sale, 1))
    evil = Buyer(name="<script>alert(1)</script>", email='"><img src=x>@example.com', phone=None)
    desk.house.store.state.orders[order.id] = _as_of(order, evil)
    browser = desk.signed_in(Role.SUPPORT)

    for path in ("/orders", f"/orders/{order.id}"):
        page = browser.page(path)
        assert "<script>alert" not in page
        assert "<img src=x>" not in page


def _as_of(order: Order, buyer: Buyer) -> Order:
    return replace(order, buyer=buyer)


def test_a_ticket_that_was_exchanged_says_so(desk: Desk) -> None:
    """Its owner moved to another date; a ticket that was refunded is merely void."""
    house = desk.house
    order = house.buy(general(house.sale, 2))
    first, _ = (ticket.id for ticket in house.store.state.tickets.values())
    house.refund(order.id, first)
    (refund_id,) = house.store.state.refunds
    browser = desk.signed_in(Role.SUPPORT)
    assert ">Void<" in browser.page(f"/orders/{order.id}")

    refund = house.store.state.refunds[refund_id]
    house.store.state.refunds[refund_id] = replace(refund, reason=RefundReason.EXCHANGE)

    page = browser.page(f"/orders/{order.id}")
    assert page.count(">Exchanged<") == 1
    assert ">Void<" not in page
