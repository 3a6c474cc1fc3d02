"""What to run: which parts are ours, what the processes are told, and how to tell that each is ready."""

from __future__ import annotations

import hashlib
import http.client
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from entrypoints.launcher.data_directory import Credentials, DataDirectory
from entrypoints.launcher.postgres import EmbeddedPostgres
from entrypoints.launcher.process import ProcessSpec, accepts_connections, free_port
from entrypoints.launcher.valkey import EmbeddedValkey
from entrypoints.settings import Environment, Settings, own_mail_port

ANSWER_SECONDS_MAX = 2.0
SETUP_SECONDS_MAX = 300.0
DEFAULT_PORT = 8000
SOURCE = Path(__file__).parents[2]
PREPARED_WITH = ("adapters/postgres/migrations",)
DEMO = "entrypoints/demo"
SANDBOX_SENDER = "+15005550006"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything decided before anything starts."""

    settings: Settings
    environment: Mapping[str, str]
    directory: DataDirectory
    credentials: Credentials
    postgres: EmbeddedPostgres | None
    valkey: EmbeddedValkey | None

    @property
    def runs_sandbox(self) -> bool:
        return "sandbox" in self.settings.embedded

    @property
    def variables(self) -> dict[str, str]:
        """The part of the environment that is Tessera's."""
        names = {variable.name for variable in Settings.describe()}
        return {name: value for name, value in self.environment.items() if name in names}

    @property
    def ports(self) -> dict[int, str]:
        """The ports that must be free, and what for."""
        wanted = {self.settings.port: "the web server", self.settings.stream_port: "the availability stream"}
        if self.runs_sandbox:
            wanted[self.settings.sandbox_port] = "the payment and SMS sandbox"
            if (mail_port := own_mail_port(self.settings)) is not None:
                wanted[mail_port] = "the sandbox's mail server"
        return wanted


def make_plan(environ: Mapping[str, str], *, directory: DataDirectory, port: int | None) -> Plan:
    """Fill in what the environment leaves open with parts of our own. Raises SettingsError, LaunchError.

    Each part is switched by its own variable: DATABASE_URL, REDIS_URL, STRIPE_API_KEY and TWILIO_ACCOUNT_SID name
    real ones, and production fills in nothing.
    """
    filled = {name: value for name, value in environ.items() if value.strip()}
    if port is not None:
        filled["PORT"] = str(port)
    filled["DATA_DIR"] = str(directory.path)
    credentials = directory.credentials()
    postgres = valkey = None
    if filled.get("TESSERA_ENV") != Environment.PRODUCTION:
        postgres, valkey = _embed(filled, directory=directory, credentials=credentials)
    return Plan(
        settings=Settings.from_environment(filled),
        environment=filled,
        directory=directory,
        credentials=credentials,
        postgres=postgres,
        valkey=valkey,
    )


def _embed(
    filled: dict[str, str], *, directory: DataDirectory, credentials: Credentials
) -> tuple[EmbeddedPostgres | None, EmbeddedValkey | None]:
    postgres = valkey = None
    embedded = set()
    filled.setdefault("TESSERA_SECRET_KEY", credentials.secret_key)
    if "DATABASE_URL" not in filled:
        postgres = EmbeddedPostgres(
            directory=directory.path / "postgres",
            port=free_port(),
            password=credentials.postgres_password,
            log_path=directory.logs / "postgres.log",
        )
        filled["DATABASE_URL"] = postgres.url()
        embedded.add("postgres")
    if "REDIS_URL" not in filled:
        valkey = EmbeddedValkey(
            directory=directory.path / "valkey",
            port=free_port(),
            password=credentials.valkey_password,
            log_path=directory.logs / "valkey.log",
        )
        filled["REDIS_URL"] = valkey.url()
        embedded.add("valkey")
    if _embed_sandbox(filled, credentials):
        embedded.add("sandbox")
    filled["TESSERA_EMBEDDED"] = ",".join(sorted(embedded))
    return postgres, valkey


