"""Configuration is validated once, completely, and production takes no stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoints.settings import Environment, Settings, SettingsError

DEVELOPMENT = {
    "TESSERA_SECRET_KEY": "Zk3v9QmX7pLw2RtY8sNb4HcJ6dFg1AeU",
    "DATABASE_URL": "postgresql://tessera:pw@127.0.0.1:5432/tessera",
    "REDIS_URL": "redis://:pw@127.0.0.1:6379/0",
    "STRIPE_API_KEY": "sk_test_51AbCdEfGh",
    "STRIPE_WEBHOOK_SECRET": "whsec_9QmX7pLw2RtY8sNb4Hc",
    "TWILIO_ACCOUNT_SID": "AC" + "0123456789abcdef" * 2,
    "TWILIO_AUTH_TOKEN": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "TWILIO_FROM": "+15550100",
}
PRODUCTION = DEVELOPMENT | {
    "TESSERA_ENV": "production",
    "STRIPE_API_KEY": "sk_live_51AbCdEfGh",
    "PUBLIC_URL": "https://tickets.invalid",
    "STREAM_URL": "https://stream.tickets.invalid",
}


def problems_of(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(environ)
    return str(refused.value)


def test_addresses_and_ports_follow_from_the_port() -> None:
    """One PORT is enough: stream, sandbox and the public addresses follow it."""
    settings = Settings.from_environment(DEVELOPMENT | {"PORT": "9100"})

    assert (settings.port, settings.stream_port, settings.sandbox_port) == (9100, 9101, 9102)
    assert settings.public_url == "http://127.0.0.1:9100"
    assert settings.stream_url == "http://127.0.0.1:9101"
    assert settings.huey_redis_url == settings.redis_url
    assert settings.data_dir == Path.cwd() / ".tessera"


def test_an_empty_value_counts_as_unset() -> None:
    """``PORT=`` in a compose file means the default, not an error."""
    assert Settings.from_environment(DEVELOPMENT | {"PORT": ""}).port == 8000


def test_one_error_names_every_wrong_variable() -> None:
    """Nobody fixes a configuration one restart at a time."""
    wrong = {"PORT": "80000", "LOG_LEVEL": "loud", "DATABASE_URL": "mysql://x/y", "STRIPE_API_KEY": "nonsense"}

    message = problems_of({**DEVELOPMENT, **wrong, "REDIS_URL": ""})

    for name in (*wrong, "REDIS_URL"):
        assert name in message


def test_secrets_stay_out_of_the_repr_and_of_errors() -> None:
    """A settings object may be logged, and so may its error."""
    text = repr(Settings.from_environment(DEVELOPMENT))

    assert DEVELOPMENT["TESSERA_SECRET_KEY"] not in text
    assert "pw@" not in text
    assert "hunter2" not in problems_of(DEVELOPMENT | {"DATABASE_URL": "mysql://u:hunter2@host/db"})
    assert "hunter2" not in problems_of(DEVELOPMENT | {"STRIPE_API_KEY": "hunter2"})


def test_settings_cannot_change_after_reading() -> None:
    """Validated once means that nobody moves a value afterwards."""
    settings = Settings.from_environment(DEVELOPMENT)

    with pytest.raises(AttributeError):
        settings.port = 1  # type: ignore[misc]  # the assignment is what must fail


def test_production_accepts_real_values() -> None:
    """The refusals below are not refusals of production itself."""
    settings = Settings.from_environment(PRODUCTION)

    assert settings.environment is Environment.PRODUCTION
    assert settings.log_format == "json"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_API_KEY", "sk_test_51AbCdEfGh"),
        ("STRIPE_API_BASE", "http://127.0.0.1:8002"),
        ("TWILIO_API_BASE", "http://127.0.0.1:8002"),
        ("SANDBOX_URL", "http://127.0.0.1:8002"),
        ("PUBLIC_URL", "http://tickets.invalid"),
        ("STREAM_URL", "http://stream.tickets.invalid"),
        ("TESSERA_SECRET_KEY", "change-me-change-me-change-me-change-me"),
        ("TESSERA_SECRET_KEY", "a" * 40),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0000000000000000"),
        ("TWILIO_AUTH_TOKEN", "0" * 32),
        ("TESSERA_EMBEDDED", "postgres"),
    ],
)
def test_production_refuses_stand_ins_and_defaults(name: str, value: str) -> None:
    """No sandbox, default secret, embedded server or unencrypted address ever meets a real buyer."""
    assert name in problems_of(PRODUCTION | {name: value})


LETTERS = {"SMTP_URL": "smtps://ada:pw@mail.invalid", "MAIL_FROM": "Tessera <tickets@box-office.invalid>"}


@pytest.mark.parametrize("sender", ["", "Tessera <tickets@localhost>", "tickets@mailhost", "Tessera <tickets@.>"])
def test_letters_of_production_come_from_somewhere(sender: str) -> None:
    """The default is for a developer's machine; without a mail server no letter leaves and nobody asks."""
    Settings.from_environment(PRODUCTION | LETTERS)
    Settings.from_environment(PRODUCTION | {"MAIL_FROM": sender})
    Settings.from_environment(DEVELOPMENT | LETTERS | {"MAIL_FROM": sender})
    assert "MAIL_FROM is at" in problems_of(PRODUCTION | LETTERS | {"MAIL_FROM": sender})


def test_letters_of_production_are_encrypted_on_their_way() -> None:
    """A relay on the same machine may do without."""
    for own in ("smtp://127.0.0.1:25", "smtp://localhost", "smtp://[::1]:25", "smtp+starttls://mail.invalid"):
        Settings.from_environment(PRODUCTION | LETTERS | {"SMTP_URL": own})
    assert "unencrypted" in problems_of(PRODUCTION | LETTERS | {"SMTP_URL": "smtp://mail.invalid"})


def test_a_live_key_is_never_sent_to_another_address() -> None:
    """A live Stripe key beside a sandbox address would leak it."""
    assert "live key" in problems_of(
        DEVELOPMENT | {"STRIPE_API_KEY": "rk_live_51AbCdEfGh", "STRIPE_API_BASE": "http://127.0.0.1:8002"}
    )


def test_a_cluster_needs_a_queue_server_of_its_own() -> None:
    """Huey speaks to one node; a cluster address for it fails at the start, not in the first task."""
    assert "HUEY_REDIS_URL" in problems_of(DEVELOPMENT | {"REDIS_URL": "redis+cluster://127.0.0.1:7000"})


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    """Whichever of them lives tells of all others; each is checked."""
    nodes = "rediss+cluster://:pw@one.invalid:7000,two.invalid,[::1]:7002/0"
    queue = {"HUEY_REDIS_URL": "redis://127.0.0.1:6379"}

    assert Settings.from_environment(DEVELOPMENT | queue | {"REDIS_URL": nodes}).redis_url == nodes
    for wrong in ("redis+cluster://one:7000,two:70000", "redis+cluster://one:7000,,", "redis://one:7000,two:7000"):
        assert "REDIS_URL" in problems_of(DEVELOPMENT | queue | {"REDIS_URL": wrong})


def test_somebody_must_be_the_sender_of_an_sms() -> None:
    """Without a number or a messaging service every SMS would fail, one by one."""
    assert "TWILIO_MESSAGING_SERVICE_SID" in problems_of(DEVELOPMENT | {"TWILIO_FROM": ""})


def test_the_table_describes_every_variable_once() -> None:
    """The documentation is generated from the fields, so it cannot forget one."""
    rows = Settings.describe()

    assert len({row.name for row in rows}) == len(rows)
    assert all(row.meaning and row.default for row in rows)
