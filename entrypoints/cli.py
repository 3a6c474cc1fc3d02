"""The ``tessera`` command. Everything heavy is imported by the command that needs it, so that --help is quick."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from entrypoints.settings import Settings

DEFAULT_DATA_DIR = ".tessera"


def _environ() -> dict[str, str]:
    """Our environment, completed from a `tessera up` that runs on the data directory unless DATABASE_URL is set."""
    from entrypoints.launcher.data_directory import published_environment

    if os.environ.get("DATABASE_URL"):
        return dict(os.environ)
    return {**published_environment(Path(os.environ.get("DATA_DIR") or DEFAULT_DATA_DIR)), **os.environ}


def _settings() -> Settings:
    """The configuration of this process, or a message that lists everything wrong with it."""
    from entrypoints.settings import Settings, SettingsError

    try:
        return Settings.from_environment(_environ())
    except SettingsError as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _process_settings() -> Settings:
    """The configuration, with logging set up: for the commands that serve."""
    from entrypoints.launcher.logs import configure

    settings = _settings()
    configure(settings)
    return settings


def _container() -> Any:
    from entrypoints.container import build_container

    return build_container(_settings())


class _Tessera(click.Group):
    """A group whose commands answer a server that is away with a message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from domain.errors import Unavailable

        try:
            return super().invoke(ctx)
        except Unavailable as trouble:
            raise click.ClickException(f"{trouble}. `tessera doctor` looks at every server.") from trouble


