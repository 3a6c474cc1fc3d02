"""However a purchase is interrupted, it ends the same, and nobody is charged without tickets or served without pay.

On the real protocol: Postgres, Valkey, and the official SDK against the sandbox. ``lives.py`` and ``exchange_lives.py``
are the table.
"""

from collections.abc import Iterator
from itertools import permutations

import pytest

from domain.orders import OrderState
from tests.contract.exchange_lives import EXCHANGE_LIVES
from tests.contract.lives import LIVES, Life, Play
from tests.contract.mortal_house import MortalHouse
from tests.contract.payment_providers import SandboxProvider
from tests.contract.purchase_houses import Servers, servers_at
from tests.contract.sandboxes import Sandbox, sandbox_running
from tests.contract.webhook_lives import WEBHOOK_LIVES, WebhookLife, delivered
from tests.fakes.sales import general_sale
from tests.unit.application.test_exchanges import with_a_free_tier

KILL_POINTS_MIN = 30
WEBHOOKS_AT_ONCE_MAX = 4
CAPACITY = 100_000

ALL_LIVES: tuple[Life, ...] = (*LIVES, *EXCHANGE_LIVES)
BY_NAME = {life.name: life for life in ALL_LIVES}
KILL_POINTS = tuple((life, step) for life in ALL_LIVES for step in life.deaths)

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
CALLS_OF_EXCHANGES = {
    ("capture", "another night that costs more"): FAULTS,
    ("refund", "another night that costs more"): FAULTS,
    ("look_up", "another night that costs more"): ("500", "lost_reply"),
    ("void", "an old ticket is used before the money is taken"): ("500", "lost_reply"),
    ("close_checkout", "nobody pays"): ("lost_reply",),
}
"""Only what decides about old tickets: the others are the same calls."""


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Iterator[Servers]:
    with servers_at(database_url=database_url, redis_url=redis_url) as connected:
        yield connected


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


def house_on(servers: Servers, sandbox: Sandbox) -> MortalHouse:
    """Its second tier costs nothing."""
    sandbox.control("POST", "reset")
    return MortalHouse(sale=with_a_free_tier(general_sale(capacity=CAPACITY)), servers=servers, sandbox=sandbox)


def assert_rest(life: Life, play: Play) -> None:
    """It came to the life's own end, and there is nothing that anybody would have to look into."""
    assert play.ends() == life.ends
    assert play.wrongs() == []


def test_the_table_forgets_no_step() -> None:
    """Enough deaths, and each told once."""
    assert len(KILL_POINTS) >= KILL_POINTS_MIN
    assert len({(life.name, step) for life, step in KILL_POINTS}) == len(KILL_POINTS)
    assert len(BY_NAME) == len(ALL_LIVES)


@pytest.mark.parametrize("life", ALL_LIVES, ids=lambda life: life.name)
def test_a_life_without_trouble(life: Life, servers: Servers, sandbox: Sandbox) -> None:
    """The end that all others are measured by; and every step that a life takes is somewhere in the table of deaths."""
    play = life.begin(house_on(servers, sandbox))
    play.house.mortality.comes_after(None)
    life.live(play)
    assert_rest(life, play)
    steps = set(play.house.mortality.steps)
    assert steps.issuperset(life.deaths), "a death that never comes proves nothing"
    told = {step.split(" ")[0] for _, step in KILL_POINTS}
    assert {step.split(" ")[0] for step in steps} - {"the"} <= told


@pytest.mark.parametrize(("life", "step"), KILL_POINTS, ids=[f"{life.name}: {step}" for life, step in KILL_POINTS])
def test_a_death_changes_nothing(life: Life, step: str, servers: Servers, sandbox: Sandbox) -> None:
    """The process dies right after this step took effect; its successor brings the life to the same end."""
    play = life.begin(house_on(servers, sandbox))
    play.house.mortality.comes_after(step)
    life.live(play)
    assert play.house.mortality.died
    assert_rest(life, play)


@pytest.mark.parametrize(
    ("call", "name", "fault"),
    [
        *((call, name, fault) for call, name in CALLS for fault in FAULTS),
        *((call, name, fault) for (call, name), faults in CALLS_OF_EXCHANGES.items() for fault in faults),
        ("capture", "purchase", "429"),
    ],
)
def test_a_fault_changes_nothing(call: str, name: str, fault: str, servers: Servers, sandbox: Sandbox) -> None:
    """The provider is busy, broken, cut off, slow, or acts and is not heard: the end is the same."""
    house, life = house_on(servers, sandbox), BY_NAME[name]
    play = life.begin(house)
    if fault == "delay":
        house.lose_patience(read_seconds=READ_SECONDS_OF_THE_IMPATIENT)
    verb, path = SandboxProvider.paths[call]
    sandbox.control(
        "POST", "faults",
        {"target": "stripe", "kind": fault, "method": verb, "path": path, "times": FAULTS_IN_A_ROW[fault],
         "seconds": 2 * READ_SECONDS_OF_THE_IMPATIENT},
    )  # fmt: skip
    life.live(play)
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
    play = life.begin(house)
    life.live(play)
    house.advance(seconds=3 * 24 * 3_600)
    for type_ in ("checkout.session.completed", "checkout.session.expired", "payment_intent.canceled"):
        delivered(house, play.order, type_)
    house.restart()
    assert house.order(play.order.id).state is OrderState.CONFIRMED
    assert_rest(life, play)
