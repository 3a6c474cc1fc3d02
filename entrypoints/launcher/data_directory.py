"""The folder that holds everything an installation keeps: credentials, the embedded servers' data, logs."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from entrypoints.launcher.errors import LaunchError

LOCK_FILE = "lock"
CREDENTIALS_FILE = "credentials.json"
ENVIRONMENT_FILE = "running.json"
PREPARED_FILE = "prepared"
ADMIN_EMAIL = "admin@tessera.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Secrets that are made once and kept; they look like the real ones, so that the same checks apply."""

    secret_key: str
    stripe_api_key: str
    stripe_webhook_secret: str
    twilio_account_sid: str
    twilio_auth_token: str
    postgres_password: str
    valkey_password: str
    admin_email: str
    admin_password: str

    @classmethod
    def generate(cls) -> Credentials:
        return cls(
            secret_key=secrets.token_urlsafe(48),
            stripe_api_key=f"sk_test_{secrets.token_hex(24)}",
            stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
            twilio_account_sid=f"AC{secrets.token_hex(16)}",
            twilio_auth_token=secrets.token_hex(16),
            postgres_password=secrets.token_hex(16),
            valkey_password=secrets.token_hex(16),
            admin_email=ADMIN_EMAIL,
            admin_password=secrets.token_urlsafe(12),
        )


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A data directory that this process, and no other, is using."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def credentials(self) -> Credentials:
        """Read the kept credentials, or make them. Raises LaunchError when the file cannot be understood."""
        file = self.path / CREDENTIALS_FILE
        if not file.exists():
            if (self.path / "postgres").exists() or (self.path / "valkey").exists():
                raise LaunchError(
                    f"{file} is missing, and the data beside it cannot be opened without its passwords.",
                    "Put the file back, or start anew without the data: `bin/up --reset`.",
                )
            return self._keep(Credentials.generate(), file)
        try:
            kept = json.loads(file.read_text())
            return Credentials(**{field.name: str(kept[field.name]) for field in fields(Credentials)})
        except (ValueError, KeyError, TypeError) as damage:
            raise LaunchError(
                f"{file} is damaged ({damage}).",
                "Restore it from a backup, or start anew without the data: `bin/up --reset`.",
            ) from damage

    @staticmethod
    def _keep(made: Credentials, file: Path) -> Credentials:
        _write_private(file, asdict(made))
        return made

    def is_prepared(self, mark: str) -> bool:
        """Whether ``prepared`` was called with this mark since the last ``unprepared``."""
        file = self.path / PREPARED_FILE
        return file.exists() and file.read_text() == mark

    def unprepared(self) -> None:
        (self.path / PREPARED_FILE).unlink(missing_ok=True)

    def prepared(self, mark: str) -> None:
        (self.path / PREPARED_FILE).write_text(mark)

    @contextmanager
    def publishing(self, environ: Mapping[str, str]) -> Iterator[None]:
        """Let other commands find what is running here, as long as it runs."""
        file = self.path / ENVIRONMENT_FILE
        _write_private(file, dict(environ))
        try:
            yield
        finally:
            file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete everything but the lock."""
        for entry in self.path.iterdir():
            if entry.name == LOCK_FILE:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.make_logs()

    def make_logs(self) -> None:
        self.logs.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[DataDirectory]:
    """Use a data directory, made when it is missing, until the end of the block.

    Raises LaunchError when another launcher uses it, when it holds somebody else's files, or when it cannot be used.
    """
    path = path.absolute()
    try:
        _refuse_foreign(path)
        # Others may walk through (PostgreSQL's own account must, when we are root) but not look around.
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = (path / LOCK_FILE).open("a+")
    except OSError as failure:
        raise LaunchError(
            f"The data directory {path} cannot be used: {failure.strerror}.",
            "Make it writable, or choose another with --data-dir.",
        ) from failure
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise LaunchError(
                f"Another bin/up (process {owner}) already runs on the data directory {path}.",
                "Stop it first (Ctrl-C in its terminal), or choose another directory with --data-dir.",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        directory = DataDirectory(path)
        directory.make_logs()
        yield directory


def published_environment(path: Path) -> dict[str, str]:
    """The variables of what runs on a data directory; empty when nothing does, or when it is not ours to read."""
    try:
        kept = json.loads((path / ENVIRONMENT_FILE).read_text())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    return {str(name): str(value) for name, value in kept.items()}


def _write_private(file: Path, content: Mapping[str, str]) -> None:
    """Write JSON that only its owner can read, whole or not at all."""
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        json.dump(content, target, indent=2)
        target.write("\n")
    partial.replace(file)


def _refuse_foreign(path: Path) -> None:
    """Never adopt, and never reset, a folder that is not ours."""
    if path.is_dir() and not (path / LOCK_FILE).exists() and any(path.iterdir()):
        raise LaunchError(
            f"{path} is not a Tessera data directory: it holds other files.",
            "Choose an empty or a new folder with --data-dir.",
        )
