"""What a monitor reads: the house's figures beside those of the web processes."""

from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from application.effects import renew_terms
from domain.audit import AuditEntry
from domain.errors import StoreUnavailable
from domain.pacing import Urgency
from domain.ports.backoffice import REPAIRED, Pulse
from domain.ports.rate_limits import EndpointSpending, Spending
from entrypoints.http.metrics import PULSE_KEPT
from tests.fakes.world import FakeIds
from tests.unit.http.shop import Shop


def figures(client: FlaskClient) -> dict[str, float]:
    """The house's figures by name, without those of processes."""
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    pairs = (line.split() for line in lines if line.startswith(("tessera_inventory_", "tessera_outbox_")))
    return {name: float(value) for name, value in pairs}


def note_repair(shop: Shop) -> None:
    with shop.store() as uow:
        uow.audit.add(
            AuditEntry(
                id=uuid4(), at=shop.fake_clock.now(), actor="system", action=REPAIRED, subject_kind="event",
                subject_id=str(shop.field.id),
            )
        )  # fmt: skip
        uow.commit()


def test_repairs_and_effects_are_counted_from_the_books(shop: Shop) -> None:
    """Whichever process is asked, and whenever it was started, it says what the trail and the outbox have."""
    shop.buy()
    with shop.store() as uow:
        uow.outbox.add(renew_terms(shop.field.id, version=2, ids=FakeIds(), now=shop.fake_clock.now()))
        uow.commit()
    note_repair(shop)
    note_repair(shop)

    assert figures(shop.client()) == {
        "tessera_inventory_repairs_total": 2.0,
        "tessera_outbox_waiting": 1.0,
        "tessera_outbox_parked": 0.0,
    }


def test_figures_are_asked_for_once_in_a_while(shop: Shop) -> None:
    """A monitor that asks without a pause costs Postgres nothing more; some seconds later the figures are new."""
    client = shop.client()
    before = figures(client)
    note_repair(shop)

    assert figures(client) == before
    shop.fake_clock.advance(seconds=PULSE_KEPT / timedelta(seconds=1))
    assert figures(client)["tessera_inventory_repairs_total"] == 1.0


def test_processes_are_measured_while_postgres_is_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that nobody knows are left out, everything else is answered, and Postgres is not asked all the time."""
    client = shop.client()
    client.get("/healthz")
    asked = []

    def away() -> Pulse:
        asked.append(1)
        raise StoreUnavailable("Postgres does not answer")

    monkeypatch.setattr(shop.fake_backoffice, "pulse", away)

    answers = [client.get("/metrics") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert all('route="/healthz"' in answer.text for answer in answers)
    assert figures(client) == {}
    assert len(asked) == 1


def test_what_calls_to_stripe_cost_is_told(shop: Shop) -> None:
    """Calls, waits and refusals by endpoint and urgency; refusals of everything are under a name of their own."""
    nothing = dict.fromkeys(Urgency, Spending())
    shop.spending = {
        "": EndpointSpending(by_urgency=nothing, limited=1),
        "POST /v1/refunds": EndpointSpending(
            by_urgency={**nothing, Urgency.BULK: Spending(calls=7, refused=2, waited_seconds=1.5)}, limited=3
        ),
    }

    lines = shop.client().get("/metrics").text.splitlines()

    refunds = 'endpoint="POST /v1/refunds",urgency="bulk"'
    assert f"tessera_stripe_calls_total{{{refunds}}} 7.0" in lines
    assert f"tessera_stripe_refused_total{{{refunds}}} 2.0" in lines
    assert f"tessera_stripe_waited_seconds_total{{{refunds}}} 1.5" in lines
    assert 'tessera_stripe_limited_total{endpoint="POST /v1/refunds"} 3.0' in lines
    assert 'tessera_stripe_limited_total{endpoint="everywhere"} 1.0' in lines
