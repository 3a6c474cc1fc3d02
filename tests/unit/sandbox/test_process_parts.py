"""The sandbox's own machinery: documents, timetable, faults and clock."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from entrypoints.sandbox.clock import SandboxClock
from entrypoints.sandbox.config import SandboxConfig
from entrypoints.sandbox.deliveries import Deliveries
from entrypoints.sandbox.faults import FaultEngine
from entrypoints.sandbox.schedule import Schedule
from entrypoints.sandbox.store import Database, Documents


@pytest.fixture
def database() -> Any:
    database = Database(None)
    yield database
    database.close()


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    """When the block raises, at whatever depth, nothing of it stays."""
    documents = Documents(database, vendor="v")
    documents.put("thing", "a", {"n": 1})

    def break_halfway() -> None:
        with documents.transaction():
            documents.put("thing", "a", {"n": 2})
            with documents.transaction():
                documents.put("thing", "b", {"n": 3})
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        break_halfway()
    assert documents.get("thing", "a") == {"n": 1}
    assert documents.get("thing", "b") is None


def test_vendors_do_not_see_each_other(database: Database) -> None:
    """The same kind and id are two documents."""
    first, second = Documents(database, vendor="one"), Documents(database, vendor="two")
    first.put("thing", "a", {"n": 1})
    assert second.get("thing", "a") is None
    assert second.select("thing") == []


def test_selection_filters_bounds_and_pages(database: Database) -> None:
    """Newest first; changing a document does not move it; a page before an anchor is the one next to it."""
    documents = Documents(database, vendor="v")
    for number in range(6):
        documents.put("thing", str(number), {"n": number, "odd": number % 2, "owner": None})
    documents.put("thing", "0", {"n": 0, "odd": 0, "owner": "me"})

    def found(**options: Any) -> list[int]:
        return [document["n"] for document in documents.select("thing", **options)]

    assert found() == [5, 4, 3, 2, 1, 0]
    assert found(where={"odd": 1}) == [5, 3, 1]
    assert found(where={"owner": None}, limit=2) == [5, 4]
    assert found(between={"n": (2, 4)}) == [4, 3, 2]
    assert found(after="4", limit=2) == [3, 2]
    assert found(before="1", limit=2) == [3, 2]
    with pytest.raises(ValueError, match="not a field name"):
        documents.select("thing", where={"n') --": 1})


def test_the_timetable_follows_the_clock(database: Database) -> None:
    """Nothing happens early, everything due happens in its order, and a broken action stops no other."""
    clock = SandboxClock()
    schedule = Schedule(database, clock)
    done: list[str] = []
    schedule.register("note", lambda payload: done.append(payload["text"]))
    schedule.register("break", lambda payload: done.append(payload["missing"]))
    schedule.later(20, "note", {"text": "second"})
    schedule.later(15, "break", {})
    schedule.later(10, "note", {"text": "first"})
    schedule.run_due()
    assert done == []
    clock.advance(30)
    schedule.run_due()
    assert done == ["first", "second"]


def test_what_an_action_did_before_it_broke_is_undone(database: Database) -> None:
    """An action is one transaction."""
    documents = Documents(database, vendor="v")
    schedule = Schedule(database, SandboxClock())

    def break_halfway(payload: dict[str, Any]) -> None:
        documents.put("thing", "a", payload)
        raise RuntimeError("broken")

    schedule.register("break", break_halfway)
    schedule.later(0, "break", {"n": 1})
    schedule.run_due()
    assert documents.get("thing", "a") is None


def test_a_delivery_that_cannot_be_written_fails_and_is_done(database: Database) -> None:
    """An error while a delivery is prepared is logged, and nobody waits for it for ever."""
    deliveries = Deliveries(database, SandboxClock(), FaultEngine(), retry_seconds=(), timeout_seconds=1, threads=1)
    attempted = threading.Event()

    def break_down(delivery: Any) -> Any:
        attempted.set()
        raise RuntimeError("broken")

    deliveries.register("stripe", prepare=break_down)
    deliveries.start()
    deliveries.send(vendor="stripe", type_="charge.failed", url="http://127.0.0.1:1/", about={})
    assert attempted.wait(timeout=5)
    deliveries.stop()
    assert [entry["status"] for entry in deliveries.describe()] == ["failed"]
    assert deliveries.idle()


def test_trimming_keeps_the_newest(database: Database) -> None:
    """The given number stays, of that kind only."""
    documents = Documents(database, vendor="v")
    for number in range(10):
        documents.put("old", str(number), {"n": number})
    documents.put("other", "a", {})
    documents.trim("old", keep=3)
    assert [document["n"] for document in documents.select("old")] == [9, 8, 7]
    assert documents.get("other", "a") == {}


def test_time_only_moves_forward() -> None:
    """A clock that went back would revive what has expired."""
    clock = SandboxClock()
    before = clock.now()
    clock.advance(100)
    assert clock.now() >= before + 100
    with pytest.raises(ValueError, match="between"):
        clock.advance(-1)


def test_chance_is_repeatable() -> None:
    """A rule with a probability strikes the same requests in every run."""

    def strikes() -> list[bool]:
        engine = FaultEngine()
        engine.arm({"target": "stripe", "kind": "500", "times": None, "probability": 0.3})
        return [engine.for_request(target="stripe", method="GET", path="/v1/charges") is not None for _ in range(100)]

    first = strikes()
    assert first == strikes()
    assert 10 < sum(first) < 50


def test_the_first_armed_rule_wins() -> None:
    """Rules are tried in the order in which they were armed, and a used-up one makes room for the next."""
    engine = FaultEngine()
    for kind in ("429", "503"):
        engine.arm({"target": "stripe", "kind": kind, "path": "/v1/*"})
    kinds = [
        fault.kind if fault else None
        for fault in (engine.for_request(target="stripe", method="GET", path="/v1/charges") for _ in range(3))
    ]
    assert kinds == ["429", "503", None]
    assert engine.for_request(target="twilio", method="GET", path="/v1/charges") is None


def test_secrets_stay_out_of_the_configurations_text() -> None:
    """A configuration may be logged."""
    config = SandboxConfig(
        sandbox_url="http://127.0.0.1:1",
        stripe_api_key="sk_test_hidden",
        stripe_webhook_secret="whsec_hidden",
        twilio_account_sid="AC0",
        twilio_auth_token="token_hidden",
    )
    assert "hidden" not in repr(config)
