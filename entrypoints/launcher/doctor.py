"""``tessera doctor``: is this machine fit to run Tessera, and are the servers that it is pointed at?"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from entrypoints.launcher.binaries import postgres_bin, valkey_server
from entrypoints.launcher.errors import LaunchError
from entrypoints.launcher.process import port_is_free
from entrypoints.settings import Settings, SettingsError

PYTHON_MIN = (3, 11)
CLOCK_SKEW_MAX = timedelta(milliseconds=500)
"""Hold deadlines come from Valkey's clock and order deadlines from ours; more than this is a visible lie."""


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row: what was looked at, how it is and, when it is wrong, what to do."""

    subject: str
    verdict: Verdict
    detail: str


def _ok(subject: str, detail: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.OK, detail=detail)


def _note(subject: str, detail: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.NOTE, detail=detail)


def _wrong(subject: str, detail: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.WRONG, detail=detail)


def examine(environ: Mapping[str, str]) -> int:
    """Print a table; 0 when nothing is wrong, else 1."""
    findings = [*machine_findings(), *configuration_findings(environ)]
    _print(findings)
    return 1 if any(finding.verdict is Verdict.WRONG for finding in findings) else 0


def machine_findings() -> Iterator[Finding]:
    """What holds whatever the configuration."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield (_ok if sys.version_info[:2] >= PYTHON_MIN else _wrong)("Python", f"{version} (3.11 or newer is needed)")
    missing = missing_packages()
    if missing:
        yield _wrong("Packages", f"missing: {', '.join(missing)}. Run bin/up, which installs the locked packages.")
    else:
        yield _ok("Packages", "all that Tessera requires are installed")
    yield _program("PostgreSQL programs", lambda: postgres_bin(account=None))
    yield _program("Valkey program", valkey_server)


def missing_packages() -> list[str]:
    """Required distributions that are not installed."""
    missing = []
    for requirement in importlib.metadata.requires("tessera") or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def _program(subject: str, find: Callable[[], Path]) -> Finding:
    try:
        return _ok(subject, str(find()))
    except LaunchError as absent:
        # Only an embedded server needs it; a configured one does not.
        return _note(subject, str(absent))


def configuration_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The environment and, when it is usable, the servers that it names."""
    if not environ.get("DATABASE_URL"):
        yield _note("Configuration", "DATABASE_URL is not set and no `tessera up` runs here: no servers to look at")
        yield from _ports({8000: "web", 8001: "stream", 8002: "sandbox"}, is_running=False)
        return
    try:
        settings = Settings.from_environment(environ)
    except SettingsError as refusal:
        for problem in refusal.problems:
            yield _wrong("Configuration", problem)
        return
    yield _ok("Configuration", f"{settings.environment} at {settings.public_url}")
    ports = {settings.port: "web", settings.stream_port: "stream"}
    yield from _ports(ports, is_running=bool(settings.embedded))
    yield from server_findings(settings)


def _ports(ports: Mapping[int, str], *, is_running: bool) -> Iterator[Finding]:
    for port, use in ports.items():
        if port_is_free(port):
            yield _ok(f"Port {port}", f"free for {use}")
        elif is_running:
            yield _ok(f"Port {port}", f"in use by the running {use}")
        else:
            yield _note(f"Port {port}", f"taken: if that is not Tessera's own {use}, choose another port")


def server_findings(settings: Settings) -> Iterator[Finding]:
    """Reachable, migrated, durable, and of one mind about the time."""
    from entrypoints.container import build_container

    container = build_container(settings)
    yield from _asked("PostgreSQL", container.database_condition, _database)
    yield from _asked("Valkey", container.valkey_condition, _valkey)


def _asked(subject: str, ask: Callable[[], Any], judge: Callable[[Any], Iterator[Finding]]) -> Iterator[Finding]:
    from domain.errors import Unavailable

    before = datetime.now(UTC)
    try:
        condition = ask()
    except Unavailable as trouble:
        yield _wrong(subject, f"does not answer: {trouble}. Start it, or correct its address.")
        return
    after = datetime.now(UTC)
    yield from judge(condition)
    yield clock_finding(subject, condition.clock, between=(before, after))


def _database(condition: Any) -> Iterator[Finding]:
    yield _ok("PostgreSQL", f"{condition.server} answers")
    if condition.is_replica:
        yield _wrong("PostgreSQL role", "is a replica: DATABASE_URL must name the primary.")
    if condition.is_migrated:
        yield _ok("Migrations", f"at the newest, {condition.newest_revision}")
    else:
        at = condition.revision or "nothing"
        yield _wrong("Migrations", f"at {at}, the newest is {condition.newest_revision}. Run `tessera db upgrade`.")


def _valkey(condition: Any) -> Iterator[Finding]:
    yield _ok("Valkey", f"{condition.server} answers")
    yield from _nodes(condition)
    if condition.keeps_holds:
        yield _ok("Valkey eviction", condition.eviction_policy)
    else:
        yield _wrong(
            "Valkey eviction",
            f"{condition.eviction_policy} silently drops holds. Set maxmemory-policy to noeviction.",
        )
    if condition.is_persistent:
        yield _ok("Valkey persistence", "append-only file")
    else:
        yield _note(
            "Valkey persistence", "off: a restart voids all holds, and each sale is rebuilt. Set appendonly yes."
        )


def _nodes(condition: Any) -> Iterator[Finding]:
    """Who of a cluster is there; a single server has been named already."""
    if condition.away:
        yield _wrong(
            "Valkey nodes",
            f"{condition.nodes} answer, away: {', '.join(condition.away)}. A primary's sales are closed until a "
            "replica takes over. Start what is away, or take it out of the cluster.",
        )
    elif condition.nodes > 1:
        yield _ok("Valkey nodes", f"all {condition.nodes} answer")


def clock_finding(subject: str, theirs: datetime, *, between: tuple[datetime, datetime]) -> Finding:
    """Compare a server's clock with ours; the time that the question took is not counted against it."""
    before, after = between
    skew = max(before - theirs, theirs - after, timedelta(0))
    shown = f"{skew / timedelta(milliseconds=1):.0f} ms from ours"
    if skew > CLOCK_SKEW_MAX:
        return _wrong(f"{subject} clock", f"{shown}. Synchronise both machines (NTP).")
    return _ok(f"{subject} clock", shown)


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "bold red"}
    table = Table(title="tessera doctor", title_justify="left")
    table.add_column("What")
    table.add_column("")
    table.add_column("How it is", overflow="fold")
    for finding in findings:
        verdict = Text(finding.verdict, style=colours[finding.verdict])
        table.add_row(Text(finding.subject), verdict, Text(finding.detail))
    Console().print(table)
