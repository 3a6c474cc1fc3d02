"""Asking for more than a number of tickets: alternatives, groups that may be split, accessible seats, and who asks."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

import entrypoints
from domain.seat_maps import Seat
from entrypoints.http.api.hold_requests import thoroughly
from tests.fakes import sales
from tests.unit.http.shop import Shop, answered

API = Path(entrypoints.__file__).parent.parent / "docs" / "api.md"
DRAMA = "/api/v1/events/drama/holds"
RAMP = "/api/v1/events/ramp/holds"


def one(client: FlaskClient, path: str, status: int = 201, **item: Any) -> dict[str, Any]:
    """Ask for one item."""
    return answered(client.post(path, json={"items": [item]}), status)


def names(held: dict[str, Any]) -> set[str]:
    return {seat["id"] for seat in held["items"][0]["seats"]}


@pytest.fixture
def ramp(shop: Shop) -> tuple[Seat, ...]:
    """The seats of a house in which 0 and 4 are accessible, and 1 and 5 for companions."""
    shop.announce(sales.accessible_sale(), slug="ramp", name="Up the Ramp")
    return shop.fake_catalogue.on_sale(event="ramp").seat_map.seats


@pytest.mark.parametrize(
    ("prefer", "tier"), [({}, "Stalls"), ({"prefer": "distance"}, "Stalls"), ({"prefer": "price"}, "Balcony")]
)
def test_any_of_several_tiers_will_do(client: FlaskClient, prefer: dict[str, Any], tier: str) -> None:
    """The nearest one is taken, or the cheapest one if that is preferred; the hold says which, at its price."""
    held = one(client, DRAMA, tiers=["balcony", "stalls"], best_available=2, **prefer)

    assert held["items"][0]["tier_name"] == tier
    assert held["items"][0]["unit"]["amount"] == {"Stalls": 9_900, "Balcony": 5_500}[tier]
    assert len(names(held)) == 2


def test_a_tier_may_be_named_twice(shop: Shop, client: FlaskClient) -> None:
    """By its id and by its key it is still one tier: the tickets are not counted double against its limits."""
    stalls = str(shop.drama.tiers[0].id)

    held = one(client, DRAMA, tiers=["balcony", "stalls", stalls, "balcony"], best_available=8, prefer="price")

    assert held["items"][0]["tier_name"] == "Balcony"


def test_every_tier_named_must_exist(client: FlaskClient) -> None:
    """422 ``unknown_tier`` for the second of them as for the first."""
    refused = one(client, DRAMA, 422, tiers=["stalls", "royal-box"], best_available=2)

    assert (refused["code"], refused["tier"]) == ("unknown_tier", "royal-box")


def test_a_group_is_split_only_if_it_agrees(client: FlaskClient) -> None:
    """The balcony's rows have 8 seats: ten people sit in two of them, or are told that they cannot sit together."""
    refused = one(client, DRAMA, 409, tier="balcony", best_available=10)
    assert (refused["code"], refused["together"]) == ("sold_out", 10)

    held = one(client, DRAMA, tier="balcony", best_available=10, split=True)
    assert len(names(held)) == 10
    assert {seat["row"] for seat in held["items"][0]["seats"]} == {"1", "2"}


def test_the_best_accessible_seats_come_with_companions(client: FlaskClient, ramp: tuple[Seat, ...]) -> None:
    """Who asks gets an accessible seat; who does not ask never gets one."""
    for_all = one(client, RAMP, tier="seat", best_available=2)
    asked = one(client, RAMP, tier="seat", best_available=2, accessible=True)

    kept = {ramp[index].id for index in (0, 1, 4, 5)}
    assert names(for_all).isdisjoint(kept)
    assert names(asked) & {ramp[0].id, ramp[4].id}


def test_accessible_seats_are_for_who_asks(client: FlaskClient, ramp: tuple[Seat, ...]) -> None:
    """409 ``seats_reserved`` names them; with ``accessible`` they are held, and the companion's seat with them."""
    wheelchair, companion = ramp[0].id, ramp[1].id

    refused = one(client, RAMP, 409, tier="seat", seats=[wheelchair, companion, ramp[2].id])
    assert (refused["code"], refused["seats"]) == ("seats_reserved", [wheelchair, companion])

    alone = one(client, RAMP, 409, tier="seat", seats=[companion], accessible=True)
    assert (alone["code"], alone["seats"]) == ("seats_reserved", [companion])

    assert names(one(client, RAMP, tier="seat", seats=[wheelchair, companion], accessible=True)) == {
        wheelchair,
        companion,
    }


def test_a_choice_that_strands_a_seat_is_refused(shop: Shop, client: FlaskClient) -> None:
    """409 ``seat_stranded`` names the seat that would be left alone, by id; moving by one is accepted."""
    shop.announce(sales.reserved_sale(may_strand_seats=False), slug="tidy", name="A Tidy House")
    seats = shop.fake_catalogue.on_sale(event="tidy").seat_map.seats
    path = "/api/v1/events/tidy/holds"

    refused = one(client, path, 409, tier="stalls", seats=[seats[1].id, seats[2].id])

    assert (refused["code"], refused["seats"]) == ("seat_stranded", [seats[0].id])
    one(client, path, tier="stalls", seats=[seats[0].id, seats[1].id])


def test_the_documented_examples_are_understood() -> None:
    """Every body that docs/api.md shows for a hold is one that the schema takes."""
    bodies = re.findall(r"^hold an-event '(.+)'$", API.read_text(), re.MULTILINE)

    assert len(bodies) == 5
    for body in bodies:
        assert thoroughly(orjson.loads(body)).items


@pytest.mark.parametrize(
    ("by", "first", "second"),
    [
        ("email", {"email": "Ada.Lovelace+fun@gmail.com"}, {"email": " adalovelace@GMAIL.com "}),
        ("email", {"email": "ada@example.com", "phone": "+447700900123"}, {"email": "ADA@example.com"}),
        ("phone", {"phone": "+44 7700 900123"}, {"email": "new@example.com", "phone": "+447700900123"}),
    ],
)
def test_limits_by_contact_hold_at_once(shop: Shop, by: str, first: dict[str, str], second: dict[str, str]) -> None:
    """Whoever says where to be reached is counted under it from the hold on, by whatever device."""
    shop.announce(sales.general_sale(per_order_max=2, per_buyer_max=3), slug="small", name="A Small Evening")
    path, client = "/api/v1/events/small/holds", shop.client()
    items = [{"tier": "general", "quantity": 2}]
    answered(client.post(path, json={"items": items, "buyer": first}), 201)

    refused = answered(client.post(path, json={"items": items, "buyer": second}), 409)

    assert (refused["code"], refused["by"]) == ("limit_reached", by)
    assert (refused["maximum"], refused["taken"]) == (3, 2)
    answered(client.post(path, json={"items": items, "buyer": {"email": "bob@example.com"}}), 201)
