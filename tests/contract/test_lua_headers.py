"""Every Lua file says what it is given and what it answers, and means it."""

import re
from pathlib import Path

import pytest

import adapters.redis_locks
from adapters.redis_locks.scripts import ALL_SCRIPTS, Script

LUA = Path(adapters.redis_locks.__file__).parent / "lua"
PRELUDES = {script.prelude for script in ALL_SCRIPTS if script.prelude}


def header_of(script: Script) -> str:
    """The comment that opens the script's own file."""
    text = (LUA / f"{script.name}.lua").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").removeprefix(" "))
    return "\n".join(lines)


def body_of(script: Script) -> str:
    """What the server runs, without comments."""
    return re.sub(r"--[^\n]*", "", script.source)


def section(header: str, title: str) -> str:
    """The text after ``title:`` up to the next title."""
    match = re.search(rf"^{title}:(.*?)(?=^\w[\w ]*:|\Z)", header, re.DOTALL | re.MULTILINE)
    assert match, f"the header has no {title}"
    return match[1]


@pytest.mark.parametrize("script", ALL_SCRIPTS, ids=lambda script: script.name)
def test_header_and_declaration_agree(script: Script) -> None:
    """KEYS, ARGV (in order, numbered from 1) and replies are the same in the header and in Python."""
    header = header_of(script)

    assert header.startswith(f"{script.name}: ")
    assert tuple(section(header, "KEYS").split()) == script.keys
    numbered = re.findall(r"^ +(\d+) (\w+)", section(header, "ARGV"), re.MULTILINE)
    assert [name for _, name in numbered] == list(script.arguments)
    assert [int(number) for number, _ in numbered] == list(range(1, len(numbered) + 1))
    told = re.findall(r"^  ([A-Z_]+(?:, [A-Z_]+)*)(?= |$)", section(header, "Replies"), re.MULTILINE)
    assert {word for words in told for word in words.split(", ")} == set(script.replies)
    assert section(header, "Invariant").strip()


@pytest.mark.parametrize("script", ALL_SCRIPTS, ids=lambda script: script.name)
def test_scripts_do_what_their_header_says(script: Script) -> None:
    """Every reply in the text is declared and every declared one is given; no key or argument beyond them is read."""
    text = body_of(script)

    assert set(re.findall(r"(?:return|or) \{'([A-Z_]+)'", text)) == set(script.replies)
    assert max((int(n) for n in re.findall(r"KEYS\[(\d+)\]", text)), default=1) <= len(script.keys)
    read = {int(n) for n in re.findall(r"ARGV\[(\d+)\]", text)}
    assert set(range(1, len(script.arguments) + 1)) <= read


@pytest.mark.parametrize("script", ALL_SCRIPTS, ids=lambda script: script.name)
def test_scripts_leak_no_globals_and_build_no_keys(script: Script) -> None:
    """Every name is local (one leaked global breaks later scripts), and commands act on declared keys only."""
    text = body_of(script)
    declared = set(re.findall(r"\bfor ([\w, ]+?) (?:=|in) ", text))
    names = {name for names in re.findall(r"\blocal ([\w, ]+?)(?: =|\n)", text) for name in names.split(", ")}
    names |= {name for names in declared for name in names.split(", ")}
    names |= {name for _, names in re.findall(r"function (\w*)\(([\w, ]*)\)", text) for name in names.split(", ")}
    assigned = {
        name for line in re.findall(r"^\s*([\w, ]+?) = (?!.*,$)", text, re.MULTILINE) for name in line.split(", ")
    }

    assert {re.sub(r"^(local|for) ", "", name) for name in assigned} <= names
    assert not re.findall(r"^\s*function \w+\(", text, re.MULTILINE), "functions are local"
    for key in re.findall(r"call\('[A-Z]+', ([^,)]+)", text):
        assert key == "unpack(KEYS" or re.fullmatch(r"KEYS\[\d+\]|\w+", key), f"{key} is built inside the script"


def test_every_file_is_declared() -> None:
    """A script nobody declares is never tested: there is none."""
    assert {path.stem for path in LUA.glob("*.lua")} == {script.name for script in ALL_SCRIPTS} | PRELUDES
