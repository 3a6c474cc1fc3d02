"""From checkout to ticket and back: orders, documents, refunds, webhooks."""

import json
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image, ImageDraw

from domain.errors import ProviderUnavailable
from domain.events import EventState
from domain.orders import OrderId
from domain.ports.messages import MessageState
from domain.ports.payments import NoticeKind
from entrypoints.http import tokens
from entrypoints.http.documents.qr import qr
from tests.unit.http.shop import BUYER, PUBLIC_URL, Shop, answered, bearer


def details(client: FlaskClient, order: dict[str, Any], rest: str = "") -> dict[str, Any]:
    return answered(client.get(f"/api/v1/orders/{order['id']}{rest}", headers=bearer(order)), 200)


def test_checking_out_places_one_order(shop: Shop, client: FlaskClient) -> None:
    """However often it is repeated: the same order, the same page to pay on."""
    held = shop.hold(client)
    first, again = shop.checkout(held), shop.checkout(held)

    assert first == again
    assert first["checkout_url"] == first["order"]["payment"]["checkout_url"]
    assert first["order"]["state"] == "awaiting_payment"
    assert first["order"]["buyer"] == BUYER
    assert "token" not in details(client, first["order"])
    assert len(shop.store.state.orders) == 1


def test_a_buyer_without_a_phone_is_welcome(shop: Shop) -> None:
    """Name and address are written tidily."""
    held = shop.hold()
    buyer = {"name": "  Ada   Lovelace ", "email": " Ada@Example.COM "}
    response = shop.client().post(f"/api/v1/holds/{held['id']}/checkout", json={"buyer": buyer}, headers=bearer(held))

    shown = answered(response, 201)["order"]["buyer"]
    assert shown == {"name": "Ada Lovelace", "email": "ada@example.com", "phone": None}


def test_an_unreachable_provider_keeps_the_tickets(shop: Shop, client: FlaskClient) -> None:
    """503 with Retry-After; the same call afterwards goes on where it stopped."""
    held = shop.hold(client)
    shop.gateway.fail_next("open_checkout", ProviderUnavailable("no answer"))
    path = f"/api/v1/holds/{held['id']}/checkout"

    response = client.post(path, json={"buyer": BUYER}, headers=bearer(held))
    assert answered(response, 503)["code"] == "provider_unavailable"
    assert response.headers["Retry-After"]

    assert shop.checkout(held)["checkout_url"]
    assert len(shop.store.state.orders) == 1


def test_trying_too_often_is_429(shop: Shop, client: FlaskClient) -> None:
    """With the seconds to wait; counted under the hold, not under the address."""
    held = shop.hold(client)
    shop.limiter.wait = 7

    response = client.post(f"/api/v1/holds/{held['id']}/checkout", json={"buyer": BUYER}, headers=bearer(held))

    assert answered(response, 429)["code"] == "too_many_requests"
    assert response.headers["Retry-After"] == "7"
    assert shop.limiter.asked == [f"checkout:{held['id']}"]


def test_holds_ask_no_other_limiter(shop: Shop, client: FlaskClient) -> None:
    """The hold script keeps its own limits: there is no second round trip."""
    shop.limiter.wait = 7
    shop.hold(client)

    assert shop.limiter.asked == []


def test_a_paid_order_has_its_tickets(shop: Shop, client: FlaskClient) -> None:
    """None before, one a unit after, each with a code of its own."""
    order = shop.checkout(shop.hold(client))["order"]
    assert details(client, order, "/tickets") == {"items": []}

    shop.pay(order)

    shown = details(client, order)
    assert (shown["state"], shown["payment"]["state"]) == ("confirmed", "paid")
    assert shown["payment"]["card"] == {"brand": "visa", "last4": "4242"}
    tickets = details(client, order, "/tickets")["items"]
    assert len({ticket["code"] for ticket in tickets}) == 2