@click.group(cls=_Tessera, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tessera", prog_name="tessera")
def main() -> None:
    """Event ticketing that never sells a seat twice.

    `tessera up` starts everything on this machine. The other commands run one process or one task, configured by
    environment variables (see `tessera settings`); beside a running `tessera up` they use its configuration.
    """


@main.command()
@click.option(
    "--port", type=click.IntRange(1, 65_533), help="The storefront's port; the next two follow. [PORT or 8000]"
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="DATA_DIR",
    default=DEFAULT_DATA_DIR,
    show_default=True,
    help="Where data, credentials and logs are kept.",
)
@click.option("--reset", is_flag=True, help="Delete the data directory's contents first.")
@click.option("--no-demo", is_flag=True, help="Do not put the demo catalogue on sale.")
def up(*, port: int | None, data_dir: Path, reset: bool, no_demo: bool) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C.

    PostgreSQL, Valkey and the Stripe and Twilio sandbox are started too, unless DATABASE_URL, REDIS_URL,
    STRIPE_API_KEY or TWILIO_ACCOUNT_SID name real ones. Everything listens on 127.0.0.1.
    """
    from entrypoints.launcher.up import UpOptions
    from entrypoints.launcher.up import up as run

    sys.exit(run(UpOptions(data_dir=data_dir, port=port, reset=reset, demo=not no_demo), os.environ))


@main.command()
def web() -> None:
    """Serve the storefront, the admin portal and the API (PORT, WEB_WORKERS, WEB_THREADS)."""
    from entrypoints.launcher.web import serve

    serve(_process_settings())


@main.command()
def stream() -> None:
    """Serve the availability streams, in a process of their own (STREAM_PORT)."""
    settings = _process_settings()
    from entrypoints.stream.server import serve

    serve(settings)


@main.command()
def worker() -> None:
    """Drain the outbox, expire and rebuild holds, poll payments: everything that happens later."""
    from entrypoints.workers.run import main as run

    run(_process_settings())


@main.command()
def sandbox() -> None:
    """Serve the stand-in for Stripe and Twilio (SANDBOX_PORT). Never in production."""
    from entrypoints.sandbox import serve

    settings = _process_settings()
    if settings.is_production:
        raise click.ClickException("The sandbox pretends payments: it does not run with TESSERA_ENV=production.")
    serve(settings)


@main.group()
def db() -> None:
    """The database's schema and its demo content."""


@db.command()
def upgrade() -> None:
    """Bring the schema to the newest migration. Safe to repeat."""
    from entrypoints.container import upgrade_database

    upgrade_database(_settings())
    click.echo("The database is at the newest migration.")


@db.command()
def seed() -> None:
    """Put the demo catalogue on sale. Safe to repeat; what exists is left as it is."""
    from entrypoints.demo.seeding import seed as run

    run(_container())
    click.echo("The demo catalogue is on sale.")


@main.command()
def doctor() -> None:
    """Check this machine and its servers, and say what to do about what is wrong."""
    from entrypoints.launcher.doctor import examine

    sys.exit(examine(_environ()))


@main.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file instead.")
def openapi(*, output: Path | None) -> None:
    """Print the OpenAPI 3.1 description of the HTTP API, as JSON."""
    from entrypoints.container import build_container
    from entrypoints.http.app import create_app
    from entrypoints.http.openapi import document
    from entrypoints.launcher.plan import placeholder_environment
    from entrypoints.settings import Settings

    # The description depends on no configuration, so values that lead nowhere will do.
    made = document(create_app(build_container(Settings.from_environment(placeholder_environment()))))
    if output:
        output.write_bytes(made)
    else:
        click.echo(made)


@main.command()
@click.option("--repair", is_flag=True, help="Load sales anew whose inventory disagrees with Postgres.")
@click.option("--offline", is_flag=True, help="Ask our own servers only, not the payment provider.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Compare with the provider from this moment on (UTC) instead of everything.",
)
@click.option(
    "--grace-minutes",
    type=click.IntRange(0, 1_440),
    default=15,
    show_default=True,
    help="What began less than this long ago may still be under way.",
)
def verify(*, repair: bool, offline: bool, since: datetime | None, grace_minutes: int) -> None:
    """Check everything that must never be false on the live system, against the payment provider as well.

    Prints what was compared and every difference in words; answers 1 when there was any. Reading the provider's books
    takes a call for each hundred charges, waits for slots that nobody else wants, and goes on where it was interrupted.
    """
    from entrypoints.verify import run

    from_then = since.replace(tzinfo=UTC) if since else None
    grace = timedelta(minutes=grace_minutes)
    sys.exit(run(_container(), repair=repair, offline=offline, since=from_then, grace=grace))


@main.command()
@click.option("--markdown", is_flag=True, help="As a Markdown table, for the documentation.")
def settings(*, markdown: bool) -> None:
    """List every environment variable: name, default and meaning."""
    from entrypoints.settings import Settings

    rows = Settings.describe()
    if markdown:
        click.echo("| Variable | Default | Meaning |\n|---|---|---|")
        for row in rows:
            click.echo(f"| `{row.name}` | {row.default} | {row.meaning} |")
        return
    for row in rows:
        click.secho(row.name, bold=True, nl=False)
        click.echo(f"  [{row.default}]\n    {row.meaning}")


@main.group()
def admin() -> None:
    """People who may use the admin portal."""


@admin.command()
@click.option("--email", required=True, envvar="TESSERA_ADMIN_EMAIL", help="The address to log in with.")
@click.option("--name", required=True, help="The person's name.")
@click.option(
    "--password",
    envvar="TESSERA_ADMIN_PASSWORD",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="Asked for when it is neither given nor in TESSERA_ADMIN_PASSWORD; other users can see arguments.",
)
@click.option("--unless-exists", is_flag=True, help="Succeed without a change when the address is taken.")
def create(*, email: str, name: str, password: str, unless_exists: bool) -> None:
    """Create an administrator's account."""
    from domain.errors import Rejection
    from entrypoints.staff import create_admin

    answer = create_admin(_container(), email=email, name=name, password=password)
    if not isinstance(answer, Rejection):
        click.echo(f"{email} can log in.")
    elif unless_exists and answer.code == "email_taken":
        click.echo(f"{email} exists already.")
    else:
        raise click.ClickException(answer.message)


if __name__ == "__main__":
    main(prog_name="tessera")
