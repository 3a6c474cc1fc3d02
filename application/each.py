"""Doing the same for many things, so that one which cannot be done never holds up the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from domain.errors import Unavailable

T = TypeVar("T")


def for_each(things: Iterable[T], act: Callable[[T], object], *, what: str) -> int:
    """Act on every thing and answer for how many ``act`` said something true.

    What is unavailable now is passed over: whoever calls comes back. Everything else that was raised is raised
    together at the end, as an ExceptionGroup that says ``what``.
    """
    done = 0
    failures = []
    for thing in things:
        try:
            done += bool(act(thing))
        except Unavailable:
            continue
        except Exception as failure:  # noqa: BLE001 - one thing's failure is told after the others had their turn
            failures.append(failure)
    if failures:
        raise ExceptionGroup(what, failures)
    return done