def test_the_order_page_s_cookie_opens_the_same_doors(shop: Shop, client: FlaskClient) -> None:
    """A browser shows the token in the order's own cookie; another order's cookie opens nothing."""
    order, other = shop.buy(), shop.buy()
    name = tokens.order_cookie(OrderId(UUID(order["id"])))
    path = f"/api/v1/orders/{order['id']}"

    assert client.get(path, headers={"Cookie": f"{name}={order['token']}"}).status_code == 200
    assert client.get(path, headers={"Cookie": f"{name}={other['token']}"}).status_code == 403


def test_the_codes_can_be_scanned(shop: Shop, client: FlaskClient) -> None:
    """The QR code in the SVG, and so in the PDF, reads as exactly the ticket's code."""
    order = shop.buy(quantity=1)
    ticket = details(client, order, "/tickets")["items"][0]

    drawing = client.get(ticket["svg"], headers=bearer(order))
    assert drawing.content_type == "image/svg+xml"
    assert b"<script" not in drawing.data
    assert read_back(ticket["code"]) == ticket["code"]


def read_back(code: str) -> str:
    """What a scanner makes of the very modules that SVG and PDF are drawn from."""
    matrix, scale, quiet = qr(code).matrix, 8, 4
    size = (len(matrix) + 2 * quiet) * scale
    image = Image.new("L", (size, size), 255)
    draw = ImageDraw.Draw(image)
    for row, bits in enumerate(matrix):
        for column, bit in enumerate(bits):
            if bit:
                x, y = (column + quiet) * scale, (row + quiet) * scale
                draw.rectangle((x, y, x + scale - 1, y + scale - 1), fill=0)
    [found] = zxingcpp.read_barcodes(image)
    return str(found.text)


def test_tickets_can_be_printed(shop: Shop, client: FlaskClient) -> None:
    """A PDF of one page, whatever letters the buyer's name has."""
    for name in ("Ada Lovelace", "Łukasz Żółć", "山田太郎", "A" * 120):
        order = shop.buy(quantity=1, name=name, email=f"{len(name)}@example.com")
        ticket = details(client, order, "/tickets")["items"][0]

        page = client.get(ticket["pdf"], headers=bearer(order))
        assert page.content_type == "application/pdf"
        assert page.data.startswith(b"%PDF-")
        assert BytesIO(page.data).read().count(b"/Type /Page\n") == 1
        assert "no-store" in page.headers["Cache-Control"]


def test_refunds_are_quoted_and_then_given(shop: Shop, client: FlaskClient) -> None:
    """The quote is what comes back; the tickets are void at once."""
    order = shop.buy()
    first, second = details(client, order, "/tickets")["items"]
    quote = details(client, order, f"/refund-quote?ticket={first['id']}")
    path = f"/api/v1/orders/{order['id']}/refunds"

    refund = answered(client.post(path, json={"tickets": [first["id"]], "reason": "ill"}, headers=bearer(order)), 201)

    assert refund["amount"] == quote["total"] == {"amount": 4500, "currency": "USD"}
    assert refund["tickets"] == [first["id"]]
    states = {ticket["id"]: ticket["state"] for ticket in details(client, order, "/tickets")["items"]}
    assert states == {first["id"]: "void", second["id"]: "valid"}
    shop.work()
    assert details(client, order)["state"] == "partially_refunded"
    again = client.post(path, json={"tickets": [first["id"]]}, headers=bearer(order))
    assert answered(again, 409)["code"] == "already_refunded"
    assert b"void" in client.get(first["svg"], headers=bearer(order)).data