def _embed_sandbox(filled: dict[str, str], credentials: Credentials) -> bool:
    """Point what has no account of its own at the sandbox. A sandbox that runs elsewhere (SANDBOX_URL) stays there."""
    lacks_stripe = "STRIPE_API_KEY" not in filled
    lacks_twilio = "TWILIO_ACCOUNT_SID" not in filled
    if "SANDBOX_URL" in filled or not (lacks_stripe or lacks_twilio):
        return False
    port = filled.get("PORT", str(DEFAULT_PORT))
    sandbox_port = filled.setdefault("SANDBOX_PORT", str(int(port) + 2) if port.isdecimal() else port)
    filled["SANDBOX_URL"] = f"http://127.0.0.1:{sandbox_port}"
    if sandbox_port.isdecimal():
        filled.setdefault("SMTP_URL", f"smtp://127.0.0.1:{int(sandbox_port) + 1}")
    if lacks_stripe:
        filled["STRIPE_API_KEY"] = credentials.stripe_api_key
        filled["STRIPE_API_BASE"] = filled["SANDBOX_URL"]
        filled["STRIPE_WEBHOOK_SECRET"] = credentials.stripe_webhook_secret
    if lacks_twilio:
        filled["TWILIO_ACCOUNT_SID"] = credentials.twilio_account_sid
        filled["TWILIO_AUTH_TOKEN"] = credentials.twilio_auth_token
        filled["TWILIO_API_BASE"] = filled["SANDBOX_URL"]
        filled.setdefault("TWILIO_FROM", SANDBOX_SENDER)
    return True


def preparation_mark(*, demo: bool) -> str:
    """What a database was prepared with: the migrations and, if wanted, the demo, as they are in this code."""
    digest = hashlib.sha256()
    wanted = [*PREPARED_WITH, *([DEMO] if demo else [])]
    for file in sorted(file for folder in wanted for file in (SOURCE / folder).rglob("*.*") if file.suffix != ".pyc"):
        digest.update(f"{file.relative_to(SOURCE)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def placeholder_environment() -> dict[str, str]:
    """A complete configuration that leads nowhere, for what needs the application's shape but none of its servers."""
    environ = {"DATABASE_URL": "postgresql://127.0.0.1/nowhere", "REDIS_URL": "redis://127.0.0.1"}
    made = Credentials.generate()
    environ["TESSERA_SECRET_KEY"] = made.secret_key
    _embed_sandbox(environ, made)
    return environ


def command(*arguments: str) -> tuple[str, ...]:
    """A ``tessera`` command of this very installation; -P keeps the working directory off the import path."""
    return (sys.executable, "-P", "-m", "entrypoints.cli", *arguments)


def setup_spec(plan: Plan, name: str, *arguments: str, secrets: Mapping[str, str] | None = None) -> ProcessSpec:
    """A command that runs to its end before the application starts."""
    return ProcessSpec(
        name=name,
        command=command(*arguments),
        environment={**plan.environment, **(secrets or {})},
        log_path=_log(plan, name),
        start_seconds=SETUP_SECONDS_MAX,
    )


def sandbox_spec(plan: Plan) -> ProcessSpec:
    port = plan.settings.sandbox_port
    return ProcessSpec(
        name="sandbox",
        command=command("sandbox"),
        environment=plan.environment,
        log_path=_log(plan, "sandbox"),
        is_ready=lambda _pid: accepts_connections(port),
        stop_seconds=1.5,
    )


def application_specs(plan: Plan) -> tuple[ProcessSpec, ...]:
    """Web, stream and worker: stateless, so that any of them may be killed and started again."""
    settings = plan.settings
    web = ProcessSpec(
        name="web",
        command=command("web"),
        environment=plan.environment,
        log_path=_log(plan, "web"),
        is_ready=lambda _pid: _answers(settings.port, "/healthz"),
        start_seconds=60.0,
    )
    stream = ProcessSpec(
        name="stream",
        command=command("stream"),
        environment=plan.environment,
        log_path=_log(plan, "stream"),
        is_ready=lambda _pid: accepts_connections(settings.stream_port),
        start_seconds=60.0,
    )
    worker = ProcessSpec(
        name="worker",
        command=command("worker"),
        environment=plan.environment,
        log_path=_log(plan, "worker"),
    )
    return web, stream, worker


def _log(plan: Plan, name: str) -> Path:
    return plan.directory.logs / f"{name}.log"


def _answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200: granian listens before its workers can answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
