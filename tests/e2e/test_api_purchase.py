"""A purchase by a program: the whole protocol over HTTP, on the real processes, servers and wire protocols."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.e2e.cards import API_CARD
from tests.live_house import Live

pytestmark = [pytest.mark.xdist_group("house"), pytest.mark.timeout(120)]

FESTIVAL = "harbor-lights-festival"
THEATRE = "old-town-theatre-hamlet"
PATIENCE_SECONDS = 20.0


class Buyer:
    """A program with an agent of its own, so that everybody's limits are their own."""

    def __init__(self, live: Live) -> None:
        self.url = f"{live.url}/api/v1"
        self.http = requests.Session()
        self.http.headers["User-Agent"] = f"buyer-{uuid4()}"

    def get(self, path: str, token: str | None = None, **options: Any) -> requests.Response:
        return self.http.get(f"{self.url}{path}", headers=_shown(token), timeout=15, **options)

    def post(self, path: str, body: Any, token: str | None = None, **headers: str) -> requests.Response:
        return self.http.post(f"{self.url}{path}", json=body, headers={**_shown(token), **headers}, timeout=15)

    def hold(self, event: str, *items: dict[str, Any], **headers: str) -> dict[str, Any]:
        return answered(self.post(f"/events/{event}/holds", {"items": list(items)}, **headers), 201)

    def checkout(self, held: dict[str, Any]) -> dict[str, Any]:
        buyer = {"name": "Ada Lovelace", "email": f"ada-{uuid4().hex[:8]}@example.com", "phone": "+15005550006"}
        return answered(self.post(f"/holds/{held['id']}/checkout", {"buyer": buyer}, held["token"]), 201)

    def pay(self, checkout: dict[str, Any], card: str = API_CARD) -> requests.Response:
        form = {"card_number": card, "exp_month": "12", "exp_year": "2032", "cvc": "123", "email": "ada@example.com"}
        return requests.post(checkout["checkout_url"], data=form, allow_redirects=False, timeout=15)

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        return answered(self.get(f"/orders/{order['id']}", order["token"]), 200)

    def becomes(self, order: dict[str, Any], state: str) -> dict[str, Any]:
        return until(lambda: self.order(order), lambda seen: bool(seen["state"] == state))


