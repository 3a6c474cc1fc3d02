"""An embedded PostgreSQL server: a cluster in the data directory, our own launch of the wheel's programs.

The wheel's launcher is not used: as root it creates users and opens parent folders, and it leaves PostgreSQL running
when its parent is killed. Here the server listens on the loopback address only, wants a password (scram), runs as
``nobody`` when we are root, and stops with its parent.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from entrypoints.launcher.binaries import SHARED_DIRECTORY, is_reachable, postgres_bin
from entrypoints.launcher.errors import LaunchError
from entrypoints.launcher.process import Account, ProcessSpec, log_tail

USER = "tessera"
DATABASE = "tessera"
INIT_SECONDS_MAX = 120
CONNECTIONS_MAX = 120

_NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """A PostgreSQL of ours. ``durable=False`` trades safety for speed, for servers that tests throw away."""

    directory: Path
    port: int
    password: str
    log_path: Path
    durable: bool = True

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def home(self) -> Path:
        """Where the cluster is: in ``directory``, or, when its account cannot get there, in a shared place."""
        account = _account()
        if account is None or is_reachable(self.directory.parent.absolute(), account):
            return self.directory
        digest = hashlib.sha256(str(self.directory.absolute()).encode()).hexdigest()[:16]
        return SHARED_DIRECTORY / f"data-{digest}"

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    def prepare(self) -> ProcessSpec:
        """Create the cluster when there is none, and say how to run it. Raises LaunchError."""
        account = _account()
        programs = postgres_bin(account=account)
        if not self.cluster.exists():
            self._initialise(programs, account)
        elif not (self.cluster / "PG_VERSION").is_file():
            raise LaunchError(
                f"{self.cluster} is not a PostgreSQL data directory (PG_VERSION is missing).",
                "Restore it from a backup, or delete it and start again with `bin/up --reset`.",
            )
        self._refuse_other_version(programs)
        command = [str(programs / "postgres"), "-D", str(self.cluster), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", f"max_connections={CONNECTIONS_MAX}", "-c", "logging_collector=off"]
        command += ["-c", "log_timezone=UTC", "-c", "timezone=UTC"]
        if not self.durable:
            command += _NOT_DURABLE
        return ProcessSpec(
            name="postgres",
            command=tuple(command),
            environment=_clean_environment(),
            working_directory=Path("/"),
            account=account,
            log_path=self.log_path,
            is_ready=self._reports_ready,
            retry_exit_seconds=8.0,
            before_start=self._clear_stale_lock,
            remedy="Repair the data directory or restore a backup; `bin/up --reset` starts anew, without its data.",
            stop_signal=signal.SIGINT,  # PostgreSQL's "fast" shutdown: roll back, checkpoint, end
        )

    def reset(self) -> None:
        """Delete the cluster, wherever it is."""
        if self.home.exists():
            shutil.rmtree(self.home)

    def _reports_ready(self, pid: int) -> bool:
        """The server writes its id on the first line of its lock file and ``ready`` on the eighth."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _initialise(self, programs: Path, account: Account | None) -> None:
        """Build the cluster beside its place and move it there, so that a half-built one is never taken for whole."""
        self._make_home(account)
        partial = self.home / "cluster.partial"
        if partial.exists():
            shutil.rmtree(partial)
        with tempfile.NamedTemporaryFile("w", dir=self.home, prefix="password-") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if account:
                os.fchown(password_file.fileno(), account.uid, account.gid)
            command = [str(programs / "initdb"), "-D", str(partial), "-U", USER, f"--pwfile={password_file.name}"]
            command += ["-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--no-instructions"]
            self._run([*command, *_locale_options(programs)], account)
        single = [str(programs / "postgres"), "--single", "-D", str(partial), "postgres"]
        self._run(single, account, statements=f"CREATE DATABASE {DATABASE};\n")
        partial.rename(self.cluster)

    def _make_home(self, account: Account | None) -> None:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(mode=0o700, exist_ok=True)
        if account:
            os.chown(self.home, account.uid, account.gid)

    def _run(self, command: list[str], account: Account | None, statements: str = "") -> None:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": ()} if account else {}
        with self.log_path.open("ab") as log:
            try:
                done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603  (identity varies; no shell)
                    command,
                    input=statements.encode(),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    env=_clean_environment(),
                    timeout=INIT_SECONDS_MAX,
                    check=False,
                    start_new_session=True,  # Ctrl-C is for us: we stop when this is done, within a second or two
                    **identity,
                )
            except (subprocess.TimeoutExpired, OSError) as failure:
                raise LaunchError(
                    f"PostgreSQL could not be set up: {failure}.", f"See {self.log_path} for what it said."
                ) from failure
        if done.returncode != 0:
            raise LaunchError(
                f"PostgreSQL could not be set up in {self.home} ({Path(command[0]).name} ended with code "
                f"{done.returncode}).",
                f"Check free space and permissions. The end of {self.log_path} says:\n{log_tail(self.log_path)}",
            )

    def _refuse_other_version(self, programs: Path) -> None:
        kept = (self.cluster / "PG_VERSION").read_text().strip()
        ours = _major_version(programs)
        if kept != ours:
            raise LaunchError(
                f"The database in {self.cluster} was made by PostgreSQL {kept}, and this is version {ours}.",
                "Run the older version to dump it, or start with an empty database: `bin/up --reset`.",
            )

    def _clear_stale_lock(self) -> None:
        """Remove a lock file whose process number belongs to a dead process or meanwhile to some other program.

        PostgreSQL itself takes any process of that number for its rival, even one that nobody reaped, and
        container restarts reuse small numbers. A lock that a living server holds is left for the start to wait for.
        """
        lock = self.cluster / "postmaster.pid"
        try:
            pid = lock.read_text().split("\n", 1)[0].strip()
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return
        if not status.startswith("Name:\tpostgres\n") or "\nState:\tZ" in status:
            lock.unlink(missing_ok=True)


def _account() -> Account | None:
    """PostgreSQL refuses to run as root; an ordinary user runs it as itself."""
    return Account.nobody() if os.geteuid() == 0 else None


def _clean_environment() -> dict[str, str]:
    """Without PG* variables, which would change what the programs do, and without anybody's secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _major_version(programs: Path) -> str:
    command = [str(programs / "postgres"), "--version"]
    said = subprocess.run(  # noqa: S603  (our own program)
        command,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,  # Ctrl-C is for us.
    )
    return said.stdout.split()[2].split(".")[0]


BUILTIN_LOCALE_SINCE = 17


def _locale_options(programs: Path) -> list[str]:
    """Sort by code point, the same on every machine. Before version 17 only the C locale promises that."""
    if int(_major_version(programs)) >= BUILTIN_LOCALE_SINCE:
        return ["--locale-provider=builtin", "--locale=C.UTF-8"]
    return ["--locale=C"]
