"""Buyers who use the API, and what they wait for. Each is somebody of their own: device, address, card, telephone."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter

from tests.e2e.cards import CARDS_IN_TURN
from tests.live_house import Live

FESTIVAL = "harbor-lights-festival"
ARENA = "meridian-arena-night"
THEATRE = "old-town-theatre-hamlet"

ANSWER_SECONDS_MAX = 30
PATIENCE_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.1
SNAPSHOT_SECONDS = 0.06
"""A little more than what an answer about availability may be old."""

Json = dict[str, Any]
T = TypeVar("T")

_numbers = count(1)


@dataclass
class Buyer:
    """One program with one agent and one address."""

    live: Live
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        self.http = requests.Session()
        self.http.headers["User-Agent"] = f"buyer-{uuid4()}"
        self.http.mount("http://", _From(self.number))
        self.phone = f"+1202555{self.number:04d}"
        self.email = f"buyer-{uuid4().hex[:12]}@example.com"
        self.card = next(CARDS_IN_TURN)

    def __enter__(self) -> "Buyer":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    # Plain calls.

    def get(self, path: str, *, token: str | None = None) -> requests.Response:
        return self._call("GET", path, token=token)

    def post(self, path: str, body: Json, *, token: str | None = None, key: str | None = None) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self._call("POST", path, token=token, json=body, headers=headers)

    def ask_for(self, event: str, *items: Json, key: str | None = None) -> requests.Response:
        """Try to hold these."""
        return self.post(f"/events/{event}/holds", {"items": list(items)}, key=key)

    def ask_to_check_out(self, hold: Json) -> requests.Response:
        buyer = {"name": "Ada Lovelace", "email": self.email, "phone": self.phone}
        return self.post(f"/holds/{hold['id']}/checkout", {"buyer": buyer}, token=hold["token"])

    def submit(self, url: str, card: str | None = None) -> requests.Response:
        """Type a card into the payment page."""
        form = {
            "card_number": card or self.card, "exp_month": "12", "exp_year": "2044", "cvc": "123", "email": self.email,
        }  # fmt: skip
        return requests.post(url, data=form, allow_redirects=False, timeout=ANSWER_SECONDS_MAX)

    # Steps of a purchase, expected to succeed.

    def hold(self, event: str, *items: Json) -> Json:
        return answered(self.ask_for(event, *items), 201)

    def release(self, hold: Json) -> None:
        assert self._call("DELETE", f"/holds/{hold['id']}", token=hold["token"]).status_code == 204

    def check_out(self, hold: Json) -> Json:
        """``{"order": {"id", "token", …}, "checkout_url"}``"""
        return answered(self.ask_to_check_out(hold), 201)

    def pay(self, checkout: Json, card: str | None = None) -> str:
        """Answers where the payment page sends the buyer back to."""
        back = self.submit(checkout["checkout_url"], card)
        assert back.status_code == 303, back.text
        return back.headers["Location"]

    def buy(self, event: str, *items: Json) -> Json:
        """From nothing to a confirmed order: the checkout's order, with its token."""
        checkout = self.check_out(self.hold(event, *items))
        self.pay(checkout)
        self.sees(checkout["order"], "confirmed")
        order: Json = checkout["order"]
        return order

    # Looking.

    def order(self, order: Json) -> Json:
        return answered(self.get(f"/orders/{order['id']}", token=order["token"]), 200)

    def tickets(self, order: Json) -> list[Json]:
        items: list[Json] = answered(self.get(f"/orders/{order['id']}/tickets", token=order["token"]), 200)["items"]
        return items

    def sees(self, order: Json, state: str) -> Json:
        """Look at the order until it is in this state."""
        return until(lambda: self.order(order), lambda seen: bool(seen["state"] == state))

    def availability(self, event: str) -> Json:
        """What is free after everything that was done before this call."""
        sleep(SNAPSHOT_SECONDS)
        return answered(self.get(f"/events/{event}/availability"), 200)

    def plan(self, event: str) -> "Plan":
        return Plan(answered(self.get(f"/events/{event}/seat-map"), 200))

    def _call(self, method: str, path: str, *, token: str | None, **more: Any) -> requests.Response:
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        url = f"{self.live.url}/api/v1{path}"
        return self.http.request(method, url, headers=headers, timeout=ANSWER_SECONDS_MAX, **more)


@dataclass(frozen=True, slots=True)
class Plan:
    """An event's seat map, as the API tells it: columns, one entry a seat."""

    told: Json

    def ids(self, indexes: list[int]) -> list[str]:
        return [self.told["seats"]["id"][index] for index in indexes]

    def index(self, seat_id: str) -> int:
        found: int = self.told["seats"]["id"].index(seat_id)
        return found

    def zone(self, index: int) -> Json:
        found: Json = self.told["zones"][self.told["seats"]["zone"][index]]
        return found

    def in_zone(self, key: str) -> list[int]:
        """The indexes of all seats of a zone."""
        return [index for index in range(len(self.told["seats"]["id"])) if self.zone(index)["key"] == key]


class Visitor:
    """A person's browser without scripts: cookies, pages, and forms with what is hidden in them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.headers["Accept"] = "text/html"
        self.http.mount("http://", _From(next(_numbers)))

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def open(self, path: str) -> str:
        page = self.http.get(path if path.startswith("http") else self.url + path, timeout=ANSWER_SECONDS_MAX)
        assert page.status_code == 200, page.text
        return page.text

    def send(self, page: str, action: str, **fields: str) -> str:
        """Submit the page's form to ``action`` and answer the page that follows."""
        form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
        assert form, f"no form for {action} in {page}"
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1]))
        answer = self.http.post(self.url + action, data={**hidden, **fields}, timeout=ANSWER_SECONDS_MAX)
        assert answer.status_code == 200, answer.text
        return answer.text


def answered(response: requests.Response, status: int) -> Json:
    """The body of an answer that must have this status."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    body: Json = response.json()
    return body


def until(look: Callable[[], T], happy: Callable[[T], bool], *, seconds: float = PATIENCE_SECONDS) -> T:
    """Look again until it is as hoped for, within reason."""
    deadline = monotonic() + seconds
    while not happy(seen := look()):
        assert monotonic() < deadline, seen
        sleep(_LOOK_EVERY_SECONDS)
    return seen


class _From(HTTPAdapter):
    """Connections from an address of this machine that nobody else uses, because limits are counted by address."""

    def __init__(self, number: int) -> None:
        self._address = f"127.1.{number // 250}.{number % 250 + 1}"
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))
