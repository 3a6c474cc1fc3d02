"""What bad input gets: a refusal that names what is wrong, and never a changed stock."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from entrypoints.http.schemas.parsing import BODY_BYTES_MAX
from tests.unit.http.shop import BUYER, Shop, answered, bearer

HOLDS = "/api/v1/events/field/holds"
SOMEBODY = "00000000-0000-7000-8000-00000000dead"


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem, once status, media type and code are as expected."""
    body = answered(response, status)
    assert response.content_type == "application/problem+json"
    assert body["code"] == code
    assert body["status"] == status
    assert body["instance"] == response.headers["X-Request-Id"]
    return body


def fields(response: TestResponse) -> set[str]:
    """Which fields a 422 names."""
    return {error["field"] for error in problem(response, 422, "invalid_request")["errors"]}


@pytest.fixture(autouse=True)
def _nothing_is_taken(shop: Shop) -> Any:
    """Whatever a test sends, it ends with all tickets free."""
    yield
    snapshot = shop.fake_inventory.snapshot(event_id=shop.field.id)
    assert snapshot is None or snapshot.free["z:floor"] == 500


@pytest.mark.parametrize("quantity", [0, -1, 10**9, 2.6e-42, 2.0, True, "2", None, [2], {"n": 2}, 10**30])
def test_quantities_that_make_no_sense_are_refused(client: FlaskClient, quantity: Any) -> None:
    """Only a whole number from 1 to the limit is a quantity; the field is named."""
    body = f'{{"items": [{{"tier": "general", "quantity": {quantity_json(quantity)}}}]}}'

    response = client.post(HOLDS, data=body, content_type="application/json")

    found = problem(response, 422, "invalid_request")
    assert {error["field"] for error in found["errors"]} & {"items.0.quantity", "body"}


def quantity_json(quantity: Any) -> str:
    if isinstance(quantity, int) and not isinstance(quantity, bool):
        return str(quantity)
    return orjson.dumps(quantity).decode()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"items"}),
        ({"items": []}, {"items"}),
        ({"items": None}, {"items"}),
        ({"items": "general"}, {"items"}),
        ({"items": [1]}, {"items.0"}),
        ({"items": [{}]}, {"items.0.tier"}),
        ({"items": [{"tier": "general"}]}, {"items.0.quantity"}),
        ({"items": [{"tier": "general", "quantity": 1, "best_available": 1}]}, {"items.0.quantity"}),
        ({"items": [{"tier": 7, "quantity": 1}]}, {"items.0.tier"}),
        ({"items": [{"tier": "general", "seats": []}]}, {"items.0.seats"}),
        ({"items": [{"tier": "general", "seats": [1]}]}, {"items.0.seats.0"}),
        ({"items": [{"tier": "general", "quantity": 1}] * 11}, {"items"}),
        ({"items": [{"tier": "general", "tiers": ["vip"], "best_available": 1}]}, {"items.0.tier"}),
        ({"items": [{"tiers": [], "best_available": 1}]}, {"items.0.tiers"}),
        ({"items": [{"tiers": ["general"] * 11, "best_available": 1}]}, {"items.0.tiers"}),
        ({"items": [{"tiers": ["general", 7], "best_available": 1}]}, {"items.0.tiers.1"}),
        ({"items": [{"tiers": ["general", "vip"], "quantity": 1}]}, {"items.0.tiers"}),
        ({"items": [{"tier": "general", "best_available": 1, "prefer": "price"}]}, {"items.0.prefer"}),
        ({"items": [{"tiers": ["general"], "best_available": 1, "prefer": "luck"}]}, {"items.0.prefer"}),
        ({"items": [{"tier": "general", "quantity": 1, "split": True}]}, {"items.0.split"}),
        ({"items": [{"tier": "general", "seats": ["A"], "split": True}]}, {"items.0.split"}),
        ({"items": [{"tier": "general", "quantity": 1, "accessible": True}]}, {"items.0.accessible"}),
        ({"items": [{"tier": "general", "best_available": 1, "split": "true"}]}, {"items.0.split"}),
        ({"items": [{"tier": "general", "best_available": 1, "split": 1}]}, {"items.0.split"}),
        ({"items": [{"tier": "general", "best_available": 1, "accessible": None}]}, {"items.0.accessible"}),
        ({"items": [{"tier": "general", "quantity": 1}], "buyer": {}}, {"buyer.email"}),
        ({"items": [{"tier": "general", "quantity": 1}], "buyer": {"email": None, "phone": " "}}, {"buyer.email"}),
        ({"items": [{"tier": "general", "quantity": 1}], "buyer": {"email": "ada"}}, {"buyer.email"}),
        ({"items": [{"tier": "general", "quantity": 1}], "buyer": {"phone": "0123"}}, {"buyer.phone"}),
        (
            {"items": [{"tier": "general", "quantity": 1}], "buyer": {"email": "a@b.example", "name": "A"}},
            {"buyer.name"},
        ),
        ([], {"body"}),
        (None, {"body"}),
        ("items", {"body"}),
    ],
)
def test_malformed_bodies_name_the_field(client: FlaskClient, body: Any, named: set[str]) -> None:
    """422, and ``errors`` points at each wrong field by its path."""
    response = client.post(HOLDS, data=orjson.dumps(body), content_type="application/json")

    assert fields(response) >= named


