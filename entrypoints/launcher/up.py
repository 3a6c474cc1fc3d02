"""``tessera up``: everything on this machine, started in order, kept alive, stopped together."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from entrypoints.launcher.console import Console
from entrypoints.launcher.data_directory import DataDirectory, opened
from entrypoints.launcher.errors import LaunchError
from entrypoints.launcher.plan import (
    Plan,
    application_specs,
    make_plan,
    preparation_mark,
    sandbox_spec,
    setup_spec,
)
from entrypoints.launcher.postgres import EmbeddedPostgres
from entrypoints.launcher.process import ProcessSpec, StartCancelledError, port_is_free
from entrypoints.launcher.supervisor import StopRequest, Supervisor
from entrypoints.settings import SettingsError

PORT_WAIT_SECONDS = 3.0
"""A run that was just stopped or killed may hold its ports for a moment longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What ``bin/up`` was asked for."""

    data_dir: Path
    port: int | None = None
    reset: bool = False
    demo: bool = True


def up(options: UpOptions, environ: Mapping[str, str]) -> int:
    """Run until Ctrl-C or SIGTERM. Returns the exit code; every failure is one clear message and a 1."""
    console = Console()
    stop_request = StopRequest()
    stop_request.listen()
    try:
        with opened(options.data_dir) as directory:
            if options.reset:
                _reset(directory, console)
            plan = make_plan(environ, directory=directory, port=options.port)
            _refuse_taken_ports(plan, stop_request)
            _run(plan, options, console=console, stop_request=stop_request)
    except StartCancelledError:
        console.say("Stopped before everything was up.")
    except (LaunchError, SettingsError) as refusal:
        print(f"\n{refusal}", file=sys.stderr)
        return 1
    return 0


def _run(plan: Plan, options: UpOptions, *, console: Console, stop_request: StopRequest) -> None:
    began = time.monotonic()
    supervisor = Supervisor(console=console, stop_request=stop_request)
    try:
        _start(plan, options, supervisor, console)
        _summarise(plan, console, seconds=time.monotonic() - began)
        with plan.directory.publishing(plan.variables):
            supervisor.watch()
        console.say("Stopping…")
    finally:
        supervisor.stop()
    console.say("Stopped.")


def _start(plan: Plan, options: UpOptions, supervisor: Supervisor, console: Console) -> None:
    mark = preparation_mark(demo=options.demo)
    if plan.postgres is None or not plan.postgres.cluster.exists() or not plan.directory.is_prepared(mark):
        plan.directory.unprepared()
    if servers := _servers(plan, console):
        supervisor.start(servers)
    if not plan.directory.is_prepared(mark):
        _prepare(plan, options, supervisor)
        plan.directory.prepared(mark)
    supervisor.start(application_specs(plan))


def _servers(plan: Plan, console: Console) -> list[ProcessSpec]:
    specs = []
    if plan.postgres:
        with console.step("Preparing PostgreSQL"):
            specs.append(plan.postgres.prepare())
    if plan.valkey:
        specs.append(plan.valkey.prepare())
    if plan.runs_sandbox:
        specs.append(sandbox_spec(plan))
    return specs


def _prepare(plan: Plan, options: UpOptions, supervisor: Supervisor) -> None:
    """Schema, first account and demo: each safe to repeat, and none of them repeated without need."""
    supervisor.run(setup_spec(plan, "migrate", "db", "upgrade"), doing="Bringing the database up to date")
    if plan.postgres:
        admin = {
            "TESSERA_ADMIN_EMAIL": plan.credentials.admin_email,
            "TESSERA_ADMIN_PASSWORD": plan.credentials.admin_password,
        }
        create = ("admin", "create", "--name", "Administrator", "--unless-exists")
        supervisor.run(setup_spec(plan, "admin", *create, secrets=admin), doing="Making the administrator's account")
    if options.demo and not plan.settings.is_production:
        supervisor.run(setup_spec(plan, "seed", "db", "seed"), doing="Putting the demo catalogue on sale")


def _reset(directory: DataDirectory, console: Console) -> None:
    with console.step(f"Deleting everything in {directory.path}"):
        # The cluster may lie elsewhere (see EmbeddedPostgres.home), and only it knows where.
        log = directory.logs / "postgres.log"
        EmbeddedPostgres(directory=directory.path / "postgres", port=0, password="", log_path=log).reset()
        directory.clear()


def _refuse_taken_ports(plan: Plan, stop_request: StopRequest) -> None:
    deadline = time.monotonic() + PORT_WAIT_SECONDS
    for port, use in plan.ports.items():
        while not port_is_free(port):
            if stop_request.is_made:
                raise StartCancelledError
            if time.monotonic() >= deadline:
                raise LaunchError(
                    f"Port {port}, which {use} needs, is already in use.",
                    f"Stop what uses it, or choose other ports: bin/up --port {_another(plan.settings.port)}",
                )
            time.sleep(0.1)


def _another(port: int) -> int:
    """A port to suggest, away from the one that is taken."""
    return port + 1000 if port < 60_000 else 9000


def _summarise(plan: Plan, console: Console, *, seconds: float) -> None:
    settings = plan.settings
    rows = [("Storefront", settings.public_url), ("Admin", f"{settings.public_url}/admin")]
    if plan.postgres:
        rows.append(("  login", f"{plan.credentials.admin_email} / {plan.credentials.admin_password}"))
    else:
        rows.append(("  login", "make an account with `tessera admin create`, unless there is one"))
    rows.append(("API", f"{settings.public_url}/docs"))
    if settings.sandbox_url:
        rows.append(
            ("Sandbox", f"{settings.sandbox_url} (payments; SMS at /inbox, e-mail at /mail; card 4242 4242 4242 4242)")
        )
    rows.append(("PostgreSQL", _where(settings.database_url, is_embedded=plan.postgres is not None)))
    if plan.postgres and plan.postgres.home != plan.postgres.directory:
        rows.append(
            ("  data", f"{plan.postgres.home} (PostgreSQL does not run as root, nor reach {plan.directory.path})")
        )
    rows.append(("Valkey", _where(settings.redis_url, is_embedded=plan.valkey is not None)))
    rows.append(("Stripe", _provider(settings.stripe_api_base, settings.sandbox_url)))
    rows.append(("Twilio", _provider(settings.twilio_api_base, settings.sandbox_url)))
    rows.append(("Logs", str(plan.directory.logs)))
    console.say(f"\nTessera is up after {seconds:.1f} s.\n")
    console.table(rows)
    console.say("\nCtrl-C stops everything.")


def _where(url: str, *, is_embedded: bool) -> str:
    place = url.partition("://")[2].partition("/")[0].rpartition("@")[2]  # A cluster's may be several.
    return f"{'embedded' if is_embedded else 'external'}, {place}"


def _provider(base: str, sandbox_url: str | None) -> str:
    return "sandbox (pretended)" if base == sandbox_url else f"real, {base}"
