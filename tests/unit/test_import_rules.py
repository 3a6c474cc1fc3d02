"""The import rules can fail: each contract of ``.importlinter`` is shown a violation and must see it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "application", "adapters", "entrypoints")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

PLANTED = [
    ("domain", "domain", "import random"),
    ("domain", "domain/ports", "from json import dumps"),
    ("domain", "domain", "import flask"),
    ("domain", "domain", "import application"),
    ("application", "application/commands", "import adapters.postgres"),
    ("application", "application/commands", "import time"),
    ("application", "application/queries", "import structlog"),
    ("adapters-inward", "adapters/twilio", "from entrypoints import settings"),
    ("adapters-apart", "adapters/twilio", "import adapters.stripe"),
    ("composition-root", "entrypoints/http", "import adapters.postgres"),
    ("composition-root", "entrypoints/sandbox", "import adapters.redis_locks"),
    ("entrypoints-apart", "entrypoints/admin", "import entrypoints.workers"),
    ("vendor-stripe", "adapters/postgres", "import stripe"),
    ("vendor-twilio", "entrypoints/workers", "from twilio.rest import Client"),
    ("vendor-redis", "entrypoints/workers", "import redis"),
    ("vendor-postgres", "entrypoints/admin", "import sqlalchemy"),
    ("vendor-postgres", "adapters/redis_locks", "import psycopg"),
    ("vendor-postgres", "entrypoints/launcher", "import alembic"),
    ("vendor-huey", "application/commands", "import huey"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and their rules, to plant violations in."""
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "tests").mkdir()
    for file in (".importlinter", "tests/__init__.py", "tests/import_contracts.py"):
        shutil.copy(ROOT / file, copy / file)
    return copy


def lint(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """Run one contract over a tree, as ``bin/check`` runs all of them over ours."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--contract", contract, "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("contract", "folder", "violation"), PLANTED)
def test_a_planted_violation_breaks_its_contract(tree: Path, contract: str, folder: str, violation: str) -> None:
    """A rule that can pass vacuously is no rule."""
    planted = tree / folder / "planted.py"
    planted.write_text(f"{violation}\n")
    try:
        result = lint(tree, contract)
    finally:
        planted.unlink()

    assert result.returncode == 1, result.stdout + result.stderr
    assert "planted" in result.stdout
    assert "0 kept, 1 broken" in result.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """A new contract without a violation of its own is unproven."""
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    contracts = {section.removeprefix(prefix) for section in rules.sections() if section.startswith(prefix)}

    assert contracts == {contract for contract, _, _ in PLANTED}
