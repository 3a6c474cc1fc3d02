"""Configuration: environment variables, read and validated once, before anything else starts.

Every setting is a field of :class:`Settings` that carries its variable's name, default and meaning, so that the
table in the README, ``tessera doctor`` and the error message all come from the same place. A process that cannot
be configured says everything that is wrong in one error, and does not start.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from domain.fraud_warnings import WarningRule
from entrypoints.settings_values import (
    HTTP_URL,
    PORT,
    PORT_MAX,
    POSTGRES_URL,
    REDIS_URL,
    UnusableValueError,
    address,
    long_secret,
    matching,
    networks,
    one_of,
    whole_number,
)

STRIPE_API = "https://api.stripe.com"
TWILIO_API = "https://api.twilio.com"
LOOPBACK = ("127.0.0.0/8", "::1/128")
STRIPE_CALLS_LIVE, STRIPE_CALLS_TEST = 100, 25
"""Requests a second that Stripe takes from an account (https://docs.stripe.com/rate-limits)."""
EMBEDDABLE = frozenset({"postgres", "valkey", "sandbox"})


class Environment(StrEnum):
    """What an installation is for; only ``production`` refuses stand-ins."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class SettingsError(Exception):
    """The environment cannot be used. ``problems`` has one sentence per wrong variable, each with what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        listing = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"Tessera cannot start with this configuration:\n{listing}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One row of the configuration table."""

    name: str
    default: str
    meaning: str
    secret: bool


_REQUIRED = object()


def _variable(
    name: str,
    parse: Callable[[str], Any],
    meaning: str,
    *,
    default: object = _REQUIRED,
    shown_default: str | None = None,
    secret: bool = False,
) -> Any:
    if shown_default is None:
        shown_default = "(required)" if default is _REQUIRED else str(default)
    described = Variable(name=name, default=shown_default, meaning=meaning, secret=secret)
    metadata = {"variable": described, "parse": parse, "fallback": default}
    return dataclasses.field(metadata=metadata, repr=not secret)


def _environment(text: str) -> Environment:
    return Environment(one_of(*Environment)(text))


def _warning_rule(text: str) -> WarningRule:
    return WarningRule(one_of(*WarningRule)(text))


def _switch(text: str) -> bool:
    return one_of("yes", "no")(text) == "yes"


def _embedded(text: str) -> frozenset[str]:
    parts = frozenset(part for part in text.split(",") if part)
    if unknown := sorted(parts - EMBEDDABLE):
        raise UnusableValueError(f"names unknown parts: {', '.join(unknown)}")
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process of Tessera may be told from outside. Secrets stay out of its ``repr``."""

    environment: Environment = _variable(
        "TESSERA_ENV",
        _environment,
        "development, test or production. Production refuses sandbox keys, default secrets and embedded servers.",
        default=Environment.DEVELOPMENT,
    )
    secret_key: str = _variable(
        "TESSERA_SECRET_KEY",
        long_secret,
        "Signs sessions, tokens and ticket codes; keep it for good.",
        secret=True,
    )
    database_url: str = _variable(
        "DATABASE_URL", POSTGRES_URL, "The primary PostgreSQL, where everything is decided.", secret=True
    )
    database_replica_url: str | None = _variable(
        "DATABASE_REPLICA_URL",
        POSTGRES_URL,
        "A read replica, for reads that decide nothing.",
        default=None,
        shown_default="(none: the primary)",
        secret=True,
    )
    redis_url: str = _variable(
        "REDIS_URL",
        REDIS_URL,
        "Valkey or Redis for holds; `redis+cluster://` (or `rediss+cluster://`) names some of a cluster's nodes: "
        "host:port, with commas between them.",
        secret=True,
    )
    huey_redis_url: str = _variable(
        "HUEY_REDIS_URL",
        address("redis", "rediss"),
        "The worker queue's server: a single node, never a cluster.",
        default=None,
        shown_default="REDIS_URL",
        secret=True,
    )
    host: str = _variable(
        "HOST",
        matching(r"[0-9A-Za-z.:-]+", "an address or host name"),
        "What web listens on.",
        default="127.0.0.1",
    )
    port: int = _variable("PORT", PORT, "Web's port.", default=8000)
    public_url: str = _variable(
        "PUBLIC_URL",
        HTTP_URL,
        "How buyers reach the site; part of every link that leaves it, and of Twilio's signatures.",
        default=None,
        shown_default="http://HOST:PORT",
    )
    stream_port: int = _variable(
        "STREAM_PORT", PORT, "The availability stream's port.", default=None, shown_default="PORT + 1"
    )
    stream_url: str = _variable(
        "STREAM_URL",
        HTTP_URL,
        "How browsers reach the stream, without a trailing slash.",
        default=None,
        shown_default="http://HOST:STREAM_PORT",
    )
    sandbox_port: int = _variable(
        "SANDBOX_PORT", PORT, "The Stripe and Twilio sandbox's port.", default=None, shown_default="PORT + 2"
    )
    sandbox_url: str | None = _variable(
        "SANDBOX_URL",
        HTTP_URL,
        "Where the sandbox is, when it is used.",
        default=None,
        shown_default="(none: no sandbox)",
    )
    smtp_url: str | None = _variable(
        "SMTP_URL",
        matching(
            r"(smtp|smtp\+starttls|smtps)://[^\s/]+/?", "an address such as smtps://user:password@mail.example.com"
        ),
        "The mail server that letters to buyers leave by. Without it none are sent.",
        default=None,
        shown_default="(none: no letters)",
        secret=True,
    )
    mail_from: str = _variable(
        "MAIL_FROM",
        matching(r"[^\r\n]{0,100}[^\s@]+@[^\s@]+", "an address such as Tessera <tickets@example.com>"),
        "Whom letters to buyers come from. Production wants an address of yours.",
        default="Tessera <tickets@localhost>",
    )
    stripe_api_key: str = _variable(
        "STRIPE_API_KEY",
        matching(r"(sk|rk)_(test|live)_[0-9A-Za-z_]+", "a secret key such as sk_test_… or rk_live_…"),
        "Stripe's secret or restricted key.",
        secret=True,
    )
    stripe_api_base: str = _variable("STRIPE_API_BASE", HTTP_URL, "Stripe's address.", default=STRIPE_API)
    stripe_webhook_secret: str = _variable(
        "STRIPE_WEBHOOK_SECRET",
        matching(
            r"whsec_[0-9A-Za-z+/=_-]{16,}",
            "a signing secret such as whsec_… (see the webhook endpoint in Stripe)",
        ),
        "Verifies what arrives at /webhooks/stripe.",
        secret=True,
    )
    stripe_api_version: str | None = _variable(
        "STRIPE_API_VERSION",
        matching(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", "a version such as 2026-10-28.name"),
        "Pins Stripe's API version.",
        default=None,
        shown_default="the SDK's own",
    )
    stripe_budget_per_second: int = _variable(
        "STRIPE_BUDGET_PER_SECOND",
        whole_number(least=1, most=1_000),
        "Calls a second to each of Stripe's endpoints, over all processes together.",
        default=25,
    )
    stripe_budget_in_all_per_second: int = _variable(
        "STRIPE_BUDGET_IN_ALL_PER_SECOND",
        whole_number(least=0, most=10_000),
        "Calls a second to all of Stripe's endpoints together; 0: no such limit.",
        default=None,
        shown_default="what Stripe allows: 100 with a live key, 25 with a test key",
    )
    refund_approval_orders: int = _variable(
        "REFUND_APPROVAL_ORDERS",
        whole_number(least=0, most=100_000),
        "A batch of refunds of more orders than this needs a second person's approval.",
        default=50,
    )
    refund_approval_amount: int = _variable(
        "REFUND_APPROVAL_AMOUNT",
        whole_number(least=0, most=1_000_000_000),
        "So does one that gives back more than this in any currency: whole units (euros, hundreds of yen).",
        default=5_000,
    )
    review_lapse_rule: str = _variable(
        "TESSERA_REVIEW_LAPSE_RULE",
        one_of("reject", "approve"),
        "What becomes of a payment in review that nobody has judged when its authorisation is about to lapse.",
        default="reject",
    )
    fraud_warning_rule: WarningRule = _variable(
        "FRAUD_WARNING_RULE",
        _warning_rule,
        "What an early fraud warning does by itself: ask (a person decides) or refund (unless a ticket was used).",
        default=WarningRule.ASK,
        shown_default="ask",
    )
    restock_lost_disputes: bool = _variable(
        "RESTOCK_LOST_DISPUTES",
        _switch,
        "yes or no: whether the places of an order that lost a dispute go back on sale before its event.",
        default=True,
        shown_default="yes",
    )
    twilio_account_sid: str = _variable(
        "TWILIO_ACCOUNT_SID",
        matching(r"AC[0-9a-f]{32}", "AC and 32 hexadecimal digits"),
        "Twilio's account.",
    )
    twilio_auth_token: str = _variable(
        "TWILIO_AUTH_TOKEN",
        matching(r"[0-9A-Za-z]{32,}", "at least 32 letters and digits"),
        "Twilio's token: sends, and verifies callbacks.",
        secret=True,
    )
    twilio_api_base: str = _variable("TWILIO_API_BASE", HTTP_URL, "Twilio's address.", default=TWILIO_API)
    twilio_from: str | None = _variable(
        "TWILIO_FROM",
        matching(r"\+[1-9][0-9]{6,14}|[0-9A-Za-z ]{1,11}", "a number such as +15550100 or a sender name"),
        "The sender's number or name; or set TWILIO_MESSAGING_SERVICE_SID.",
        default=None,
        shown_default="(none)",
    )
    twilio_messaging_service_sid: str | None = _variable(
        "TWILIO_MESSAGING_SERVICE_SID",
        matching(r"MG[0-9a-f]{32}", "MG and 32 hexadecimal digits"),
        "The messaging service to send through, instead of TWILIO_FROM.",
        default=None,
        shown_default="(none)",
    )
    webhook_networks_allowed: tuple[str, ...] = _variable(
        "WEBHOOK_NETWORKS_ALLOWED",
        networks,
        "Networks (10.0.0.0/8, with commas between them) that organisers' webhooks may reach although they are not "
        "public, by http as well. Production allows none.",
        default=None,
        shown_default="this machine's own in development and tests, else none",
    )
    trusted_proxy_hops: int = _variable(
        "TRUSTED_PROXY_HOPS",
        whole_number(least=0, most=10),
        "How many proxies of yours stand in front; only their X-Forwarded-For entries are believed.",
        default=0,
    )
    web_workers: int = _variable("WEB_WORKERS", whole_number(least=1, most=256), "Web processes.", default=2)
    web_threads: int = _variable(
        "WEB_THREADS", whole_number(least=1, most=256), "Threads in each web process.", default=4
    )
    web_connections: int = _variable(
        "WEB_CONNECTIONS",
        whole_number(least=64, most=100_000),
        "Connections that each web process keeps; above the expected number, or some are never answered.",
        default=8_192,
    )
    statement_timeout_ms: int = _variable(
        "STATEMENT_TIMEOUT_MS",
        whole_number(least=100, most=600_000),
        "Longest SQL statement, in milliseconds.",
        default=10_000,
    )
    log_level: str = _variable(
        "LOG_LEVEL",
        lambda text: one_of("DEBUG", "INFO", "WARNING", "ERROR")(text.upper()),
        "DEBUG, INFO, WARNING or ERROR.",
        default="INFO",
    )
    log_format: str = _variable(
        "LOG_FORMAT",
        one_of("json", "text"),
        "json, one object a line, or text for people.",
        default=None,
        shown_default="json in production, else text",
    )
    data_dir: Path = _variable(
        "DATA_DIR",
        lambda text: Path(text).expanduser().absolute(),
        "Logs, credentials and the embedded servers' data.",
        default=Path(".tessera"),
    )
    embedded: frozenset[str] = _variable(
        "TESSERA_EMBEDDED",
        _embedded,
        "Set by `tessera up`: which of postgres, valkey and sandbox it runs itself.",
        default=frozenset(),
        shown_default="(none)",
    )

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @staticmethod
    def describe() -> tuple[Variable, ...]:
        """The configuration table: one row a variable, in the order of reading."""
        return tuple(field.metadata["variable"] for field in dataclasses.fields(Settings))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and validate everything, or raise one SettingsError that names every wrong variable.

        An empty value counts as unset, which is what an empty line of a compose file means.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in dataclasses.fields(cls):
            variable: Variable = field.metadata["variable"]
            text = environ.get(variable.name, "").strip()
            if text:
                try:
                    values[field.name] = field.metadata["parse"](text)
                except UnusableValueError as refusal:
                    problems.append(f"{variable.name} {refusal}.")
            elif field.metadata["fallback"] is _REQUIRED:
                problems.append(f"{variable.name} is missing. {variable.meaning} `bin/up` provides one by itself.")
            else:
                values[field.name] = field.metadata["fallback"]
        if not problems:
            _derive(values)
            settings = cls(**values)
            problems.extend(_contradictions(settings))
            if settings.is_production:
                problems.extend(_unfit_for_production(settings))
            if not problems:
                return settings
        raise SettingsError(tuple(problems))


def _derive(values: dict[str, Any]) -> None:
    """Fill in the defaults that follow from other values."""
    host = values["host"]
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  (compared, not bound)
    reachable = f"[{reachable}]" if ":" in reachable else reachable
    values["stream_port"] = values["stream_port"] or min(values["port"] + 1, PORT_MAX)
    values["sandbox_port"] = values["sandbox_port"] or min(values["port"] + 2, PORT_MAX)
    values["public_url"] = values["public_url"] or f"http://{reachable}:{values['port']}"
    values["stream_url"] = values["stream_url"] or f"http://{reachable}:{values['stream_port']}"
    values["huey_redis_url"] = values["huey_redis_url"] or values["redis_url"]
    if values["webhook_networks_allowed"] is None:
        own = values["environment"] is not Environment.PRODUCTION
        values["webhook_networks_allowed"] = LOOPBACK if own else ()
    if values["stripe_budget_in_all_per_second"] is None:
        live = values["stripe_api_key"][3:8] == "live_"
        limited = values["stripe_api_base"] == STRIPE_API
        values["stripe_budget_in_all_per_second"] = (STRIPE_CALLS_LIVE if live else STRIPE_CALLS_TEST) if limited else 0
    values["log_format"] = values["log_format"] or (
        "json" if values["environment"] is Environment.PRODUCTION else "text"
    )
    values["data_dir"] = values["data_dir"].absolute()


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    ports = (settings.port, settings.stream_port, settings.sandbox_port)
    if len(set(ports)) < len(ports):
        problems.append(f"PORT, STREAM_PORT and SANDBOX_PORT must differ, not be {', '.join(map(str, ports))}.")
    if "+cluster" in settings.huey_redis_url:
        problems.append("HUEY_REDIS_URL is missing: the worker queue needs a single node when REDIS_URL is a cluster.")
    if not (settings.twilio_from or settings.twilio_messaging_service_sid):
        problems.append("TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID is missing: one of them names the sender.")
    if settings.stripe_api_key[3:8] == "live_" and settings.stripe_api_base != STRIPE_API:
        problems.append(f"STRIPE_API_KEY is a live key: it may only be sent to {STRIPE_API}; unset STRIPE_API_BASE.")
    return problems


def _unfit_for_production(settings: Settings) -> list[str]:
    """Stand-ins and defaults that must never meet a real buyer."""
    problems = []
    if settings.embedded:
        parts = ", ".join(sorted(settings.embedded))
        problems.append(f"TESSERA_EMBEDDED names {parts}: production needs servers of its own; set their addresses.")
    if settings.sandbox_url:
        problems.append("SANDBOX_URL is set: production takes no sandbox; unset it.")
    if settings.webhook_networks_allowed:
        problems.append(
            "WEBHOOK_NETWORKS_ALLOWED is set: production sends webhooks to public addresses only; unset it."
        )
    if settings.stripe_api_key[3:8] == "test_":
        problems.append("STRIPE_API_KEY is a test key: production needs a live one (sk_live_… or rk_live_…).")
    if settings.stripe_api_base != STRIPE_API:
        problems.append(f"STRIPE_API_BASE must be {STRIPE_API} in production; unset it.")
    if settings.twilio_api_base != TWILIO_API:
        problems.append(f"TWILIO_API_BASE must be {TWILIO_API} in production; unset it.")
    for name, url in (("PUBLIC_URL", settings.public_url), ("STREAM_URL", settings.stream_url)):
        if not url.startswith("https://"):
            problems.append(f"{name} must start with https:// in production, not be {url}.")
    for name, secret in (
        ("TESSERA_SECRET_KEY", settings.secret_key),
        ("STRIPE_WEBHOOK_SECRET", settings.stripe_webhook_secret.removeprefix("whsec_")),
        ("TWILIO_AUTH_TOKEN", settings.twilio_auth_token),
    ):
        if _is_guessable(secret):
            problems.append(f"{name} is a default or guessable value: put your own secret there.")
    return [*problems, *_unfit_letters(settings)]


def _unfit_letters(settings: Settings) -> list[str]:
    """Letters that nobody could answer, that other mail servers drop, or that anybody on the way could read."""
    if settings.smtp_url is None:
        return []
    problems = []
    server = urlsplit(settings.smtp_url)
    if server.scheme == "smtp" and server.hostname not in {"localhost", "127.0.0.1", "::1"}:
        problems.append(
            "SMTP_URL sends letters unencrypted to another machine: begin it with smtps:// or smtp+starttls://."
        )
    host = parseaddr(settings.mail_from)[1].rpartition("@")[2].lower()
    if "." not in host.strip("."):
        problems.append(
            f"MAIL_FROM is at {host or 'no host'}, which no mail server believes: "
            "name an address of yours, such as Tessera <tickets@your-domain.org>."
        )
    return problems


DISTINCT_CHARACTERS_MIN = 8


def _is_guessable(secret: str) -> bool:
    """A placeholder somebody forgot to replace: a known word, or too few different characters."""
    placeholder = re.search(r"change.?me|example|default|placeholder|secret|insecure|sandbox", secret, re.IGNORECASE)
    return placeholder is not None or len(set(secret)) < DISTINCT_CHARACTERS_MIN


def own_mail_port(settings: Settings) -> int | None:
    """The port at which the sandbox takes letters: that of a mail server on this machine, while the sandbox is ours."""
    if settings.smtp_url is None or "sandbox" not in settings.embedded:
        return None
    server = urlsplit(settings.smtp_url)
    return server.port if server.scheme == "smtp" and server.hostname == "127.0.0.1" else None