@pytest.mark.parametrize("body", [b"", b"{", b'{"items": NaN}', b"\xff\xfe", b"[" * 5000, b'{"items": 1}}'])
def test_what_is_not_json_is_refused(client: FlaskClient, body: bytes) -> None:
    """422 for broken JSON, however it is broken."""
    assert fields(client.post(HOLDS, data=body, content_type="application/json")) == {"body"}


@pytest.mark.parametrize("extra", ["price", "total", "unit", "currency", "discount", "expires_at"])
def test_prices_sent_by_a_client_are_refused(client: FlaskClient, extra: str) -> None:
    """A total or a price is ours to say: sending one is an error that names it, in the body and in an item."""
    item: dict[str, Any] = {"tier": "general", "quantity": 1}

    assert fields(client.post(HOLDS, json={"items": [item], extra: 1})) == {extra}
    assert fields(client.post(HOLDS, json={"items": [{**item, extra: 1}]})) == {f"items.0.{extra}"}


def test_an_over_long_body_is_413(client: FlaskClient) -> None:
    """64 KiB are enough for everything that is asked here, on the express lane and on every other route."""
    long = b'{"items": "' + b"x" * BODY_BYTES_MAX + b'"}'

    problem(client.post(HOLDS, data=long, content_type="application/json"), 413, "body_too_large")
    for path in ("/webhooks/twilio/status", "/webhooks/twilio/inbound"):
        signed = {"X-Twilio-Signature": "x"}
        form = "application/x-www-form-urlencoded"
        problem(client.post(path, data=long, headers=signed, content_type=form), 413, "body_too_large")


def test_a_body_that_is_not_declared_as_json_is_415(client: FlaskClient) -> None:
    """Nothing is guessed from contents."""
    body = b'{"items": [{"tier": "general", "quantity": 1}]}'

    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = client.post(HOLDS, data=body, content_type=content_type)
        problem(response, 415, "unsupported_media_type")
        assert response.headers["Accept"] == "application/json"


