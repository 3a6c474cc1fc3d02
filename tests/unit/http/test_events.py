"""What is on offer: lists, one event, its map, and what is free."""

import gzip
from threading import Barrier, Thread

import orjson
import pytest
from flask.testing import FlaskClient

from domain.errors import InventoryUnavailable, NotFound
from entrypoints.http.api import availability_desk
from entrypoints.http.api.availability_desk import Snapshots
from tests.fakes import sales
from tests.unit.http.shop import STREAM_URL, Shop, answered


def test_the_list_is_paged_by_cursor(client: FlaskClient) -> None:
    """Every event comes once, whatever the page size."""
    seen: list[str] = []
    cursor = ""
    while True:
        page = answered(client.get(f"/api/v1/events?limit=1{cursor}"), 200)
        seen += [item["slug"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert sorted(seen) == ["drama", "field", "stranger"]


def test_the_list_is_filtered(client: FlaskClient) -> None:
    """By words, city, venue, category and time."""

    def found(query: str) -> set[str]:
        return {item["slug"] for item in answered(client.get(f"/api/v1/events?{query}"), 200)["items"]}

    assert found("q=songs") == {"field"}
    assert found("venue=hall-of-drama") == {"drama"}
    assert found("city=Nowhere") == set()
    assert found("category=theatre&from=2027-01-01T00:00:00Z") == {"drama", "field", "stranger"}
    assert found("to=2026-12-01T00:00:00Z") == set()


def test_an_event_has_two_names(shop: Shop, client: FlaskClient) -> None:
    """Its slug and its id show the same."""
    by_slug = answered(client.get("/api/v1/events/field"), 200)
    by_id = answered(client.get(f"/api/v1/events/{shop.field.id}"), 200)

    assert by_slug == by_id
    assert [tier["key"] for tier in by_slug["tiers"]] == ["general", "vip"]
    assert [tier["access_code_required"] for tier in by_slug["tiers"]] == [False, True]
    assert by_slug["price_from"] == {"amount": 4950, "currency": "USD"}


def test_an_event_says_by_which_rules_it_is_sold(shop: Shop, client: FlaskClient) -> None:
    """What a client must know before it asks: times, extensions, lone seats, accessible seats."""
    shop.announce(sales.accessible_sale(extensions_max=2), slug="ramp", name="Up the Ramp")
    strict = sales.reserved_sale(may_strand_seats=False, accessible_released=True)
    shop.announce(strict, slug="tidy", name="A Tidy House")

    ramp = answered(client.get("/api/v1/events/ramp"), 200)["sale"]
    tidy = answered(client.get("/api/v1/events/tidy"), 200)["sale"]

    assert (ramp["hold_seconds"], ramp["hold_seconds_cap"], ramp["extensions_max"]) == (600, 3_600, 2)
    assert (ramp["accessible_seats"], ramp["accessible_released"], ramp["may_strand_seats"]) == (2, False, True)
    assert (tidy["accessible_seats"], tidy["accessible_released"], tidy["may_strand_seats"]) == (0, True, False)


def test_accessible_seats_are_counted_apart(shop: Shop, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What anybody may take, what is kept for who asks, and the same story told by letter."""
    monkeypatch.setattr(availability_desk, "SNAPSHOT_SECONDS_MAX", 0)
    shop.announce(sales.accessible_sale(), slug="ramp", name="Up the Ramp")
    path = "/api/v1/events/ramp"

    before = answered(client.get(f"{path}/availability"), 200)
    assert before["seats"] == "acffacff" + "f" * 8
    assert (before["zones"], before["accessible"]) == ({"house": 12}, {"house": 2})
    assert list(before["tiers"].values()) == [12]

    items = [{"tier": "seat", "best_available": 2, "accessible": True}]
    answered(client.post(f"{path}/holds", json={"items": items}), 201)
    after = answered(client.get(f"{path}/availability"), 200)
    assert after["zones"] == {"house": after["seats"].count("f")}
    assert after["accessible"] == {"house": after["seats"].count("a")} == {"house": 1}


def test_the_map_is_one_list_a_property(shop: Shop, client: FlaskClient) -> None:
    """All lists are in seat order, so a seat is one position in each of them and in the availability string."""
    shown = answered(client.get("/api/v1/events/drama/seat-map"), 200)
    free = answered(client.get("/api/v1/events/drama/availability"), 200)

    seats = shown["seats"]
    plan = shop.fake_catalogue.on_sale(event="drama").seat_map
    assert {len(values) for values in seats.values()} == {len(plan.seats)} == {len(free["seats"])}
    assert [shown["zones"][zone]["key"] for zone in seats["zone"]] == [seat.zone for seat in plan.seats]
    assert [(zone["first"], zone["count"]) for zone in shown["zones"]] == [(0, 30), (30, 16)]


def test_the_map_is_kept_by_its_tag(client: FlaskClient) -> None:
    """304 for who has it, bytes for good under the address with the tag, gzip for who can read it."""
    path = "/api/v1/events/drama/seat-map"
    first = client.get(path)
    tag = first.headers["ETag"]

    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert "immutable" not in first.headers["Cache-Control"]
    assert "immutable" in client.get(f"{path}?v={tag[3:-1]}").headers["Cache-Control"]
    assert "immutable" not in client.get(f"{path}?v=old").headers["Cache-Control"]
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == first.data


def test_availability_is_kept_by_its_version(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """304 as long as nothing changes; the next snapshot after a hold is another one."""
    monkeypatch.setattr(availability_desk, "SNAPSHOT_SECONDS_MAX", 0)
    path = "/api/v1/events/field/availability"
    tag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304

    client.post("/api/v1/events/field/holds", json={"items": [{"tier": "general", "quantity": 3}]})

    after = client.get(path, headers={"If-None-Match": tag})
    assert answered(after, 200)["zones"] == {"floor": 497}


def test_a_snapshot_is_asked_for_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 50 ms a hundred visitors cost the inventory one question, also when they come at the same moment."""
    monkeypatch.setattr(availability_desk, "SNAPSHOT_SECONDS_MAX", 60)
    asked: list[str] = []
    real = shop.availability

    def counted(event: str, /) -> object:
        asked.append(event)
        return real(event)

    monkeypatch.setattr(shop, "availability", counted)
    snapshots, start = Snapshots(), Barrier(20)

    def visit() -> None:
        start.wait()
        for _ in range(5):
            snapshots.get("field", shop)

    visitors = [Thread(target=visit) for _ in range(20)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()

    assert asked == ["field"]


def test_failures_are_not_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown event or a silent inventory leaves nothing behind, and the next question is asked again."""
    snapshots = Snapshots()
    for _ in range(2):
        with pytest.raises(NotFound):
            snapshots.get("nowhere", shop)
    assert not snapshots._locks

    def away(event: str, /) -> object:
        raise InventoryUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(shop, "availability", away)
        with pytest.raises(InventoryUnavailable):
            snapshots.get("field", shop)
    assert orjson.loads(snapshots.get("field", shop).plain)["zones"] == {"floor": 500}


def test_the_stream_is_elsewhere(client: FlaskClient) -> None:
    """307 to the stream process, without a body."""
    path = "/api/v1/events/field/availability/stream"
    response = client.get(path)

    assert response.status_code == 307
    assert response.headers["Location"] == f"{STREAM_URL}{path}"
    assert response.data == b""
