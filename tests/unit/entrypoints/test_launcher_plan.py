"""What ``tessera up`` decides to run itself, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoints.launcher import plan as planning
from entrypoints.launcher.data_directory import DataDirectory, opened
from entrypoints.launcher.plan import Plan, application_specs, make_plan
from entrypoints.settings import SettingsError
from tests.unit.entrypoints.test_settings import DEVELOPMENT, PRODUCTION


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sockets in unit tests: the ports that the machine would choose are given."""
    monkeypatch.setattr(planning, "free_port", iter(range(40_000, 40_100)).__next__)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    with opened(tmp_path / "data") as directory:
        yield directory


def plan(directory: DataDirectory, environ: dict[str, str], *, port: int | None = None) -> Plan:
    return make_plan(environ, directory=directory, port=port)


def test_an_empty_environment_runs_everything_here(directory: DataDirectory) -> None:
    """A fresh machine needs no configuration at all."""
    made = plan(directory, {})

    assert made.settings.embedded == {"postgres", "valkey", "sandbox"}
    assert made.settings.host == "127.0.0.1"
    assert made.settings.stripe_api_base == made.settings.sandbox_url == "http://127.0.0.1:8002"
    assert list(made.ports) == [8000, 8001, 8002, 8003]


def test_the_option_wins_over_the_variable(directory: DataDirectory) -> None:
    """--port, then PORT, then 8000."""
    assert plan(directory, {"PORT": "8100"}).settings.port == 8100
    assert plan(directory, {"PORT": "8100"}, port=9000).settings.port == 9000
    assert plan(directory, {"PORT": "8100"}, port=9000).settings.sandbox_port == 9002


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"DATABASE_URL"}, {"valkey", "sandbox"}),
        ({"REDIS_URL"}, {"postgres", "sandbox"}),
        ({"STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"}, {"postgres", "valkey", "sandbox"}),
        ({"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"}, {"postgres", "valkey", "sandbox"}),
        (set(DEVELOPMENT), set()),
    ],
)
def test_each_part_is_switched_by_its_own_variable(directory: DataDirectory, given: set[str], left: set[str]) -> None:
    """Real parts replace ours one by one."""
    made = plan(directory, {name: DEVELOPMENT[name] for name in given})

    assert made.settings.embedded == left
    for name in given:
        assert made.environment[name] == DEVELOPMENT[name]


def test_a_real_stripe_key_never_meets_the_sandbox(directory: DataDirectory) -> None:
    """With a Stripe account but no Twilio account, only SMS are pretended."""
    made = plan(directory, {name: DEVELOPMENT[name] for name in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")})

    assert made.settings.stripe_api_base == "https://api.stripe.com"
    assert made.settings.twilio_api_base == made.settings.sandbox_url


def test_production_fills_in_nothing(directory: DataDirectory) -> None:
    """In production a missing variable is an error, never a stand-in."""
    assert plan(directory, dict(PRODUCTION)).settings.embedded == set()

    with pytest.raises(SettingsError, match="DATABASE_URL"):
        plan(directory, {**PRODUCTION, "DATABASE_URL": ""})


def test_a_wrong_port_is_reported_as_such(directory: DataDirectory) -> None:
    """The sandbox's port follows PORT, and a PORT that is no number must not be a traceback."""
    with pytest.raises(SettingsError, match="PORT must be a whole number"):
        plan(directory, {"PORT": "eighty"})


def test_children_run_this_installation_wherever_they_are_started(directory: DataDirectory) -> None:
    """With ``adapters/`` as the working directory ``import stripe`` would find our own package: -P keeps it out."""
    for spec in application_specs(plan(directory, {})):
        assert "-P" in spec.command
