"""Idempotency-Key, on every call that makes something: the same question is answered, and nothing is done twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from application.commands.prune_answers import prune_answers
from domain.errors import StoreUnavailable
from entrypoints.http import idempotency
from tests.fakes import sales
from tests.unit.http.shop import BUYER, Shop, answered, bearer

DAY_SECONDS = 24 * 3_600
KEY = {"Idempotency-Key": "once"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One POST of the API: what must be there before, its body, and another one."""

    name: str
    before: Callable[[Shop], tuple[str, Mapping[str, str]]]
    body: Any
    other: Any


def _to_hold(shop: Shop) -> tuple[str, Mapping[str, str]]:
    return "/api/v1/events/field/holds", {}


def _to_extend(shop: Shop) -> tuple[str, Mapping[str, str]]:
    shop.announce(sales.general_sale(extensions_max=3), slug="patient", name="A Patient Evening")
    held = shop.hold(event="patient")
    return f"/api/v1/holds/{held['id']}/extensions", bearer(held)


def _to_check_out(shop: Shop) -> tuple[str, Mapping[str, str]]:
    held = shop.hold()
    return f"/api/v1/holds/{held['id']}/checkout", bearer(held)


def _to_refund(shop: Shop) -> tuple[str, Mapping[str, str]]:
    order = shop.buy()
    return f"/api/v1/orders/{order['id']}/refunds", bearer(order)


CALLS = (
    Call(
        name="hold",
        before=_to_hold,
        body={"items": [{"tier": "general", "quantity": 2}]},
        other={"items": [{"tier": "general", "quantity": 3}]},
    ),
    Call(name="extension", before=_to_extend, body={}, other={"number": None}),
    Call(
        name="checkout",
        before=_to_check_out,
        body={"buyer": BUYER},
        other={"buyer": {**BUYER, "email": "other@example.com"}},
    ),
    Call(name="refund", before=_to_refund, body={"tickets": None}, other={"tickets": None, "reason": "another"}),
)
KEPT = tuple(call for call in CALLS if call.name in {"extension", "refund"})
"""Whose answers are stored. Holds and checkouts are named by what they make, and need no storage."""


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_the_same_again_is_answered_the_same(shop: Shop, client: FlaskClient, call: Call) -> None:
    """Status, body and content type, and the state of the house is as one call left it."""
    path, token = call.before(shop)
    first = client.post(path, json=call.body, headers={**token, **KEY})
    state = shop.store.state

    again = client.post(path, json=call.body, headers={**token, **KEY})

    assert answered(first, 201) == answered(again, 201)
    assert first.content_type == again.content_type
    made = ("orders", "payments", "refunds", "tickets")
    assert [getattr(shop.store.state, name) for name in made] == [getattr(state, name) for name in made]


@pytest.mark.parametrize("call", [call for call in CALLS if call.name != "extension"], ids=lambda call: call.name)
def test_the_same_key_with_another_body_is_a_mistake(shop: Shop, client: FlaskClient, call: Call) -> None:
    """422, whatever the first call was answered."""
    path, token = call.before(shop)
    answered(client.post(path, json=call.body, headers={**token, **KEY}), 201)

    other = client.post(path, json=call.other, headers={**token, **KEY})

    assert answered(other, 422)["code"] == "idempotency_mismatch"


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ümlaut", "\x7f"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_key_that_is_none_is_refused(shop: Shop, client: FlaskClient, call: Call, key: str) -> None:
    """400 before anything is looked at or done."""
    path, token = call.before(shop)

    refused = client.post(path, json=call.body, headers={**token, "Idempotency-Key": key})

    assert answered(refused, 400)["code"] == "invalid_idempotency_key"