def test_a_seat_of_another_event_is_refused(shop: Shop, client: FlaskClient) -> None:
    """Seats and tiers belong to one event: those of another are unknown here."""
    mine = shop.fake_catalogue.on_sale(event="drama")
    theirs = shop.fake_catalogue.on_sale(event="stranger")
    path = "/api/v1/events/drama/holds"
    foreign_seat = {"tier": "stalls", "seats": [theirs.seat_map.seats[0].id]}
    foreign_tier = {"tier": str(theirs.tiers[0].id), "seats": [mine.seat_map.seats[0].id]}
    wrong_zone = {"tier": "stalls", "seats": [mine.seat_map.seats[40].id]}

    for item, code in ((foreign_seat, "unknown_seat"), (foreign_tier, "unknown_tier"), (wrong_zone, "unknown_seat")):
        found = problem(client.post(path, json={"items": [item]}), 422, code)
        assert found["errors"]


def test_the_same_seat_twice_is_refused(shop: Shop, client: FlaskClient) -> None:
    """Two lines of one request cannot share a seat."""
    seat = shop.fake_catalogue.on_sale(event="drama").seat_map.seats[3].id
    items = [{"tier": "stalls", "seats": [seat]}, {"tier": "stalls", "seats": [seat]}]

    problem(client.post("/api/v1/events/drama/holds", json={"items": items}), 422, "invalid_request")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/events/nowhere",
        f"/api/v1/events/{SOMEBODY}",
        "/api/v1/events/nowhere/seat-map",
        "/api/v1/events/nowhere/availability",
        "/api/v1/events/%00",
        "/api/v1/events/..%2f..%2fetc",
        "/api/v1/holds/short",
        "/api/v1/orders/not-a-uuid",
        "/api/v1/tickets/not-a-uuid.pdf",
        "/api/v1/elsewhere",
        "/api/v2/events",
    ],
)
def test_unknown_ids_are_404(client: FlaskClient, path: str) -> None:
    """As a problem, also for words that could never be an id."""
    problem(client.get(path), 404, "not_found")


def test_a_hold_on_an_unknown_event_is_404(client: FlaskClient) -> None:
    """On the express lane too."""
    body = {"items": [{"tier": "general", "quantity": 1}]}

    problem(client.post("/api/v1/events/nowhere/holds", json=body), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("PUT", HOLDS), ("DELETE", HOLDS), ("POST", "/api/v1/events")])
