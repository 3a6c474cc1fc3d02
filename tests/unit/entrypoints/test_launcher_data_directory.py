"""The data directory: one user at a time, kept secrets, and clear words when it cannot be used."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from entrypoints.launcher.data_directory import opened, published_environment
from entrypoints.launcher.errors import LaunchError


def test_credentials_are_made_once_and_kept_for_the_owner_only(tmp_path: Path) -> None:
    """A restart signs with the same key, and nobody else on the machine reads it."""
    with opened(tmp_path / "data") as directory:
        made = directory.credentials()
    with opened(tmp_path / "data") as directory:
        kept = directory.credentials()

    assert kept == made
    mode = (tmp_path / "data" / "credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    """Nothing secret is a constant of the program."""
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        first, second = one.credentials(), two.credentials()

    same = {name for name in first.__slots__ if getattr(first, name) == getattr(second, name)}
    assert same == {"admin_email"}


def test_a_second_user_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    """Two launchers on one directory would be two databases on one set of files."""
    with opened(tmp_path), pytest.raises(LaunchError, match=r"process \d+\) already runs"), opened(tmp_path):
        pass

    with opened(tmp_path):
        pass  # free again


def test_a_folder_with_other_files_is_never_adopted(tmp_path: Path) -> None:
    """--data-dir and --reset with a wrong path must not cost somebody's files."""
    (tmp_path / "thesis.txt").write_text("ten years of work")

    with pytest.raises(LaunchError, match="not a Tessera data directory"), opened(tmp_path):
        pass

    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """One sentence instead of a traceback."""
    (tmp_path / "file").touch()

    with pytest.raises(LaunchError, match="cannot be used"), opened(tmp_path / "file"):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_damaged_credentials_are_reported(tmp_path: Path, content: str) -> None:
    """Making new ones silently would lock the owner out of the data."""
    with opened(tmp_path) as directory:
        (tmp_path / "credentials.json").write_text(content)

        with pytest.raises(LaunchError, match="damaged"):
            directory.credentials()


def test_missing_credentials_beside_data_are_reported(tmp_path: Path) -> None:
    """New passwords cannot open the old database."""
    with opened(tmp_path) as directory:
        (tmp_path / "postgres").mkdir()

        with pytest.raises(LaunchError, match="is missing"):
            directory.credentials()


def test_clearing_deletes_everything_but_keeps_the_lock(tmp_path: Path) -> None:
    """--reset starts from nothing, and is still the only user."""
    with opened(tmp_path) as directory:
        directory.credentials()
        directory.clear()

        assert {entry.name for entry in tmp_path.iterdir()} == {"lock", "logs"}
        with pytest.raises(LaunchError, match="already runs"), opened(tmp_path):
            pass


def test_other_commands_find_what_is_running_only_while_it_runs(tmp_path: Path) -> None:
    """``tessera verify`` beside a running ``bin/up`` needs no configuration; a stopped one leaves none behind."""
    with opened(tmp_path) as directory, directory.publishing({"DATABASE_URL": "postgresql://here"}):
        assert published_environment(tmp_path) == {"DATABASE_URL": "postgresql://here"}
        assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600

    assert published_environment(tmp_path) == {}