def test_a_repeated_refund_is_answered_and_not_repeated(shop: Shop, client: FlaskClient) -> None:
    """Same key and body: the same answer. Same key, other body: 422. Still under way: 409."""
    order = shop.buy()
    path = f"/api/v1/orders/{order['id']}/refunds"
    headers = {**bearer(order), "Idempotency-Key": "once"}

    first = client.post(path, json={"tickets": None}, headers=headers)
    again = client.post(path, json={"tickets": None}, headers=headers)
    other = client.post(path, json={"tickets": None, "reason": "x"}, headers=headers)

    assert answered(first, 201) == answered(again, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert answered(other, 422)["code"] == "idempotency_mismatch"
    assert len(shop.store.state.refunds) == 1


def test_a_refund_that_failed_half_way_can_be_tried_again(
    shop: Shop, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours is no answer: the next call does it."""
    order = shop.buy()
    path = f"/api/v1/orders/{order['id']}/refunds"
    headers = {**bearer(order), "Idempotency-Key": "once"}

    def broken(_: object) -> Any:
        raise RuntimeError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr(shop, "request_refund", broken)
        assert client.post(path, json={"tickets": None}, headers=headers).status_code == 500
    assert client.post(path, json={"tickets": None}, headers=headers).status_code == 201


def test_a_cancelled_event_is_refunded_in_full(shop: Shop, client: FlaskClient) -> None:
    """We say why money comes back, never the client: a buyer's wish keeps the fee, a cancelled event does not."""
    order = shop.buy()
    assert details(client, order, "/refund-quote")["total"]["amount"] == 9000

    from dataclasses import replace

    with shop.store() as uow:
        uow.events.save(replace(shop.field, state=EventState.CANCELLED))
        uow.commit()

    assert details(client, order, "/refund-quote")["total"]["amount"] == 9900


def test_a_webhook_settles_the_order_once(shop: Shop, client: FlaskClient) -> None:
    """Signed, handled, and answered the same when it comes twice; unsigned ones are 400."""
    order = shop.checkout(shop.hold(client))["order"]
    order_id = OrderId(UUID(order["id"]))
    session_id = shop.gateway.session_of(order_id)
    shop.gateway.pay(session_id)
    payload, signature = shop.gateway.notice(NoticeKind.PAYMENT, session_id=session_id)
    headers = {"Stripe-Signature": signature}

    first = client.post("/webhooks/stripe", data=payload, headers=headers)
    again = client.post("/webhooks/stripe", data=payload, headers=headers)

    assert answered(first, 200) == {"received": True, "first_time": True}
    assert answered(again, 200) == {"received": True, "first_time": False}
    shop.work()
    assert details(client, order)["state"] == "confirmed"
    for bad in ({}, {"Stripe-Signature": "t=1,v1=00"}):
        assert answered(client.post("/webhooks/stripe", data=payload, headers=bad), 400)["code"] == "signature_invalid"


def test_a_webhook_may_be_longer_than_a_buyers_request(client: FlaskClient) -> None:
    """Whole objects are in it: 100 KB are read (and then refused for their signature), 300 KB are not."""
    headers = {"Stripe-Signature": "t=1,v1=00"}

    assert client.post("/webhooks/stripe", data=json.dumps("x" * 100_000), headers=headers).status_code == 400
    assert client.post("/webhooks/stripe", data=json.dumps("x" * 300_000), headers=headers).status_code == 413


def test_twilio_s_calls_are_checked_against_the_public_address(shop: Shop, client: FlaskClient) -> None:
    """The address that was signed is ours as the public sees it, whatever Host header arrives."""
    order = shop.buy(quantity=1)
    sent = shop.sms.sent[-1]
    form, signature = shop.sms.report(
        sent.provider_id, MessageState.DELIVERED, url=f"{PUBLIC_URL}/webhooks/twilio/status"
    )
    headers = {"X-Twilio-Signature": signature, "Host": "10.0.0.9:8000"}

    assert client.post("/webhooks/twilio/status", data=form, headers=headers).status_code == 204
    assert client.post("/webhooks/twilio/status", data={**form, "state": "failed"}, headers=headers).status_code == 400
    assert client.post("/webhooks/twilio/status", data=form).status_code == 400
    assert order["number"] in sent.body


def test_stop_is_obeyed(shop: Shop, client: FlaskClient) -> None:
    """An inbound STOP is noted, and answered with an empty reply."""
    form, signature = shop.sms.inbound("+447700900123", "STOP", url=f"{PUBLIC_URL}/webhooks/twilio/inbound")

    response = client.post("/webhooks/twilio/inbound", data=form, headers={"X-Twilio-Signature": signature})

    assert response.status_code == 200
    assert response.content_type.startswith("text/xml")
    with shop.store() as uow:
        assert uow.messages.opted_out("+447700900123")
