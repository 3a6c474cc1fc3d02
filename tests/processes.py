"""Looking at processes from outside: who lives, who is whose child."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from entrypoints.launcher.process import port_is_free

PORTS_FIRST, PORTS_END, PORTS_STEP = 18_000, 30_000, 10


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that ended and was not reaped (a zombie) does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def descendants(pid: int) -> set[int]:
    """The ids of all processes below one, grandchildren included."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child, *descendants(child)}
    return found


def eventually(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether a condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def three_free_ports() -> int:
    """The first of three free ports in a row, away from the range that the kernel gives out by itself.

    Every process starts to look somewhere else, so that two test runs at once do not choose the same.
    """
    start = os.getpid() * 7 * PORTS_STEP
    for step in range(0, PORTS_END - PORTS_FIRST, PORTS_STEP):
        port = PORTS_FIRST + (start + step) % (PORTS_END - PORTS_FIRST)
        if all(port_is_free(port + offset) for offset in range(3)):
            return port
    raise AssertionError("no three free ports in a row")
