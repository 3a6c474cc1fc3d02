"""More time for a hold: idempotent, bounded by the sale's terms, and only for who holds its token."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.fakes import sales
from tests.unit.http.shop import Shop, answered, bearer


@pytest.fixture
def patient(shop: Shop) -> str:
    """An event whose holds last ten minutes and may be extended twice, up to half an hour in all."""
    terms = {"hold_seconds": 600, "extensions_max": 2, "hold_seconds_cap": 1_800}
    shop.announce(sales.general_sale(**terms), slug="patient", name="A Patient Evening")
    return "patient"


def extend(client: FlaskClient, held: dict[str, Any], body: Any = None, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/api/v1/holds/{held['id']}/extensions", json=body, headers={**bearer(held), **named})


def test_an_extension_gives_the_hold_its_time_again(shop: Shop, client: FlaskClient, patient: str) -> None:
    """201 with the hold as it is now: ten minutes more than it had, and one extension fewer."""
    held = shop.hold(client, event=patient)
    assert held["extensions"] == {"used": 0, "left": 2}
    shop.fake_clock.advance(seconds=300)

    extended = answered(extend(client, held), 201)

    assert extended["expires_at"] == "2026-11-22T12:20:00Z"
    assert extended["extensions"] == {"used": 1, "left": 1}
    shown = answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)
    assert shown == extended
    shop.fake_clock.advance(seconds=899)
    assert answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)["state"] == "active"


def test_an_extension_is_given_once_by_its_number(shop: Shop, client: FlaskClient, patient: str) -> None:
    """A retry with the same number, minutes later, finds the hold as the first one left it."""
    held = shop.hold(client, event=patient)
    shop.fake_clock.advance(seconds=300)
    first = answered(extend(client, held, {"number": 1}), 201)
    shop.fake_clock.advance(seconds=60)

    assert answered(extend(client, held, {"number": 1}, Idempotency_Key="any"), 201) == first
    assert answered(extend(client, held, {"number": 2}), 201)["expires_at"] == "2026-11-22T12:30:00Z"


def test_a_key_alone_makes_it_idempotent_too(shop: Shop, client: FlaskClient, patient: str) -> None:
    """Without a number each call is another extension, unless it repeats an Idempotency-Key."""
    held = shop.hold(client, event=patient)
    shop.fake_clock.advance(seconds=300)
    first = answered(extend(client, held, Idempotency_Key="more"), 201)

    again = extend(client, held, Idempotency_Key="more")

    assert answered(again, 201) == first
    assert again.headers["Idempotent-Replayed"] == "true"
    shop.fake_clock.advance(seconds=60)
    assert answered(extend(client, held, {}), 201)["extensions"]["used"] == 2


def test_extensions_are_used_up(shop: Shop, client: FlaskClient) -> None:
    """409 ``extensions_used_up`` says when the hold ends, and changes nothing."""
    held = shop.hold(client)
    shop.fake_clock.advance(seconds=300)
    extended = answered(extend(client, held), 201)
    assert extended["extensions"] == {"used": 1, "left": 0}

    refused = answered(extend(client, held, {"number": 2}), 409)

    assert refused["code"] == "extensions_used_up"
    assert refused["expires_at"] == "2026-11-22T12:20:00+00:00"
    shown = answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)
    assert shown["expires_at"] == extended["expires_at"]


def test_no_extension_is_promised_where_the_cap_leaves_no_time(shop: Shop, client: FlaskClient) -> None:
    """A hold that lasts as long as any may has nothing left, whatever the number of extensions says."""
    sale = sales.general_sale(hold_seconds=600, hold_seconds_cap=600, extensions_max=3)
    shop.announce(sale, slug="strict", name="A Strict Evening")
    held = shop.hold(client, event="strict")
    assert held["extensions"] == {"used": 0, "left": 0}
    shop.fake_clock.advance(seconds=300)

    assert answered(extend(client, held), 409)["code"] == "extensions_used_up"


@pytest.mark.parametrize("body", [None, {"number": 1}])
def test_what_is_being_paid_is_not_extended(shop: Shop, client: FlaskClient, body: Any) -> None:
    """409 ``checkout_in_progress``: its order has a deadline of its own, so the hold shows nothing to extend."""
    held = shop.hold(client)
    shop.checkout(held)

    assert answered(extend(client, held, body), 409)["code"] == "checkout_in_progress"
    shown = answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)
    assert shown["extensions"] == {"used": None, "left": 0}


@pytest.mark.parametrize("body", [None, {"number": 1}])
def test_a_hold_that_is_over_is_gone(shop: Shop, client: FlaskClient, body: Any) -> None:
    """410, as for looking at it."""
    held = shop.hold(client)
    shop.fake_clock.advance(seconds=601)

    for _ in range(2):
        assert answered(extend(client, held, body, Idempotency_Key="late"), 410)["code"] == "hold_lapsed"


@pytest.mark.parametrize("body", [{"number": 0}, {"number": 6}, {"number": "1"}, {"number": None}, {"seconds": 60}, []])
def test_broken_extensions_are_refused(shop: Shop, client: FlaskClient, body: Any) -> None:
    """422 names the field, and nothing is extended."""
    held = shop.hold(client)

    assert answered(extend(client, held, body), 422)["errors"][0]["field"] in {"number", "seconds", "body"}
    shown = answered(client.get(f"/api/v1/holds/{held['id']}", headers=bearer(held)), 200)
    assert shown["extensions"]["used"] == 0
