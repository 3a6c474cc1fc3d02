"""Holding tickets over HTTP: idempotent, private, and the same on the express lane as by the ordinary way."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InventoryUnavailable
from entrypoints.http.api.hold_requests import quickly, thoroughly
from entrypoints.http.express import ExpressLane
from entrypoints.http.front import Front
from entrypoints.http.problems import Problem
from tests.unit.http.shop import ACCESS_CODE, PROMO_CODE, Shop, answered, bearer

HOLDS = "/api/v1/events/field/holds"
TWO = {"items": [{"tier": "general", "quantity": 2}]}


def test_a_hold_says_what_is_held_at_which_price_until_when(shop: Shop, client: FlaskClient) -> None:
    """201 with id, token, items, total and the end of the hold."""
    held = answered(client.post(HOLDS, json=TWO), 201)

    tier = shop.field.tiers[0]
    assert held["event"] == str(shop.field.id)
    assert held["items"] == [
        {
            "tier": str(tier.id),
            "tier_name": "General",
            "quantity": 2,
            "seats": [],
            "unit": {"amount": 4950, "currency": "USD"},
            "price": {
                "face": {"amount": 4500, "currency": "USD"},
                "discount": {"amount": 0, "currency": "USD"},
                "fee": {"amount": 450, "currency": "USD"},
                "taxes": [],
                "taxes_added": False,
                "total": {"amount": 4950, "currency": "USD"},
            },
            "total": {"amount": 9900, "currency": "USD"},
        }
    ]
    assert held["promotion"] is None
    assert held["total"] == {"amount": 9900, "currency": "USD"}
    assert held["expires_at"] == "2026-11-22T12:10:00Z"
    assert held["extensions"] == {"used": 0, "left": 1}
    shown = answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)
    assert shown == {key: value for key, value in held.items() if key != "token"}


def test_chosen_seats_and_the_best_ones_are_named(shop: Shop, client: FlaskClient) -> None:
    """Seats come back by id, zone, row and number, whoever chose them."""
    path = "/api/v1/events/drama/holds"
    seat = shop.fake_catalogue.on_sale(event="drama").seat_map.seats[12]

    chosen = answered(client.post(path, json={"items": [{"tier": "stalls", "seats": [seat.id]}]}), 201)
    best = answered(client.post(path, json={"items": [{"tier": "balcony", "best_available": 3}]}), 201)

    expected = {"id": seat.id, "zone": seat.zone, "row": seat.row, "number": seat.number}
    assert chosen["items"][0]["seats"] == [expected]
    assert len({each["id"] for each in best["items"][0]["seats"]}) == 3


def test_taken_seats_are_named(shop: Shop, client: FlaskClient) -> None:
    """409 ``seats_taken`` says which, by id."""
    path = "/api/v1/events/drama/holds"
    first, second = (shop.fake_catalogue.on_sale(event="drama").seat_map.seats[index].id for index in (4, 5))
    answered(client.post(path, json={"items": [{"tier": "stalls", "seats": [first]}]}), 201)

    taken = answered(client.post(path, json={"items": [{"tier": "stalls", "seats": [first, second]}]}), 409)

    assert taken["code"] == "seats_taken"
    assert taken["seats"] == [first]


def test_the_same_key_finds_the_same_hold(shop: Shop, client: FlaskClient) -> None:
    """A retry with its Idempotency-Key makes no second hold; other contents under the key are 422."""
    key = {"Idempotency-Key": "try-1"}

    first = answered(client.post(HOLDS, json=TWO, headers=key), 201)
    again = answered(client.post(HOLDS, json=TWO, headers=key), 201)
    other = client.post(HOLDS, json={"items": [{"tier": "general", "quantity": 3}]}, headers=key)

    assert again == first
    assert answered(other, 422)["code"] == "idempotency_mismatch"
    assert shop.availability("field").zones["floor"] == 498


def test_somebody_elses_key_is_not_mine(shop: Shop, client: FlaskClient) -> None:
    """Keys belong to whoever uses them, and to one event."""
    key = {"Idempotency-Key": "try-1"}
    mine = answered(client.post(HOLDS, json=TWO, headers={**key, "User-Agent": "mine"}), 201)
    theirs = answered(client.post(HOLDS, json=TWO, headers={**key, "User-Agent": "theirs"}), 201)

    assert mine["id"] != theirs["id"]


def test_giving_back_is_idempotent_and_ends_the_hold(shop: Shop, client: FlaskClient) -> None:
    """204 both times, 410 afterwards, and the tickets are free again."""
    held = shop.hold(client)
    path = f"/api/v1/holds/{held['id']}"

    assert client.delete(path, headers=bearer(held)).status_code == 204
    assert client.delete(path, headers=bearer(held)).status_code == 204
    assert answered(client.get(path, headers=bearer(held)), 410)["code"] == "hold_lapsed"
    assert shop.availability("field").zones["floor"] == 500


def test_a_lapsed_hold_is_gone(shop: Shop, client: FlaskClient) -> None:
    """410 to look at it, 409 to check out with it."""
    held = shop.hold(client)
    shop.fake_clock.advance(seconds=3600)
    buyer = {"name": "Ada", "email": "ada@example.com"}

    assert client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)).status_code == 410
    late = client.post(f"/api/v1/holds/{held['id']}/checkout", json={"buyer": buyer}, headers=bearer(held))
    assert answered(late, 409)["code"] == "hold_lapsed"


def test_a_hold_that_is_being_paid_cannot_be_given_back(shop: Shop, client: FlaskClient) -> None:
    """409 ``checkout_in_progress``; it shows as claimed."""
    held = shop.hold(client)
    shop.checkout(held)

    assert answered(client.delete(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 409)["code"] == (
        "checkout_in_progress"
    )
    assert answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)["state"] == "claimed"


def test_a_locked_tier_opens_with_its_word(client: FlaskClient) -> None:
    """403 without, 201 with."""
    body = {"items": [{"tier": "vip", "quantity": 1}]}

    assert answered(client.post(HOLDS, json=body), 403)["code"] == "access_code_required"
    assert client.post(HOLDS, json={**body, "access_code": ACCESS_CODE}).status_code == 201


def test_a_code_is_shown_in_every_part_of_the_price(client: FlaskClient) -> None:
    """Under either name of the field; the hold says what its organiser calls it, and never the code."""
    for name in ("promo_code", "access_code"):
        body = {"items": [{"tier": "general", "quantity": 2}], name: f" {PROMO_CODE.upper()} "}
        held = answered(client.post(HOLDS, json=body), 201)

        (item,) = held["items"]
        price = {part: item["price"][part]["amount"] for part in ("face", "discount", "fee", "total")}
        assert price == {"face": 4_500, "discount": 450, "fee": 450, "total": 4_500}
        assert (held["promotion"], held["total"]["amount"]) == (PROMO_CODE.title(), 9_000)


def test_a_code_that_is_not_good_is_refused(client: FlaskClient) -> None:
    """403 with one answer for every reason; two different codes are a mistake of the client."""
    body = {"items": [{"tier": "general", "quantity": 1}]}
    assert answered(client.post(HOLDS, json={**body, "promo_code": "guess"}), 403)["code"] == "code_refused"
    both = {**body, "promo_code": "one", "access_code": "other"}
    assert answered(client.post(HOLDS, json=both), 422)["code"] == "invalid_request"


def test_who_tries_too_many_codes_waits(shop: Shop, client: FlaskClient) -> None:
    """429 with the seconds to wait, before the code is looked at; without a code there is nothing to wait for."""
    body = {"items": [{"tier": "general", "quantity": 1}]}
    shop.limiter.wait = 30

    told = client.post(HOLDS, json={**body, "promo_code": PROMO_CODE})

    assert answered(told, 429)["code"] == "too_many_codes"
    assert told.headers["Retry-After"] == "30"
    assert client.post(HOLDS, json=body).status_code == 201


def test_limits_are_kept(client: FlaskClient) -> None:
    """Too many in one order, and more than there are."""
    many = {"items": [{"tier": "general", "quantity": 11}]}
    assert answered(client.post(HOLDS, json=many), 409)["code"] == "limit_reached"


def test_a_sale_that_is_not_open_refuses(shop: Shop, client: FlaskClient) -> None:
    """403 before the sale has started."""
    from tests.fakes import sales

    later = sales.general_sale(opens_at=shop.fake_clock.now() + timedelta(days=1))
    shop.announce(later, slug="later", name="Later")

    answer = client.post("/api/v1/events/later/holds", json=TWO)
    assert answered(answer, 403)["code"] == "sale_not_started"


def test_holds_fail_closed(shop: Shop, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After while the inventory does not answer."""

    def away(*_: object, **__: object) -> Any:
        raise InventoryUnavailable("gone")

    monkeypatch.setattr(shop.fake_inventory, "hold", away)
    response = client.post(HOLDS, json=TWO)

    assert answered(response, 503)["code"] == "inventory_unavailable"
    assert int(response.headers["Retry-After"]) > 0


