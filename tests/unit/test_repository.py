"""What is committed holds everywhere: no address of a package registry, no path of somebody's machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from entrypoints.settings import Settings

ROOT = Path(__file__).parents[2]

# Written so that this file passes its own test: a class of one character matches what it is not spelled like.
REGISTRY = re.compile(
    r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|registry[.]yarnpkg|npmjs[.]com|deb[.]debian[.]org|/simple[/]"
)
MACHINE_PATH = re.compile(r"(?<![\w.$}*)/-])/(?:root|work|home|Users)/[\w.]")
LOCK_FILES_WITH_ADDRESSES = {"uv.lock", "pylock.toml", "package-lock.json", "poetry.lock", "Pipfile.lock", "yarn.lock"}


def committed_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout: outside of one nothing is committed")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for file in committed_files():
        data = file.read_bytes()
        if b"\0" not in data:
            found.append((str(file.relative_to(ROOT)), data.decode()))
    assert len(found) > 10
    return found


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE_PATH], ids=["registry", "machine path"])
def test_no_committed_file_names_a_registry_or_a_machine(pattern: re.Pattern[str]) -> None:
    """A clone must install from wherever its owner installs, in whatever folder it lies."""
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in texts()
        for match in pattern.finditer(text)
    ]

    assert found == []


def test_the_patterns_recognise_what_they_look_for() -> None:
    """The two rules above can fail."""
    for host in (("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org")):
        assert REGISTRY.search(f"see https://{'.'.join(host)}/x")
    for folder in ("root", "work", "home"):
        assert MACHINE_PATH.search(f'open("/{folder}/someone/x")')


def test_no_lock_file_that_embeds_addresses_is_committed() -> None:
    """The lock holds hashes and names only; other tools' locks embed where a package came from."""
    assert not {file.name for file in committed_files()} & LOCK_FILES_WITH_ADDRESSES


def test_the_locks_agree() -> None:
    """requirements-dev.lock is requirements.lock and more: tests run on the versions that a buyer meets."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([A-Za-z0-9_.-]+==[^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))

    runtime = pins("requirements.lock")

    assert len(runtime) > 30
    assert runtime <= pins("requirements-dev.lock")


def test_the_readme_lists_every_variable_as_the_program_does() -> None:
    """The configuration table is what ``tessera settings --markdown`` prints."""
    readme = (ROOT / "README.md").read_text()

    for row in Settings.describe():
        assert f"| `{row.name}` | {row.default} | {row.meaning} |" in readme
