"""What ``tessera doctor`` calls wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import StoreUnavailable
from entrypoints import container as composition
from entrypoints.launcher.doctor import Finding, Verdict, clock_finding, missing_packages, server_findings
from entrypoints.settings import Settings
from tests.unit.entrypoints.test_settings import DEVELOPMENT

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


@dataclass
class Database:
    server: str = "PostgreSQL 18.6"
    clock: datetime = NOON
    is_replica: bool = False
    revision: str | None = "0004"
    newest_revision: str = "0004"

    @property
    def is_migrated(self) -> bool:
        return self.revision == self.newest_revision


@dataclass
class Valkey:
    server: str = "Valkey 9.1.2"
    clock: datetime = NOON
    is_persistent: bool = True
    eviction_policy: str = "noeviction"
    nodes: int = 1
    away: tuple[str, ...] = ()

    @property
    def keeps_holds(self) -> bool:
        return self.eviction_policy == "noeviction"


@dataclass
class Servers:
    database_condition: Callable[[], Database]
    valkey_condition: Callable[[], Valkey]


def verdicts(
    monkeypatch: pytest.MonkeyPatch, *, database: Database | None = None, valkey: Valkey | None = None
) -> dict[str, Verdict]:
    """What is thought of these servers, by subject."""
    return {subject: found.verdict for subject, found in findings(monkeypatch, database, valkey).items()}


def findings(
    monkeypatch: pytest.MonkeyPatch, database: Database | None, valkey: Valkey | None = None
) -> dict[str, Finding]:
    """What is said of these servers, by subject. Their clocks show the time of the question."""
    now = datetime.now(UTC)

    def ask_database() -> Database:
        if database is None:
            raise StoreUnavailable("connection refused")
        database.clock = now
        return database

    def ask_valkey() -> Valkey:
        answer = valkey or Valkey()
        answer.clock = now
        return answer

    servers = Servers(database_condition=ask_database, valkey_condition=ask_valkey)
    monkeypatch.setattr(composition, "build_container", lambda _settings: servers)
    return {found.subject: found for found in server_findings(Settings.from_environment(DEVELOPMENT))}


def test_healthy_servers_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong when nothing is wrong."""
    assert set(verdicts(monkeypatch, database=Database()).values()) == {Verdict.OK}


def test_a_database_that_is_away_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and Valkey is still looked at."""
    found = verdicts(monkeypatch)

    assert found["PostgreSQL"] is Verdict.WRONG
    assert found["Valkey"] is Verdict.OK


def test_a_replica_cannot_be_the_primary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is decided on the primary."""
    assert verdicts(monkeypatch, database=Database(is_replica=True))["PostgreSQL role"] is Verdict.WRONG


@pytest.mark.parametrize("revision", [None, "0003"])
def test_missing_migrations_are_wrong(monkeypatch: pytest.MonkeyPatch, revision: str | None) -> None:
    """An old schema is named before a request meets it."""
    assert verdicts(monkeypatch, database=Database(revision=revision))["Migrations"] is Verdict.WRONG


def test_an_evicting_valkey_is_wrong_and_a_forgetful_one_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eviction drops holds silently; a restart without a file merely costs a rebuild."""
    found = verdicts(
        monkeypatch, database=Database(), valkey=Valkey(eviction_policy="allkeys-lru", is_persistent=False)
    )

    assert found["Valkey eviction"] is Verdict.WRONG
    assert found["Valkey persistence"] is Verdict.NOTE


def test_a_cluster_is_counted_and_who_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One server has no nodes to speak of; a whole cluster is in order; a part of one closes sales, so it is wrong."""
    alone = findings(monkeypatch, Database())
    whole = findings(monkeypatch, Database(), Valkey(nodes=6))
    torn = findings(monkeypatch, Database(), Valkey(nodes=5, away=("10.0.0.3:6379",)))

    assert "Valkey nodes" not in alone
    assert (whole["Valkey nodes"].verdict, whole["Valkey nodes"].detail) == (Verdict.OK, "all 6 answer")
    assert torn["Valkey nodes"].verdict is Verdict.WRONG
    assert "10.0.0.3:6379" in torn["Valkey nodes"].detail


@pytest.mark.parametrize(
    ("off_by", "verdict"),
    [
        (timedelta(0), Verdict.OK),
        (timedelta(milliseconds=400), Verdict.OK),
        (timedelta(milliseconds=-400), Verdict.OK),
        (timedelta(seconds=1), Verdict.WRONG),
        (timedelta(seconds=-1), Verdict.WRONG),
    ],
)
def test_a_clock_that_is_off_is_wrong_in_both_directions(off_by: timedelta, verdict: Verdict) -> None:
    """Hold deadlines are Valkey's and order deadlines are ours: they must agree."""
    assert clock_finding("Valkey", NOON + off_by, between=(NOON, NOON)).verdict is verdict


def test_a_slow_answer_is_not_a_wrong_clock() -> None:
    """A clock between the question and its answer may be right."""
    asked, answered = NOON, NOON + timedelta(seconds=3)

    assert clock_finding("Valkey", NOON + timedelta(seconds=1), between=(asked, answered)).verdict is Verdict.OK


def test_this_installation_lacks_nothing() -> None:
    """The check reads the project's own requirements."""
    assert missing_packages() == []