def _shown(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def answered(response: requests.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


def until(look: Callable[[], dict[str, Any]], happy: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Look again until it is as hoped for, within reason."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not happy(seen := look()):
        assert monotonic() < deadline, seen
        sleep(0.2)
    return seen


@pytest.fixture
def buyer(live: Live) -> Buyer:
    return Buyer(live)


def test_from_a_hold_to_tickets_and_back(live: Live, buyer: Buyer) -> None:
    """Hold, pay, scan, refund: every step by the contract, and the money ends where it should."""
    held = buyer.hold(FESTIVAL, {"tier": "general", "quantity": 2}, **{"Idempotency-Key": "first-try"})
    again = buyer.hold(FESTIVAL, {"tier": "general", "quantity": 2}, **{"Idempotency-Key": "first-try"})
    assert again["id"] == held["id"]
    checkout = buyer.checkout(held)
    order = checkout["order"]
    assert order["state"] == "awaiting_payment"

    back = buyer.pay(checkout)

    assert back.status_code == 303
    assert back.headers["Location"].startswith(f"{live.url}/orders/{order['id']}")
    confirmed = buyer.becomes(order, "confirmed")
    assert confirmed["total"] == held["total"]
    tickets = answered(buyer.get(f"/orders/{order['id']}/tickets", order["token"]), 200)["items"]
    assert len(tickets) == 2
    for suffix, kind in ((".pdf", "application/pdf"), (".svg", "image/svg+xml")):
        document = buyer.get(f"/tickets/{tickets[0]['id']}{suffix}", order["token"])
        assert (document.status_code, document.headers["Content-Type"]) == (200, kind)

    quote = answered(buyer.get(f"/orders/{order['id']}/refund-quote", order["token"]), 200)
    refund = answered(buyer.post(f"/orders/{order['id']}/refunds", {"tickets": None}, order["token"]), 201)
    assert refund["amount"] == quote["total"]
    assert buyer.becomes(order, "refunded")["refunded"] == quote["total"]


def test_a_declined_card_may_be_tried_again(buyer: Buyer) -> None:
    """The tickets are kept; another card on the same page pays."""
    checkout = buyer.checkout(buyer.hold(FESTIVAL, {"tier": "general", "quantity": 1}))

    declined = buyer.pay(checkout, card="4000000000000002")
    assert declined.status_code != 303
    assert buyer.order(checkout["order"])["state"] == "awaiting_payment"

    assert buyer.pay(checkout).status_code == 303
    buyer.becomes(checkout["order"], "confirmed")


def test_one_seat_has_one_winner(live: Live) -> None:
    """Twenty programs want the same seat in the same moment: one gets it, all others hear which seat is taken."""
    scout = Buyer(live)
    plan = answered(scout.get(f"/events/{THEATRE}/seat-map"), 200)
    free = answered(scout.get(f"/events/{THEATRE}/availability"), 200)["seats"]
    index = free.rindex("f")
    zone = plan["zones"][plan["seats"]["zone"][index]]
    item = {"tier": zone["tiers"][0], "seats": [plan["seats"]["id"][index]]}
    crowd = [Buyer(live) for _ in range(20)]

    with ThreadPoolExecutor(len(crowd)) as at_once:
        answers = list(at_once.map(lambda one: one.post(f"/events/{THEATRE}/holds", {"items": [item]}), crowd))

    winners = [answer for answer in answers if answer.status_code == 201]
    assert len(winners) == 1
    for loser in answers:
        if loser is not winners[0]:
            assert answered(loser, 409)["code"] == "seats_taken"
            assert loser.json()["seats"] == item["seats"]
    held = winners[0].json()
    token = _shown(held["token"])
    assert requests.delete(f"{scout.url}/holds/{held['id']}", headers=token, timeout=15).status_code == 204


def test_the_stream_tells_of_a_hold_within_a_second(buyer: Buyer) -> None:
    """By way of the web process's redirect: a snapshot first, then every change in absolute values, and resumable."""
    with buyer.get(f"/events/{FESTIVAL}/availability/stream", stream=True) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        told = events(stream)
        kind, _, snapshot = next(told)
        assert kind == "snapshot"

        held = buyer.hold(FESTIVAL, {"tier": "general", "quantity": 3})
        started = monotonic()
        while True:
            kind, identity, change = next(told)
            assert monotonic() - started < 5
            if change["version"] > snapshot["version"] and kind == "change":
                break
    assert set(change["zones"]) == {"field"}
    headers = {"Last-Event-ID": identity}
    path = f"{buyer.url}/events/{FESTIVAL}/availability/stream"
    answered_delete = requests.delete(f"{buyer.url}/holds/{held['id']}", headers=_shown(held["token"]), timeout=15)
    assert answered_delete.status_code == 204
    with requests.get(path, headers=headers, stream=True, timeout=15) as resumed:
        kind, _, rest = next(events(resumed))
    assert kind == "change"
    assert rest["version"] > change["version"]


def events(stream: requests.Response) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, id and data of each event."""
    found: dict[str, str] = {}
    for raw in stream.iter_lines():
        line = raw.decode()
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield found["event"], found["id"], json.loads(found["data"])
            found = {}


def test_the_house_says_how_it_is(live: Live) -> None:
    """Alive, ready, counted over all workers, and documented."""
    assert requests.get(f"{live.url}/healthz", timeout=15).json() == {"status": "ok"}
    assert set(requests.get(f"{live.url}/readyz", timeout=15).json()["checks"].values()) == {"ok"}
    counts = [_answers(live) for _ in range(2)]
    assert counts[1] > counts[0] > 0
    assert requests.get(f"{live.url}/openapi.json", timeout=15).json()["openapi"].startswith("3.1")


def _answers(live: Live) -> float:
    """How many API answers all web processes together have counted."""
    requests.get(f"{live.url}/api/v1/events", timeout=15)
    text = requests.get(f"{live.url}/metrics", timeout=15).text
    return sum(map(float, re.findall(r"tessera_http_seconds_count\{[^}]*/api/v1/[^}]*\} ([0-9.e+]+)", text)))
