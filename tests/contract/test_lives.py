"""However a purchase is interrupted, it ends the same, and nobody is charged without tickets or served without pay.

On the real protocol: Postgres, Valkey, and the official SDK against the sandbox. ``lives.py`` is the table.
"""

from collections.abc import Iterator
from itertools import permutations

import pytest

from domain.orders import OrderState
from tests.contract.lives import LIVES, Life, Play
from tests.contract.mortal_house import MortalHouse, Mortality
from tests.contract.payment_providers import SandboxProvider
from tests.contract.purchase_houses import Servers, servers_at
from tests.contract.sandboxes import Sandbox, sandbox_running
from tests.contract.webhook_lives import WEBHOOK_LIVES, WebhookLife, delivered
from tests.fakes.sales import general_sale

KILL_POINTS_MIN = 30
WEBHOOKS_AT_ONCE_MAX = 4
CAPACITY = 100_000

BY_NAME = {life.name: life for life in LIVES}
KILL_POINTS = tuple((life, step) for life in LIVES for step in life.deaths)

FAULTS = ("500", "lost_reply", "connection_reset", "delay")
FAULTS_IN_A_ROW = {"429": 1, "delay": 1, "500": 3, "lost_reply": 3, "connection_reset": 3}
"""More than the SDK repeats by itself, so that our own caller must. A 429 makes everybody wait for seconds, really."""
READ_SECONDS_OF_THE_IMPATIENT = 0.1
CALLS = (
    ("open_checkout", "purchase"),
    ("look_up", "purchase"),
    ("capture", "purchase"),
    ("close_checkout", "abandoned"),
    ("close_checkout", "paid in the last moment"),
    ("void", "rejected"),
    ("refund", "refund"),
    ("find_refund", "refund that the bank thinks about"),
)


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


def house_on(servers: Servers, sandbox: Sandbox, *, doomed: str | None = None) -> MortalHouse:
    sandbox.control("POST", "reset")
    sale = general_sale(capacity=CAPACITY)
    return MortalHouse(sale=sale, servers=servers, sandbox=sandbox, mortality=Mortality(doomed=doomed))


def assert_rest(life: Life, play: Play) -> None:
    """It came to the life's own end, and there is nothing that anybody would have to look into."""
    assert play.house.end(play.order) == life.end
    assert play.house.wrongs() == []


def test_the_table_forgets_no_step() -> None:
    """Enough deaths, and each told once."""
    assert len(KILL_POINTS) >= KILL_POINTS_MIN
    assert len({(life.name, step) for life, step in KILL_POINTS}) == len(KILL_POINTS)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_a_life_without_trouble(life: Life, servers: Servers, sandbox: Sandbox) -> None:
    """The end that all others are measured by; and every step that a life takes is somewhere in the table of deaths."""
    house = house_on(servers, sandbox)
    assert_rest(life, life.live(house))
    steps = set(house.mortality.steps)
    assert steps.issuperset(life.deaths), "a death that never comes proves nothing"
    told = {step.split(" ")[0] for _, step in KILL_POINTS}
    assert {step.split(" ")[0] for step in steps} - {"the"} <= told


@pytest.mark.parametrize(("life", "step"), KILL_POINTS, ids=[f"{life.name}: {step}" for life, step in KILL_POINTS])
def test_a_death_changes_nothing(life: Life, step: str, servers: Servers, sandbox: Sandbox) -> None:
    """The process dies right after this step took effect; its successor brings the life to the same end."""
    house = house_on(servers, sandbox, doomed=step)
    play = life.live(house)
    assert house.mortality.died
    assert_rest(life, play)


@pytest.mark.parametrize(
    ("call", "name", "fault"),
    [*((call, name, fault) for call, name in CALLS for fault in FAULTS), ("capture", "purchase", "429")],
)
def test_a_fault_changes_nothing(call: str, name: str, fault: str, servers: Servers, sandbox: Sandbox) -> None:
    """The provider is busy, broken, cut off, slow, or acts and is not heard: the end is the same."""
    house = house_on(servers, sandbox)
    if fault == "delay":
        house.lose_patience(read_seconds=READ_SECONDS_OF_THE_IMPATIENT)
    verb, path = SandboxProvider.paths[call]
    sandbox.control(
        "POST", "faults",
        {"target": "stripe", "kind": fault, "method": verb, "path": path, "times": FAULTS_IN_A_ROW[fault],
         "seconds": 2 * READ_SECONDS_OF_THE_IMPATIENT},
    )  # fmt: skip
    life = BY_NAME[name]
    play = life.live(house)
    (armed,) = sandbox.control("GET", "faults")["data"]
    assert armed["hits"], "the fault never happened"
    house.restart()
    assert_rest(life, play)


@pytest.mark.parametrize("life", WEBHOOK_LIVES, ids=lambda life: life.name)
def test_webhooks_in_any_order_any_number_of_times(
    life: WebhookLife, servers: Servers, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every order of up to four webhooks, one of them twice; some early, some days late; or none at all."""
    house = house_on(servers, sandbox)
    monkeypatch.setattr("domain.fraud.CARD_ORDERS_PER_DAY_MAX", 1_000)  # All of them pay with the same card.
    orders = []
    for count in range(WEBHOOKS_AT_ONCE_MAX + 1):
        for types in sorted(set(permutations(life.webhooks, count))):
            orders.append(life.begin(house))
            for type_ in types:
                delivered(house, orders[-1], type_)
    house.restart()
    assert {house.end(order) for order in orders} == {life.end}
    assert house.wrongs() == []


def test_a_webhook_three_days_late_changes_nothing(servers: Servers, sandbox: Sandbox) -> None:
    """What it hints at was found long ago."""
    house = house_on(servers, sandbox)
    life = BY_NAME["purchase"]
    play = life.live(house)
    house.advance(seconds=3 * 24 * 3_600)
    for type_ in ("checkout.session.completed", "checkout.session.expired", "payment_intent.canceled"):
        delivered(house, play.order, type_)
    house.restart()
    assert house.order(play.order.id).state is OrderState.CONFIRMED
    assert_rest(life, play)
