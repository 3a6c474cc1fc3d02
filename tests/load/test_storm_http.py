"""A storm on a running house: purchases under random faults. Afterwards our books and the provider's must agree.

The house is its own: so many orders in so short a time look like fraud to those who come after.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from time import monotonic

import psycopg
import pytest
import redis
import requests

from tests.contract.sandboxes import Sandbox
from tests.e2e.buyers import ARENA, FESTIVAL, THEATRE, Buyer, Json, Visitor, until
from tests.e2e.cards import DECLINED_CARD, RISKY_CARD
from tests.live_house import Live, house_running

pytestmark = [pytest.mark.xdist_group("houses of its own"), pytest.mark.timeout(240)]

STORM_SECONDS = 10.0
CALM_SECONDS_MAX = 120.0
BUYERS_AT_ONCE = 8
CHECKOUT_TRIES = 6
FAULTS: tuple[Json, ...] = (
    {"target": "stripe", "kind": "lost_reply", "probability": 0.08},
    {"target": "stripe", "kind": "connection_reset", "probability": 0.05},
    {"target": "stripe", "kind": "500", "probability": 0.05},
    {"target": "stripe", "kind": "500", "after": True, "probability": 0.05},
    {"target": "stripe", "kind": "503", "probability": 0.05},
    {"target": "stripe", "kind": "429", "probability": 0.05},
    {"target": "stripe_webhooks", "kind": "drop", "probability": 0.3},
    {"target": "stripe_webhooks", "kind": "duplicate", "probability": 0.3},
    {"target": "stripe_webhooks", "kind": "reorder", "seconds": 1, "probability": 0.3},
    {"target": "twilio", "kind": "lost_reply", "probability": 0.1},
)
WISHES: tuple[tuple[str, Json], ...] = (
    (FESTIVAL, {"tier": "general", "quantity": 2}),
    (FESTIVAL, {"tier": "vip", "quantity": 1}),
    (THEATRE, {"tier": "concession", "best_available": 2}),
    (ARENA, {"tier": "upper", "best_available": 3}),
)
EXPECTED = frozenset({201, 303, 402, 409, 410, 503})
"""A buyer may hear of a refusal or of an outage, and never of a crash."""


@pytest.fixture
def house() -> Iterator[Live]:
    with house_running() as running:
        yield running


@pytest.fixture
def sandbox(house: Live) -> Iterator[Sandbox]:
    control = Sandbox(house.sandbox_url)
    for fault in FAULTS:
        control.control("POST", "faults", {"times": None, **fault})
    yield control
    control.control("DELETE", "faults")
    control.close()


def test_after_a_storm_every_charge_has_its_tickets(house: Live, sandbox: Sandbox) -> None:
    """Lost replies, broken webhooks and an emptied Valkey: everybody paid gets tickets, everybody else pays nothing."""
    calm = Event()

    def emptied() -> None:
        with redis.Redis.from_url(house.environment()["REDIS_URL"]) as valkey:
            calm.wait(STORM_SECONDS / 2)
            valkey.flushall()

    with ThreadPoolExecutor(BUYERS_AT_ONCE + 1) as pool:
        flush = pool.submit(emptied)
        told = sum(pool.map(lambda seed: shopping(house, Random(seed)), range(BUYERS_AT_ONCE)), Counter[int]())
        flush.result()
    assert set(told) <= EXPECTED, told
    assert told[303] > BUYERS_AT_ONCE, told

    sandbox.control("DELETE", "faults")
    with psycopg.connect(house.environment()["DATABASE_URL"], autocommit=True) as database:
        until(lambda: unfinished(database), lambda left: left == 0, seconds=CALM_SECONDS_MAX)
        until(lambda: differences(database, sandbox), lambda found: found == [], seconds=CALM_SECONDS_MAX)
    until(lambda: house.run("verify"), lambda checked: checked.returncode == 0)


def shopping(house: Live, chance: Random) -> Counter[int]:
    """One purchase after the other, some given up, declined, risky or refunded. Counts the answers by status."""
    told: Counter[int] = Counter()
    until_when = monotonic() + STORM_SECONDS
    while monotonic() < until_when:
        with Buyer(house) as buyer:
            purchase(buyer, chance, told)
    return told


def purchase(buyer: Buyer, chance: Random, told: Counter[int]) -> None:
    event, wish = chance.choice(WISHES)
    held = buyer.ask_for(event, wish)
    told[held.status_code] += 1
    if held.status_code != 201 or chance.random() < 0.1:
        return
    checkout = checked_out(buyer, held.json(), told)
    if checkout is None or chance.random() < 0.1:
        return
    order = checkout["order"]
    if chance.random() < 0.1:
        with Visitor(buyer.live.url) as visitor:
            page = visitor.open(f"/orders/{order['id']}?token={order['token']}")
            visitor.send(page, f"/orders/{order['id']}/cancel")
    for card in chance.choice(((None,), (None,), (None,), (DECLINED_CARD, None), (RISKY_CARD,))):
        told[buyer.submit(checkout["checkout_url"], card).status_code] += 1
    if chance.random() < 0.2:
        asked = buyer.post(f"/orders/{order['id']}/refunds", {"tickets": None}, token=order["token"])
        told[asked.status_code] += 1


def checked_out(buyer: Buyer, hold: Json, told: Counter[int]) -> Json | None:
    """An impatient buyer's checkout: asked again as long as it is an outage."""
    for _ in range(CHECKOUT_TRIES):
        answer: requests.Response = buyer.ask_to_check_out(hold)
        told[answer.status_code] += 1
        if answer.status_code == 201:
            checkout: Json = answer.json()
            return checkout
        if answer.status_code != 503:
            break
    return None


def unfinished(database: psycopg.Connection) -> int:
    """Effects that are still due, and payments that are still on their way."""
    (effects,) = database.execute("SELECT count(*) FROM outbox WHERE done_at IS NULL").fetchall()
    (payments,) = database.execute(
        "SELECT count(*) FROM payments WHERE state IN ('capture_requested', 'void_requested')"
    ).fetchall()
    return int(effects[0]) + int(payments[0])


def differences(database: psycopg.Connection, sandbox: Sandbox) -> list[str]:
    """Orders of which the provider took more or less than they cost, or still keeps what it should let go."""
    taken, kept = defaultdict[str, int](int), Counter[str]()
    for intent in sandbox.control("GET", "payment_intents?limit=10000")["data"]:
        order = intent["metadata"]["order_id"]
        taken[order] += intent["amount_received"]
        kept[order] += intent["status"] == "requires_capture"
    returned = Counter[str]()
    for refund in sandbox.control("GET", "refunds?limit=10000")["data"]:
        returned[refund["metadata"]["order_id"]] += refund["amount"]
    found = []
    orders = database.execute("SELECT id::text, state, total_minor, refunded_minor FROM orders").fetchall()
    for order, state, total, refunded in orders:
        owed = total if state in {"confirmed", "partially_refunded", "refunded"} else 0
        ours, theirs = (owed, refunded, state == "in_review"), (taken[order], returned[order], kept[order] > 0)
        if ours != theirs:
            found.append(f"order {order} is {state}: we say {ours}, the provider says {theirs}")
    return found