def test_other_methods_are_405(client: FlaskClient, method: str, path: str) -> None:
    """With the methods that there are."""
    response = client.open(path, method=method, json={})

    problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/holds/{hold}"),
        ("DELETE", "/api/v1/holds/{hold}"),
        ("POST", "/api/v1/holds/{hold}/checkout"),
        ("POST", "/api/v1/holds/{hold}/extensions"),
        ("GET", "/api/v1/orders/{order}"),
        ("GET", "/api/v1/orders/{order}/tickets"),
        ("GET", "/api/v1/orders/{order}/refund-quote"),
        ("POST", "/api/v1/orders/{order}/refunds"),
        ("GET", "/api/v1/tickets/{ticket}.pdf"),
        ("GET", "/api/v1/tickets/{ticket}.svg"),
    ],
)
def test_missing_tokens_are_401_and_foreign_ones_403(shop: Shop, client: FlaskClient, method: str, path: str) -> None:
    """And what a stranger hears of a thing that exists is what is heard of one that does not."""
    order = shop.buy()
    held = shop.hold(client)
    tickets = answered(client.get(f"/api/v1/orders/{order['id']}/tickets", headers=bearer(order)), 200)["items"]
    path = path.format(hold=held["id"], order=order["id"], ticket=tickets[0]["id"])
    somebody_elses = shop.checkout(shop.hold(client))["order"]

    response = client.open(path, method=method, json={})
    problem(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    for token in (somebody_elses["token"], "x", "a" * 43, "ü"):
        response = client.open(path, method=method, json={}, headers=[("Authorization", f"Bearer {token}")])
        problem(response, 403, "token_invalid")

    missing = path.replace(order["id"], SOMEBODY)
    if missing != path:
        problem(client.open(missing, method=method, json={}), 401, "token_missing")
        problem(client.open(missing, method=method, json={}, headers=bearer(order)), 403, "token_invalid")
    _give_everything_back(shop)


def _give_everything_back(shop: Shop) -> None:
    """The stock of this test was sold on purpose."""
    shop.fake_inventory.forget(shop.field.id)


@pytest.mark.parametrize(
    ("buyer", "named"),
    [
        (None, {"buyer"}),
        ({}, {"buyer.name", "buyer.email"}),
        ({**BUYER, "name": ""}, {"buyer.name"}),
        ({**BUYER, "name": "  "}, {"buyer.name"}),
        ({**BUYER, "name": "A\nB"}, {"buyer.name"}),
        ({**BUYER, "name": "x" * 121}, {"buyer.name"}),
        ({**BUYER, "email": "ada"}, {"buyer.email"}),
        ({**BUYER, "email": "ada@nowhere"}, {"buyer.email"}),
        ({**BUYER, "email": "a b@example.com"}, {"buyer.email"}),
        ({**BUYER, "email": "a@example.com\nBcc: b@example.com"}, {"buyer.email"}),
        ({**BUYER, "phone": "0123"}, {"buyer.phone"}),
        ({**BUYER, "phone": "+1"}, {"buyer.phone"}),
        ({**BUYER, "phone": 7}, {"buyer.phone"}),
        ({**BUYER, "vip": True}, {"buyer.vip"}),
    ],
)
def test_buyers_that_cannot_be_reached_are_refused(
    shop: Shop, client: FlaskClient, buyer: Any, named: set[str]
) -> None:
    """422 naming each field; the hold stays as it is."""
    held = shop.hold(client)
    path = f"/api/v1/holds/{held['id']}"

    assert fields(client.post(f"{path}/checkout", json={"buyer": buyer}, headers=bearer(held))) == named

    assert answered(client.get(path, headers=bearer(held)), 200)["state"] == "active"
    assert client.delete(path, headers=bearer(held)).status_code == 204


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=two", "limit"),
        ("from=yesterday", "from"),
        ("from=2026-01-01T00:00:00", "from"),
        ("colour=red", "colour"),
        ("q=a&q=b", "q"),
        ("q=%00", "q"),
        ("cursor=broken", "cursor"),
        ("q=" + "x" * 101, "q"),
    ],
)
def test_broken_filters_are_refused(client: FlaskClient, query: str, named: str) -> None:
    """A filter that would be ignored would show everything, so it is refused."""
    assert fields(client.get(f"/api/v1/events?{query}")) == {named}


def test_refund_requests_are_checked(shop: Shop, client: FlaskClient) -> None:
    """Amounts are ours to say, tickets must be ids, and tickets of another order are unknown."""
    mine, other = shop.buy(quantity=1), shop.buy(quantity=1)
    path = f"/api/v1/orders/{mine['id']}/refunds"
    theirs = answered(client.get(f"/api/v1/orders/{other['id']}/tickets", headers=bearer(other)), 200)["items"][0]["id"]

    assert fields(client.post(path, json={}, headers=bearer(mine))) == {"tickets"}
    assert fields(client.post(path, json={"tickets": []}, headers=bearer(mine))) == {"tickets"}
    assert fields(client.post(path, json={"tickets": ["x"]}, headers=bearer(mine))) == {"tickets.0"}
    assert fields(client.post(path, json={"tickets": None, "amount": 9}, headers=bearer(mine))) == {"amount"}
    problem(client.post(path, json={"tickets": [theirs]}, headers=bearer(mine)), 422, "unknown_ticket")
    _give_everything_back(shop)


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü"])
def test_unusable_idempotency_keys_are_refused(client: FlaskClient, key: str) -> None:
    """1 to 255 visible ASCII characters."""
    body = {"items": [{"tier": "general", "quantity": 1}]}

    said = problem(client.post(HOLDS, json=body, headers={"Idempotency-Key": key}), 400, "invalid_idempotency_key")

    assert {error["field"] for error in said["errors"]} == {"Idempotency-Key"}