def test_a_crash_is_a_problem_too(shop: Shop, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 without a word of what went wrong, on the express lane as elsewhere."""

    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(shop, "place_hold", broken)
    monkeypatch.setattr(shop, "listings", broken)
    for response in (client.post(HOLDS, json=TWO), client.get("/api/v1/events")):
        assert answered(response, 500)["code"] == "internal_error"
        assert "secret" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", HOLDS, TWO, {"Idempotency-Key": "same"}),
        ("POST", HOLDS, {"items": []}, {}),
        ("POST", HOLDS, {"items": [{"tier": "nothing", "quantity": 1}]}, {}),
        ("POST", HOLDS, {**TWO, "buyer": {"email": "ada@example.com"}}, {"Idempotency-Key": "other"}),
        ("POST", "/api/v1/events/nowhere/holds", TWO, {}),
        ("GET", "/api/v1/events/field/availability", None, {}),
        ("GET", "/api/v1/events/drama/availability", None, {"Accept-Encoding": "gzip"}),
        ("GET", "/api/v1/events/nowhere/availability", None, {}),
    ],
)
def test_the_express_lane_answers_like_the_ordinary_way(
    shop: Shop, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    """Status, headers and body are the same, word for word."""
    front = shop.app.wsgi_app
    assert isinstance(front, Front)
    lane = front._application
    assert isinstance(lane, ExpressLane)
    fixed = {**headers, "X-Request-Id": "the-same-request"}

    express = shop.client().open(path, method=method, json=body, headers=fixed)
    front._application = lane._application
    ordinary = shop.client().open(path, method=method, json=body, headers=fixed)

    assert express.status_code == ordinary.status_code
    assert sorted(express.headers) == sorted(ordinary.headers)
    assert express.data == ordinary.data


_words = st.one_of(st.just("general"), st.text(max_size=70), st.integers(), st.none())
_counts = st.one_of(st.integers(-2, 60), st.booleans(), st.floats(allow_nan=False), st.text(max_size=2), st.none())
_options = {
    "tiers": st.one_of(st.lists(_words, max_size=12), _counts),
    "prefer": st.one_of(st.sampled_from(["price", "distance"]), _counts),
    "split": _counts,
    "accessible": _counts,
}
_items = st.fixed_dictionaries(
    {"tier": _words},
    optional={
        "quantity": _counts,
        "best_available": _counts,
        "seats": st.one_of(st.lists(_words, max_size=52), _counts),
        "price": st.integers(),
        **_options,
    },
)
_bodies = st.one_of(
    st.fixed_dictionaries(
        {"items": st.one_of(st.lists(_items, max_size=12), _counts)},
        optional={
            "access_code": st.one_of(st.none(), st.text(max_size=70), st.integers()),
            "promo_code": st.one_of(st.none(), st.text(max_size=70), st.integers()),
            "buyer": st.one_of(st.none(), st.fixed_dictionaries({}, optional={"email": _words, "phone": _words})),
            "total": st.integers(),
        },
    ),
    st.lists(st.integers(), max_size=2),
    st.none(),
)


@settings(max_examples=400, deadline=None)
@given(_bodies)
def test_the_quick_reader_accepts_nothing_that_the_schema_refuses(body: Any) -> None:
    """And reads what it accepts in the same way; what it leaves alone, the schema decides."""
    quick = quickly(body)
    try:
        thorough = thoroughly(body)
    except Problem:
        thorough = None

    assert quick is None or quick == thorough


def test_the_quick_reader_reads_what_is_plainly_right() -> None:
    """Otherwise it would be of no use."""
    for item in ({"quantity": 2}, {"seats": ["A-1", "A-2"]}, {"best_available": 3}):
        body = {"items": [{"tier": str(uuid4()), **item}], "promo_code": "x"}
        assert quickly(body) == thoroughly(body)
