"""Exchanging through the API: the older order's token opens it, and both answers say what comes back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.events import EventId
from domain.refund_policies import STANDARD_POLICY, ExchangeRule
from domain.tickets import TicketState
from domain.tiers import TierId
from entrypoints.http.schemas.orders import CheckoutSchema, OrderSchema
from tests.unit.http.shop import BUYER, Shop, answered, bearer


@pytest.fixture
def nights(shop: Shop) -> Shop:
    """The field plays on two nights, which may be exchanged for each other."""
    policy = replace(STANDARD_POLICY, exchange=ExchangeRule(hours_before=24))
    night = replace(
        shop.field,
        id=EventId(uuid4()),
        slug="second-night",
        starts_at=shop.field.starts_at + timedelta(days=1),
        tiers=tuple(replace(tier, id=TierId(uuid4())) for tier in shop.field.tiers),
        promotions=(),
    )
    with shop.store() as uow:
        uow.events.replace_policy(shop.field.id, policy)
        uow.events.add(night, policy=policy)
        uow.commit()
    return shop


def exchange(shop: Shop, old: dict[str, Any], *, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Check a place of the second night out, in exchange for the first ticket of the old order."""
    client = shop.client()
    tickets = answered(client.get(f"/api/v1/orders/{old['id']}/tickets", headers=bearer(old)), 200)["items"]
    hold = shop.hold(event="second-night", quantity=1)
    body = {
        "buyer": BUYER,
        "exchange": {"order": old["id"], "token": token or old["token"], "tickets": [tickets[0]["id"]]},
    }  # fmt: skip
    response = client.post(f"/api/v1/holds/{hold['id']}/checkout", json=body, headers=bearer(hold))
    return response.status_code, response.get_json()


def test_an_exchange_says_what_comes_back_and_then_does_it(nights: Shop) -> None:
    """Placed with what will go back; confirmed with what went; the old ticket is void by then."""
    old = nights.buy(quantity=2)
    status, placed = exchange(nights, old)
    assert status == 201
    assert CheckoutSchema().validate(placed) == {}
    assert placed["order"]["exchanges"]["order"] == old["id"]
    assert placed["order"]["exchanges"]["returned"] == {"amount": 4_950, "currency": "USD"}
    nights.pay(placed["order"])
    order = placed["order"]
    shown = answered(nights.client().get(f"/api/v1/orders/{order['id']}", headers=bearer(order)), 200)
    assert OrderSchema().validate(shown) == {}
    assert shown["state"] == "confirmed"
    assert shown["exchanges"] == order["exchanges"]
    states = [each.state for each in nights.store.state.tickets.values() if str(each.order_id) == old["id"]]
    assert states == [TicketState.VOID, TicketState.VALID]


def test_only_the_old_order_s_token_opens_it(nights: Shop) -> None:
    """Another order's token, or none, exchanges nothing."""
    old, other = nights.buy(), nights.buy()
    assert exchange(nights, old, token=other["token"])[0] == 403


def test_two_at_once_hear_of_each_other(nights: Shop) -> None:
    """The second is told the order that does it already."""
    old = nights.buy()
    _, first = exchange(nights, old)
    status, problem = exchange(nights, old)
    assert (status, problem["code"], problem["order"]) == (409, "exchange_under_way", first["order"]["id"])


def test_an_event_without_a_rule_exchanges_nothing(shop: Shop) -> None:
    """409, before anything is claimed."""
    old = shop.buy()
    client, hold = shop.client(), shop.hold(quantity=1)
    (ticket, _) = answered(client.get(f"/api/v1/orders/{old['id']}/tickets", headers=bearer(old)), 200)["items"]
    wanted = {"order": old["id"], "token": old["token"], "tickets": [ticket["id"]]}
    response = client.post(
        f"/api/v1/holds/{hold['id']}/checkout", json={"buyer": BUYER, "exchange": wanted}, headers=bearer(hold)
    )
    assert answered(response, 409)["code"] == "not_exchangeable"
    assert answered(client.get(f"/api/v1/holds/{hold['id']}", headers=bearer(hold)), 200)["id"] == hold["id"]