@pytest.mark.parametrize("call", KEPT, ids=lambda call: call.name)
def test_while_the_first_is_under_way_the_second_waits(
    shop: Shop, client: FlaskClient, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 to the same question asked in the middle of the first, which then ends as if nobody had asked."""
    path, token = call.before(shop)
    doing = {"refund": "request_refund", "extension": "extend_hold"}[call.name]
    real = getattr(shop, doing)
    inside: list[TestResponse] = []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if not inside:
            inside.append(shop.client().post(path, json=call.body, headers={**token, **KEY}))
        return real(*args, **kwargs)

    monkeypatch.setattr(shop, doing, interrupted)
    answered(client.post(path, json=call.body, headers={**token, **KEY}), 201)

    assert inside[0].status_code == 409


@pytest.mark.parametrize("call", KEPT, ids=lambda call: call.name)
def test_a_failure_of_ours_is_not_remembered(
    shop: Shop, client: FlaskClient, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 and 503 are no answers: the next call with the key does it."""
    path, token = call.before(shop)
    doing = {"refund": "request_refund", "extension": "extend_hold"}[call.name]
    for failure in (RuntimeError("a mistake of ours"), StoreUnavailable("Postgres is away")):
        with monkeypatch.context() as patch:
            patch.setattr(shop, doing, _raising(failure))
            assert client.post(path, json=call.body, headers={**token, **KEY}).status_code >= 500

    answered(client.post(path, json=call.body, headers={**token, **KEY}), 201)


def test_an_answer_that_is_an_error_of_ours_is_not_kept(shop: Shop) -> None:
    """Also where a view answers instead of raising."""
    answers = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CREATED, HTTPStatus.ACCEPTED]
    with shop.app.test_request_context(headers=KEY):
        told = [idempotency.once("test", {}, lambda: Response("x", answers.pop(0))).status_code for _ in range(3)]

    assert told == [503, 201, 201]


def test_headers_that_say_where_and_when_are_repeated(shop: Shop) -> None:
    """Location and Retry-After belong to the answer; a request's id does not."""

    def act() -> Response:
        return Response("x", 201, {"Location": "/here", "Retry-After": "7", "X-Request-Id": "first"})

    with shop.app.test_request_context(headers=KEY):
        idempotency.once("test", {}, act)
        again = idempotency.once("test", {}, act)

    assert (again.headers["Location"], again.headers["Retry-After"]) == ("/here", "7")
    assert again.headers.get("X-Request-Id") != "first"


def test_a_process_that_dies_frees_the_key_after_a_minute(
    shop: Shop, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died after the refund was committed: the repetition refuses to do it again, and says so."""
    path, token = _to_refund(shop)
    real = shop.request_refund

    def dies(command: Any) -> Any:
        real(command)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shop, "request_refund", dies)
        with pytest.raises(KeyboardInterrupt):
            client.post(path, json={"tickets": None}, headers={**token, **KEY})
    assert client.post(path, json={"tickets": None}, headers={**token, **KEY}).status_code == 409
    shop.fake_clock.advance(seconds=61)

    again = client.post(path, json={"tickets": None}, headers={**token, **KEY})

    assert answered(again, 409)["code"] == "not_refundable"
    assert len(shop.store.state.refunds) == 1


def test_an_answer_is_kept_for_a_day_and_then_pruned(shop: Shop, client: FlaskClient) -> None:
    """A minute before its day is over it is repeated; then a chore forgets it."""
    path, token = _to_refund(shop)
    first = answered(client.post(path, json={"tickets": None}, headers={**token, **KEY}), 201)
    shop.fake_clock.advance(seconds=DAY_SECONDS - 60)
    assert prune_answers(unit_of_work=shop.store, clock=shop.fake_clock) == 0
    assert answered(client.post(path, json={"tickets": None}, headers={**token, **KEY}), 201) == first
    shop.fake_clock.advance(seconds=60)

    assert prune_answers(unit_of_work=shop.store, clock=shop.fake_clock) == 1
    assert shop.store.state.answers == {}


def _raising(failure: Exception) -> Callable[..., Any]:
    def act(*_: Any, **__: Any) -> Any:
        raise failure

    return act
