"""The ``tessera`` command: quick, self-explaining, and plain about what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from entrypoints.cli import main
from entrypoints.settings import Settings

HEAVY = ("flask", "sqlalchemy", "redis", "stripe", "twilio", "rich", "granian", "gevent", "dependency_injector")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the tests' own environment and folder hold, the command sees none of it."""
    for variable in Settings.describe():
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    """``--help`` of each command says in a sentence what it does."""
    result = CliRunner().invoke(main, [*path, "--help"])

    assert result.exit_code == 0
    explanation = result.output.split("\n\n")[1].strip()
    assert explanation.endswith(".")


def test_the_promised_commands_exist() -> None:
    """Scripts and documents rely on these names."""
    promised = "up, web, stream, worker, sandbox, db upgrade, db seed, doctor, openapi, verify, admin create"

    assert {tuple(name.split()) for name in promised.split(", ")} <= set(commands(main))


def test_help_loads_nothing_heavy() -> None:
    """A command is answered at once: frameworks are imported by the commands that need them."""
    program = f"import sys, entrypoints.cli; sys.exit(' '.join(set({HEAVY!r}) & set(sys.modules)) or 0)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["web", "stream", "worker", "sandbox", "verify"])
def test_a_missing_configuration_is_one_message(command: str) -> None:
    """Every missing variable at once, and no traceback."""
    result = CliRunner().invoke(main, [command])

    assert result.exit_code == 1
    for name in ("DATABASE_URL", "REDIS_URL", "TESSERA_SECRET_KEY", "STRIPE_API_KEY", "TWILIO_ACCOUNT_SID"):
        assert name in result.output


def test_the_configuration_table_is_complete() -> None:
    """The documentation's table comes from here."""
    result = CliRunner().invoke(main, ["settings", "--markdown"])

    assert len(result.output.splitlines()) == len(Settings.describe()) + 2
